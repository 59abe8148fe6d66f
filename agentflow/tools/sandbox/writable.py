"""What a command may write, and what stays as it is in there whatever the file says.

A folder is kept by mounting it over itself, read-only. What is mounted over cannot be renamed or removed, so every
folder between the one that may be written and the one that is kept is mounted over itself too: else the path could be
renamed away and made anew.
"""

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from msgspec import Struct

from agentflow.guard.protected import PROTECTED, PROTECTED_NAMES, protected_by
from agentflow.tools.sandbox.port import Bounds, SandboxError

MOST_FOLDERS = 50_000
"""That are looked through for repositories and the like."""
MOST_KEPT = 300
_NOT_LOOKED_INTO = frozenset({"node_modules", "__pycache__"})
# Further down only what makes a repository, or runs when a folder is entered: a project's dependencies are full of
# other people's editor settings, which nobody opens.
_ANYWHERE = frozenset({".git", ".hg", ".jj", ".agentflow", ".envrc", ".ssh", ".gnupg", ".netrc"})
_BARE = frozenset({"HEAD", "objects", "refs"})
# What is kept from being made, where it is missing. At the top of the project what runs by itself there; in other
# folders what runs when somebody enters them.
_MISSING_AT_THE_TOP = frozenset({
    ".git", ".hg", ".jj", ".agentflow", ".envrc", ".direnv", ".mise.toml", "mise.toml", ".vscode", ".idea", ".cursor",
    ".claude", ".codex", ".gemini", ".mcp.json", ".zed", ".devcontainer", ".devcontainer.json", ".husky", ".githooks",
    ".gitmodules", ".pre-commit-config.yaml", ".bashrc", ".bash_profile", ".bash_login", ".profile", ".zshrc",
    ".zshenv", ".zprofile", ".exrc", ".gdbinit",
})  # fmt: skip
_MISSING_ELSEWHERE = frozenset({".git", ".envrc"})
_KINDS: Mapping[str, Literal["file", "folder"]] = {entry.name: entry.kind for entry in PROTECTED}
_PRIVATE = ".agentflow"
_HIDDEN = frozenset(entry.name for entry in PROTECTED if entry.hidden)


class Writable(Struct, frozen=True):
    """One path that a command may write, with what is kept in it.

    Attributes:
        path: real.
        around: folders in it on the way to what is kept, from the outermost on.
        kept: what stays as it is.
        missing: what may not be made, each a file or a folder.
    """

    path: Path
    around: tuple[Path, ...] = ()
    kept: tuple[Path, ...] = ()
    missing: tuple[tuple[Path, Literal["file", "folder"]], ...] = ()


def write_paths(bounds: Bounds) -> tuple[Path, ...]:
    """The real paths that the file grants; folders that are missing are made.

    Raises:
        SandboxError: one leads out of the project, or is protected.
    """
    found: list[Path] = []
    for name in bounds.plan.write:
        path = _granted(bounds, name)
        if not any(path.is_relative_to(other) for other in found):
            found = [*(other for other in found if not other.is_relative_to(path)), path]
    return tuple(found)


def _granted(bounds: Bounds, name: str) -> Path:
    root = bounds.root
    path = Path(os.path.realpath(root / name))
    if not path.is_relative_to(root):
        message = f"`sandbox.write: {name}` leads out of the project through a symbolic link"
        raise SandboxError(message, "name a folder that lies in the project itself")
    if path != root and (entry := protected_by(path.relative_to(root).as_posix(), bounds.own)) is not None:
        raise SandboxError(f"`sandbox.write: {name}` cannot be granted: `{entry.name}` {entry.why}", "take it out")
    if path.is_dir() or path.is_file():
        return path
    if os.path.lexists(path):
        raise SandboxError(f"`sandbox.write: {name}` is no folder and no file", "name the folder that it lies in")
    if path.suffix:
        message = f"`sandbox.write: {name}` does not exist, and only folders are made"
        raise SandboxError(message, "name the folder that it is to be in, or make the file first")
    _make_folder(root, path)
    return path


