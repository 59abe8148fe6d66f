"""Brings to the disk, soon and in the background, what was committed without waiting for it."""

import fcntl
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

_FULL_SYNC: int | None = getattr(fcntl, "F_FULLFSYNC", None)


def sync_file(descriptor: int) -> None:
    """Waits until a file's content is on the disk. Raises OSError."""
    if _FULL_SYNC is not None:
        fcntl.fcntl(descriptor, _FULL_SYNC)
    else:
        os.fdatasync(descriptor)


class LogSync:
    """Syncs the write-ahead log when something in it has waited for `delay` seconds.

    It has a descriptor of its own, so that commits go on meanwhile. SQLite holds no locks on the log, so that closing
    this one drops none (which it would on the database itself); and the log is not replaced while a connection is open.

    Attributes:
        failure: why a sync failed. From then on nothing can be promised: the system may have forgotten what it held.
    """

    def __init__(self, log: Path, delay: float, sync: Callable[[int], None] = sync_file) -> None:
        self._descriptor = os.open(log, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        self._delay = delay
        self._sync = sync
        self._changed = threading.Condition()
        self._oldest: float | None = None
        self._closed = False
        self._thread: threading.Thread | None = None
        self.failure: OSError | None = None

    def written(self) -> None:
        """Something was committed that is not on the disk yet."""
        # Without the lock: `_run` forgets the time before it syncs, so what was committed before is covered.
        if self._oldest is not None:
            return
        with self._changed:
            self._oldest = time.monotonic()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="agentflow-journal-sync", daemon=True)
                self._thread.start()
            self._changed.notify()

    def synced(self) -> None:
        """All that was committed is on the disk."""
        if self._oldest is not None:
            with self._changed:
                self._oldest = None

    def flush(self) -> None:
        """Syncs now. Raises OSError."""
        with self._changed:
            self._oldest = None
        try:
            self._sync(self._descriptor)
        except OSError as error:
            self.failure = error
            raise

    def close(self) -> None:
        """Syncs what is left, and ends; once more does nothing. Raises OSError."""
        with self._changed:
            if self._closed:
                return
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()
        try:
            if self._oldest is not None:
                self._sync(self._descriptor)
        finally:
            os.close(self._descriptor)

    def _run(self) -> None:
        while self._wait_until_due():
            try:
                self._sync(self._descriptor)
            except OSError as error:
                self.failure = error
                return

    def _wait_until_due(self) -> bool:
        with self._changed:
            while not self._closed:
                if self._oldest is None:
                    self._changed.wait()
                    continue
                rest = self._oldest + self._delay - time.monotonic()
                if rest <= 0:
                    self._oldest = None
                    return True
                self._changed.wait(rest)
            return False
