"""What a sandbox costs: a command that does nothing in one, beside the same command without."""

import asyncio
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from agentflow.plan.sandbox_plan import SandboxPlan
from agentflow.tools.command import Command, run_command
from agentflow.tools.sandbox.choice import candidates
from agentflow.tools.sandbox.port import Bounds, Confinement, Sandbox
from benchmarks.figure import Figure

NAMES = ("sandbox-start", "sandbox-whole-project")
BESIDE = {
    "sandbox-start": "a command in the sandbox that does nothing, beside the same without",
    "sandbox-whole-project": "the same with `write: [.]`, where what is missing is kept from being made",
}
_GRANTS = {"sandbox-start": ("out",), "sandbox-whole-project": (".",)}
_STARTS = 20


def figures(rounds: int, only: set[str]) -> Iterator[Figure]:
    """All of them, or those named; none where this machine has no sandbox."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder).resolve()
        sandbox = next(candidates(project), None)
        for name, write in _GRANTS.items():
            if sandbox is not None and (not only or name in only):
                yield asyncio.run(
                    _figure(name, sandbox, Bounds(project, SandboxPlan(write=write), (), project), rounds)
                )


async def _figure(name: str, sandbox: Sandbox, bounds: Bounds, rounds: int) -> Figure:
    plain = Command(("true",), b"", {}, bounds.root, 60.0, 1 << 10)
    held = Command(("true",), b"", {}, bounds.root, 60.0, 1 << 10, Confinement(sandbox, bounds))
    pairs = [(await _seconds(held), await _seconds(plain)) for _ in range(rounds + 1)][1:]
    inside, outside = (sorted(side)[rounds // 2] for side in zip(*pairs, strict=True))
    return Figure(name, "s", inside, outside, tuple(one / other for one, other in pairs))


async def _seconds(command: Command) -> float:
    """Of one start, in the mean of several."""
    began = time.perf_counter()
    for _ in range(_STARTS):
        result = await run_command(command)
        assert result.exit_code == 0, result.stderr
    return (time.perf_counter() - began) / _STARTS
