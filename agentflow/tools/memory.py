"""memory: text files of an agent's that outlive its run, under the same path policy as the project's."""

import os
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from agentflow.tools.edit import replaced
from agentflow.tools.failures import ToolError, reports_failures, shortened
from agentflow.tools.files import encoded, whole
from agentflow.tools.paths import locate, require_regular
from agentflow.tools.port import JSON, ToolContext, ToolOutput
from agentflow.tools.replacing import replace
from agentflow.tools.threads import in_thread

ROOT = "/memories"
MAX_FILE_BYTES = 100_000
"""Of one file: what an agent can take in at once."""
MAX_FILES = 500
MAX_DEPTH = 8

_NEEDED: Mapping[str, tuple[str, ...]] = {
    "view": ("path",),
    "create": ("path", "file_text"),
    "str_replace": ("path", "old_str"),
    "insert": ("path", "insert_line", "insert_text"),
    "delete": ("path",),
    "rename": ("old_path", "new_path"),
}


@reports_failures
async def memory(tool_input: Mapping[str, JSON], context: ToolContext) -> ToolOutput:
    """memory: one command on the agent's notes."""
    if context.memory is None:
        raise ToolError("there is no memory here", "go on without it")
    command = tool_input["command"]
    missing = [name for name in _NEEDED[command] if name not in tool_input]
    if missing:
        raise ToolError(f"`{command}` wants {', '.join(f'`{name}`' for name in missing)}", "call it again with these")
    notes = _Notes(context.memory)
    return await in_thread(lambda _: ToolOutput(_COMMANDS[command](notes, tool_input)))


