"""What models have cost, as a table and as data."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from agentflow.report.inert import inert_line
from agentflow.report.style import money, tokens
from agentflow.report.text import table

if TYPE_CHECKING:
    from agentflow.journal.port import Spending

JSON = Any

_NOBODY = "–"


def spend_table(found: Sequence["Spending"]) -> str:
    """A line for each, and their sum where there are several."""
    ways = tuple(found[0].of)
    rows = [(*(inert_line(one.of[way], 60) or _NOBODY for way in ways), *_figures([one])) for one in found]
    if len(found) > 1:
        rows.append(("in all", *("" for _ in ways[1:]), *_figures(found)))
    heads = (*(way.upper() for way in ways), "COST", "CALLS", "TOKENS IN", "TOKENS OUT")
    return table(heads, rows, frozenset(range(len(ways), len(heads))))


def spend_json(one: "Spending") -> dict[str, JSON]:
    """`{of: {day: …}, cost_usd, calls, input_tokens, output_tokens}`."""
    return {
        "of": dict(one.of),
        "cost_usd": one.cost_usd,
        "calls": one.calls,
        "input_tokens": one.input_tokens,
        "output_tokens": one.output_tokens,
    }


def _figures(rows: Sequence["Spending"]) -> tuple[str, ...]:
    return (
        money(sum(row.cost_usd for row in rows)),
        f"{sum(row.calls for row in rows):,}",
        tokens(sum(row.input_tokens for row in rows)),
        tokens(sum(row.output_tokens for row in rows)),
    )
