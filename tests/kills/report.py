"""The figures of many points, as a table."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.kills.points import PHASES, Outcome, Reference


@dataclass(frozen=True, slots=True)
class Figures:
    """What came of all points.

    Attributes:
        points: at which a process was killed, by phase; `unreached`: the run had ended before.
        kills: processes killed.
        failed: runs that did not end, or whose journal could not be read.
    """

    points: Mapping[str, int]
    unreached: int
    kills: int
    lost: int
    repeated: int
    vanished: int
    unknown: int
    told: int
    refused: int
    differ: int
    failed: int
    problems: int
    requests: int
    effects: int
    writes: int

    @property
    def wrong(self) -> bool:
        """Whether a figure is not what it must be."""
        never = (self.lost, self.repeated, self.vanished, self.refused, self.differ, self.failed, self.problems)
        return any(never) or not sum(self.points.values())


def figures_of(outcomes: Sequence[Outcome], reference: Reference, stats: Mapping[str, Any]) -> Figures:
    """The figures of all points. `stats`: of the Messages API."""
    verdicts = [outcome.verdict for outcome in outcomes if outcome.verdict is not None]
    return Figures(
        points=Counter(outcome.point.phase for outcome in outcomes if outcome.kills),
        unreached=sum(not outcome.kills for outcome in outcomes),
        kills=sum(outcome.kills for outcome in outcomes),
        lost=sum(verdict.lost for verdict in verdicts),
        repeated=sum(len(verdict.repeated) for verdict in verdicts),
        vanished=sum(len(verdict.vanished) for verdict in verdicts),
        unknown=sum(verdict.unknown for verdict in verdicts),
        told=sum(verdict.told for verdict in verdicts),
        refused=stats["refused"],
        differ=sum(verdict.outputs != reference.outputs for verdict in verdicts),
        failed=len(outcomes) - len(verdicts),
        problems=sum(len(verdict.problems) for verdict in verdicts),
        requests=stats["requests"],
        effects=len(reference.effects),
        writes=len(reference.crossings),
    )


def table(figures: Figures, seconds: float) -> str:
    """The figures, one a line."""
    by_phase = ", ".join(f"{figures.points[phase]} {phase}" for phase in PHASES if figures.points[phase])
    rows = [
        ("writes of the journal in one run", figures.writes, ""),
        ("effects in one run", figures.effects, ""),
        ("points", sum(figures.points.values()), f"({by_phase})"),
        ("points after the run's end", figures.unreached, "(not counted)"),
        ("processes killed", figures.kills, ""),
        ("model requests", figures.requests, ""),
        ("effects told as unknown", figures.unknown, ""),
        ("effects repeated, as told to", figures.told, ""),
        ("effects repeated silently", figures.repeated, "must be 0"),
        ("effects missing, untold", figures.vanished, "must be 0"),
        ("acknowledged events lost", figures.lost, "must be 0"),
        ("requests refused by the API", figures.refused, "must be 0"),
        ("outputs that differ", figures.differ, "must be 0"),
        ("runs that did not end", figures.failed, "must be 0"),
        ("other faults", figures.problems, "must be 0"),
    ]
    lines = [f"{name:32} {count:7,}  {note}".rstrip() for name, count, note in rows]
    return "\n".join([*lines, f"{'seconds':32} {seconds:7.1f}"])


def told_of(outcome: Outcome, reference: Reference) -> Iterator[str]:
    """What went wrong at a point, a line each."""
    if not outcome.is_wrong(reference):
        return
    yield f"\n{outcome.folder}: killed {outcome.point}"
    verdict = outcome.verdict
    if verdict is None:
        yield f"  {outcome.problem}"
        return
    if verdict.lost:
        yield f"  {verdict.lost} acknowledged events lost"
    for label in verdict.repeated:
        yield f"  {label} happened again and nobody was told"
    for label in verdict.vanished:
        yield f"  {label} did not happen and nobody was told"
    if verdict.outputs != reference.outputs:
        yield f"  its outputs are {verdict.outputs}, not {reference.outputs}"
    for problem in verdict.problems:
        yield f"  {problem}"
