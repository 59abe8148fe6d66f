"""The one path policy: which file a name given by a model stands for, and whether it may be touched.

A name is walked folder by folder through descriptors, symbolic links followed by hand, so that a link swapped in
meanwhile is met as a link and judged like any other: nothing is ever opened by a path that could lead elsewhere.
What was opened must then be where the path says: a folder that was moved away meanwhile takes nothing along.
"""

import contextlib
import errno
import functools
import os
import stat
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from agentflow.guard.protected import hidden_by, protected_by
from agentflow.tools.failures import ToolError, shortened
from agentflow.tools.openat import is_at, is_machinery, stored_name
from agentflow.tools.port import ToolContext

if TYPE_CHECKING:
    from agentflow.tools.kept_results import Access

FOLDER_FLAGS = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC | getattr(os, "O_PATH", os.O_RDONLY)
MAX_LINKS = 40  # as Linux counts them (path_resolution(7))
LONGEST_PATH = 4_096  # PATH_MAX of Linux: what lies deeper no program opens by its name, nor removes

_READERS = frozenset({"Read", "Grep"})
_INSTEAD_OF_GIT = "leave it; if the repository itself shall change, say what git command would do it"


class Place(Struct, frozen=True):
    """Where a name leads.

    Attributes:
        folder: descriptor of the real folder it is in.
        name: its last part in that folder; empty for the project itself.
        named: the path as it was named, relative to the project.
        real: the path it leads to through symbolic links, relative to the project; "" is the project.
        status: its `lstat`, or None when nothing is there. Never a symbolic link's.
        root: descriptor of the project.
        device: of the file system that the project is on.
        made: the folders that were made for it, relative to the project, the outermost first.
    """

    folder: int
    name: str
    named: str
    real: str
    status: os.stat_result | None
    root: int
    device: int
    made: tuple[str, ...] = ()


@contextlib.contextmanager
def locate(
    context: ToolContext,
    name: str,
    *,
    tool: str,
    for_write: bool,
    makes: bool = False,
    narrowed: bool = True,
    absent: bool = False,
) -> Iterator[Place]:
    """Finds what a model's name stands for and refuses what the grant does not cover.

    Parameters:
        context: the project and the rules of the grant.
        name: relative to the project, or absolute inside it.
        tool: whose grant it is, for the message.
        for_write: what is there will be changed.
        makes: nothing need be there yet; the folders above are made once everything is allowed.
        absent: nothing need be there, nor are folders made; the place is then that of the first that is missing.
        narrowed: the rules apply; False where they are applied to what is found beneath (a folder to search).

    Raises:
        ToolError: the name leaves the project, does not match the rules, is the project's own machinery, or stands
            for nothing.
        OSError: a folder on the way cannot be entered.
    """
    kept = None if context.results is None or for_write else context.results.named(name)
    if kept is not None and tool in _READERS:
        with _kept(context.results, kept) as place:
            yield place
        return
    named = _relative(context.project, name)
    with _Walk(context.project) as walk:
        missing = walk.go(named, name)
        real = walk.real(missing)
        _check(context, named, real, tool=tool, for_write=for_write, narrowed=narrowed)
        _require_files(walk, named)
        if not missing:
            yield Place(walk.folder, walk.name, named, real, walk.status, walk.root, walk.device)
        elif absent:
            yield Place(walk.folder, missing[0], named, real, None, walk.root, walk.device)
        elif makes:
            made = walk.make(missing[:-1])
            yield Place(walk.folder, missing[-1], named, real, None, walk.root, walk.device, made)
        else:
            raise _absent(name)


@contextlib.contextmanager
def _kept(results: "Access | None", name: str) -> Iterator[Place]:
    """A large result of the call's own run, which is no file of the project's: no rule of the grant is about it."""
    assert results is not None
    with _Walk(results.project) as walk:
        missing = walk.go(name, name)
        real = walk.real(missing)
        if missing or real != name:
            raise ToolError(f"`{shortened(name)}` is no result of this run", "name it as the result does that tells it")
        yield Place(walk.folder, walk.name, name, real, walk.status, walk.root, walk.device)


def resolve(context: ToolContext, name: str, *, tool: str, for_write: bool) -> Path:
    """The real path of a name, for what must be handed a path; file tools use `locate`, which cannot be raced.

    Raises: as `locate`.
    """
    with locate(context, name, tool=tool, for_write=for_write) as place:
        return context.project / place.real


