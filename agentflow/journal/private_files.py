"""The journal's file and folder: made private to their user, and refused where they are not."""

import os
import stat
from pathlib import Path

from agentflow.errors import JournalError

_BESIDE = ("-wal", "-shm", "-journal")


def make_private(path: Path) -> None:
    """Makes the journal's file, empty, mode 600, and its folder, mode 700, where they are missing.

    A folder that is made gets a `.gitignore` that keeps all of it out of the project's history.

    Raises:
        JournalError: they cannot be made, or what is there is not private.
    """
    try:
        _make_folder(path.parent)
        _check_folder(path.parent)
        _make_file(path)
    except OSError as error:
        raise JournalError(
            f"the journal {path} cannot be made: {error.strerror}",
            "see that there is room and that you may write there",
        ) from error
    check_private(path)


def check_private(path: Path) -> None:
    """Refuses a journal that another user could read, or could have put there.

    Looks without opening: closing a second descriptor of a database drops the locks that SQLite holds on it
    (https://sqlite.org/howtocorrupt.html, 2.2).

    Raises:
        JournalError: the file is missing, a link, another user's, or open to other users.
    """
    try:
        _check_folder(path.parent)
        _check_file(path)
        for ending in _BESIDE:
            beside = path.with_name(path.name + ending)
            if os.path.lexists(beside):
                _check_file(beside)
    except FileNotFoundError as error:
        raise JournalError(
            f"there is no journal at {path}", "run a workflow first, or name the project's folder with `--project`"
        ) from error
    except OSError as error:
        raise JournalError(f"the journal {path} cannot be opened: {error.strerror}") from error


def _make_folder(folder: Path) -> None:
    if os.path.lexists(folder):
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        return
    (folder / ".gitignore").write_text("*\n", "ascii")
    _sync_folder(folder.parent)


def _make_file(path: Path) -> None:
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        return
    os.close(descriptor)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """A new name is on the disk only once its folder is."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _check_folder(folder: Path) -> None:
    status = os.lstat(folder)
    if not stat.S_ISDIR(status.st_mode):
        raise JournalError(f"{folder}, the journal's folder, is a link or no folder", "name the folder itself")
    if status.st_uid not in (os.geteuid(), 0):
        raise JournalError(f"{folder}, the journal's folder, belongs to another user", "name a folder of your own")
    if status.st_mode & 0o022 and not status.st_mode & stat.S_ISVTX:
        raise JournalError(f"other users may write to {folder}, the journal's folder", f"chmod 700 {folder}")


def _check_file(path: Path) -> None:
    status = os.lstat(path)
    if not stat.S_ISREG(status.st_mode):
        raise JournalError(f"{path} is a link or no file", "remove it, or name another file for the journal")
    if status.st_uid != os.geteuid():
        raise JournalError(f"{path} belongs to another user", "name another file for the journal")
    if status.st_nlink > 1:
        raise JournalError(f"{path} has a second name elsewhere", "copy it to a file of its own")
    if status.st_mode & 0o077:
        raise JournalError(f"{path} is open to other users", f"chmod 600 {path}")
