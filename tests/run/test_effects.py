"""Functions and tools as steps: they start like commands, and what a crash left open is asked about like theirs."""

import pytest

from agentflow.events.run_events import FunctionCalled, OutcomeUnknown, ToolStepCalled
from agentflow.run.starting import effect_of
from agentflow.run.state import StartCall, StartTool
from tests.builders import Run, plan_of

MODULE = {"m.py": "def f(**given): return given"}
BOTH = """
steps:
  said: {run: [echo], parse: json}
  f: {call: "m:f", with: {a: "{{ steps.said.output.a }}", b: ["{{ 1 + 1 }}", "x {{ steps.said.output.b }}"]}%s}
  t: {tool: Write, with: {file_path: a.md, content: "{{ steps.f.output | tojson }}"}%s}
outputs: {t: steps.t.output}
"""


def both(more: str = "") -> Run:
    run = Run(plan_of(BOTH % (more, more), MODULE))
    run.finish("said", {"a": {"deep": [1]}, "b": 2})
    return run


def test_a_value_that_is_one_template_keeps_its_type():
    action = both().actions["f"]
    assert isinstance(action, StartCall)
    assert action.arguments == {"a": {"deep": [1]}, "b": [2, "x 2"]}


def test_a_tool_starts_with_its_input_once_what_it_reads_is_there():
    run = both()
    assert run.at_work == ["f"]
    run.finish("f", [1], exit_code=None)
    action = run.actions["t"]
    assert isinstance(action, StartTool)
    assert (action.tool.name, action.input) == ("Write", {"file_path": "a.md", "content": "[1]"})
    run.finish("t", "Created", exit_code=None)
    assert run.outputs == {"t": "Created"}


def test_what_cannot_be_rendered_fails_the_step():
    run = Run(plan_of(BOTH % ("", ""), MODULE))
    run.finish("said", {})
    assert run.finished.failure is not None
    assert run.finished.failure.kind == "expression"
    assert "`{{ steps.said.output.a }}`" in run.finished.failure.message


def test_the_same_effect_is_made_of_the_state_after_a_restart():
    run = both()
    again = Run.folded(run.plan, run.begun, run.events)
    assert effect_of(run.plan, again.state, "f") == run.actions["f"]


@pytest.mark.parametrize(("path", "word"), [("f", "function"), ("t", "tool")])
def test_a_cut_off_effect_is_asked_about_and_repeated_after_a_yes(path, word):
    run = both()
    if path == "t":
        run.finish("f", 1, exit_code=None)
    run.call(path)
    run.happen(OutcomeUnknown(run.now, path))
    run.settle()
    assert run.asked == [path]
    assert f"a crash cut the {word} off" in run.state.gates[path].message
    run.answer(path, approved=True)
    assert run.at_work == [path]
    assert run.actions[path].attempt == 2


def test_a_no_fails_the_step():
    run = both()
    run.call("f")
    run.happen(OutcomeUnknown(run.now, "f"))
    run.settle()
    run.answer("f", approved=False)
    assert run.finished.failure is not None
    assert run.finished.failure.kind == "outcome_unknown"


def test_on_unknown_retry_repeats_without_asking_and_fail_fails():
    run = both(", on_unknown: retry")
    run.call("f")
    run.happen(OutcomeUnknown(run.now, "f"))
    run.settle()
    assert run.at_work == ["f"]
    run = both(", on_unknown: fail")
    run.call("f")
    run.happen(OutcomeUnknown(run.now, "f"))
    run.settle()
    assert run.finished.failure is not None
    assert run.finished.failure.kind == "outcome_unknown"


def test_an_intent_that_nothing_asked_for_is_refused():
    run = both()
    for event in (FunctionCalled(run.now, "said", "m.py:f", {}), ToolStepCalled(run.now, "t", "Write", {})):
        with pytest.raises(ValueError, match="no command, function or tool is at work"):
            run.happen(event)
