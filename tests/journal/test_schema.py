"""The tables, and how older ones become newer."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from agentflow.errors import JournalError
from agentflow.journal.connection import open_writer
from agentflow.journal.schema import MIGRATIONS, migrate, version_of
from agentflow.journal.sqlite import open_journal
from tests.journal.samples import events_of, started

SECOND = "ALTER TABLE runs ADD COLUMN landlord TEXT NOT NULL DEFAULT 'nobody';"
BROKEN = "CREATE TABLE extra (x) STRICT;"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[apsw.Connection]:
    with closing(apsw.Connection(str(tmp_path / "some.db"))) as connection:
        yield connection


def tables(connection: apsw.Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}


ACCOUNTS = {"spending", "accounts", "tranches", "rate_starts"}


def test_an_empty_database_gets_all_tables_at_once(database: apsw.Connection) -> None:
    assert migrate(database) == 0
    assert version_of(database) == len(MIGRATIONS)
    assert tables(database) == {
        "meta",
        "runs",
        "streams",
        "events",
        "blobs",
        "gates",
        "spend",
        "cancellations",
        *ACCOUNTS,
    }
    assert migrate(database) == len(MIGRATIONS)


def test_a_database_of_the_first_version_becomes_the_newest(tmp_path: Path) -> None:
    path = tmp_path / ".agentflow" / "journal.db"
    path.parent.mkdir(mode=0o700)
    path.touch(mode=0o600)
    with closing(apsw.Connection(str(path))) as first:
        migrate(first, MIGRATIONS[:1])
    with closing(open_journal(path)) as journal:
        journal.create(started())
        assert events_of(journal) == [started()]
    with closing(open_writer(path)) as connection:
        assert version_of(connection) == len(MIGRATIONS)


def test_a_later_step_finds_what_the_first_version_held(database: apsw.Connection) -> None:
    migrate(database, MIGRATIONS[:1])
    database.execute("INSERT INTO runs VALUES ('run-a', 'w', 'p', 'd', 1.0, 'running', NULL, NULL)")
    assert migrate(database, (*MIGRATIONS[:1], SECOND)) == 1
    assert version_of(database) == 2
    assert database.execute("SELECT run, landlord FROM runs").fetchall() == [("run-a", "nobody")]


def test_open_gates_of_the_first_version_are_open_still(database: apsw.Connection) -> None:
    migrate(database, MIGRATIONS[:1])
    columns = "run, step, about, message, opened_at, approved, by, answered_at"
    database.execute(f"INSERT INTO gates ({columns}) VALUES ('run-a', 's', 'approve', 'Go on?', 1.0, 1, 'ada', 2.0)")
    migrate(database)
    row = database.execute(f"SELECT {columns}, form, answers FROM gates").fetchall()
    assert row == [("run-a", "s", "approve", "Go on?", 1.0, 1, "ada", 2.0, None, None)]
    database.execute("INSERT INTO gates (run, step, about, message, opened_at) VALUES ('run-a', 't', 'ask', 'Who?', 1)")


def test_a_step_that_fails_undoes_those_before_it(database: apsw.Connection) -> None:
    migrate(database, MIGRATIONS[:1])
    with pytest.raises(apsw.SQLError):
        migrate(database, (*MIGRATIONS[:1], SECOND, BROKEN))
    assert version_of(database) == 1
    assert "landlord" not in {row[1] for row in database.execute("PRAGMA table_info(runs)")}
    assert not database.in_transaction


def test_a_newer_database_is_refused_by_its_version(database: apsw.Connection) -> None:
    migrate(database, (*MIGRATIONS, SECOND))
    with pytest.raises(JournalError, match=f"version {len(MIGRATIONS) + 1}") as refused:
        migrate(database)
    assert "newer" in refused.value.hint


def test_anothers_database_is_refused(database: apsw.Connection) -> None:
    database.execute("CREATE TABLE mine (x)")
    with pytest.raises(JournalError, match="not a journal"):
        migrate(database)
    assert tables(database) == {"mine"}


def test_a_journal_that_does_not_say_its_version_is_refused(database: apsw.Connection) -> None:
    migrate(database)
    database.execute("DELETE FROM meta")
    with pytest.raises(JournalError, match="does not say its version"):
        migrate(database)
