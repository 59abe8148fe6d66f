"""What must hold for any bytes: an answer, the same one twice, places inside the text, a bounded number of steps."""

import cProfile
import re
import time
from dataclasses import dataclass, field
from pathlib import Path

from agentflow import api
from agentflow.report.diagnostics import DiagnosticWriter
from agentflow.report.style import Paint
from agentflow.source.codes import CODES
from agentflow.source.diagnostics import MOST_TOLD, Diagnostic, Severity
from tests.fuzz.inputs import ROOT

PATH = ROOT / "tests" / "examples" / "valid" / "fuzzed.yaml"
"""Where the bytes stand for a file: beside the examples, whose prompts and schemas they may name."""

FIXED_STEPS, STEPS_PER_BYTE = 200_000, 300
"""Calls that one check may make. The examples take some 20 a byte; what comes near this grows faster than its input."""

_BREAK = re.compile("\r\n|\n|\r")


@dataclass(slots=True)
class Figures:
    """What was tried so far; `slowest` in ms of the processor."""

    inputs: int = 0
    valid: int = 0
    codes: set[str] = field(default_factory=set)
    slowest: float = 0.0
    slowest_input: bytes = b""
    most_steps_per_byte: float = 0.0


class Broken(AssertionError):  # noqa: N818  # what a test raises
    """Something does not hold for an input."""


def judge(source: bytes, figures: Figures) -> None:
    """Checks one input and counts it. Raises Broken, or whatever the check raised."""
    began = time.process_time()
    checked = api.check(PATH, source)
    took = (time.process_time() - began) * 1000
    again, steps = _counted(source)
    figures.inputs += 1
    figures.valid += checked.ok
    figures.codes |= {found.code for found in checked.diagnostics}
    figures.most_steps_per_byte = max(figures.most_steps_per_byte, steps / max(len(source), 1_000))
    if took > figures.slowest:
        figures.slowest, figures.slowest_input = took, source
    if again.diagnostics != checked.diagnostics or again.ok != checked.ok:
        raise Broken("the same bytes gave another answer")
    if steps > FIXED_STEPS + STEPS_PER_BYTE * len(source):
        raise Broken(f"{steps:,} steps for {len(source):,} bytes")
    if checked.ok == any(found.severity is Severity.ERROR for found in checked.diagnostics):
        raise Broken("a plan and errors, or neither")
    # One file's, and those of the few files that the examples name.
    if len(checked.diagnostics) > 6 * MOST_TOLD:
        raise Broken(f"{len(checked.diagnostics)} diagnostics")
    _judge_places(checked)


def _counted(source: bytes) -> tuple[api.Checked, int]:
    profile = cProfile.Profile()
    profile.enable()
    try:
        checked = api.check(PATH, source)
    finally:
        profile.disable()
    return checked, sum(entry.callcount for entry in profile.getstats())


def _judge_places(checked: api.Checked) -> None:
    writer = DiagnosticWriter(checked.texts, Paint(False))
    lines = {path: _BREAK.split(text.removeprefix("\ufeff")) for path, text in checked.texts.items()}
    for found in checked.diagnostics:
        if found.code not in CODES:
            raise Broken(f"{found.code} is no code")
        if len(found.message) > 3_000 or not writer.render(found).strip():
            raise Broken(f"a message of {len(found.message)} characters")
        own = lines.get(found.place.path)
        if own is None and not Path(found.place.path).is_file():
            raise Broken(f"{found.place.path} is no file")
        if own is not None and not _is_inside(found, own):
            raise Broken(f"{found.place} is outside the text")


def _is_inside(found: Diagnostic, lines: list[str]) -> bool:
    place = found.place
    if not 1 <= place.line <= len(lines):
        return False
    end = max(len(lines[place.line - 1]), 1)
    return place.column >= 1 and place.width >= 1 and place.column - 1 + place.width <= end
