"""`python -m tests.oracle`: runs the commands and prints the figures; exit code 1 if anything was missed."""

import argparse
import collections
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from tests.oracle.grammar import MADE, TOPICS, Case, cases
from tests.oracle.judge import Verdict, judge
from tests.oracle.scene import why_not
from tests.oracle.tracer import Tracer

COUNT = 10_000


def main() -> int:
    """Goes through the commands, and tells what came of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.oracle", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=COUNT, help=f"commands; default: {COUNT:,}")
    parser.add_argument("--only", choices=[*TOPICS, *MADE], help="commands of this topic alone")
    parser.add_argument("--command", help="this one command alone, told in full")
    parser.add_argument("--misses", type=Path, help="each miss goes to this file, as it is found")
    parser.add_argument("--undecidable", type=Path, help="each undecidable command goes to this file, with the reason")
    options = parser.parse_args()
    if reason := why_not():
        print(f"commands cannot be traced here: {reason}", file=sys.stderr)
        return 2
    if options.command is not None:
        return _tell(options.command)
    began = time.perf_counter()
    verdicts = go_through(cases(options.seed, options.count, options.only), told=_progress)
    print(table(verdicts, time.perf_counter() - began))
    wrong = [verdict for verdict in verdicts if verdict.misses]
    _write(options.misses, ((verdict, verdict.misses) for verdict in wrong))
    _write(options.undecidable, ((verdict, [verdict.undecidable]) for verdict in verdicts if verdict.undecidable))
    for verdict in wrong[:20]:
        print(f"{verdict.case.topic}: {verdict.case.text!r}: {verdict.misses}", file=sys.stderr)
    return 1 if wrong else 0


def go_through(
    commands: Iterable[Case], told: Callable[[Verdict], None] = lambda _verdict: None
) -> list[Verdict]:
    """Runs each command in a sandbox of its own and judges it; `told` hears of each."""
    verdicts = []
    with Tracer() as tracer:
        for case in commands:
            verdict = judge(case, tracer.run(case.text))
            told(verdict)
            verdicts.append(verdict)
    return verdicts


def table(verdicts: Sequence[Verdict], seconds: float) -> str:
    """The figures, a line for each topic."""
    heads = ("topic", "commands", "decided", "undecidable", "executed", "traced", "writes", "by design", "late", "misses")
    rows = [heads]
    for topic in (*TOPICS, *MADE):
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
        sum(verdict.late for verdict in verdicts),
        sum(bool(verdict.misses) for verdict in verdicts),
    )
    return tuple(map(str, counts))


_seen: collections.Counter[str] = collections.Counter()


def _progress(verdict: Verdict) -> None:
    _seen.update(commands=1, misses=bool(verdict.misses))
    if _seen["commands"] % 1000 == 0:
        print(f"{_seen['commands']} commands, {_seen['misses']} with misses", file=sys.stderr, flush=True)


def _write(path: Path | None, found: Iterable[tuple[Verdict, Sequence[str | None]]]) -> None:
    if path is None:
        return
    with path.open("w", encoding="utf-8", errors="surrogateescape") as file:
        for verdict, lines in found:
            file.write(f"{verdict.case.topic}: {verdict.case.text!r}\n")
            file.writelines(f"    {line}\n" for line in lines)


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