def _make_folder(root: Path, path: Path) -> None:
    """Makes a granted folder, for whom the project belongs to."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    try:
        for folder in reversed(missing):
            folder.mkdir()
            if os.geteuid() == 0:
                status = os.stat(root)
                os.chown(folder, status.st_uid, status.st_gid, follow_symlinks=False)
    except OSError as error:
        shown = path.relative_to(root).as_posix()
        raise SandboxError(f"the folder `{shown}` of `sandbox.write` cannot be made: {error.strerror}") from error


def writable(bounds: Bounds, path: Path) -> Writable:
    """What is kept in a path that may be written.

    Raises:
        SandboxError: something in it cannot be kept.
    """
    if not path.is_dir():
        return Writable(path)
    kept = dict.fromkeys([*_at_the_top(path), *_further_down(path), *_own(bounds, path)])
    for found in kept:
        if found.is_symlink():
            shown = found.relative_to(bounds.root).as_posix()
            message = f"`{shown}` is a symbolic link, which cannot be kept from being replaced"
            raise SandboxError(message, "put what it leads to in its place, or narrow `sandbox.write`")
    if len(kept) > MOST_KEPT:
        message = f"over {MOST_KEPT} repositories and settings in `{path}` would have to be kept as they are"
        raise SandboxError(message, "name the folders in `sandbox.write` that are to be written")
    outermost = tuple(one for one in kept if not any(other in one.parents for other in kept))
    around = {parent for one in outermost for parent in one.parents if parent != path and parent.is_relative_to(path)}
    names = _MISSING_AT_THE_TOP if path in (bounds.root, bounds.project) else _MISSING_ELSEWHERE
    missing = [(path / name, _KINDS[name]) for name in sorted(names) if not os.path.lexists(path / name)]
    return Writable(path, tuple(sorted(around, key=lambda one: len(one.parts))), outermost, tuple(missing))


def is_gone(one: Writable) -> bool:
    """Whether the path or something that was found in it is there no more: it has to be looked through anew."""
    return not all(os.path.lexists(path) for path in (one.path, *one.around, *one.kept))


def _at_the_top(path: Path) -> Iterator[Path]:
    for name in sorted(os.listdir(path)):
        if protected_by(name) is not None and name != "HEAD":
            yield path / name


def _further_down(path: Path) -> Iterator[Path]:
    """Repositories and their like, at any depth; symbolic links are not followed."""
    count = 0
    waiting = [path]
    while waiting:
        here = waiting.pop()
        # One folder at a time: `os.walk` calls itself for each level, of which a command can make any number.
        _, folders, files = next(os.walk(here), (here, [], []))
        count += 1
        if count > MOST_FOLDERS:
            message = f"`{path}` holds over {MOST_FOLDERS:,} folders, too many to look for repositories in"
            raise SandboxError(message, "name the folders in `sandbox.write` that are to be written")
        if set(folders) | set(files) >= _BARE and here != path:
            yield here
            continue
        for name in (*folders, *files):
            if name in _ANYWHERE and here != path:
                yield here / name
        inner = [here / name for name in folders if name not in _NOT_LOOKED_INTO and name not in PROTECTED_NAMES]
        waiting.extend(folder for folder in inner if not folder.is_symlink())


def _own(bounds: Bounds, path: Path) -> Iterator[Path]:
    """The files that the run is made of, in a folder that may be written."""
    for name in bounds.own:
        file = bounds.root / name
        if file.is_relative_to(path) and os.path.lexists(file):
            yield file


def project(
    bounds: Bounds,
    granted: Sequence[Writable],
    source: Callable[[Path], str],
    hides: Mapping[str, Callable[[str], Sequence[str]]],
) -> Iterator[str]:
    """The words of bubblewrap for the project.

    Parameters:
        source: where a path of the machine is reached from.
        hides: the words that put nothing in the place of a `file` or a `folder`.
    """
    root, around = bounds.root, bounds.project
    if around is not None and root != around and root.is_relative_to(around):
        private = str(around / _PRIVATE)
        yield from ("--ro-bind", source(around), str(around))
        # Empty, and then with this workspace in it and no other.
        yield from ("--perms", "0555", "--size", "65536", "--tmpfs", private)
        yield from (
            *_hidden(around, hides, _HIDDEN - {_PRIVATE}),
            "--ro-bind",
            source(root),
            str(root),
            "--remount-ro",
            private,
        )
    else:
        yield from ("--ro-bind", source(root), str(root))
    for one in granted:
        yield from ("--bind", source(one.path), str(one.path))
        for path in one.around:
            yield from ("--bind", source(path), str(path))
        for path in (*one.kept, *(path for path, _ in one.missing)):
            yield from ("--ro-bind", source(path), str(path))
    yield from _hidden(root, hides)


def _hidden(
    root: Path, hides: Mapping[str, Callable[[str], Sequence[str]]], names: Iterable[str] = _HIDDEN
) -> Iterator[str]:
    for name in sorted(names):
        path = root / name
        if path.is_symlink() or not path.exists():
            continue
        yield from hides["folder" if stat.S_ISDIR(path.stat().st_mode) else "file"](str(path))
