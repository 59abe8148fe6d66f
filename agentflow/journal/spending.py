"""What models have cost: kept by run, day, agent, model, user and tenant as calls end, and read by any of them."""

from collections.abc import Mapping

import apsw

from agentflow.events.values import Usage
from agentflow.guard.money import NANO, nano
from agentflow.journal.port import WAYS, By, Spending
from agentflow.journal.rows import escaped, unescaped

DAYS_KEPT = 400
"""What was spent stays longer than the run that spent it: a year, and the month that is not over."""


def add(connection: apsw.Connection, run: str, stream: str, cost_usd: float, usage: Usage) -> None:
    """Adds what a stream's last call came to."""
    connection.execute(
        "INSERT INTO spending SELECT ?1, streams.day, agent, model, user, tenant, ?3, 1, ?4, ?5"
        " FROM streams JOIN runs USING (run) WHERE streams.run = ?1 AND stream = ?2"
        " ON CONFLICT (run, day, agent, model) DO UPDATE SET cost = cost + excluded.cost, calls = calls + 1,"
        " input_tokens = input_tokens + excluded.input_tokens, output_tokens = output_tokens + excluded.output_tokens",
        (run, stream, nano(cost_usd), usage.input_total, usage.output_tokens),
    )


def add_lost(connection: apsw.Connection, run: str, day: str, amount: int) -> None:
    """Adds money of a run (in nano-dollars) that a loss of power left unaccounted: no agent's and no model's."""
    connection.execute(
        "INSERT INTO spending SELECT run, ?2, '', '', user, tenant, ?3, 0, 0, 0 FROM runs WHERE run = ?1"
        " ON CONFLICT (run, day, agent, model) DO UPDATE SET cost = cost + excluded.cost",
        (run, day, amount),
    )


def read(
    connection: apsw.Connection,
    by: tuple[By, ...],
    *,
    since: str = "",
    until: str = "9999",
    only: Mapping[By, str] | None = None,
) -> list[Spending]:
    """What was spent, the dearest first.

    Parameters:
        by: what to tell apart; none: one sum of all.
        since, until: the first and the last day, as `2026-11-21`.
        only: what else to keep to, as `{"tenant": "acme"}`.
    """
    columns = [way for way in WAYS if way in by]
    kept = [(way, name) for way, name in (only or {}).items() if way in WAYS]
    where = "".join(f" AND {way} = ?" for way, _ in kept)
    named = "".join(f"{way}, " for way in columns)
    grouped = f" GROUP BY {', '.join(columns)}" if columns else ""
    rows = connection.execute(
        f"SELECT {named}sum(cost), sum(calls), sum(input_tokens), sum(output_tokens) FROM spending"
        f" WHERE day >= ? AND day <= ?{where}{grouped} ORDER BY sum(cost) DESC, 1",
        (since, until, *(escaped(name) for _, name in kept)),
    )
    found = []
    for row in rows:
        names, (cost, calls, sent, received) = row[: len(columns)], row[len(columns) :]
        if calls is not None:
            of: dict[str, str] = {way: unescaped(name) for way, name in zip(columns, names, strict=True)}
            found.append(Spending(of, cost / NANO, calls, sent, received))
    return found
