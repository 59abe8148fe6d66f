"""What Landlock is told of files: which may be read, and which changed.

A rule holds for a folder with everything beneath, and none takes anything back. So where something protected lies in a
folder, what lies beside it is granted one by one, and the folder itself is not: nothing new can be made right in it.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from agentflow.guard.protected import hidden_by, protected_by
from agentflow.tools.sandbox.filesystem import seen_folders, seen_settings
from agentflow.tools.sandbox.port import Bounds, SandboxError
from agentflow.tools.sandbox.readable import read_paths
from agentflow.tools.sandbox.repository import beside
from agentflow.tools.sandbox.writable import Writable

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR, _REMOVE_DIR, _REMOVE_FILE = (1 << bit for bit in range(6))
_MAKE_CHAR, _MAKE_DIR, _MAKE_REG, _MAKE_SOCK, _MAKE_FIFO, _MAKE_BLOCK, _MAKE_SYM = (1 << bit for bit in range(6, 13))
_REFER, _TRUNCATE, _IOCTL_DEV = (1 << bit for bit in range(13, 16))
FILES = (1 << 16) - 1
"""Every right of files that ABI 6 knows (linux/landlock.h): what no rule gives is refused."""
NET = 0b11
"""Binding and connecting over TCP; no rule gives either."""
SCOPED = 0b11
"""Abstract Unix sockets and signals stay within the sandbox."""

READ = _EXECUTE | _READ_FILE | _READ_DIR
CHANGE_FILE = _WRITE_FILE | _TRUNCATE
CHANGE = (
    CHANGE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _MAKE_FIFO | _MAKE_SYM | _REFER
)  # no device, no socket
_DEVICE = _READ_FILE | _WRITE_FILE | _IOCTL_DEV
_DEVICES = ("null", "zero", "full", "random", "urandom")
_MACHINE = ("cpuinfo", "meminfo", "stat", "version", "filesystems", "loadavg", "uptime")
_USERS = ("passwd", "group", "hosts", "nsswitch.conf")
_MOST_RULES = 5_000


def rules_of(bounds: Bounds, granted: Sequence[Writable], scratch: Path) -> dict[Path, int]:
    """Real paths and their rights.

    Parameters:
        granted: what may be written, with what is kept in there.
        scratch: the command's own folder for temporary files.

    Raises:
        SandboxError: there would be too many.
    """
    rules: dict[Path, int] = {}
    for path, rights in _all(bounds, granted, scratch):
        real = Path(os.path.realpath(path))
        if real.exists():
            rules[real] = rules.get(real, 0) | rights
        if len(rules) > _MOST_RULES:
            message = f"over {_MOST_RULES:,} files and folders would have to be granted one by one"
            raise SandboxError(message, "name folders in `sandbox.write` that hold nothing protected")
    return rules


def _all(bounds: Bounds, granted: Sequence[Writable], scratch: Path) -> Iterator[tuple[Path, int]]:
    for path in (*seen_folders(), *seen_settings(), *(Path("/etc", name) for name in _USERS)):
        yield path, READ
    for name in _MACHINE:
        yield Path("/proc", name), READ
    for name in _DEVICES:
        yield Path("/dev", name), _DEVICE
    for path in (*read_paths(bounds), *beside(bounds.root)):
        yield path, READ
    yield scratch, READ | CHANGE
    for folder in dict.fromkeys((bounds.root, bounds.project or bounds.root)):
        yield folder, _READ_DIR
        for child in sorted(folder.iterdir()):
            # A link is followed to where something grants it, or nowhere.
            if not child.is_symlink() and hidden_by(child.name) is None:
                yield child, READ
    for one in granted:
        yield from _changes(bounds, one)


def _changes(bounds: Bounds, one: Writable) -> Iterator[tuple[Path, int]]:
    if not one.path.is_dir():
        yield one.path, CHANGE_FILE
        return
    if not _is_split(bounds, one):
        yield one.path, READ | CHANGE
        return
    way = {*one.around, one.path}
    for folder in way:
        for child in folder.iterdir():
            if child in one.kept or child in way or child.is_symlink():
                continue
            yield child, CHANGE if child.is_dir() else CHANGE_FILE


def _is_split(bounds: Bounds, one: Writable) -> bool:
    """Whether what lies in a folder is granted one by one.

    In the project's own folder nothing new may be made at all: `.git` or `.envrc` would be such a thing.
    """
    return bool(one.kept) or one.path in (bounds.root, bounds.project)


def names_before(granted: Sequence[Writable]) -> dict[Path, frozenset[str]]:
    """What lies in each folder that may be written, at its top."""
    return {one.path: frozenset(os.listdir(one.path)) for one in granted if one.path.is_dir()}


def made_since(before: dict[Path, frozenset[str]]) -> list[Path]:
    """Protected names at the top of the folders that were not there before."""
    found = []
    for folder, names in before.items():
        if folder.is_dir():
            found += [folder / name for name in os.listdir(folder) if name not in names and protected_by(name)]
    return found
