"""A SQLite database for `migrate.yaml`: looked at, migrated on a copy, and for good."""

import hashlib
import os
import re
import sqlite3
from contextlib import closing
from pathlib import Path


def look(database: str, made_from: str) -> dict:
    """The schema of a database and how many rows it has; it is made first where it is not there yet."""
    path = Path(database)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path)) as fresh:
            fresh.executescript(Path(made_from).read_text(encoding="utf-8"))
    with closing(_read_only(path)) as connection:
        return {"schema": _schema(connection), "rows": _rows(connection), "state": _state(connection)}


def try_out(database: str, sql: str, checks: list[str]) -> dict:
    """What a migration does to a copy in memory: its error, or the new schema, the rows and what the checks give."""
    with closing(_read_only(Path(database))) as connection, closing(sqlite3.connect(":memory:")) as copy:
        connection.backup(copy)
        try:
            _migrate(copy, sql)
            results = [_first_value(copy, check) for check in checks]
        except (sqlite3.Error, ValueError) as error:
            return {"ok": False, "error": str(error), "schema": "", "rows": {}, "checks": []}
        return {"ok": True, "error": "", "schema": _schema(copy), "rows": _rows(copy), "checks": results}


def apply(database: str, sql: str, state: str) -> dict:
    """Migrates for good, all or nothing, a copy put beside it first; refused where the database has changed since."""
    path = Path(database)
    kept = path.with_suffix(f".{state[:8]}.bak")
    with closing(sqlite3.connect(path)) as connection:
        if _state(connection) != state:
            raise ValueError("the database has changed since it was looked at; run the workflow again")
        with closing(sqlite3.connect(kept)) as backup:
            connection.backup(backup)
        _migrate(connection, sql)
        return {"rows": _rows(connection), "backup": str(kept)}


def _migrate(connection: sqlite3.Connection, sql: str) -> None:
    """One transaction; statements that would end it, or reach other files, are refused by name."""
    word = re.search(r"\b(attach|detach|vacuum|begin|commit|rollback|pragma|load_extension)\b", sql, re.IGNORECASE)
    if word is not None:
        raise ValueError(f"`{word[0]}` is not for a migration")
    connection.isolation_level = None
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statement in _statements(sql):
            connection.execute(statement)
        broken = connection.execute("PRAGMA foreign_key_check").fetchall()
        if broken:
            raise ValueError(f"{len(broken)} rows refer to nothing afterwards")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _statements(sql: str) -> list[str]:
    found, statement = [], ""
    for line in sql.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            found.append(statement)
            statement = ""
    return [*found, statement] if statement.strip() else found


def _first_value(connection: sqlite3.Connection, check: str) -> str:
    if not re.match(r"\s*select\b", check, re.IGNORECASE):
        raise ValueError(f"a check is a SELECT, not `{check[:60]}`")
    row = connection.execute(check).fetchone()
    return f"{check.strip()} -> {row[0] if row else 'nothing'}"


def _read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{os.fspath(path)}?mode=ro", uri=True)


def _schema(connection: sqlite3.Connection) -> str:
    found = connection.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name").fetchall()
    return ";\n".join(sql for (sql,) in found)


def _rows(connection: sqlite3.Connection) -> dict:
    tables = connection.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    ).fetchall()
    return {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for (name,) in sorted(tables)}


def _state(connection: sqlite3.Connection) -> str:
    digest = hashlib.sha256()
    for line in connection.iterdump():
        digest.update(line.encode())
    return digest.hexdigest()
