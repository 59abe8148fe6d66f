"""Walking the project's files for a search: what is left out, what a glob pattern covers."""

import os
import stat
from collections.abc import Callable, Iterator

from msgspec import Struct

from agentflow.guard.patterns import compile_pattern, require_length
from agentflow.guard.protected import hidden_by
from agentflow.tools.failures import ToolError, shortened
from agentflow.tools.openat import is_at, is_machinery
from agentflow.tools.paths import FOLDER_FLAGS, Place, locate, open_files
from agentflow.tools.port import ToolContext
from agentflow.tools.threads import Stop

LEFT_OUT = frozenset(
    {".git", ".agentflow", ".venv", "venv", "node_modules", "__pycache__", ".mypy_cache", ".ruff_cache"}
    | {".pytest_cache", ".hypothesis", ".tox", ".hg", ".svn"}
)
MAX_ENTRIES = 200_000
MAX_DEPTH = 64
_LISTED_FLAGS = (FOLDER_FLAGS & ~getattr(os, "O_PATH", 0)) | os.O_RDONLY
_LITERAL = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_/")


class Found(Struct, frozen=True):
    """A regular file or a symbolic link met on the way.

    Attributes:
        folder: descriptor of the folder it is in, open only until the next one is asked for.
        below: its path relative to where the walk began.
        real: its path relative to the project.
        status: its `lstat`.
    """

    folder: int
    name: str
    below: str
    real: str
    status: os.stat_result


class Tree:
    """The files beneath a place that the grant's rules cover, in the order of their names.

    `incomplete` says afterwards that bounds on entries or depth left some out.
    """

    def __init__(self, context: ToolContext, *, hidden: bool, stop: Stop) -> None:
        self.incomplete = False
        self._covers = open_files(context)
        self._hidden = hidden
        self._stop = stop
        self._entries = 0
        self._start: Place | None = None

    def beneath(self, place: Place) -> Iterator[Found]:
        """Everything beneath the folder at `place`. Symbolic links are met, never followed."""
        self._start = place
        descriptor = os.open(place.name or ".", _LISTED_FLAGS, dir_fd=place.folder)
        try:
            if not self._is_ours(descriptor, place.real):
                return
            yield from self._walk(descriptor, "", f"{place.real}/" if place.real else "", 0)
        finally:
            os.close(descriptor)

    def _walk(self, folder: int, below: str, real: str, depth: int) -> Iterator[Found]:
        with os.scandir(folder) as listing:
            names = sorted(entry.name for entry in listing)
        for name in names:
            self._stop.check()
            self._entries += 1
            if self._entries > MAX_ENTRIES:
                self.incomplete = True
                return
            try:
                status = os.stat(name, dir_fd=folder, follow_symlinks=False)
            except OSError:  # gone since it was listed
                continue
            if stat.S_ISDIR(status.st_mode):
                if self._enters(name, depth):
                    yield from self._inside(folder, name, f"{below}{name}/", f"{real}{name}/", depth)
            elif (stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode)) and hidden_by(name) is None:
                path = real + name
                if self._covers(path):
                    yield Found(folder, name, below + name, path, status)

    def _enters(self, name: str, depth: int) -> bool:
        if name.casefold() in LEFT_OUT or hidden_by(name) is not None or (name.startswith(".") and not self._hidden):
            return False
        if depth >= MAX_DEPTH:
            self.incomplete = True
            return False
        return True

    def _inside(self, folder: int, name: str, below: str, real: str, depth: int) -> Iterator[Found]:
        try:
            descriptor = os.open(name, _LISTED_FLAGS, dir_fd=folder)
        except OSError:  # unreadable, or swapped for something else: then there is nothing to find in it
            return
        try:
            if self._is_ours(descriptor, real.rstrip("/")):
                yield from self._walk(descriptor, below, real, depth + 1)
        finally:
            os.close(descriptor)

    def _is_ours(self, folder: int, real: str) -> bool:
        """Whether an open folder is still where it was met, and holds files, not pieces of the running system."""
        start = self._start
        if start is None or not is_at(folder, start.root, real):
            return False
        return os.fstat(folder).st_dev == start.device or not is_machinery(folder)


def is_readable(context: ToolContext, path: str, *, tool: str) -> bool:
    """Whether a symbolic link leads to a regular file that the grant covers as well."""
    try:
        with locate(context, path, tool=tool, for_write=False) as place:
            return place.status is not None and stat.S_ISREG(place.status.st_mode)
    except (ToolError, OSError):
        return False


def glob_matcher(pattern: str) -> Callable[[str], bool]:
    """Whether a path (parts joined by `/`) matches a glob pattern as a whole.

    `*` and `?` stay within a part, `**` spans parts, `[ab]`, `[!ab]` and `{a,b}` offer choices, `\\` takes the next
    character as it is.

    Raises:
        ToolError, PatternError: it is malformed or too large.
    """
    require_length(pattern)
    compiled = compile_pattern(rf"\A(?:{_expression(pattern.removeprefix('./'))})\z", multiline=True)
    # A byte that is no UTF-8 would match nothing, not even `*`; replaced, it counts as a character.
    return lambda path: compiled.find(path.encode("utf-8", "replace")) is not None


def _expression(pattern: str) -> str:
    out: list[str] = []
    at, open_braces = 0, 0
    while at < len(pattern):
        character = pattern[at]
        if pattern.startswith("**/", at) and (at == 0 or pattern[at - 1] in "/{,"):
            out.append("(?:.*/)?")
            at += 3
            continue
        if pattern.startswith("**", at):
            out.append(".*")
            at += 2
            continue
        if character == "[" and (end := _class_end(pattern, at)) is not None:
            out.append(_class(pattern[at + 1 : end]))
            at = end + 1
            continue
        if character == "\\" and at + 1 < len(pattern):
            at += 1
            out.append(_escaped(pattern[at]))
        elif character == "{":
            open_braces += 1
            out.append("(?:")
        elif character == "}" and open_braces:
            open_braces -= 1
            out.append(")")
        elif character == "," and open_braces:
            out.append("|")
        else:
            out.append({"*": "[^/]*", "?": "[^/]"}.get(character) or _escaped(character))
        at += 1
    if open_braces:
        raise ToolError(f"the pattern `{shortened(pattern)}` has a {{ without its }}", "write \\{ for a literal brace")
    return "".join(out)


def _class_end(pattern: str, start: int) -> int | None:
    first = start + 2 if pattern[start + 1 : start + 2] in ("!", "^") else start + 1
    end = pattern.find("]", first + 1)
    return None if end < 0 else end


def _class(inner: str) -> str:
    negated = inner[:1] in ("!", "^")
    members = "".join(
        character if character == "-" else _escaped(character) for character in (inner[1:] if negated else inner)
    )
    # "All but these" is still within a part.
    return f"[^/{members}]" if negated else f"[{members}]"


def _escaped(character: str) -> str:
    return character if character in _LITERAL or not character.isascii() else f"\\x{ord(character):02x}"
