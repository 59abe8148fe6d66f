"""Deletes what need not be kept."""

import apsw

from agentflow.guard.money import day_of
from agentflow.journal import blobs, spending
from agentflow.journal.leases import is_free
from agentflow.journal.owner import Owner
from agentflow.journal.port import RUN_STREAM
from agentflow.journal.rates import LONGEST_SECONDS

_TABLES = ("cancellations", "gates", "spend", "tranches", "events", "streams", "runs")
_DAY_SECONDS = 86_400.0


def prune(connection: apsw.Connection, before: float, owner: Owner, now: float, *, held: bool = True) -> int:
    """Deletes the runs that ended before then and that no process has, and the values only they used.

    Parameters:
        held: those too that a used-up bound holds, which could go on.

    Returns:
        How many runs.
    """
    ended = connection.execute(
        "SELECT runs.run, owner, expires_at FROM runs JOIN streams ON streams.run = runs.run AND stream = ?"
        " WHERE ended_at < ? AND (? OR NOT held)",
        (RUN_STREAM, before, held),
    )
    runs = [(run,) for run, last, expires_at in ended if is_free(Owner.parse(last), expires_at, owner, now)]
    _forget_old_accounts(connection, now)
    if runs:
        for table in _TABLES:
            connection.executemany(f"DELETE FROM {table} WHERE run = ?", runs)
        blobs.drop_unused(connection)
        # One step per page; without fetching them all, none but the first is given back.
        connection.execute("PRAGMA incremental_vacuum").fetchall()
    return len(runs)


def ended_before(connection: apsw.Connection, days: int | None, keep: int | None, now: float) -> float:
    """The time before which runs ended that a policy does not keep.

    Parameters:
        days: how long runs are kept; `keep`: how many, the newest; None: no bound.
    """
    before = 0.0 if days is None else now - days * _DAY_SECONDS
    if keep is not None:
        oldest: float | None = connection.execute(
            "SELECT ended_at FROM runs WHERE ended_at IS NOT NULL AND NOT held ORDER BY ended_at DESC LIMIT 1 OFFSET ?",
            (keep - 1,),
        ).get
        before = max(before, oldest or 0.0)
    return before


def _forget_old_accounts(connection: apsw.Connection, now: float) -> None:
    """What was spent is kept longer than runs are, and not for ever."""
    last = day_of(now - spending.DAYS_KEPT * _DAY_SECONDS)
    connection.execute("DELETE FROM spending WHERE day < ?", (last,))
    connection.execute("DELETE FROM accounts WHERE period < ?", (last[:7],))
    connection.execute("DELETE FROM rate_starts WHERE at < ?", (now - LONGEST_SECONDS,))