class _Notes(Struct, frozen=True):
    """The notes in a folder, which is made when they are first looked at."""

    folder: Path

    @property
    def context(self) -> ToolContext:
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        return ToolContext(self.folder, (), {}, "", False)

    def view(self, given: Mapping[str, JSON]) -> str:
        """The files of a folder, or the lines of a file."""
        name = _relative(given["path"])
        with locate(self.context, name or str(self.folder), tool="memory", for_write=False) as place:
            is_folder = place.status is not None and stat.S_ISDIR(place.status.st_mode)
            content = b"" if is_folder else whole(place)
        if is_folder:
            return self._listed(name)
        lines = content.decode(errors="replace").splitlines()
        first, last = given.get("view_range") or (1, -1)
        last = len(lines) if last == -1 else last
        if not 1 <= first <= max(last, 1) or (first > len(lines) and lines):
            raise ToolError(f"`{shortened(given['path'])}` has {len(lines):,} lines", "choose a range within them")
        rows = [f"{number:>6}\t{lines[number - 1]}" for number in range(first, min(last, len(lines)) + 1)]
        return "\n".join(rows) or "(The file is empty.)"

    def create(self, given: Mapping[str, JSON]) -> str:
        """A file, made or written anew."""
        content = _bounded(given["file_text"], "file_text")
        name = _file(given["path"])
        with locate(self.context, name, tool="memory", for_write=True, makes=True) as place:
            if place.status is not None:
                require_regular(name, place.status)
            elif sum(1 for _ in self._files()) >= MAX_FILES:
                raise ToolError(f"there are {MAX_FILES} notes already", "delete or join some first")
            replace(place, content)
        return f"{given['path']} is written."

    def str_replace(self, given: Mapping[str, JSON]) -> str:
        """Exact text that occurs once, replaced."""
        old, new = given["old_str"], given.get("new_str", "")
        if not old:
            raise ToolError("old_str is empty", "say which text to replace, or write the whole file with `create`")
        return self._changed(given["path"], lambda text: replaced(text, old, new, every=False)[0])

    def insert(self, given: Mapping[str, JSON]) -> str:
        """Text after a line."""
        at, text = given["insert_line"], given["insert_text"]

        def inserted(before: str) -> str:
            lines = before.splitlines(keepends=True)
            if at > len(lines):
                raise ToolError(f"the file has {len(lines):,} lines", "insert after one of them")
            if at == len(lines) and lines and not lines[-1].endswith("\n"):
                lines[-1] += "\n"
            return "".join([*lines[:at], text if text.endswith("\n") else f"{text}\n", *lines[at:]])

        return self._changed(given["path"], inserted)

    def delete(self, given: Mapping[str, JSON]) -> str:
        """A file, or a folder with all that is in it."""
        name = _file(given["path"])
        with locate(self.context, name, tool="memory", for_write=True) as place:
            if place.status is not None and stat.S_ISDIR(place.status.st_mode):
                shutil.rmtree(place.name, dir_fd=place.folder)
            else:
                os.unlink(place.name, dir_fd=place.folder)
        return f"{given['path']} is deleted."

    def rename(self, given: Mapping[str, JSON]) -> str:
        """A file or folder under another name."""
        old, new = _file(given["old_path"]), _file(given["new_path"])
        if f"{new}/".startswith(f"{old}/"):
            raise ToolError("the new path lies in the old one", "choose another")
        context = self.context
        with (
            locate(context, old, tool="memory", for_write=True) as source,
            locate(context, new, tool="memory", for_write=True, makes=True) as target,
        ):
            if target.status is not None:
                raise ToolError(
                    f"`{shortened(given['new_path'])}` exists already", "delete it first, or choose another"
                )
            os.rename(source.name, target.name, src_dir_fd=source.folder, dst_dir_fd=target.folder)
        return f"{given['old_path']} is now {given['new_path']}."

    def _changed(self, path: str, change: Callable[[str], str]) -> str:
        name = _file(path)
        with locate(self.context, name, tool="memory", for_write=True) as place:
            after = change(whole(place).decode(errors="surrogateescape"))
            replace(place, _bounded(after, "the file"), expected=place.status)
        return f"{path} is changed."

    def _listed(self, name: str) -> str:
        prefix = f"{name}/" if name else ""
        rows = [f"{size:>9,}  {ROOT}/{path}" for path, size in sorted(self._files()) if path.startswith(prefix)]
        return (
            "\n".join([f"The notes in {ROOT}/{prefix}".rstrip("/") + " (bytes, path):", *rows])
            if rows
            else ("There are no notes here yet.")
        )

    def _files(self) -> Iterator[tuple[str, int]]:
        for folder, _, names in os.walk(self.folder):
            for name in names:
                path = os.path.join(folder, name)
                status = os.lstat(path)
                if stat.S_ISREG(status.st_mode):
                    yield os.path.relpath(path, self.folder), status.st_size


def _relative(path: str) -> str:
    """A path of the tool's seen from the notes' folder; "" is the folder itself."""
    parts = path.split("/")
    if not path.startswith(ROOT) or parts[:2] != ["", ROOT[1:]] or ".." in parts or "\0" in path:
        raise ToolError(f"`{shortened(path)}` is not in {ROOT}", f"name a file as `{ROOT}/notes.md`")
    inside = [part for part in parts[2:] if part not in ("", ".")]
    if len(inside) > MAX_DEPTH:
        raise ToolError(f"`{shortened(path)}` is more than {MAX_DEPTH} folders deep", "keep the notes flatter")
    return "/".join(inside)


def _file(path: str) -> str:
    name = _relative(path)
    if not name:
        raise ToolError(f"`{ROOT}` is the folder of all notes", f"name a file in it, as `{ROOT}/notes.md`")
    return name


def _bounded(text: str, what: str) -> bytes:
    data = encoded(text, what)
    if len(data) > MAX_FILE_BYTES:
        raise ToolError(f"{what} would have {len(data):,} bytes; {MAX_FILE_BYTES:,} are the most", "keep notes short")
    return data


_COMMANDS: Mapping[str, Callable[[_Notes, Mapping[str, JSON]], str]] = {
    "view": _Notes.view,
    "create": _Notes.create,
    "str_replace": _Notes.str_replace,
    "insert": _Notes.insert,
    "delete": _Notes.delete,
    "rename": _Notes.rename,
}
