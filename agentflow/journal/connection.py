"""Connections to the database, and its errors in the journal's words."""

from pathlib import Path

import apsw

from agentflow.errors import JournalEmptyError, JournalError, JournalFullError
from agentflow.journal import schema

BUSY_MS = 5_000
"""How long to wait for another process that writes, in milliseconds."""

_LOG_LIMIT = 16 * 1024 * 1024
"""To how many bytes the write-ahead log is cut when it starts anew."""

_SETTINGS = (
    "PRAGMA synchronous = NORMAL",
    "PRAGMA wal_autocheckpoint = 0",
    f"PRAGMA journal_size_limit = {_LOG_LIMIT}",
    "PRAGMA fullfsync = ON",
    "PRAGMA checkpoint_fullfsync = ON",
)


def open_writer(path: Path, vfs: str | None = None) -> apsw.Connection:
    """A connection for writing, in WAL mode, the tables at their newest version.

    Parameters:
        path: the file, which is there, without links in it.
        vfs: SQLite's layer above the operating system; None: its own.

    Raises:
        apsw.Error: it cannot be opened.
        JournalError: it is not a journal, or a newer one.
    """
    connection = _open(path, apsw.SQLITE_OPEN_READWRITE, vfs)
    try:
        if schema.is_empty(connection):
            # Counts only before the first table: what `prune` frees goes back to the disk.
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        else:
            schema.version_of(connection)
        if connection.execute("PRAGMA journal_mode = WAL").get != "wal":
            raise JournalError(
                f"the file system under the journal {path} cannot share memory between processes",
                "put the journal on a local disk",
            )
        for setting in _SETTINGS:
            connection.execute(setting)
        connection.execute("PRAGMA synchronous = FULL", can_cache=False)
        schema.migrate(connection)
    except BaseException:
        connection.close(force=True)
        raise
    return connection


def open_reader(path: Path, vfs: str | None = None) -> apsw.Connection:
    """A connection that cannot write.

    Raises:
        apsw.Error: it cannot be opened.
        JournalError: it is not a journal of this version.
    """
    connection = _open(path, apsw.SQLITE_OPEN_READONLY, vfs)
    try:
        version = schema.version_of(connection)
        schema.check_version(connection, version)
        if version == 0:
            raise JournalEmptyError(f"nothing is in the journal {path} yet", "run a workflow first")
        if version < len(schema.MIGRATIONS):
            raise JournalError(
                f"the journal {path} has version {version}, and is to be brought to {len(schema.MIGRATIONS)} first",
                "run or resume something in it",
            )
    except BaseException:
        connection.close(force=True)
        raise
    return connection


def _open(path: Path, access: int, vfs: str | None) -> apsw.Connection:
    connection = apsw.Connection(str(path), flags=access | apsw.SQLITE_OPEN_NOFOLLOW, vfs=vfs)
    connection.set_busy_timeout(BUSY_MS)
    # The file may have come from anywhere: its schema runs nothing, and its pages are checked as they are read.
    connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
    connection.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
    connection.execute("PRAGMA cell_size_check = ON")
    connection.execute("PRAGMA temp_store = MEMORY")
    return connection


def as_journal_error(error: Exception, path: Path) -> JournalError:
    """What an error of the database means to the rooms above."""
    if isinstance(error, JournalError):
        return error
    if isinstance(error, apsw.FullError):
        return JournalFullError(f"there is no room on the disk for the journal {path}", "make room; nothing is lost")
    if isinstance(error, apsw.BusyError | apsw.LockedError):
        return JournalError(f"another process keeps the journal {path} locked", "try again when it is done")
    if isinstance(error, apsw.NotADBError):
        return JournalError(f"{path} is not a journal of agentflow", "move it away: the next run begins a new journal")
    if isinstance(error, apsw.IOError | apsw.CantOpenError | apsw.ReadOnlyError | apsw.PermissionsError):
        return JournalError(f"the journal {path} cannot be read or written: {error}", "see to the disk, then resume")
    return JournalError(f"the journal {path} is damaged: {error}", "restore it from a copy, or start a new one")
