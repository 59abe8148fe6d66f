"""Empty files and folders that stand where something protected could be made while a command runs.

Only what is there can be mounted over, and so be kept from being made. They are written down before they are made and
taken away when no command needs them any more, in whatever process; those that a killed process left behind go when
the next one is through with its own.
"""

import contextlib
import fcntl
import json
import os
import stat
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from agentflow.tools.sandbox.port import SandboxError

_HOME, _LEDGER = ".agentflow", "sandbox"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
Kind = Literal["file", "folder"]


class Placeholders:
    """Those of one project.

    Parameters:
        project: its real path.
    """

    def __init__(self, project: Path) -> None:
        self._project = project
        self._lock = -1
        self._users = 0
        self._mutex = threading.Lock()

    def hold(self, wanted: Sequence[tuple[Path, Kind]]) -> Callable[[], None]:
        """Makes those that are missing; they stay until what is returned is called.

        Parameters:
            wanted: paths that stand for nothing, and what is to be there.

        Raises:
            SandboxError: they cannot be made.
        """
        with self._mutex:
            try:
                if self._users == 0:
                    self._open()
                self._users += 1
                if wanted:
                    self._note([path for path, _ in wanted])
            except OSError as error:
                raise SandboxError(
                    f"`{_HOME}` of the project cannot be written: {error.strerror}", "see who it belongs to"
                ) from error
        try:
            for path, kind in wanted:
                _make(path, kind)
        except OSError as error:
            self._release()
            message = f"`{path}` cannot be kept from being made: {error.strerror}"
            raise SandboxError(message, "see who its folder belongs to, or narrow `sandbox.write`") from error
        return self._release

    def clear(self) -> None:
        """Takes away what a killed process left, unless another is at work."""
        if (self._project / _HOME / _LEDGER).exists():
            self.hold(())()

    def _open(self) -> None:
        home = self._project / _HOME
        if not home.exists():
            home.mkdir(mode=0o700)
            (home / ".gitignore").write_text("*\n", "ascii")
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        self._lock = os.open(home / _LEDGER, flags, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_SH)

    def _note(self, paths: Sequence[Path]) -> None:
        lines = "".join(f"{json.dumps(str(path))}\n" for path in paths)
        os.write(self._lock, lines.encode("utf-8", "surrogateescape"))

    def _release(self) -> None:
        with self._mutex:
            self._users -= 1
            if self._users:
                return
            try:
                with contextlib.suppress(BlockingIOError):  # another process's commands need them; it takes them away
                    fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    self._take_away()
            finally:
                os.close(self._lock)
                self._lock = -1

    def _take_away(self) -> None:
        size = os.fstat(self._lock).st_size
        for line in os.pread(self._lock, size, 0).decode("utf-8", "surrogateescape").splitlines():
            with contextlib.suppress(ValueError):  # cut short by a full disk; then it was not made either
                _remove(Path(json.loads(line)))
        os.ftruncate(self._lock, 0)


def is_stand_in(project: Path, path: Path) -> bool:
    """Whether what is at a path is there, empty, only for as long as commands run.

    Parameters:
        project: its real path.
    """
    try:
        # Before a look at the path: what is in the list no more is gone already.
        listed = (project / _HOME / _LEDGER).read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return False
    return json.dumps(str(path)) in listed and _is_empty(path)


def _is_empty(path: Path) -> bool:
    try:
        status = path.lstat()
        return not os.listdir(path) if stat.S_ISDIR(status.st_mode) else status.st_size == 0
    except OSError:  # gone meanwhile
        return True


def _make(path: Path, kind: Kind) -> None:
    """Makes one, for the owner of the folder that it is in."""
    folder = os.open(path.parent, _FOLDER)
    try:
        with contextlib.suppress(FileExistsError):  # another process's, or real since; both are protected as they are
            if kind == "folder":
                os.mkdir(path.name, 0o755, dir_fd=folder)
            else:
                os.close(os.open(path.name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644, dir_fd=folder))
            if os.geteuid() == 0:
                status = os.fstat(folder)
                os.chown(path.name, status.st_uid, status.st_gid, dir_fd=folder, follow_symlinks=False)
    finally:
        os.close(folder)


def _remove(path: Path) -> None:
    """Takes one away that is still as empty as it was made."""
    with contextlib.suppress(OSError):  # gone, or filled by somebody on the host: then it is theirs
        if path.is_symlink():
            return
        if path.is_dir():
            path.rmdir()
        elif path.is_file() and path.stat().st_size == 0:
            path.unlink()
