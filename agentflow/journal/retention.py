"""Deletes what need not be kept."""

import apsw

from agentflow.journal import blobs
from agentflow.journal.leases import is_free
from agentflow.journal.owner import Owner
from agentflow.journal.port import RUN_STREAM

_TABLES = ("cancellations", "gates", "spend", "events", "streams", "runs")


def prune(connection: apsw.Connection, before: float, owner: Owner, now: float) -> int:
    """Deletes the runs that ended before then and that nobody holds, and the values only they used.

    Returns:
        How many runs.
    """
    ended = connection.execute(
        "SELECT runs.run, owner, expires_at FROM runs JOIN streams ON streams.run = runs.run AND stream = ?"
        " WHERE ended_at < ?",
        (RUN_STREAM, before),
    )
    runs = [(run,) for run, last, expires_at in ended if is_free(Owner.parse(last), expires_at, owner, now)]
    if runs:
        for table in _TABLES:
            connection.executemany(f"DELETE FROM {table} WHERE run = ?", runs)
        blobs.drop_unused(connection)
        # One step per page; without fetching them all, none but the first is given back.
        connection.execute("PRAGMA incremental_vacuum").fetchall()
    return len(runs)
