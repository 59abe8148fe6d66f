"""`python -m tests.faults`: prints the figures; exit code 1 if one of them is not what it must be."""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.faults.judge import Verdict, judge
from tests.faults.points import KINDS, points
from tests.faults.scene import Script, counted, stage_in
from tests.messages_api import MessagesAPI

AT_ONCE = 24
BATCH = 600
IMPATIENCE_SECONDS = 1.0


def main() -> int:
    """Goes through the points, and tells what came of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--step", type=int, default=1, help="every so manieth byte; default: every byte")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS), help="ways to break a stream")
    options = parser.parse_args()
    _own_environment()
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="agentflow-faults-") as scratch:
        verdicts, length = asyncio.run(go_through(Path(scratch).resolve(), options.kinds, options.step, told=_progress))
    print(table(verdicts, length, time.perf_counter() - began))
    wrong = [verdict for verdict in verdicts if verdict.is_wrong]
    for verdict in wrong[:20]:
        print(f"{verdict.point}: {[*verdict.wrong, *verdict.lost, *verdict.money]}", file=sys.stderr)
    return 1 if wrong else 0


def _progress(kind: str, verdicts: list[Verdict]) -> None:
    wrong = sum(verdict.is_wrong for verdict in verdicts)
    print(f"{kind}: {len(verdicts)} runs, {wrong} wrong", file=sys.stderr, flush=True)


async def go_through(
    scratch: Path,
    kinds: list[str],
    step: int,
    impatience: float = IMPATIENCE_SECONDS,
    told: Callable[[str, list[Verdict]], None] = lambda _kind, _verdicts: None,
) -> tuple[list[Verdict], int]:
    """Runs the points of these kinds; returns a verdict of each, and how many bytes the reply has.

    Parameters:
        told: hears of each kind when all of its points were run.
    """
    script, verdicts = Script(), []
    async with MessagesAPI(script) as api:
        stage = await stage_in(scratch, api, script, impatience)
        try:
            with counted(stage):
                reply = await stage.measure()
                for kind in kinds:
                    every = list(points([kind], len(reply), step))
                    for start in range(0, len(every), BATCH):
                        api.requests.clear()
                        verdicts += [judge(ran) for ran in await stage.run_all(every[start : start + BATCH], AT_ONCE)]
                    told(kind, [verdict for verdict in verdicts if verdict.point.startswith(f"{kind:.<8}")])
        finally:
            await stage.model.close()
            await stage.impatient.close()
            stage.journal.close()
        refused = [f"{request.error}" for request in api.refused]
        assert refused == [], refused[:3]
    return verdicts, len(reply)


def table(verdicts: Sequence[Verdict], length: int, seconds: float) -> str:
    """The figures, a line for each kind."""
    heads = (
        "kind",
        "runs",
        "wrong executions",
        "lost turns",
        "money off",
        "replies broken",
        "altered",
        "told as failed",
    )
    rows = [heads]
    for kind in KINDS:
        found = [verdict for verdict in verdicts if verdict.point.startswith(f"{kind:.<8}")]
        if found:
            rows.append((kind, *_figures(found)))
    rows.append(("all", *_figures(verdicts)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join([f"a reply of {length} bytes, {len(verdicts)} runs, {seconds:.0f} s", *lines])


def _figures(verdicts: Sequence[Verdict]) -> tuple[str, ...]:
    counts = (
        len(verdicts),
        sum(len(verdict.wrong) for verdict in verdicts),
        sum(len(verdict.lost) for verdict in verdicts),
        sum(len(verdict.money) for verdict in verdicts),
        sum(verdict.broken for verdict in verdicts),
        sum(verdict.altered for verdict in verdicts),
        sum(verdict.failed is not None for verdict in verdicts),
    )
    return tuple(map(str, counts))


def _own_environment() -> None:
    for name in [name for name in os.environ if name.startswith("ANTHROPIC_")]:
        del os.environ[name]
    os.environ["ANTHROPIC_API_KEY"] = "made-up-key"


if __name__ == "__main__":
    sys.exit(main())
