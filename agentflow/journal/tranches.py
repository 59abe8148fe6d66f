"""A run takes a tranche of what its user and tenant may spend, or is told which cap leaves too little."""

import apsw

from agentflow.guard.money import Cap, Granted, Refused, Want, Warned, period_of, share
from agentflow.journal.accounts import accounts_of, charged, hold, open_accounts
from agentflow.journal.leases import is_free
from agentflow.journal.owner import Owner
from agentflow.journal.port import RUN_STREAM
from agentflow.journal.rows import escaped


def lease(connection: apsw.Connection, run: str, want: Want, seen_from: Owner, now: float) -> Granted | Refused:
    """Has a run hold what its next call needs, and a tranche where the caps leave enough.

    What the run held and has not used goes back first: where it is refused, it keeps nothing that others could use.
    """
    accounts = accounts_of(want.user, want.tenant, want.day)
    open_accounts(connection, accounts)
    hold(connection, run, want.day, want.user, want.tenant, want.in_use)
    used = {cap: _charged(connection, cap, want.day) for cap in want.caps}
    tightest = min(want.caps, key=lambda cap: cap.nano - used[cap], default=None)
    amount = max(want.full, want.tranche)
    if tightest is not None:
        free = tightest.nano - used[tightest]
        if free < want.least:
            return Refused(tightest, used[tightest], _others_hold(connection, run, tightest, want.day, seen_from, now))
        amount = min([share(cap.nano - used[cap], cap.nano, want.full, amount) for cap in want.caps] + [free])
    hold(connection, run, want.day, want.user, want.tenant, want.in_use + amount)
    return Granted(want.in_use + amount, tuple(_warnings(connection, want)))


def _charged(connection: apsw.Connection, cap: Cap, day: str) -> int:
    return charged(connection, cap.whose, cap.name, period_of(day, cap.period))


def _others_hold(connection: apsw.Connection, run: str, cap: Cap, day: str, seen_from: Owner, now: float) -> bool:
    """Whether another run that is at work holds what it has not used of an account."""
    rows = connection.execute(
        "SELECT owner, expires_at FROM tranches JOIN streams ON streams.run = tranches.run AND stream = ?"
        f" WHERE tranches.run <> ? AND {cap.whose} = ? AND tranches.day >= ? AND tranches.day <= ?"
        " AND leased > settled",
        (RUN_STREAM, run, escaped(cap.name), period_of(day, cap.period), day),
    )
    return any(not is_free(Owner.parse(owner), expires_at, seen_from, now) for owner, expires_at in rows)


def _warnings(connection: apsw.Connection, want: Want) -> list[Warned]:
    """The caps whose share is taken from now on; each is told once, whichever run comes to it."""
    found = []
    for cap in want.caps:
        if cap.warn_at is None or not cap.nano:
            continue
        used = _charged(connection, cap, want.day)
        if used < cap.nano * cap.warn_at:
            continue
        connection.execute(
            "UPDATE accounts SET warned = 1 WHERE whose = ? AND name = ? AND period = ? AND warned = 0",
            (cap.whose, escaped(cap.name), period_of(want.day, cap.period)),
        )
        if connection.changes():
            found.append(Warned(cap, used))
    return found
