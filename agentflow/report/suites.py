"""What became of tests, for people and for programs."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from msgspec import Struct

from agentflow.models.difference import difference
from agentflow.report.diagnostics import as_json
from agentflow.report.inert import inert, inert_line
from agentflow.report.style import Paint, count
from agentflow.simulation.expectations import Mismatch
from agentflow.simulation.suite import CaseResult, Suite
from agentflow.source.diagnostics import Place

JSON = Any

_VALUE_COLUMNS = 300


class SuiteResult(Struct, frozen=True):
    """A file of tests, and how those of its tests that were run went."""

    suite: Suite
    cases: tuple[CaseResult, ...]


def suite_text(result: SuiteResult, paint: Paint) -> str:
    """The tests of a file, a line each, and under each what went otherwise than expected."""
    rows = [paint(inert_line(result.suite.path), "bold")]
    for case in result.cases:
        mark = paint("✓", "green") if case.passed else paint("✗", "red")
        rows.append(f"  {mark} {inert_line(case.name)}")
        rows += [f"      {row}" for row in failure_rows(case)]
    return "\n".join(rows)


def failure_rows(case: CaseResult) -> Iterator[str]:
    """What went otherwise than expected, each with its place, what was expected and what was found."""
    if case.error is not None:
        yield f"{_at(case.place)}: it cannot be run:"
        yield from (f"  {row}" for row in inert(case.error).splitlines())
    for place, mismatch in case.mismatches:
        yield f"{_at(place)}: {inert_line(mismatch.what)}"
        yield from (f"  {row}" for row in _compared(mismatch))


def _compared(mismatch: Mismatch) -> Iterator[str]:
    expected, found = mismatch.expected, mismatch.found
    shown = _shown(expected), _shown(found)
    if max(map(len, shown)) < _VALUE_COLUMNS:
        yield f"expected: {shown[0]}"
        yield f"found:    {shown[1]}"
    else:
        yield from inert(difference(expected, found, "expected", "found")).splitlines()


def _shown(value: JSON) -> str:
    # One line, whatever is in it; long ones are told by their difference.
    return inert(value if isinstance(value, str) and "\n" not in value else json.dumps(value, ensure_ascii=False))


def _at(place: Place) -> str:
    return f"{inert_line(place.path)}:{place.line}:{place.column}"


def totals_text(results: Iterable[SuiteResult]) -> str:
    """How many tests passed and failed, and how many files have errors."""
    every = list(results)
    cases = [case for result in every for case in result.cases]
    failed = sum(not case.passed for case in cases)
    broken = sum(not result.suite.ok for result in every)
    parts = [f"{len(cases) - failed} passed", *([f"{failed} failed"] if failed else [])]
    if broken:
        parts.append(f"{count(broken, 'file')} with errors")
    return f"{count(len(cases), 'test')}: {', '.join(parts)}"


def suites_json(results: Sequence[SuiteResult]) -> dict[str, JSON]:
    """Tests as JSON data. Fields may be added, and none is taken away or changes its meaning."""
    return {
        "type": "tests",
        "files": [
            {
                "path": result.suite.path,
                "diagnostics": [as_json(diagnostic) for diagnostic in result.suite.diagnostics],
                "tests": [_case_json(case) for case in result.cases],
            }
            for result in results
        ],
    }


def _case_json(case: CaseResult) -> dict[str, JSON]:
    return {
        "name": case.name,
        "line": case.place.line,
        "passed": case.passed,
        "error": case.error,
        "seconds": round(case.seconds, 6),
        "mismatches": [
            {
                "line": place.line,
                "column": place.column,
                "what": mismatch.what,
                "expected": mismatch.expected,
                "found": mismatch.found,
            }
            for place, mismatch in case.mismatches
        ],
    }
