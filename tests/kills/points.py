"""Where a run is to be killed, and what one such run comes to."""

import json
import os
import random
import shutil
import signal
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from tests.kills.boundaries import Crossing, Kill, Phase
from tests.kills.child import Folder, in_child
from tests.kills.judge import Verdict, evidence_in, judge

PROJECT = Path(__file__).with_name("project")
HANGS = 60.0
"""Seconds after which a process that neither ends nor dies is given up."""

LAUNCHES = 6
_POLL = 0.003

Name = Literal["before", "inside", "landed", "after", "effect", "anywhere"]
PHASES: tuple[Name, ...] = ("before", "inside", "landed", "after", "effect", "anywhere")
_LANDING: tuple[Phase, ...] = ("before", "inside", "landed", "after")
_OTHER: tuple[Phase, ...] = ("before", "inside", "after")


@dataclass(frozen=True, slots=True)
class Point:
    """Where the processes of one run die.

    Attributes:
        kill: at a write of the journal.
        second: at a write of the journal by the process that resumes.
        cut: in an effect: `before save` or `after save`.
        seconds: from the outside, so long after the start.
    """

    phase: Name
    kill: Kill | None = None
    second: Kill | None = None
    cut: str | None = None
    seconds: float | None = None

    def __str__(self) -> str:
        if self.cut is not None:
            return f"{self.cut}, in the effect"
        if self.seconds is not None:
            return f"after {self.seconds:.3f} s"
        assert self.kill is not None
        again = "" if self.second is None else f", then {self.second.phase} write {self.second.number}"
        return f"{self.phase} write {self.kill.number} (piece {self.kill.piece}){again}"


@dataclass(frozen=True, slots=True)
class Reference:
    """An undisturbed run: its writes, the labels of its effects, its outputs, and how long it took."""

    crossings: tuple[Crossing, ...]
    effects: tuple[str, ...]
    outputs: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run at a point came to.

    Attributes:
        kills: how often it was killed.
        verdict: None where there is nothing to judge; `problem` then says why.
    """

    point: Point
    folder: str
    kills: int
    verdict: Verdict | None
    problem: str | None = None

    def is_wrong(self, reference: Reference) -> bool:
        """Whether anything is not as it must be."""
        found = self.verdict
        if found is None:
            return True
        wrong = found.lost or found.repeated or found.vanished or found.problems
        return bool(wrong) or found.outputs != reference.outputs


def all_points(reference: Reference, chance: random.Random) -> list[Point]:
    """Each phase of each write, both sides of each effect, and as many moments as there are writes."""
    points = []
    for number, crossing in enumerate(reference.crossings, 1):
        for phase in _LANDING if crossing.lands else _OTHER:
            piece = chance.randint(1, max(1, crossing.pieces))
            again = Kill(chance.randint(2, 12), chance.choice(_LANDING), 2) if chance.random() < 0.25 else None
            points.append(Point(phase, Kill(number, phase, piece), again))
    points += [Point("effect", cut=f"{side} {label}") for label in reference.effects for side in ("before", "after")]
    points += [Point("anywhere", seconds=chance.uniform(0, reference.seconds)) for _ in reference.crossings]
    return points


def measure(root: Path, base_url: str) -> Reference:
    """Runs the workflow twice without a kill, the second time without pauses, which is what is timed.

    Raises:
        RuntimeError: that goes wrong, or gives two results.
    """
    found = []
    for asks in (False, True):
        folder = _prepared(root / ("asked" if asks else "paused"))
        began = time.perf_counter()
        status = _wait(in_child(folder, 1, None, asks=asks, base_url=base_url), None)
        seconds = time.perf_counter() - began
        if status != 0:
            raise RuntimeError(f"an undisturbed run ended with {status}:\n{folder.log.read_text()}")
        evidence = evidence_in(folder)
        verdict = judge(evidence, evidence.effects)
        if verdict.outputs is None or verdict.lost or verdict.repeated or verdict.unknown or verdict.problems:
            raise RuntimeError(f"an undisturbed run is judged so: {verdict}")
        crossings = tuple(Crossing(**crossing) for crossing in json.loads(folder.crossings.read_text()))
        found.append(Reference(crossings, tuple(sorted(evidence.effects)), verdict.outputs, seconds))
    paused, asked = found
    if (paused.effects, paused.outputs) != (asked.effects, asked.outputs):
        raise RuntimeError(f"two undisturbed runs differ: {paused}, {asked}")
    return replace(paused, seconds=asked.seconds)


def run_point(point: Point, root: Path, base_url: str, expected: Sequence[str]) -> Outcome:
    """Runs the workflow, kills it where the point says, resumes it until it ends, and judges it."""
    folder = _prepared(root)
    if point.cut is not None:
        folder.cut.write_text(point.cut)
    kills = 0
    for launch in range(1, LAUNCHES + 1):
        kill = {1: point.kill, 2: point.second}.get(launch)
        asks = point.phase == "anywhere"
        child = in_child(folder, launch, kill, asks=asks, base_url=base_url)
        status = _wait(child, point.seconds if launch == 1 else None)
        if status == -signal.SIGKILL:
            kills += 1
            continue
        if status != 0:
            return Outcome(
                point, root.name, kills, None, f"process {launch} ended with {status}: {_last_words(folder)}"
            )
        try:
            return Outcome(point, root.name, kills, judge(evidence_in(folder), expected))
        except Exception:
            return Outcome(point, root.name, kills, None, traceback.format_exc())
    return Outcome(point, root.name, kills, None, f"the run has not ended after {LAUNCHES} processes")


def _last_words(folder: Folder) -> str:
    lines = folder.log.read_text(errors="replace").split("\n")
    return next((line for line in reversed(lines) if line.strip()), "it said nothing")


def _prepared(root: Path) -> Folder:
    folder = Folder(root)
    root.mkdir(parents=True)
    shutil.copytree(PROJECT, folder.project)
    return folder


def _wait(child: int, seconds: float | None) -> int:
    """Waits for a process, and kills it after so many seconds; returns its exit code, a signal's negative."""
    began = time.perf_counter()
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        passed = time.perf_counter() - began
        if passed > HANGS:
            os.kill(child, signal.SIGABRT)
        elif seconds is not None and passed >= seconds:
            os.kill(child, signal.SIGKILL)
        time.sleep(_POLL)
