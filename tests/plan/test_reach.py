"""Steps that can never run: told where it is so, and only there."""

import json
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from agentflow.events.run_events import StepFinished
from agentflow.plan.analysis import Analysis
from agentflow.plan.arrange import arrange
from agentflow.plan.build import Builder
from agentflow.plan.compile import to_plan
from agentflow.plan.drafts import draft_steps
from agentflow.plan.files import Compiled, Files
from agentflow.plan.findings import Findings
from agentflow.plan.inputs import input_plans, inputs_variable
from agentflow.plan.model import Plan
from agentflow.plan.scopes import Scope
from agentflow.plan.texts import TextReader
from agentflow.source.project import Problem
from agentflow.spec.load import load
from agentflow.spec.sources import Source
from tests.builders import Run, plan_of, workflow

INPUTS = "inputs: {f: {type: boolean}, g: {type: boolean}}\n"


def source_of(steps: str) -> Source:
    source, problems = load(workflow(INPUTS + steps), "t.yaml", lambda name: Problem(name))
    assert source is not None
    assert problems == []
    return source


def never(steps: str) -> list[str]:
    """The messages of AF405 that a file gives, which gives no other error."""
    _, diagnostics = to_plan(source_of(steps))
    assert {found.code for found in diagnostics} <= {"AF405", "AF404"}
    return [found.message for found in diagnostics if found.code == "AF405"]


FIRST = "a: {when: inputs.f, value: '1'}"
EITHER = FIRST + ", b: {when: not inputs.f, value: '1'}"
WAITS = "which is never done"
EXCLUDES = "what it waits for excludes one another"


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ("{stop: {fail: no}, b: {needs: [stop], value: '1'}}", [WAITS]),
        ("{stop: {fail: no}, b: {value: steps.stop.status}}", [WAITS]),
        ("{g: {steps: {stop: {fail: no}}}, b: {needs: [g], value: '1'}}", [WAITS]),
        ("{g: {when: inputs.f, steps: {stop: {fail: no}}}, b: {needs: [g], value: '1'}}", [WAITS]),
        ("{c: {choose: [{when: inputs.f, fail: x}]}, b: {needs: [c], value: '1'}}", [WAITS]),
        ("{stop: {fail: no, on_error: continue}, b: {needs: [stop], value: '1'}}", [WAITS]),
        ("{stop: {fail: no}, b: {needs: [stop], value: '1'}, c: {value: steps.b.output}}", [WAITS]),
        ("{" + EITHER + ", c: {needs: [a, b], value: '1'}}", [EXCLUDES]),
        ("{a: {when: inputs.f, value: '1'}, b: {when: not inputs.f, value: steps.a.output}}", [EXCLUDES]),
        ("{" + FIRST + ", b: {when: not inputs.f, needs: [a], value: '1'}, c: {needs: [b], value: '1'}}", [EXCLUDES]),
        ("{c: {choose: [{when: inputs.f, value: '1'}, {when: inputs.f, value: '2'}]}}", ["case 1 is"]),
        ("{c: {choose: [{when: inputs.f, value: '1'}, {when: inputs.g and inputs.f, value: '2'}]}}", ["case 1 is"]),
        ("{c: {choose: [{when: inputs.f and not inputs.f, value: '1'}]}}", ["can never hold"]),
    ],
)  # fmt: skip
def test_it_is_told(steps: str, expected: list[str]):
    found = never(f"steps: {steps}")
    assert len(found) == len(expected)
    assert all(part in message for part, message in zip(expected, found, strict=True))


