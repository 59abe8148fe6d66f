"""Tests as JUnit XML, as continuous integration reads it (https://github.com/testmoapp/junitxml)."""

import re
from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape, quoteattr

from agentflow.report.suites import SuiteResult, failure_rows

# What XML 1.0 has no way to write (2.2, Characters).
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_xml(results: Sequence[SuiteResult]) -> str:
    """A suite for each file and a case for each test; a file with errors is a case of its own, with an error."""
    rows = ['<?xml version="1.0" encoding="UTF-8"?>']
    suites = [list(_cases(result)) for result in results]
    rows.append(f"<testsuites{_counts([case for cases in suites for case in cases])}>")
    for result, cases in zip(results, suites, strict=True):
        seconds = sum(case.seconds for case in result.cases)
        rows.append(f'  <testsuite name={_attribute(result.suite.path)}{_counts(cases)} time="{seconds:.3f}">')
        rows += [row for case in cases for row in case]
        rows.append("  </testsuite>")
    return "\n".join([*rows, "</testsuites>"]) + "\n"


def _cases(result: SuiteResult) -> Iterator[list[str]]:
    suite = result.suite
    shared = f"classname={_attribute(suite.path)} file={_attribute(suite.path)}"
    if not suite.ok:
        text = "\n".join(
            f"{found.place.path}:{found.place.line}:{found.place.column}: {found.code}: {found.message}"
            for found in suite.diagnostics
        )
        yield [
            f'    <testcase name="the file can be used" {shared} time="0.000">',
            f'      <error message="the file has errors">{_text(text)}</error>',
            "    </testcase>",
        ]
    for case in result.cases:
        head = f'    <testcase name={_attribute(case.name)} {shared} line="{case.place.line}" time="{case.seconds:.3f}"'
        if case.passed:
            yield [f"{head}/>"]
            continue
        kind = "failure" if case.error is None else "error"
        first = case.mismatches[0][1].what if case.error is None else "it cannot be run"
        body = _text("\n".join(failure_rows(case)))
        yield [f"{head}>", f"      <{kind} message={_attribute(first)}>{body}</{kind}>", "    </testcase>"]


def _counts(cases: Sequence[list[str]]) -> str:
    counted = {kind: sum(any(f"<{kind} " in row for row in case) for case in cases) for kind in ("failure", "error")}
    return f' tests="{len(cases)}" failures="{counted["failure"]}" errors="{counted["error"]}"'


def _text(text: str) -> str:
    return escape(_NO_XML.sub("\ufffd", text))


def _attribute(text: str) -> str:
    return quoteattr(_NO_XML.sub("\ufffd", text))
