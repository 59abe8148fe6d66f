"""In what condition a journal is, without changing anything of it."""

from pathlib import Path

import apsw

from agentflow.journal.private_files import check_private
from agentflow.journal.sqlite import open_journal

SOUND = (3, 51, 3)
"""From this version on two connections that checkpoint together cannot damage a database in WAL mode."""


def sqlite_version() -> str:
    """Of the SQLite that holds journals."""
    return apsw.sqlite_lib_version()


def is_sound(version: str) -> bool:
    """Whether that SQLite has no known way to damage a journal."""
    return tuple(int(part) for part in version.split(".")[:3]) >= SOUND


def runs_in(path: Path) -> int:
    """How many runs a journal holds.

    Raises:
        JournalError: it is missing, not private, damaged, or another program's.
    """
    check_private(path)
    journal = open_journal(path, access="read")
    try:
        return len(journal.runs(1 << 31))
    finally:
        journal.close()
