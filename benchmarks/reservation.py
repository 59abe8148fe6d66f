"""What a reservation costs per call: a run under caps of its user and its tenant, beside one without a policy.

The model answers at once, so that what is left is what agentflow itself does: with caps, a tranche from the journal now
and then, and the day's account beside the run's at every call.
"""

import asyncio
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import apsw

from agentflow import api
from agentflow.events.values import Timings, Usage
from agentflow.guard.money import day_of, nano
from agentflow.journal.sqlite import open_journal
from agentflow.models.port import Reply, Request
from agentflow.plan.callers import Charge
from benchmarks.figure import Figure

NAMES = ("reservation", "reservation-near")
BESIDE = {
    "reservation": "a call of a run under four caps, of its user and tenant by day and month, beside one without",
    "reservation-near": "the same where less than a quarter of a cap is left, and every call asks the journal",
}
CALLS = 400

FILE = """\
agentflow: 1
name: bench
limits: {cost_usd: 100, turns: 100000}
steps:
  work:
    agent: {tools: [TodoWrite], max_tokens: 1024, stop: {turns: 100000, tool_calls: 100000, repeated_calls: 100000}}
    prompt: Go on.
"""
POLICY = """\
agentflow: 1
tenants: {{acme: {{cost_usd: {{per_day: {cap}, per_month: 100000}}}}}}
users: {{ada: {{tenant: acme, cost_usd: {{per_day: 50000, per_month: 100000}}}}}}
"""


class AtOnce:
    """Answers at once, with another list of one task each time, until it is through."""

    async def reply(self, request: Request, on_text: Callable[[str], None] | None = None) -> Reply:
        usage, timings = Usage(100, 10), Timings(0.0, 0.0, 0.0)
        if request.turn > CALLS:
            return Reply(({"type": "text", "text": "done"},), "end_turn", None, request.model, usage, None, timings)
        task = {"content": str(request.turn), "status": "pending", "activeForm": "Going on"}
        call = {"type": "tool_use", "id": f"toolu_{request.turn}", "name": "TodoWrite", "input": {"todos": [task]}}
        return Reply((call,), "tool_use", None, request.model, usage, None, timings)

    async def close(self) -> None:
        return None


def figures(rounds: int, only: set[str]) -> Iterator[Figure]:
    """All of them, or those named."""
    for name, cap, spent in (("reservation", 50_000.0, 0.0), ("reservation-near", 4.0, 3.2)):
        if not only or name in only:
            yield _figure(name, cap, spent, min(rounds, 3))


def _figure(name: str, cap: float, spent: float, rounds: int) -> Figure:
    pairs = [(_milliseconds(cap, spent), _milliseconds(None, 0.0)) for _ in range(rounds + 1)][1:]
    ours, plain = (sorted(side)[len(side) // 2] for side in zip(*pairs, strict=True))
    return Figure(name, "ms", ours, plain, tuple(capped / free for capped, free in pairs), aim=1.1)


def _spend(folder: Path, usd: float) -> None:
    """Has so much been spent of the tenant's day, by runs of before."""
    open_journal(folder / api.JOURNAL).close()
    with closing(apsw.Connection(str(folder / api.JOURNAL))) as connection:
        day = day_of(time.time())
        connection.execute(
            "INSERT INTO spending VALUES ('old', ?, '', '', 'bob', 'acme', ?, 1, 0, 0)", (day, nano(usd))
        )


def _milliseconds(cap: float | None, spent: float) -> float:
    """Of one call; the run itself begins and ends once in so many of them."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch).resolve()
        (folder / ".git").mkdir()
        (folder / "bench.yaml").write_text(FILE)
        if cap is not None:
            (folder / "policy.yaml").write_text(POLICY.format(cap=cap))
            _spend(folder, spent)
        began = time.perf_counter()
        options = api.RunOptions(model=AtOnce(), charge=Charge("ada"))
        result = asyncio.run(api.run(folder / "bench.yaml", {}, options))
        took = time.perf_counter() - began
        if result.status != "done":
            raise RuntimeError(f"the benchmark's run ended otherwise: {result}")
        return took / CALLS * 1000
