"""Results that are too large to show: kept whole, as files of the run that its sessions may read; shown in part.

A kept result is `.agentflow/results/RUN/NAME.txt`, private to its user. Agents know it as
`.agentflow/results/NAME.txt`, so that two runs say the same. Its name holds a digest of its text: only who was told of
it can name it. `Access` lets Read and Grep open exactly such a file of one run, and nothing else of `.agentflow`.
"""

import contextlib
import errno
import hashlib
import json
import os
import re
import secrets
import shutil
import stat
from pathlib import Path
from typing import Any

from msgspec import Struct

from agentflow.errors import AgentflowError
from agentflow.tools.lines import MAX_LINE_CHARS
from agentflow.tools.threads import in_thread

JSON = Any

LARGE_CHARS = 30_000
"""A longer result is kept, and shown in part."""
PREVIEW_CHARS = 4_000
"""Of a kept result, what an agent is shown that can read the rest."""
WITHOUT_READ_CHARS = 100_000
"""A longer result is shown in part to an agent that cannot, a little less than this of it."""
_MARGIN = 2_000
MAX_RUN_BYTES = 1 << 30
"""What the kept results of one run may come to; what comes after is shown in part and lost."""
RESULTS = ".agentflow/results"

_LINE_CHARS = MAX_LINE_CHARS - 100
_UNSAFE = re.compile(r"[^a-z0-9_-]+")
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NAME = re.compile(r"[a-z0-9_-]{1,80}\.txt")
_NAMED = re.compile(rf"{re.escape(RESULTS)}/({_NAME.pattern})")


class Access(Struct, frozen=True):
    """Which kept results a call may read.

    Attributes:
        project: the real path of the project, whatever workspace the call works in.
        run: the run's id.
    """

    project: Path
    run: str

    def named(self, name: str) -> str | None:
        """The path from the project of the kept result that an agent names; None where it names none."""
        folder, _, file = name.removeprefix(f"{self.project}/").removeprefix("./").rpartition("/")
        return f"{RESULTS}/{self.run}/{file}" if folder == RESULTS and _NAME.fullmatch(file) else None


class KeptResults:
    """Keeps the large results of one run.

    Parameters:
        project: its real path.
        run: the run's id.
    """

    def __init__(self, project: Path, run: str) -> None:
        self.access = Access(project, run)
        self._bytes: int | None = None

    def shown(self, tool: str, content: JSON, *, can_read: bool) -> JSON:
        """What an agent is shown of a result: all of it, or where it is large its beginning, its end and its place.

        Parameters:
            content: text, or content blocks, without the values of secrets.
            can_read: the agent has Read.
        """
        if isinstance(content, list):
            return [self._block(tool, block, can_read) for block in content]
        if not isinstance(content, str) or len(content) <= (LARGE_CHARS if can_read else WITHOUT_READ_CHARS):
            return content
        text, reshaped = _readable(content)
        try:
            path = self._keep(tool, text)
        except OSError as error:
            lost = os.strerror(error.errno) if error.errno else "the system refused"
            return preview(content, WITHOUT_READ_CHARS - _MARGIN, f"The rest could not be kept: {lost}.")
        where = f"All of it is kept in `{path}`{reshaped}"
        if can_read:
            how = (
                f"{where}: go on with Read (file_path, offset, limit), or search it with Grep (path) if you have that."
            )
            return preview(content, PREVIEW_CHARS, how, lines=text.count("\n") + 1)
        return preview(
            content, WITHOUT_READ_CHARS - _MARGIN, f"{where}, where people can read it; ask for less at a time."
        )

    async def shown_later(self, tool: str, content: JSON, *, can_read: bool) -> JSON:
        """The same beside the event loop, where there is something to write."""
        if isinstance(content, str) and len(content) <= LARGE_CHARS:
            return content
        return await in_thread(lambda _: self.shown(tool, content, can_read=can_read))

    def _block(self, tool: str, block: JSON, can_read: bool) -> JSON:
        if not isinstance(block, dict) or block.get("type") != "text":
            return block
        return {**block, "text": self.shown(tool, block.get("text"), can_read=can_read)}

    def _keep(self, tool: str, text: str) -> str:
        """Keeps a text; returns what agents call it. Raises OSError."""
        data = text.encode("utf-8", "replace")
        name = f"{_UNSAFE.sub('-', tool.lower())[:40]}-{hashlib.sha256(data).hexdigest()[:20]}.txt"
        self.write(name, data)
        return f"{RESULTS}/{name}"

    def write(self, name: str, data: bytes) -> None:
        """Writes a kept result, whole or not at all, where it is not there yet. Raises OSError."""
        folder = self._folder()
        try:
            if self._bytes is None:
                self._bytes = sum(os.stat(each, dir_fd=folder).st_size for each in os.listdir(folder))
            if not _is_there(name, folder):
                if self._bytes + len(data) > MAX_RUN_BYTES:
                    raise OSError(errno.EDQUOT, f"a run keeps {MAX_RUN_BYTES >> 20:,} MB of results at most")
                _write(name, folder, data)
                self._bytes += len(data)
        finally:
            os.close(folder)

    def take_over(self, run: str, said: str) -> None:
        """Keeps what another run of the project has kept and `said` names, as far as it is still there.

        What cannot be had is no reason to end: who asks for it is told that it is not there.
        """
        named = sorted(set(_NAMED.findall(said)))
        for name in named:
            with contextlib.suppress(OSError):
                self.write(name, _read(self.access.project, run, name))

    def _folder(self) -> int:
        """A descriptor of the run's folder, which is made where it is missing; no link on the way is followed."""
        at = os.open(self.access.project, _FOLDER)
        for part in (*RESULTS.split("/"), self.access.run):
            try:
                is_new = _made(part, at)
                inner = os.open(part, _FOLDER, dir_fd=at)
            finally:
                os.close(at)
            at = inner
            if is_new and part == RESULTS.partition("/")[0]:
                _write(".gitignore", at, b"*\n")
        return at