def open_to_read(place: Place) -> int:
    """A descriptor of the regular file at a place; the caller closes it.

    Raises:
        ToolError: nothing is there, or something that is no regular file.
    """
    status = place.status
    if status is None:
        raise _absent(place.named)
    require_regular(place.named, status)
    # Without O_NONBLOCK a FIFO put there since would hold us up for ever.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
    try:
        descriptor = os.open(place.name, flags, dir_fd=place.folder)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):
            raise _changed(place.named) from error
        raise
    try:
        opened = os.fstat(descriptor)
        if not stat.S_ISREG(opened.st_mode) or not is_at(descriptor, place.root, place.real):
            raise _changed(place.named)
        if opened.st_dev != place.device and is_machinery(descriptor):
            raise _machinery(place.named)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def require_regular(name: str, status: os.stat_result) -> None:
    """Refuses folders, devices, sockets and pipes.

    Raises:
        ToolError: with what it is.
    """
    if stat.S_ISDIR(status.st_mode):
        raise ToolError(f"`{shortened(name)}` is a folder", "list its files with Glob")
    if not stat.S_ISREG(status.st_mode):
        raise ToolError(
            f"`{shortened(name)}` is a device, pipe or socket; only regular files are opened", "go on without it"
        )


@functools.lru_cache(maxsize=256)
def matcher(rules: tuple[str, ...]) -> Callable[[str], bool]:
    """Whether rules cover a path relative to the project; no rules cover every path.

    Rules have the meaning of lines in a .gitignore (https://git-scm.com/docs/gitignore#_pattern_format), the last
    that matches winning; `./src` is `/src`.

    Raises:
        ToolError: a rule is malformed.
    """
    if not rules:
        return lambda path: True
    from pathspec import GitIgnoreSpec

    lines = [rule.replace("./", "/", 1) if rule.startswith(("./", "!./")) else rule for rule in rules]
    try:
        # Named, because its other backend is Python's `re`, which some patterns keep busy for ever.
        compiled = GitIgnoreSpec.from_lines(lines, backend="re2")
    # pathspec lets the errors of the engines beneath it through, which have no class in common.
    except Exception as error:
        raise ToolError(f"the rules of this grant cannot be read: {_listed(rules)}", "correct them in the file") from (
            error
        )
    return lambda path: compiled.match_file(path.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))


def open_files(context: ToolContext) -> Callable[[str], bool]:
    """Whether a file, by its path relative to the project, is open to a call that found it."""
    covers, closed = matcher(context.rules), context.closed
    return covers if closed is None else lambda path: covers(path) and closed.path(path) is None


class _Walk:
    """A walk down from the project that never leaves it. `folder` is where it has come to."""

    def __init__(self, project: Path) -> None:
        self.root = os.open(project, FOLDER_FLAGS)
        self.device = os.fstat(self.root).st_dev
        self._folders = [self.root]
        self._names: list[str] = []
        self._project = project
        self.name = ""
        self.status: os.stat_result | None = None

    def __enter__(self) -> "_Walk":
        return self

    def __exit__(self, *_: object) -> None:
        for descriptor in self._folders:
            os.close(descriptor)

    @property
    def folder(self) -> int:
        return self._folders[-1]

    def real(self, missing: list[str]) -> str:
        """The path walked, relative to the project."""
        return "/".join([*self._names, *(missing or ([self.name] if self.name else []))])

    def go(self, named: str, shown: str) -> list[str]:
        """Walks to `named`. Returns the parts that do not exist; the first is missing in `folder`."""
        ahead = deque(part for part in named.split("/") if part)
        links = 0
        while ahead:
            part = ahead.popleft()
            if part == "..":
                self._up(shown)
                continue
            status = self._look(part)
            if status is not None:
                part = stored_name(self.folder, part, status)
            if status is None:
                if ".." in ahead:
                    raise _absent(shown)
                return [part, *ahead]
            if stat.S_ISLNK(status.st_mode):
                links += 1
                if links > MAX_LINKS:
                    message = f"`{shortened(shown)}` leads through too many symbolic links"
                    raise ToolError(message, "name the file that it stands for")
                ahead.extendleft(reversed(self._target(part, shown)))
            elif ahead:
                self._enter(part, shown)
            else:
                self.name, self.status = part, status
        if not self.name:  # it ends at a folder walked into: the project, or where a link's `..` led
            self.status = os.stat(self.folder)
            if self._names:
                self.name = self._names.pop()
                os.close(self._folders.pop())
        return []

    def make(self, folders: list[str]) -> tuple[str, ...]:
        """Makes folders, each in the one before, and enters them; returns those that were not there."""
        made = []
        for name in folders:
            with contextlib.suppress(FileExistsError):  # by another call meanwhile; entering judges what it is
                os.mkdir(name, dir_fd=self.folder)
                made.append("/".join([*self._names, name]))
            self._enter(name, name)
        return tuple(made)

    def _look(self, part: str) -> os.stat_result | None:
        try:
            return os.stat(part, dir_fd=self.folder, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def _enter(self, part: str, shown: str) -> None:
        try:
            self._folders.append(os.open(part, FOLDER_FLAGS, dir_fd=self.folder))
        except NotADirectoryError as error:
            message = f"`{shortened(shown)}`: `{shortened(part)}` is not a folder"
            raise ToolError(message, "list what is there with Glob") from error
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise _changed(shown) from error
            raise
        self._names.append(part)

    def _up(self, shown: str) -> None:
        if not self._names:
            raise _outside(shown)
        self._names.pop()
        os.close(self._folders.pop())

    def _target(self, part: str, shown: str) -> list[str]:
        try:
            target = os.readlink(part, dir_fd=self.folder)
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.ENOENT):
                raise _changed(shown) from error
            raise
        if target.startswith("/"):
            inside = os.path.normpath(target)
            if not _is_inside(self._project, inside):
                raise _outside(shown)
            while self._names:
                self._up(shown)
            target = os.path.relpath(inside, self._project)
        return [step for step in target.split("/") if step not in ("", ".")]


