"""Compiles small files for the tests of this room."""

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from agentflow.plan.compile import to_plan
from agentflow.plan.model import Plan
from agentflow.source.diagnostics import Diagnostic
from agentflow.source.project import Project, SourceText
from agentflow.spec.load import load
from agentflow.spec.sources import Source

Load = Callable[[str], Source]
Compile = Callable[[str], tuple[Plan | None, list[Diagnostic]]]


@pytest.fixture
def loaded(tmp_path: Path) -> Load:
    """Loads a file whose first two lines are given; files beside it are read from `tmp_path`."""

    def load_text(body: str) -> Source:
        path = tmp_path / "w.yaml"
        path.write_text("agentflow: 1\nname: example\n" + dedent(body))
        project = Project.of(path)

        def read(name: str) -> SourceText:
            found = project.read(name, path)
            assert isinstance(found, SourceText)
            return found

        source, problems = load(path.read_bytes(), "w.yaml", read)
        assert source is not None
        assert problems == []
        return source

    return load_text


@pytest.fixture
def compiled(loaded: Load) -> Compile:
    """Compiles such a file."""
    return lambda body: to_plan(loaded(body))


@pytest.fixture
def planned(compiled: Compile) -> Callable[[str], Plan]:
    """The plan of such a file, which must have no errors."""

    def plan_of(body: str) -> Plan:
        plan, diagnostics = compiled(body)
        assert plan is not None, diagnostics
        return plan

    return plan_of