def remove_kept(project: Path, run: str) -> None:
    """Removes the kept results of a run that is gone.

    Raises:
        AgentflowError: they cannot be removed.
    """
    home = project / RESULTS / run
    if not home.is_dir() or Path(os.path.realpath(home)) != home:
        return
    try:
        shutil.rmtree(home)
    except OSError as error:
        message = f"the results of run {run} cannot be removed: {os.strerror(error.errno or 0)}"
        raise AgentflowError(message, f"remove `{RESULTS}/{run}` yourself") from error


def preview(text: str, most: int, how: str, lines: int | None = None) -> str:
    """The beginning and the end of a text, after a word on how large it is and how to get at the rest.

    Parameters:
        most: characters that are shown of it.
    """
    half = most // 2
    head, tail = text[:half], text[-half:]
    # At the ends of lines, where such are near.
    if (end := head.rfind("\n", half // 2)) > 0:
        head = head[: end + 1]
    if 0 <= (begin := tail.find("\n")) < half // 2:
        tail = tail[begin + 1 :]
    left = len(text) - len(head) - len(tail)
    size = f"{len(text):,} characters" + ("" if lines is None else f", {lines:,} lines in the file")
    return f"(This result is too large to show: {size}. {how})\n\n{head}\n[… {left:,} characters left out …]\n{tail}"


def _readable(text: str) -> tuple[str, str]:
    """A text whose lines are short enough for Read to show them, and in words what was done for that."""
    if all(len(line) <= _LINE_CHARS for line in text.split("\n")):
        return text, ""
    if text.lstrip()[:1] in ("{", "["):
        with contextlib.suppress(ValueError, RecursionError):
            text = json.dumps(json.loads(text), ensure_ascii=False, indent=1)
            broken = _broken(text)
            return broken, " (as indented JSON)" if broken == text else " (as indented JSON, long lines broken)"
    return _broken(text), f" (lines broken after {_LINE_CHARS:,} characters)"


def _broken(text: str) -> str:
    pieces = (
        line[at : at + _LINE_CHARS] for line in text.split("\n") for at in range(0, max(len(line), 1), _LINE_CHARS)
    )
    return "\n".join(pieces)


def _made(name: str, folder: int) -> bool:
    """Makes a folder; False where it is there already."""
    try:
        os.mkdir(name, 0o700, dir_fd=folder)
    except FileExistsError:
        return False
    return True


def _is_there(name: str, folder: int) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _read(project: Path, run: str, name: str) -> bytes:
    """A kept result of a run; no link on the way is followed. Raises OSError."""
    at = os.open(project, _FOLDER)
    try:
        for part in (*RESULTS.split("/"), run):
            inner = os.open(part, _FOLDER, dir_fd=at)
            os.close(at)
            at = inner
        # Without O_NONBLOCK a FIFO that somebody put there would hold us up for ever.
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=at)
    finally:
        os.close(at)
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file")
        return file.read(MAX_RUN_BYTES)


def _write(name: str, folder: int, data: bytes) -> None:
    temporary = f".{secrets.token_hex(8)}.tmp"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(temporary, flags, 0o600, dir_fd=folder)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=folder)
        raise
