"""The project's files that a workflow may name, and the workflow file itself."""

import os
import stat
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from msgspec import Struct

from agentflow.source.diagnostics import Place
from agentflow.source.lines import Lines
from agentflow.source.suggest import nearest

MAX_TEXT_BYTES = 1024 * 1024
MAX_WORKFLOW_BYTES = 2 * 1024 * 1024
_MAX_LISTED = 1_000
_MAX_NAME = 1_000


class Problem(Struct, frozen=True):
    """Why a file cannot be read.

    Attributes:
        message: names the file and what is wrong with it.
        hint: the next move, where there is one to name.
    """

    message: str
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class SourceText:
    """A text file that a workflow names.

    Attributes:
        path: the file, seen from where the naming file was seen.
        text: what it holds, without a byte order mark.
        real: its absolute path, symbolic links resolved; '' where it was not read from a disk.
        foreign: it lies in a repository of its own inside the project, as a submodule does.
    """

    path: str
    text: str
    real: str = field(default="", compare=False)
    foreign: bool = field(default=False, compare=False)
    _lines: Lines = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_lines", Lines(self.text))

    def place_at(self, offset: int, width: int = 1) -> Place:
        """Returns the place of `width` characters from `offset` on, clipped to the first one's line."""
        return self._lines.place(self.path, offset, offset + max(width, 1))


class Project(Struct, frozen=True):
    """The folder that a workflow's files stay in.

    Attributes:
        root: its absolute path, symbolic links resolved.
    """

    root: Path

    @classmethod
    def of(cls, file: Path) -> "Project":
        """Returns the project of a workflow file: the nearest folder above it with `.git`, else its own folder."""
        own = Path(os.path.realpath(os.path.dirname(os.path.abspath(file))))
        for folder in (own, *own.parents):
            if os.path.lexists(folder / ".git"):
                return cls(folder)
        return cls(own)

    def relative(self, path: Path | str) -> str:
        """Returns `path` for showing: from the root where it is inside, else as it is."""
        inside = Path(os.path.abspath(path))
        for candidate in (inside, Path(os.path.realpath(inside))):
            if candidate.is_relative_to(self.root):
                return candidate.relative_to(self.root).as_posix()
        return str(path)

    def read(self, name: str, beside: Path) -> SourceText | Problem:
        """Reads a text file that another file names.

        Args:
            name: the path as written, relative to the folder of the file that names it.
            beside: the file that names it.

        Returns:
            The text, or why it cannot be had: the path is absolute or leaves the project (also through a symbolic
            link), or there is no regular UTF-8 file of at most 1 MiB without NUL. Never blocks and never raises.
        """
        if not name or not name.isprintable() or len(name) > _MAX_NAME:
            return Problem(f"{name[:80]!r} is not a file name", "name a file relative to this one")
        if os.path.isabs(name):
            return Problem(f"`{name}` is an absolute path", "name it relative to this file, inside the project")
        shown = os.path.normpath(os.path.join(beside.parent, name))
        real = Path(os.path.realpath(os.path.join(beside.parent, name)))
        if not real.is_relative_to(self.root):
            return Problem(f"`{name}` leaves the project", f"only files in {self.root} can be named")
        content = _read_regular(real, name, MAX_TEXT_BYTES)
        if isinstance(content, Problem):
            return content
        if content is None:
            return Problem(f"`{name}` does not exist", _similar_name(name, real.parent))
        text = _decode(content, name, shown)
        return replace(text, real=str(real), foreign=self._is_foreign(real)) if isinstance(text, SourceText) else text

    def _is_foreign(self, real: Path) -> bool:
        """Whether a repository of its own lies between a file and the project's folder."""
        inside = real.relative_to(self.root).parents
        return any(os.path.lexists(self.root / folder / ".git") for folder in inside if folder != Path("."))


def read_workflow(path: Path) -> bytes | Problem:
    """Reads a workflow file, which must be a regular file of at most 2 MiB; says why where it cannot."""
    content = _read_regular(path, str(path), MAX_WORKFLOW_BYTES)
    if content is None:
        return Problem(f"`{path}` does not exist", _similar_name(str(path), path.parent))
    return content


def _read_regular(path: Path, name: str, limit: int) -> bytes | Problem | None:
    """Returns what a regular file holds, None where there is nothing of that name."""
    try:
        # Looking comes first because opening a device can act on it; not blocking covers one that is swapped in.
        if not stat.S_ISREG(os.stat(path).st_mode):
            return _not_regular(path, name)
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return _not_regular(path, name)
            content = file.read(limit + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        return Problem(f"`{name}` cannot be read: {reason}", "check the name and the permissions")
    if len(content) > limit:
        return Problem(f"`{name}` is longer than {limit:,} bytes", "split it, or let a step read it with a tool")
    return content


def _not_regular(path: Path, name: str) -> Problem:
    kind = "a folder" if os.path.isdir(path) else "not a regular file"
    return Problem(f"`{name}` is {kind}", "name a text file")


def _decode(content: bytes, name: str, shown: str) -> SourceText | Problem:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        byte = content[error.start]
        return Problem(f"`{name}` is not UTF-8: the byte 0x{byte:02X} at {error.start}", "save it again as UTF-8")
    if "\0" in text:
        line = Lines(text).number(text.index("\0"))
        return Problem(f"`{name}` holds the character NUL at line {line}", "name a text file")
    return SourceText(shown, text)


def _similar_name(name: str, folder: Path) -> str:
    """Returns a hint: a file of the folder with a similar name, or where the file should be."""
    try:
        with os.scandir(folder) as entries:
            present = sorted(entry.name for entry in islice(entries, _MAX_LISTED))
    except OSError:
        return f"the folder `{os.path.dirname(name) or '.'}` does not exist either"
    similar = nearest(os.path.basename(name), present)
    if similar is None:
        return "create it, or correct the name"
    return f"did you mean `{os.path.join(os.path.dirname(name), similar)}`?"


JOURNAL = Path(".agentflow") / "journal.db"
"""Where a project keeps its journal, from the project's folder."""


def journal_of(project: Path | None = None) -> Path:
    """The journal of a project; None: of the one around the current folder."""
    root = project or Project.of(Path.cwd() / "workflow.yaml").root
    return root / JOURNAL
