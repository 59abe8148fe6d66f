"""The tables, and the steps that bring an older database to them.

`events` and `blobs` are the record; `runs`, `gates`, `spend` and `spending` are read off it as it is written, and
`streams` holds each stream's head and lease. `accounts`, `tranches` and `rate_starts` are what runs share: what users
and tenants have used, what runs hold of that, and when tools were called; money in them is in whole nano-dollars.
An event's `position` rises in the order of recording. Its `checksum` covers the row and the row before it in its stream
(see `rows.checksum`), so that nothing can be changed, lost or moved unseen.
"""

import apsw

from agentflow.errors import JournalError

APPLICATION_ID = 0x41464C57
"""Written into the file's header, so that another program's database is never taken for a journal."""

_FIRST = """
CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE runs (
    run TEXT PRIMARY KEY,
    workflow TEXT NOT NULL,
    path TEXT NOT NULL,
    project TEXT NOT NULL,
    started_at REAL NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('running', 'waiting', 'interrupted', 'done', 'failed')),
    failure_kind TEXT,
    ended_at REAL
) STRICT, WITHOUT ROWID;

CREATE TABLE streams (
    run TEXT NOT NULL,
    stream TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    owner TEXT NOT NULL,
    expires_at REAL NOT NULL,
    seq INTEGER NOT NULL,
    checksum BLOB NOT NULL,
    updated_at REAL NOT NULL,
    reserved_usd REAL NOT NULL DEFAULT 0,
    PRIMARY KEY (run, stream)
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
    position INTEGER PRIMARY KEY,
    run TEXT NOT NULL,
    stream TEXT NOT NULL,
    seq INTEGER NOT NULL,
    at REAL NOT NULL,
    type TEXT NOT NULL,
    version INTEGER NOT NULL,
    body TEXT NOT NULL,
    refs TEXT,
    checksum BLOB NOT NULL,
    UNIQUE (run, stream, seq)
) STRICT;

CREATE INDEX events_with_refs ON events (refs) WHERE refs IS NOT NULL;

CREATE TABLE blobs (
    digest TEXT PRIMARY KEY,
    content BLOB NOT NULL
) STRICT;

CREATE TABLE gates (
    run TEXT NOT NULL,
    step TEXT NOT NULL,
    about TEXT NOT NULL CHECK (about IN ('approve', 'unknown')),
    message TEXT NOT NULL,
    show TEXT,
    opened_at REAL NOT NULL,
    expires_at REAL,
    approved INTEGER CHECK (approved IN (0, 1)),
    by TEXT,
    comment TEXT,
    answered_at REAL,
    PRIMARY KEY (run, step)
) STRICT;

CREATE TABLE spend (
    run TEXT PRIMARY KEY,
    leased_usd REAL NOT NULL DEFAULT 0,
    settled_usd REAL NOT NULL DEFAULT 0,
    written_off_usd REAL NOT NULL DEFAULT 0,
    turns INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
"""

_FORMS = """
CREATE TABLE asked (
    run TEXT NOT NULL,
    step TEXT NOT NULL,
    about TEXT NOT NULL CHECK (about IN ('approve', 'ask', 'unknown')),
    message TEXT NOT NULL,
    show TEXT,
    opened_at REAL NOT NULL,
    expires_at REAL,
    approved INTEGER CHECK (approved IN (0, 1)),
    by TEXT,
    comment TEXT,
    answered_at REAL,
    form TEXT,
    answers TEXT,
    PRIMARY KEY (run, step)
) STRICT;
INSERT INTO asked (run, step, about, message, show, opened_at, expires_at, approved, by, comment, answered_at)
    SELECT run, step, about, message, show, opened_at, expires_at, approved, by, comment, answered_at FROM gates;
DROP TABLE gates;
ALTER TABLE asked RENAME TO gates;
"""

_CANCELLATIONS = """
CREATE TABLE cancellations (
    run TEXT PRIMARY KEY,
    by TEXT NOT NULL,
    reason TEXT,
    asked_at REAL NOT NULL
) STRICT, WITHOUT ROWID;
"""