def _relative(project: Path, name: str) -> str:
    """The name as a normalized path relative to the project; "" is the project. `..` is taken out as text."""
    if not name or "\0" in name:
        raise ToolError("the path is empty or holds a NUL character", "name a file of the project")
    try:
        os.fsencode(name)
    except UnicodeEncodeError as error:
        raise ToolError(f"`{shortened(name)}` cannot be a file's name", "copy the name from what Glob lists") from error
    if name == "~" or name.startswith("~/"):
        raise _outside(name)
    path = os.path.normpath(os.path.join(project, name))
    if not _is_inside(project, path):
        raise _outside(name)
    if len(os.fsencode(path)) >= LONGEST_PATH:
        raise ToolError(f"the path `{shortened(name)}` is too long", f"keep it below {LONGEST_PATH:,} bytes")
    return path[len(str(project)) :].strip("/")


def _is_inside(project: Path, path: str) -> bool:
    root = str(project)
    return path == root or path.startswith(root.rstrip("/") + "/")


def _check(context: ToolContext, named: str, real: str, *, tool: str, for_write: bool, narrowed: bool) -> None:
    for path in (named, real):
        if (entry := hidden_by(path)) is not None:
            raise ToolError(f"`{shortened(named)}` is closed to tools: `{entry.name}` {entry.why}", "go on without it")
        if for_write and (entry := protected_by(path, context.sealed)) is not None:
            raise ToolError(
                f"`{shortened(named)}` is closed to {tool}, whatever is granted: `{shortened(entry.name)}` {entry.why}",
                _INSTEAD_OF_GIT if entry.name == ".git" else "leave it as it is, and say what should be changed in it",
            )
    if not narrowed:
        return
    covers = matcher(context.rules)
    for path in (named, real):
        if not covers(path):
            through = f" (`{shortened(named)}` leads there)" if path != named else ""
            raise ToolError(
                f"{tool} is granted for {_listed(context.rules)} only; `{shortened(path)}` does not match{through}",
                "use a path that the rule covers, or go on without it",
            )
        if context.closed is not None and (rule := context.closed.path(path)) is not None:
            raise ToolError(f"`{shortened(path)}` is closed by `{rule.text}` ({rule.where})", "go on without it")


def _listed(rules: tuple[str, ...]) -> str:
    return ", ".join(f"`{shortened(rule)}`" for rule in rules)


def _outside(name: str) -> ToolError:
    return ToolError(
        f"`{shortened(name)}` is outside the project", "name a file inside the project, relative to its folder"
    )


def _absent(name: str) -> ToolError:
    return ToolError(f"`{shortened(name)}` does not exist", "list what is there with Glob")


def _changed(name: str) -> ToolError:
    return ToolError(f"`{shortened(name)}` changed while it was being opened", "try again")


def _machinery(name: str) -> ToolError:
    return ToolError(f"`{shortened(name)}` is no file but a piece of the running system", "go on without it")


def _require_files(walk: _Walk, named: str) -> None:
    """Refuses what lies on a file system of the kernel's own that is mounted in the project."""
    if os.fstat(walk.folder).st_dev != walk.device and is_machinery(walk.folder):
        raise _machinery(named)
