"""`python -m tests.oracle`: runs the commands and prints the figures; exit code 1 if anything was missed."""

import argparse
import collections
import concurrent.futures
import contextlib
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

from tests.oracle.grammar import MADE, TOPICS, Case, cases
from tests.oracle.judge import Verdict, judge
from tests.oracle.scene import why_not
from tests.oracle.tracer import Tracer

COUNT = 10_000
COLLECTED = "collected"
"""The topic of commands that come from a file."""


def main() -> int:
    """Goes through the commands, and tells what came of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.oracle", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=COUNT, help=f"commands; default: {COUNT:,}")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="commands at once; default: one a core")
    parser.add_argument("--only", choices=[*TOPICS, *MADE], help="commands of this topic alone")
    parser.add_argument("--command", help="this one command alone, told in full")
    parser.add_argument("--from", dest="file", type=Path, help="commands of this file instead: a JSON string a line")
    parser.add_argument("--misses", type=Path, help="each miss goes to this file, as it is found")
    parser.add_argument("--undecidable", type=Path, help="each undecidable command goes to this file, with the reason")
    options = parser.parse_args()
    if reason := why_not():
        print(f"commands cannot be traced here: {reason}", file=sys.stderr)
        return 2
    if options.command is not None:
        return _tell(options.command)
    began = time.perf_counter()
    chosen = _collected(options.file) if options.file else cases(options.seed, options.count, options.only)
    with contextlib.ExitStack() as files:
        misses, undecidable = (_opened(path, files) for path in (options.misses, options.undecidable))
        verdicts = go_through(chosen, options.jobs, told=lambda verdict: _progress(verdict, misses, undecidable))
    print(table(verdicts, time.perf_counter() - began))
    wrong = [verdict for verdict in verdicts if verdict.misses]
    for verdict in wrong[:20]:
        print(f"{verdict.case.topic}: {verdict.case.text!r}: {verdict.misses}", file=sys.stderr)
    return 1 if wrong else 0


def _collected(file: Path) -> Iterator[Case]:
    for line in file.read_text(encoding="utf-8").splitlines():
        yield Case(json.loads(line), COLLECTED)


def go_through(
    commands: Iterable[Case], jobs: int = 1, told: Callable[[Verdict], None] = lambda _verdict: None
) -> list[Verdict]:
    """Runs each command in a sandbox of its own and judges it; `told` hears of each.

    Parameters:
        jobs: how many run at once.
    """
    waiting, turn = enumerate(commands), threading.Lock()
    verdicts: dict[int, Verdict] = {}

    def work() -> None:
        with Tracer() as tracer:
            while True:
                with turn:
                    at, case = next(waiting, (-1, None))
                if case is None:
                    return
                verdict = judge(case, tracer.run(case.text))
                with turn:
                    verdicts[at] = verdict
                    told(verdict)

    with concurrent.futures.ThreadPoolExecutor(jobs) as threads:
        for worker in [threads.submit(work) for _ in range(jobs)]:
            worker.result()
    return [verdicts[at] for at in sorted(verdicts)]


def table(verdicts: Sequence[Verdict], seconds: float) -> str:
    """The figures, a line for each topic."""
    heads = (
        "topic",
        "commands",
        "decided",
        "undecidable",
        "executed",
        "traced",
        "writes",
        "by design",
        "unread",
        "late",
        "misses",
    )
    rows = [heads]
    for topic in (*TOPICS, *MADE, COLLECTED):
        found = [verdict for verdict in verdicts if verdict.case.topic == topic]
        if found:
            rows.append((topic, *_figures(found)))
    rows.append(("all", *_figures(verdicts)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join([f"{len(verdicts)} commands, {seconds:.0f} s", *lines])


def _figures(verdicts: Sequence[Verdict]) -> tuple[str, ...]:
    decided = [verdict for verdict in verdicts if verdict.undecidable is None]
    counts = (
        len(verdicts),
        len(decided),
        len(verdicts) - len(decided),
        sum(verdict.ran for verdict in decided),
        sum(verdict.traced for verdict in decided),
        sum(verdict.wrote for verdict in decided),
        sum(len(verdict.by_design) for verdict in verdicts),
        sum(verdict.unread for verdict in decided),
        sum(verdict.late for verdict in verdicts),
        sum(bool(verdict.misses) for verdict in verdicts),
    )
    return tuple(map(str, counts))


_seen: collections.Counter[str] = collections.Counter()


def _progress(verdict: Verdict, misses: TextIO | None, undecidable: TextIO | None) -> None:
    _seen.update(commands=1, misses=bool(verdict.misses))
    if _seen["commands"] % 1000 == 0:
        print(f"{_seen['commands']} commands, {_seen['misses']} with misses", file=sys.stderr, flush=True)
    for file, lines in ((misses, verdict.misses), (undecidable, [verdict.undecidable] if verdict.undecidable else [])):
        if file is not None and lines:
            print(f"{verdict.case.topic}: {verdict.case.text!r}", *lines, sep="\n    ", file=file, flush=True)


def _opened(path: Path | None, files: contextlib.ExitStack) -> TextIO | None:
    return files.enter_context(path.open("w", encoding="utf-8", errors="surrogateescape")) if path else None


def _tell(command: str) -> int:
    with Tracer() as tracer:
        observed = tracer.run(command)
    verdict = judge(Case(command, "mixed"), observed)
    for image in observed.ran:
        print(f"ran {image.path} {image.argv}")
    for write in observed.wrote:
        print(f"wrote {write.path}")
    print(f"traced {observed.traced!r}\nundecidable: {verdict.undecidable}")
    for miss in verdict.misses:
        print(f"miss: {miss}")
    return 1 if verdict.misses else 0


if __name__ == "__main__":
    sys.exit(main())
