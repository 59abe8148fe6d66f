"""Leaves the wish that a run ends, for the run's owner to record."""

import apsw

from agentflow.errors import JournalError
from agentflow.journal.port import Cancellation
from agentflow.journal.rows import escaped, escaped_or_none, unescaped, unescaped_or_none


def leave(connection: apsw.Connection, wish: Cancellation) -> Cancellation:
    """Writes the wish down, unless somebody was first; returns the one that stands.

    Raises:
        JournalError: no such run, or it has ended.
    """
    row: tuple[str, bool] | None = connection.execute(
        "SELECT iif(failure_kind = 'cancelled', failure_kind, status), ended_at IS NOT NULL FROM runs WHERE run = ?",
        (wish.run,),
    ).get
    if row is None:
        raise JournalError(f"there is no run {wish.run}", "`agentflow runs` lists those that are there")
    status, ended = row
    if ended:
        raise JournalError(f"run {wish.run} has ended already: {status}", f"agentflow show {wish.run} tells how")
    connection.execute(
        "INSERT INTO cancellations (run, by, reason, asked_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (wish.run, escaped(wish.by), escaped_or_none(wish.reason), wish.asked_at),
    )
    return left(connection, wish.run) or wish


def left(connection: apsw.Connection, run: str) -> Cancellation | None:
    """The wish that was left for a run."""
    row: tuple[str, str | None, float] | None = connection.execute(
        "SELECT by, reason, asked_at FROM cancellations WHERE run = ?", (run,)
    ).get
    return None if row is None else Cancellation(run, unescaped(row[0]), unescaped_or_none(row[1]), row[2])
