"""`python -m tests.kills`: prints the figures; exit code 1 if one of them is not what it must be."""

import argparse
import multiprocessing
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.kills.child import preload
from tests.kills.points import Outcome, Point, Reference, all_points, measure, run_point
from tests.kills.report import figures_of, table, told_of
from tests.messages_api import MessagesProcess

SCRIPT = Path(__file__).with_name("script.py")
LATENCY = "0.01"
"""Seconds that each reply takes, so that calls overlap."""


def main() -> int:
    """Goes through the points, and tells what came of it."""
    options = _arguments()
    preload()
    scratch = Path(tempfile.mkdtemp(prefix="agentflow-kills-"))
    wrong = True
    try:
        wrong = _kill_in(scratch, options)
    finally:
        if wrong and options.keep:
            print(f"\nWhat the runs left is in {scratch}: `log` is what their processes said.", file=sys.stderr)
            print("`requests.jsonl` holds the requests; look for `refused`.", file=sys.stderr)
        else:
            shutil.rmtree(scratch)
    return 1 if wrong else 0


def _kill_in(scratch: Path, options: argparse.Namespace) -> bool:
    """Runs all of it in a folder, and prints what came of it; returns whether anything is wrong."""
    began = time.perf_counter()
    how = ("--latency", LATENCY) if options.keep else ("--latency", LATENCY, "--no-record")
    with MessagesProcess(SCRIPT, log=scratch / "requests.jsonl", options=how) as api:
        reference = measure(scratch, api.base_url)
        points = _drawn(reference, options.points, random.Random(options.seed))
        outcomes = list(_run_all(points, scratch, api.base_url, reference, options.workers, keep=options.keep))
        stats = api.stats()
    figures = figures_of(outcomes, reference, stats)
    print(table(figures, time.perf_counter() - began))
    for outcome in outcomes:
        for line in told_of(outcome, reference):
            print(line, file=sys.stderr)
    return figures.wrong


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.kills", description=__doc__)
    parser.add_argument("--points", type=int, help="so many points, drawn from all; default: all of them")
    parser.add_argument("--seed", type=int, default=1, help="of what is drawn")
    parser.add_argument("--workers", type=int, default=min(2, os.cpu_count() or 1), help="runs at the same time")
    parser.add_argument("--keep", action="store_true", help="keep what runs that went wrong have left")
    return parser.parse_args()


def _drawn(reference: Reference, wanted: int | None, chance: random.Random) -> list[Point]:
    points = all_points(reference, chance)
    return points if wanted is None or wanted >= len(points) else chance.sample(points, wanted)


def _run_all(
    points: Sequence[Point], scratch: Path, base_url: str, reference: Reference, workers: int, *, keep: bool
) -> Iterator[Outcome]:
    """Runs the points in processes forked from this one, which has imported everything."""
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("fork")) as pool:
        running = [
            (folder, pool.submit(run_point, point, folder, base_url, reference.effects))
            for number, point in enumerate(points, 1)
            for folder in [scratch / f"{number:04d}"]
        ]
        for folder, future in running:
            outcome = future.result()
            if not (keep and outcome.is_wrong(reference)):
                shutil.rmtree(folder)
            yield outcome


if __name__ == "__main__":
    sys.exit(main())
