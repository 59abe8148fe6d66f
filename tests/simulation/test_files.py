"""Dry runs of workflows that run other files."""

from pathlib import Path

import pytest

from agentflow import api
from agentflow.plan.model import Plan
from agentflow.simulation.dry import dry_run
from agentflow.simulation.stubs import read_stubs
from tests.builders import workflow

FLOW = workflow("""
steps:
  each:
    for_each: "['tea', 'rain']"
    as: topic
    step: {workflow: part.yaml, with: {topic: "{{ topic }}"}}
outputs: {texts: "steps.each.output | map(attribute='text') | list"}
""")
PART = workflow("""
inputs: {topic: {type: string}}
steps:
  write: {agent: {}, prompt: "On {{ inputs.topic }}."}
outputs: {text: steps.write.output, length: steps.write.output | length}
""")


@pytest.fixture
def checked(tmp_path: Path) -> api.Checked:
    (tmp_path / "flow.yaml").write_text(FLOW, encoding="utf-8")
    (tmp_path / "part.yaml").write_text(PART, encoding="utf-8")
    return api.check(tmp_path / "flow.yaml")


def plan_of(checked: api.Checked) -> Plan:
    assert checked.plan is not None, checked.diagnostics
    return checked.plan


def test_a_stub_names_a_step_inside_a_file_or_stands_for_the_file(checked: api.Checked):
    text = "stubs: {'each[0].step': {output: {text: green, length: 5}}, each.step.write: {output: grey}}"
    read = read_stubs(plan_of(checked), "flow.stubs.yaml", text)
    assert read.diagnostics == ()
    trace = dry_run(checked, {}, read.stubs).trace
    assert trace.result.outputs == {"texts": ["green", "grey"]}
    assert [step.path for step in trace.steps if step.kind == "agent"] == ["each[1].step.write"]


@pytest.mark.parametrize(
    ("output", "problem"),
    [
        ("{text: green}", '$ lacks "length"'),
        ("{text: green, length: 5, more: 1}", 'keys that are not allowed: "more"'),
        ("green", "$ must be a mapping, not text"),
    ],
)
def test_a_stub_that_stands_for_a_file_gives_its_outputs_all_of_them(checked: api.Checked, output: str, problem: str):
    read = read_stubs(plan_of(checked), "flow.stubs.yaml", f"stubs: {{each.step: {{output: {output}}}}}")
    (found,) = read.diagnostics
    assert found.code == "AF203"
    assert problem in found.message
