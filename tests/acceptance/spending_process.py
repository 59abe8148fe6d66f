"""A process that runs a workflow for several users at once: `python -m tests.acceptance.spending_process FOLDER WHO…`.

Each WHO is `user:number`; the runs of a folder that crashed are taken up first. It prints one JSON line per run.
"""

import asyncio
import json
import os
import random
import sys
from collections.abc import Callable
from pathlib import Path

from agentflow import api
from agentflow.errors import LeaseHeldError
from agentflow.events.values import Timings, Usage
from agentflow.models.port import Reply, Request
from agentflow.plan.callers import Charge

WORKFLOW = """
agentflow: 1
name: spending
limits: {cost_usd: 1.00, parallel: 4, turns: 1000}
agents:
  worker: {instructions: Work., max_tokens: 2048, tools: [Glob], stop: {turns: 100, repeated_calls: 1000}}
inputs: {n: {type: integer}}
steps:
  all:
    for_each: "[1, 2, 3]"
    parallel: 3
    step: {agent: worker, prompt: "{{ item }}"}
"""


class Spender:
    """Answers after a while, at a price that nobody can foresee; a conversation of some turns."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._turns = 1 + seed % 5

    async def reply(self, request: Request, on_text: Callable[[str], None] | None = None) -> Reply:
        await asyncio.sleep(self._chance.uniform(0.0, 0.02))
        usage = Usage(self._chance.randint(100, 900), self._chance.randint(1, request.max_tokens))
        text = {"type": "text", "text": "x"}
        if request.turn < self._turns:
            call = {"type": "tool_use", "id": f"toolu_{request.turn}", "name": "Glob", "input": {"pattern": "*"}}
            return Reply((text, call), "tool_use", None, request.model, usage, None, Timings(0.0, 0.0, 0.0))
        return Reply((text,), "end_turn", None, request.model, usage, None, Timings(0.0, 0.0, 0.0))

    async def close(self) -> None:
        return None


async def _one(folder: Path, who: str) -> None:
    user, _, number = who.partition(":")
    options = api.RunOptions(model=Spender(int(number)), charge=Charge(user))
    _tell(await api.run(folder / "spending.yaml", {"n": int(number)}, options))


async def _again(folder: Path, run: str) -> None:
    seed = int.from_bytes(run[-4:].encode(), "big")
    options = api.RunOptions(model=Spender(seed), charge=Charge("ada"))
    try:
        _tell(await api.resume(run, options, project=folder))
    except LeaseHeldError:
        return


def _tell(result: api.RunResult) -> None:
    kind = None if result.failure is None else result.failure.kind
    why = None if result.failure is None else result.failure.message
    print(json.dumps({"run": result.run, "status": result.status, "kind": kind, "why": why}), flush=True)


async def main(folder: Path, wanted: list[str]) -> None:
    """Takes up what crashed, and runs the rest beside it."""
    crashed: list[str] = []
    if not wanted:
        journal = api.open_journal(folder)
        try:
            crashed = [one.run for one in journal.runs(1000) if one.status == "crashed"]
        finally:
            journal.close()
    work = [_again(folder, run) for run in crashed] + [_one(folder, who) for who in wanted]
    await asyncio.gather(*work)


if __name__ == "__main__":
    os.environ.pop("AGENTFLOW_POLICY", None)
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2:]))
