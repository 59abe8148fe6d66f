"""Removes folders that commands have filled: however deep they are, and whatever modes they were given."""

import os
import secrets
import stat
from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def remove_folder(folder: Path) -> None:
    """Removes a folder with all that is in it; nothing else may be at work in there.

    What lies deeper is first moved up, so that neither its depth nor the length of its path matters.

    Raises:
        OSError: something in it cannot be removed.
    """
    top = _opened(os.fspath(folder), None)
    try:
        while names := os.listdir(top):
            for name in names:
                _remove(top, name)
    finally:
        os.close(top)
    os.rmdir(folder)


def _remove(top: int, name: str) -> None:
    """Removes a file, or a folder whose own folders are moved up."""
    if not _is_folder(top, name):
        os.unlink(name, dir_fd=top)
        return
    folder = _opened(name, top)
    try:
        for inner in os.listdir(folder):
            if not _is_folder(folder, inner):
                os.unlink(inner, dir_fd=folder)
                continue
            # A folder that is moved has to be writable itself: its `..` changes.
            os.close(_opened(inner, folder))
            os.rename(inner, secrets.token_hex(16), src_dir_fd=folder, dst_dir_fd=top)
    finally:
        os.close(folder)
    os.rmdir(name, dir_fd=top)


def _is_folder(folder: int, name: str) -> bool:
    return stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)


def _opened(name: str, folder: int | None) -> int:
    """A descriptor of a folder, which is opened to us first where it was closed.

    To root nothing is closed, and nobody may have root change a mode by a link that is swapped in meanwhile.
    """
    mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    if os.geteuid() != 0 and stat.S_ISDIR(mode) and mode & 0o700 != 0o700:
        os.chmod(name, 0o700, dir_fd=folder)
    return os.open(name, _FOLDER, dir_fd=folder)
