"""The one connection of this process that writes, and what a failed commit of it means."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import apsw

from agentflow.errors import JournalError
from agentflow.journal.connection import BUSY_MS, as_journal_error, open_writer
from agentflow.journal.log_sync import LogSync

CHECKPOINT_PAGES = 1_000
"""The log goes into the database when it has grown by so many pages of 4 KiB."""

_SYNC_DELAY = 0.05
"""Seconds that a commit may wait for the disk, so that with the sync itself it is there within 100 ms."""

_RECOVERY_MS = 1_000
"""How long to wait for readers that keep the log from being written anew, in milliseconds."""

Result = TypeVar("Result")


class BusyNowError(Exception):
    """The database is in use; the same is to be tried where one may wait."""


class Writer:
    """Writes transactions. May be called from any thread; one transaction runs at a time.

    Parameters:
        path: the database, which is there, without links in it.
        sync_all: wait for the disk at each commit.
        vfs: SQLite's layer above the operating system; None: its own.

    Raises:
        JournalError: the database cannot be opened.
    """

    def __init__(self, path: Path, *, sync_all: bool, vfs: str | None) -> None:
        self._path = path
        self._sync_all = sync_all
        self._vfs = vfs
        self._lock = threading.Lock()
        self._broken: JournalError | None = None
        self._open()

    def transact(
        self,
        work: Callable[[apsw.Connection], Result],
        *,
        synced: bool,
        landed: Callable[[apsw.Connection], bool] = lambda connection: False,
        wait: bool = True,
    ) -> Result:
        """Does some work in a transaction of its own.

        Parameters:
            work: what to write; its exceptions undo it and come back as they are.
            synced: return only when it is on the disk.
            landed: tells from the database whether the work is recorded; asked when a commit's outcome is in doubt.
            wait: for another writer; without it, only if that takes no time.

        Raises:
            BusyNowError: the database is in use, and `wait` is False.
            JournalFullError: there is no room; nothing was recorded.
            JournalError: the database cannot be written; nothing was recorded, or the message says that it is in doubt.
        """
        if not self._lock.acquire(blocking=wait):
            raise BusyNowError
        try:
            self._begin(synced=synced, wait=wait)
            try:
                result = work(self._connection)
            except BaseException as error:
                self._roll_back()
                if isinstance(error, apsw.Error):
                    raise as_journal_error(error, self._path) from error
                raise
            try:
                self._connection.execute("COMMIT")
            except apsw.Error as error:
                self._settle(error, landed)
            if self._synchronous == "FULL":
                self._log_sync.synced()
            else:
                self._log_sync.written()
            return result
        finally:
            self._lock.release()

    def flush(self) -> None:
        """Brings to the disk what was committed. Raises JournalError."""
        with self._lock:
            self._check()
            try:
                self._log_sync.flush()
            except OSError as error:
                raise self._break(error) from error

    @property
    def wants_checkpoint(self) -> bool:
        """Whether the log has grown long."""
        return self._log_pages >= self._checkpoint_at

    def checkpoint(self) -> None:
        """Brings the log into the database; takes a while. Raises JournalError where nothing can be written now."""
        with self._lock:
            self._check()
            try:
                pages, done = self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
            except apsw.Error:
                # Nothing is lost: all of it stays in the log, and the next commit meets what is wrong.
                pages, done = self._log_pages, 0
            self._checkpoint_at = CHECKPOINT_PAGES if done == pages else pages + CHECKPOINT_PAGES
        # The first commit after a checkpoint syncs the log's new header: here, not in the event loop.
        self.transact(_count("checkpoints"), synced=True)

    def close(self) -> None:
        """Brings everything to the disk, and closes. Raises JournalError where that fails."""
        with self._lock:
            try:
                self._log_sync.close()
            except OSError as error:
                raise self._break(error) from error
            finally:
                self._connection.close()

    def _open(self) -> None:
        try:
            self._connection = open_writer(self._path, self._vfs)
            self._log_sync = LogSync(self._path.with_name(self._path.name + "-wal"), _SYNC_DELAY)
        except apsw.Error as error:
            raise as_journal_error(error, self._path) from error
        self._synchronous = "FULL"
        self._log_pages = 0
        self._checkpoint_at = CHECKPOINT_PAGES
        self._connection.set_wal_hook(self._committed)

    def _committed(self, connection: apsw.Connection, database: str, pages: int) -> int:
        self._log_pages = pages
        return apsw.SQLITE_OK

    def _begin(self, *, synced: bool, wait: bool) -> None:
        self._check()
        connection = self._connection
        if connection.in_transaction:  # an interrupt came between two statements
            self._roll_back()
        connection.set_busy_timeout(BUSY_MS if wait else 0)
        self._set_synchronous("FULL" if synced or self._sync_all else "NORMAL")
        try:
            connection.execute("BEGIN IMMEDIATE")
        except apsw.BusyError as error:
            if not wait:
                raise BusyNowError from error
            raise as_journal_error(error, self._path) from error
        except apsw.Error as error:
            raise as_journal_error(error, self._path) from error

    def _set_synchronous(self, level: str) -> None:
        if level != self._synchronous:
            # In WAL mode FULL syncs the log at commit, and with it whatever NORMAL left there.
            self._connection.execute(f"PRAGMA synchronous = {level}", can_cache=False)
            self._synchronous = level

    def _check(self) -> None:
        if self._broken is None and self._log_sync.failure is not None:
            self._break(self._log_sync.failure)
        if self._broken is not None:
            raise JournalError(self._broken.message, self._broken.hint)

    def _break(self, error: Exception) -> JournalError:
        self._broken = JournalError(
            f"the disk under the journal {self._path} fails, and what it holds of the last events is in doubt: {error}",
            "see to the disk, then resume: it goes on from what is there",
        )
        return self._broken

    def _roll_back(self) -> None:
        if not self._connection.in_transaction:
            return
        try:
            self._connection.execute("ROLLBACK")
        except apsw.Error:
            self._recover(lambda connection: False)

    def _settle(self, error: apsw.Error, landed: Callable[[apsw.Connection], bool]) -> None:
        """Returns where a commit that failed is recorded all the same; raises where it is not."""
        self._roll_back()
        if isinstance(error, apsw.FullError):
            # A write failed, so the transaction's last page, which would make it count, is not in the log.
            try:
                recorded = landed(self._connection)
            except apsw.Error:
                recorded = self._recover(landed)
        else:
            recorded = self._recover(landed)
        if not recorded:
            raise as_journal_error(error, self._path) from error

    def _recover(self, landed: Callable[[apsw.Connection], bool]) -> bool:
        """Opens the database anew, makes what it holds certain, and tells whether that holds the work in doubt.

        A commit whose sync failed may lie whole in the log without counting, and would count after a crash. The commit
        made here either finds it recorded or overwrites it. The checkpoint writes once more what the system may have
        forgotten after a failed sync (https://wiki.postgresql.org/wiki/Fsync_Errors).
        """
        try:
            self._connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            self._connection.close(force=True)
            self._log_sync.close()
            self._open()
            connection = self._connection
            connection.execute("BEGIN IMMEDIATE")
            recorded = landed(connection)
            _count("recoveries")(connection)
            connection.execute("COMMIT")
            connection.set_busy_timeout(_RECOVERY_MS)
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_FULL)
        except (apsw.Error, JournalError, OSError) as error:
            raise self._break(error) from error
        return recorded


def _count(what: str) -> Callable[[apsw.Connection], None]:
    def count(connection: apsw.Connection) -> None:
        connection.execute("INSERT INTO meta VALUES (?, 1) ON CONFLICT (key) DO UPDATE SET value = value + 1", (what,))

    return count
