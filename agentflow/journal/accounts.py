"""What users and tenants may spend, shared by every process that uses the journal.

An account is a user's or tenant's day or month. It is charged with what runs hold of it, which is what they have used
and a little more: a tranche, so that not every call asks here. Each change is one transaction, so no race passes a cap.
A call counts on the day on which it went out, and so does the money that is held for it. Amounts are nano-dollars.
"""

from collections.abc import Iterable
from typing import Any

import apsw

from agentflow.guard.money import Period, Whose, nano, period_of
from agentflow.journal import spending
from agentflow.journal.rows import escaped

_PERIODS: tuple[Period, ...] = ("day", "month")


def give_back(connection: apsw.Connection, run: str, day: str, in_use: int) -> None:
    """Leaves a run what its calls of a day have used and may still use."""
    row: tuple[str, str] | None = connection.execute(
        "SELECT user, tenant FROM tranches WHERE run = ? AND day = ?", (run, day)
    ).get
    if row is not None:
        hold(connection, run, day, row[0], row[1], in_use, named=False)


def give_back_all(connection: apsw.Connection, run: str) -> None:
    """Leaves a run that nobody is at work on what it has used, and what calls that were cut off may have."""
    days: list[Any] = connection.execute("SELECT day, settled FROM tranches WHERE run = ?", (run,)).fetchall()
    for day, settled in days:
        rows = connection.execute(
            "SELECT reserved_usd FROM streams WHERE run = ? AND day = ? AND reserved_usd > 0", (run, day)
        )
        give_back(connection, run, day, settled + sum(nano(reserved) for (reserved,) in rows))


def settle(connection: apsw.Connection, run: str, stream: str, cost_usd: float) -> None:
    """Takes up what a stream's last call has cost: it was held, so accounts change only where it was more than that."""
    over: Any = connection.execute(
        "UPDATE tranches SET settled = settled + ?3"
        " WHERE run = ?1 AND day = (SELECT day FROM streams WHERE run = ?1 AND stream = ?2)"
        " RETURNING day, user, tenant, settled, settled > leased",
        (run, stream, nano(cost_usd)),
    ).get
    if over is not None and over[4]:
        hold(connection, run, over[0], over[1], over[2], over[3], named=False)


def write_off(connection: apsw.Connection, run: str, day: str, in_use: int) -> None:
    """Charges for good what a run holds of a day and no event accounts for: a loss of power took those with it."""
    leased: int | None = connection.execute("SELECT leased FROM tranches WHERE run = ? AND day = ?", (run, day)).get
    lost = (leased or 0) - in_use
    if lost > 0:
        connection.execute("UPDATE tranches SET settled = settled + ? WHERE run = ? AND day = ?", (lost, run, day))
        spending.add_lost(connection, run, day, lost)


def held(connection: apsw.Connection, run: str) -> dict[str, int]:
    """What a run holds, by day."""
    rows: list[Any] = connection.execute("SELECT day, leased FROM tranches WHERE run = ?", (run,)).fetchall()
    return dict(rows)


def charged(connection: apsw.Connection, whose: Whose, name: str, period: str) -> int:
    """What is charged to an account: what runs have used of it, and hold."""
    found: int | None = connection.execute(
        "SELECT charged FROM accounts WHERE whose = ? AND name = ? AND period = ?", (whose, escaped(name), period)
    ).get
    return found or 0


def accounts_of(user: str, tenant: str, day: str) -> list[tuple[Whose, str, str]]:
    """The accounts that a call of that day is charged to: whose, the name as tables have it, and the period."""
    names: list[tuple[Whose, str]] = [("user", user)]
    if tenant:
        names.append(("tenant", tenant))
    # All of them, capped or not: a cap that the policy gets in the middle of a month counts from its beginning.
    return [(whose, escaped(name), period_of(day, period)) for whose, name in names for period in _PERIODS]


def open_accounts(connection: apsw.Connection, accounts: Iterable[tuple[Whose, str, str]]) -> None:
    """Makes the accounts that are not there, charged with what was spent before there was a policy."""
    for whose, name, period in accounts:
        connection.execute(
            "INSERT INTO accounts (whose, name, period, charged)"
            f" SELECT ?1, ?2, ?3, coalesce((SELECT sum(cost) FROM spending WHERE {whose} = ?2"
            " AND day >= ?3 AND day <= ?3 || '~'), 0)"
            " WHERE NOT EXISTS (SELECT 1 FROM accounts WHERE whose = ?1 AND name = ?2 AND period = ?3)",
            (whose, name, period),
        )


def hold(
    connection: apsw.Connection, run: str, day: str, user: str, tenant: str, amount: int, *, named: bool = True
) -> None:
    """Sets what a run holds of a day, and charges the accounts with the difference.

    Parameters:
        named: user and tenant are as people write them; else as the tables have them.
    """
    whom = (escaped(user), escaped(tenant)) if named else (user, tenant)
    before: int | None = connection.execute("SELECT leased FROM tranches WHERE run = ? AND day = ?", (run, day)).get
    if before == amount:
        return
    connection.execute(
        "INSERT INTO tranches VALUES (?1, ?2, ?3, ?4, ?5, 0)"
        " ON CONFLICT (run, day) DO UPDATE SET leased = excluded.leased",
        (run, day, *whom, amount),
    )
    for whose, name in zip(("user", "tenant"), whom, strict=True):
        connection.execute(
            "UPDATE accounts SET charged = charged + ? WHERE whose = ? AND name = ? AND period IN (?, ?)",
            (amount - (before or 0), whose, name, day, day[:7]),
        )