_ACCOUNTS = """
ALTER TABLE runs ADD COLUMN user TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN tenant TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN held INTEGER NOT NULL DEFAULT 0;
ALTER TABLE streams ADD COLUMN agent TEXT NOT NULL DEFAULT '';
ALTER TABLE streams ADD COLUMN model TEXT NOT NULL DEFAULT '';
ALTER TABLE streams ADD COLUMN day TEXT NOT NULL DEFAULT '';
ALTER TABLE gates ADD COLUMN approvers TEXT;

CREATE TABLE spending (
    run TEXT NOT NULL,
    day TEXT NOT NULL,
    agent TEXT NOT NULL,
    model TEXT NOT NULL,
    user TEXT NOT NULL,
    tenant TEXT NOT NULL,
    cost INTEGER NOT NULL,
    calls INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    PRIMARY KEY (run, day, agent, model)
) STRICT, WITHOUT ROWID;

CREATE INDEX spending_by_day ON spending (day);

INSERT INTO spending
    SELECT run, date(started_at, 'unixepoch'), '', '', '', '',
        CAST(round(settled_usd * 1000000000) AS INTEGER), turns, 0, 0
    FROM spend JOIN runs USING (run) WHERE settled_usd > 0 OR turns > 0;

CREATE TABLE accounts (
    whose TEXT NOT NULL CHECK (whose IN ('user', 'tenant')),
    name TEXT NOT NULL,
    period TEXT NOT NULL,
    charged INTEGER NOT NULL,
    warned INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (whose, name, period)
) STRICT, WITHOUT ROWID;

CREATE TABLE tranches (
    run TEXT NOT NULL,
    day TEXT NOT NULL,
    user TEXT NOT NULL,
    tenant TEXT NOT NULL,
    leased INTEGER NOT NULL,
    settled INTEGER NOT NULL,
    PRIMARY KEY (run, day)
) STRICT, WITHOUT ROWID;

CREATE INDEX tranches_by_day ON tranches (day);

CREATE TABLE rate_starts (
    user TEXT NOT NULL,
    tool TEXT NOT NULL,
    at REAL NOT NULL
) STRICT;

CREATE INDEX rate_starts_in_order ON rate_starts (user, tool, at);
"""

MIGRATIONS: tuple[str, ...] = (_FIRST, _FORMS, _CANCELLATIONS, _ACCOUNTS)
"""The n-th leads from version n - 1 to version n. One that has been released never changes."""


def is_empty(connection: apsw.Connection) -> bool:
    """Whether nothing was ever made in this database."""
    return not connection.execute("SELECT count(*) FROM sqlite_schema").get and not _application(connection)


def version_of(connection: apsw.Connection) -> int:
    """The version of the tables that are there; 0 where there are none.

    Raises:
        JournalError: it is another program's database.
    """
    if is_empty(connection):
        return 0
    if _application(connection) != APPLICATION_ID:
        raise JournalError(
            f"{connection.filename} is a database, but not a journal of agentflow",
            "move it away: the next run begins a new journal",
        )
    version: int | None = connection.execute("SELECT value FROM meta WHERE key = 'schema'").get
    if version is None:
        raise JournalError(f"the journal {connection.filename} is damaged: it does not say its version")
    return version


def check_version(connection: apsw.Connection, version: int, newest: int = len(MIGRATIONS)) -> None:
    """Raises JournalError where the tables are newer than this agentflow."""
    if version > newest:
        raise JournalError(
            f"the journal {connection.filename} has version {version}, and this agentflow knows up to {newest}",
            "use the version of agentflow that wrote it, or a newer one",
        )


def migrate(connection: apsw.Connection, migrations: tuple[str, ...] = MIGRATIONS) -> int:
    """Brings the tables to the newest version, in one transaction; returns the version they had.

    Raises:
        JournalError: the tables are newer than this agentflow, or not a journal's.
    """
    version = version_of(connection)
    check_version(connection, version, len(migrations))
    if version == len(migrations):
        return version
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Asked again under the lock: another process may have done it meanwhile.
        version = version_of(connection)
        check_version(connection, version, len(migrations))
        for step in migrations[version:]:
            connection.execute(step)
        connection.execute(
            "INSERT INTO meta VALUES ('schema', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (len(migrations),),
        )
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return version


def _application(connection: apsw.Connection) -> int:
    application: int = connection.execute("PRAGMA application_id").get
    return application
