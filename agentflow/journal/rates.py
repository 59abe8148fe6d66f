"""How often tools are called, by all runs of a user together."""

import apsw

from agentflow.journal.rows import escaped

LONGEST_SECONDS = 86_400.0
"""No rate looks back further."""


def begin(connection: apsw.Connection, user: str, tool: str, calls: int, seconds: float, now: float) -> float | None:
    """Counts a call that begins now; or tells, where it would be one too many, when it may begin.

    Parameters:
        calls: that may begin within `seconds`.

    Returns:
        None: it is counted, and begins; else a time in seconds since the epoch.
    """
    whose = (escaped(user), escaped(tool))
    connection.execute(
        "DELETE FROM rate_starts WHERE user = ? AND tool = ? AND at <= ?", (*whose, now - LONGEST_SECONDS)
    )
    oldest: float | None = connection.execute(
        "SELECT at FROM rate_starts WHERE user = ? AND tool = ? ORDER BY at DESC LIMIT 1 OFFSET ?", (*whose, calls - 1)
    ).get
    # A clock that was set back makes nobody wait for longer than the rate itself would.
    if oldest is not None and now - seconds < oldest <= now + seconds:
        return oldest + seconds
    connection.execute("INSERT INTO rate_starts VALUES (?, ?, ?)", (*whose, now))
    return None