@pytest.mark.parametrize(
    "steps",
    [
        "{stop: {when: inputs.f, fail: no}, b: {needs: [stop], value: '1'}}",
        "{stop: {fail: no}, b: {needs: [stop], join: done, value: '1'}}",
        "{stop: {fail: no, on_error: continue}, a: {value: '1'}, b: {needs: [stop, a], join: any, value: '1'}}",
        "{stop: {fail: no, on_error: continue}, b: {value: steps.stop.status}}",
        "{a: {when: inputs.f, value: '1'}, stop: {needs: [a], fail: no}, b: {value: steps.stop.status}}",
        "{g: {steps: {stop: {when: inputs.f, fail: no}}}, b: {needs: [g], value: '1'}}",
        "{g: {steps: {stop: {fail: no, on_error: continue}}}, b: {needs: [g], value: '1'}}",
        "{l: {for_each: '[]', steps: {stop: {fail: no}}}, b: {needs: [l], value: '1'}}",
        "{c: {choose: [{when: inputs.f, fail: x}], otherwise: {value: '1'}}, b: {needs: [c], value: '1'}}",
        "{" + EITHER + ", c: {needs: [a, b], join: any, value: '1'}}",
        "{" + EITHER + ", c: {needs: [a, b], join: done, value: '1'}}",
        "{a: {when: inputs.f, value: '1', if_skipped: 0}, b: {when: not inputs.f, value: steps.a.output}}",
        "{a: {when: run.attempt == 1, value: '1'}, b: {when: run.attempt == 2, needs: [a], value: '1'}}",
        "{" + FIRST + ", guard: {when: not inputs.f, needs: [a], fail: x}, b: {needs: [guard], value: '1'}}",
        "{c: {choose: [{when: inputs.f and inputs.g, value: '1'}, {when: inputs.f, value: '2'}]}}",
    ],
)  # fmt: skip
def test_what_may_run_is_let_be(steps: str):
    assert never(f"steps: {steps}") == []


WHENS = [
    "inputs.f",
    "not inputs.f",
    "inputs.g",
    "inputs.f and inputs.g",
    "not (inputs.f or inputs.g)",
    "inputs.f == true",
]


@st.composite
def graphs(draw: st.DrawFn) -> str:
    steps: dict[str, dict] = {}
    for index in range(draw(st.integers(2, 6))):
        before = list(steps)
        read = draw(st.sampled_from(["'v'", *(f"steps.{name}.status" for name in before)]))
        kind = draw(st.sampled_from(["value", "value", "fail", "group", "choose"]))
        step = {
            "value": {"value": read},
            "fail": {"fail": f"{{{{ {read} }}}}"},
            "group": {"steps": {f"i{index}": {"fail": "x"}}},
            "choose": {"choose": [{"when": draw(st.sampled_from(WHENS)), "fail": "x"}]},
        }[kind]
        readable = [name for name in before if "value" in steps[name]]
        if kind == "value" and readable and draw(st.booleans()):
            step["value"] = f"steps.{draw(st.sampled_from(readable))}.output"
        if draw(st.booleans()):
            step["when"] = draw(st.sampled_from(WHENS))
        if before and draw(st.booleans()):
            step["needs"] = draw(st.lists(st.sampled_from(before), min_size=1, max_size=2, unique=True))
            step["join"] = draw(st.sampled_from(["all", "all", "any", "done"]))
        if draw(st.integers(0, 3)) == 0:
            step["on_error"] = "continue"
        if kind == "value" and draw(st.integers(0, 3)) == 0:
            step["if_skipped"] = "none"
        steps[f"s{index}"] = step
    return f"steps: {json.dumps(steps)}"


def _no_other_file(*_: object) -> Compiled:
    raise AssertionError("no file runs another here")


def built(source: Source) -> tuple[Plan, set[str]]:
    """The plan of a file although it holds steps that can never run, and these."""
    findings = Findings(source)
    read = TextReader(findings)
    inputs = input_plans(source.workflow.inputs)
    arranged = arrange(draft_steps(source.workflow.steps, read), findings)
    scope = Scope({"inputs": inputs_variable(inputs)}, arranged.block)
    Analysis(findings, {}, {}, Files(_no_other_file)).block(arranged, scope)
    assert {found.code for found in findings.sorted()} <= {"AF405"}
    plan = replace(
        plan_of("steps: {x: {value: '1'}}"), inputs=inputs, root=Builder(source, {}, {}, 4, {}).block(arranged)
    )
    return plan, {name for name, facts in scope.facts.items() if facts.never_runs}


@settings(max_examples=300, deadline=None)
@given(graphs())
def test_a_step_that_is_said_never_to_run_never_does(text: str):
    plan, unreachable = built(source_of(text))
    for f, g in product((True, False), (True, False)):
        run = Run(plan, f=f, g=g)
        ends = {event.step: event.status for event in run.events if isinstance(event, StepFinished)}
        assert all(ends[name] == "skipped" for name in unreachable)
