"""Tests of workflows: `*.test.yaml` read, checked against the workflow, and run."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from agentflow import api
from agentflow.errors import AgentflowError, UsageError
from agentflow.models.replay import Recording
from agentflow.plan.inputs import resolve_inputs
from agentflow.plan.model import Plan
from agentflow.simulation.dry import dry_run
from agentflow.simulation.expectations import Mismatch, Ran, mismatches
from agentflow.simulation.stubs import check_stubs, read_stubs
from agentflow.simulation.suite_checks import check_expect
from agentflow.source.diagnostics import Diagnostic, Place, Severity
from agentflow.source.document import Document, Loc
from agentflow.source.project import Problem, Project, read_workflow
from agentflow.spec.base import FileRef
from agentflow.spec.closed_files import read_closed
from agentflow.spec.stubs import StubsByPath
from agentflow.spec.suite import Case, SuiteFile

JSON = Any
ENDINGS = (".test.yaml", ".test.yml")


class ReadyCase(Struct, frozen=True):
    """A test that can be run."""

    case: Case
    loc: Loc
    stubs: StubsByPath
    recording: Recording | None


class Suite(Struct, frozen=True):
    """The tests of one file.

    Attributes:
        checked: the workflow; None where the file of tests cannot be used.
        cases: empty where there are errors.
        diagnostics: of the file of tests, of the workflow and of the files that they name.
        texts: of all these, by the path that places name.
    """

    path: str
    checked: api.Checked | None
    document: Document | None
    cases: tuple[ReadyCase, ...]
    diagnostics: tuple[Diagnostic, ...]
    texts: Mapping[str, str]

    @property
    def ok(self) -> bool:
        """There are no errors."""
        return not any(diagnostic.severity is Severity.ERROR for diagnostic in self.diagnostics)


class CaseResult(Struct, frozen=True):
    """How a test went.

    Attributes:
        place: of the test's name.
        mismatches: each with the place of its expectation; none: it passed.
        error: why it could not be run to its end.
        seconds: what it took.
    """

    name: str
    place: Place
    mismatches: tuple[tuple[Place, Mismatch], ...]
    error: str | None
    seconds: float

    @property
    def passed(self) -> bool:
        """All went as expected."""
        return not self.mismatches and self.error is None


def load_suite(path: str | os.PathLike[str], source: bytes | None = None) -> Suite:
    """Reads a file of tests and all that it names. Raises nothing; what is wrong is in `diagnostics`.

    Parameters:
        path: as the user named it; diagnostics name it so.
        source: its bytes, where they are not to be read from there.
    """
    name = str(path)
    content = read_workflow(Path(path)) if source is None else source
    if isinstance(content, Problem):
        return Suite(name, None, None, (), (Diagnostic("AF106", content.message, Place(name, 1, 1), content.hint),), {})
    text = content.decode("utf-8-sig", "replace")
    closed, problems = read_closed(SuiteFile, content, name)
    if closed is None:
        return Suite(name, None, None, (), tuple(problems), {name: text})
    loading = _Loading(name, closed.document, text)
    checked = loading.workflow(closed.value)
    cases = () if checked is None or checked.plan is None else tuple(loading.cases(checked, closed.value.tests))
    refused = any(diagnostic.severity is Severity.ERROR for diagnostic in loading.found)
    found = tuple(sorted(dict.fromkeys(loading.found), key=lambda diagnostic: (diagnostic.place, diagnostic.code)))
    return Suite(name, checked, closed.document, () if refused else cases, found, loading.texts)


def run_case(suite: Suite, ready: ReadyCase, exit_code: Callable[[api.RunResult], int]) -> CaseResult:
    """Runs a test, and compares. Raises nothing that is about the test.

    Parameters:
        exit_code: what a real run with that result exits with.
    """
    assert suite.checked is not None
    assert suite.document is not None
    began = time.perf_counter()
    error = None
    wrong: tuple[tuple[Place, Mismatch], ...] = ()
    try:
        trace = dry_run(suite.checked, ready.case.inputs, ready.stubs, ready.recording).trace
    except AgentflowError as raised:
        error = f"{raised.message}; {raised.hint}" if raised.hint else raised.message
    else:
        found = mismatches(ready.case.expect, Ran(trace, exit_code(trace.result)))
        expect = (*ready.loc, "expect")
        wrong = tuple((suite.document.place((*expect, *mismatch.loc)), mismatch) for mismatch in found)
    place = suite.document.place((*ready.loc, "name"))
    return CaseResult(ready.case.name, place, wrong, error, time.perf_counter() - began)


class _Loading:
    """What was found while a file of tests is read.

    Attributes:
        found: the diagnostics.
        texts: of all files that were read, by the path that places name.
    """

    def __init__(self, path: str, document: Document, text: str) -> None:
        self.path = path
        self.document = document
        self.project = Project.of(Path(path))
        self.found: list[Diagnostic] = []
        self.texts: dict[str, str] = {path: text}

    def problem(self, code: str, message: str, loc: Loc, hint: str | None = None) -> None:
        self.found.append(Diagnostic(code, message, self.document.place(loc), hint))

    def workflow(self, suite: SuiteFile) -> api.Checked | None:
        """The workflow, checked as `run` does."""
        path = self._workflow_path(suite)
        if path is None:
            return None
        checked = api.check_to_run(path)
        self.found += checked.diagnostics
        self.texts.update(checked.texts)
        return checked

    def _workflow_path(self, suite: SuiteFile) -> str | None:
        if suite.workflow is not None:
            return self._inside(suite.workflow, ("workflow",))
        ending = next((ending for ending in ENDINGS if self.path.endswith(ending)), None)
        if ending is None:
            self.problem("AF202", "the file lacks `workflow`", (), "only of `x.test.yaml` it follows: `x.yaml`")
            return None
        return self.path.removesuffix(ending) + ending.removeprefix(".test")

    def _inside(self, name: str, loc: Loc) -> str | None:
        """A file that the tests name, which must be inside the project."""
        shown = os.path.normpath(os.path.join(os.path.dirname(self.path), name))
        if os.path.isabs(name) or "\0" in name or not Path(os.path.realpath(shown)).is_relative_to(self.project.root):
            self.problem("AF106", f"`{name}` leaves the project", loc, "name it relative to this file")
            return None
        return shown

    def cases(self, checked: api.Checked, cases: list[Case]) -> Iterator[ReadyCase]:
        """The tests, with what they name."""
        plan = checked.plan
        assert plan is not None
        names: set[str] = set()
        for index, case in enumerate(cases):
            loc: Loc = ("tests", index)
            if case.name in names:
                self.problem("AF205", f"another test is called {case.name!r} too", (*loc, "name"), "name it otherwise")
            names.add(case.name)
            self._check_inputs(plan, case, loc)
            self.found += check_expect(plan, case, self.document, (*loc, "expect"))
            stubs = self._stubs(plan, case, (*loc, "stubs"))
            recording = None if case.recording is None else self._recording(case.recording, (*loc, "recording"))
            yield ReadyCase(case, loc, stubs, recording)

    def _check_inputs(self, plan: Plan, case: Case, loc: Loc) -> None:
        try:
            resolve_inputs(plan, case.inputs, self.project.root)
        except UsageError as error:
            at = (*loc, "inputs") if self.document.has((*loc, "inputs")) else (*loc, "name")
            self.problem("AF203", error.message, at, error.hint)

    def _stubs(self, plan: Plan, case: Case, loc: Loc) -> StubsByPath:
        if not isinstance(case.stubs, FileRef):
            self.found += check_stubs(plan, case.stubs, self.document, loc)
            return case.stubs
        read = self.project.read(case.stubs.file, Path(self.path))
        if isinstance(read, Problem):
            self.problem("AF106", read.message, (*loc, "file"), read.hint)
            return {}
        stubs = read_stubs(plan, read.path, read.text)
        self.found += stubs.diagnostics
        self.texts.update(stubs.texts)
        return stubs.stubs or {}

    def _recording(self, name: str, loc: Loc) -> Recording | None:
        path = self._inside(name, loc)
        if path is None:
            return None
        try:
            return Recording.from_file(Path(path))
        except UsageError as error:
            self.problem("AF106", error.message, loc, error.hint)
            return None
