"""Each kind of step and each of its keys, in a simulated run."""

from pathlib import Path

import pytest

from agentflow.errors import AgentflowError
from tests.simulation.flows import simulated, starts, statuses, step, stubs_of

REVIEWED = """
agents:
  writer: {output: {type: string}}
  critic: {output: {type: object, properties: {good: {type: boolean}, why: {type: string}}, required: [good]}}
steps:
  loop:
    repeat: {until: steps.review.output.good, max: 4}
    steps:
      draft: {agent: writer, prompt: "Write. {{ previous.review.output.why | default('-') }}"}
      review: {agent: critic, prompt: "Judge {{ steps.draft.output }}."}
    output: steps.draft.output
outputs: {text: steps.loop.output, converged: steps.loop.converged}
"""

ROUTED = """
inputs: {kind: {type: string, default: bug}}
steps:
  route:
    choose:
      - {when: "inputs.kind == 'bug'", agent: {}, prompt: Fix it.}
      - {when: "inputs.kind == 'idea'", steps: {keep: {run: [tee, ideas]}}, output: steps.keep.output}
    otherwise: {value: "'nothing'"}
outputs: {came: steps.route.output}
"""

ASKED = """
steps:
  who:
    ask: "Who are you?"
    timeout: 1h
    output:
      type: object
      properties:
        name: {type: string}
        role: {enum: [reader, editor]}
        tone: {type: string, default: dry}
      required: [name, role]
outputs: {who: steps.who.output}
"""

CALLED = """
steps:
  sum: {call: "lib.stats:total", with: {numbers: [1, 2]}, output: {type: integer, minimum: 1}, effects: none}
  free: {call: "lib.stats:total", with: {numbers: "{{ [steps.sum.output] }}"}, effects: none}
outputs: {sum: steps.sum.output}
"""

LOOKED = """
tools:
  look:
    description: Looks.
    input: {type: object, properties: {at: {type: integer}}, required: [at]}
    run: [look, "{{ input.at }}"]
    effects: none
steps:
  n: {agent: {output: {type: integer}}, prompt: Where?}
  seen: {tool: look, with: {at: "{{ steps.n.output }}"}}
outputs: {seen: steps.seen.output}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a module whose functions leave a trace if they are ever called."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "lib").mkdir()
    code = "open('imported', 'w').close()\n\n\ndef total(numbers):\n    return sum(numbers)\n"
    (tmp_path / "lib" / "stats.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    return tmp_path


# repeat


def test_a_loop_that_waits_for_a_boolean_shows_a_round_that_goes_on_and_ends():
    run = simulated(REVIEWED)
    assert run.trace.result.outputs == {"text": "(loop[1].draft)", "converged": True}
    assert starts(run) == ["loop", "loop[0].draft", "loop[0].review", "loop[1].draft", "loop[1].review"]
    assert [step(run, f"loop[{n}].review").output["good"] for n in (0, 1)] == [False, True]


def test_a_loop_that_waits_for_a_choice_goes_through_the_choices():
    run = simulated(
        """
steps:
  loop:
    repeat: {until: "steps.judge.output == 'fine'", max: 4}
    steps: {judge: {agent: {output: {enum: [bad, poor, fine]}}, prompt: Judge.}}
    output: steps.judge.output
outputs: {said: steps.loop.output}
"""
    )
    assert run.trace.result.outputs == {"said": "fine"}
    assert [step(run, f"loop[{n}].judge").output for n in range(3)] == ["bad", "poor", "fine"]


def test_the_rounds_of_the_nearest_loop_count_and_items_do_not():
    run = simulated(
        """
steps:
  each:
    for_each: "[1, 2]"
    steps: {ready: {agent: {output: {type: boolean}}, prompt: Ready?}}
    output: steps.ready.output
  outer:
    repeat: {until: loop.index == 2, max: 2}
    steps:
      inner:
        repeat: {until: steps.step.output, max: 3}
        step: {agent: {output: {type: boolean}}, prompt: Ready?}
    output: steps.inner.output
outputs: {each: steps.each.output}
"""
    )
    assert run.trace.result.outputs == {"each": [False, False]}
    inner = [path for path in statuses(run) if path.endswith(".step")]
    assert inner == [f"outer[{outer}].inner[{n}].step" for outer in (0, 1) for n in (0, 1)]


def test_each_round_has_its_stub_by_its_place_in_a_list_or_by_its_index():
    good = {"output": {"good": False}}
    listed = "  loop.review: [{output: {good: false, why: dull}}, {output: {good: false}}, {output: {good: true}}]"
    run = simulated(REVIEWED, listed)
    assert run.trace.result.status == "done"
    assert statuses(run)["loop[2]"] == "done"
    assert step(run, "loop[1].draft").asked["prompt"] == "Write. dull"
    assert run.used["loop[0].review"] == [{"output": {**good["output"], "why": "dull"}}]
    named = simulated(REVIEWED, "  loop[0].review: {output: {good: true}}")
    assert starts(named) == ["loop", "loop[0].draft", "loop[0].review"]


def test_a_loop_that_never_gets_there_fails_as_it_would():
    run = simulated(REVIEWED, "  loop.review: {output: {good: false}}")
    failure = run.trace.result.failure
    assert (failure.kind, failure.step) == ("max_rounds", "loop")
    assert "after 4 rounds `until: steps.review.output.good` does not hold" in failure.message


def test_a_stub_can_stand_for_all_rounds():
    run = simulated(REVIEWED, "  loop: {output: A text.}")
    assert run.trace.result.outputs == {"text": "A text.", "converged": True}
    failed = simulated(REVIEWED, "  loop: {error: {kind: max_rounds}}")
    assert failed.trace.result.failure.kind == "max_rounds"


# choose and fail


@pytest.mark.parametrize(
    ("kind", "path", "came"),
    [
        ("bug", "route.1", "(route.1)"),
        ("idea", "route.2.keep", "(route.2.keep)"),
        ("?", "route.otherwise", "nothing"),
    ],
)
def test_the_case_that_holds_runs_and_no_other(kind: str, path: str, came: str):
    run = simulated(ROUTED, kind=kind)
    assert run.trace.result.outputs == {"came": came}
    assert statuses(run)[path] == "done"
    assert {name.split(".")[1] for name in statuses(run) if "." in name} == {path.split(".")[1]}


def test_a_case_and_a_whole_choice_have_stubs():
    assert simulated(ROUTED, "  route.1: {output: fixed}").trace.result.outputs == {"came": "fixed"}
    run = simulated(ROUTED, "  route: {output: somehow}")
    assert (run.trace.result.outputs, statuses(run)) == ({"came": "somehow"}, {"route": "done"})


def test_fail_ends_the_run_with_its_words():
    text = """
steps:
  look: {agent: {output: {type: boolean}}, prompt: "Broken?"}
  stop: {fail: "It is {{ steps.look.output }}.", when: steps.look.output}
"""
    assert statuses(simulated(text)) == {"look": "done", "stop": "done"}
    run = simulated(text, "  look: {output: true}")
    assert (run.trace.result.failure.kind, run.trace.result.failure.message) == ("failed", "It is true.")
    (problem,) = stubs_of(text, "  stop: {output: 1}").diagnostics
    assert (problem.code, problem.message) == ("AF312", "step `stop` is computed, and has no stub")


# ask


def test_a_question_is_answered_by_its_stub_with_the_forms_defaults():
    run = simulated(ASKED, "  who: {output: {name: Ada, role: editor}, by: ada}")
    assert run.trace.result.outputs == {"who": {"name": "Ada", "role": "editor", "tone": "dry"}}
    assert step(run, "who").stubbed == "given"
    assert run.used["who"] == [{"output": {"name": "Ada", "role": "editor", "tone": "dry"}, "by": "ada"}]


def test_without_a_stub_the_smallest_answer_meets_the_form():
    run = simulated(ASKED)
    assert run.trace.result.outputs == {"who": {"name": "name", "role": "reader", "tone": "dry"}}
    assert step(run, "who").stubbed == "generated"
    assert step(run, "who").asked["message"] == "Who are you?"
    assert step(run, "who").asked["form"]["required"] == ["name", "role"]
    line = simulated("steps: {who: {ask: Who?}}\noutputs: {who: steps.who.output}")
    assert line.trace.result.outputs == {"who": "(who)"}


def test_a_question_may_wait_or_run_out_of_time():
    waiting = simulated(ASKED, "  who: {answer: wait}")
    assert (waiting.trace.result.status, waiting.trace.result.waiting) == ("waiting", ("who",))
    late = simulated(ASKED, "  who: {answer: timeout}")
    assert late.trace.result.failure.kind == "timeout"
    assert simulated(ASKED, "  who: {status: skipped}").trace.result.status == "failed"
    assert simulated(ASKED, "  who: {error: {kind: timeout}}").trace.result.failure.kind == "timeout"


@pytest.mark.parametrize(
    ("stub", "code", "message"),
    [
        ("{output: {name: Ada, role: king}}", "AF203", "$.role"),
        ("{output: null}", "AF203", "null is no answer"),
        ("{answer: 'yes'}", "AF203", "asks for more than a yes or no"),
        ("{answer: timeout, output: {name: Ada, role: reader}}", "AF209", "`answer` and `output`"),
        ("{exit_code: 1}", "AF312", "does not take `exit_code`"),
    ],
)
def test_an_answer_that_the_form_refuses_is_an_error(stub: str, code: str, message: str):
    (problem,) = stubs_of(ASKED, f"  who: {stub}").diagnostics
    assert problem.code == code
    assert message in problem.message


def test_a_question_that_waits_for_ever_does_not_time_out():
    (problem,) = stubs_of("steps: {who: {ask: Who?}}", "  who: {answer: timeout}").diagnostics
    assert "it has no `timeout`" in problem.message


# call and tool


def test_a_function_is_not_called_and_gives_what_meets_its_output(project: Path):
    run = simulated(CALLED)
    assert run.trace.result.outputs == {"sum": 1}
    assert step(run, "free").asked == {"function": "lib.stats:total", "arguments": {"numbers": [1]}}
    assert [(call.kind, call.name, dict(call.given)) for call in run.trace.calls] == [
        ("functions", "lib.stats:total", {"input": {"numbers": [1, 2]}}),
        ("functions", "lib.stats:total", {"input": {"numbers": [1]}}),
    ]
    assert not (project / "imported").exists()


def test_the_stub_of_a_function_meets_its_output(project: Path):
    assert simulated(CALLED, "  sum: {output: 3}").trace.result.outputs == {"sum": 3}
    failed = simulated(CALLED, "  sum: {error: {kind: call_failed, message: it raised}}")
    assert (failed.trace.result.failure.kind, failed.trace.result.failure.message) == ("call_failed", "it raised")
    (problem,) = stubs_of(CALLED, "  sum: {output: many}").diagnostics
    assert "does not meet the schema of step `sum`" in problem.message


def test_a_tool_gives_text_and_is_told_its_input():
    run = simulated(LOOKED, "  n: {output: 4}\n  seen: {output: a shelf}")
    assert run.trace.result.outputs == {"seen": "a shelf"}
    assert step(run, "seen").asked == {"tool": "look", "input": {"at": 4}}
    assert [call.kind for call in run.trace.calls] == ["agents", "tools"]
    assert simulated(LOOKED).trace.result.outputs == {"seen": "(seen)"}
    assert stubs_of(LOOKED, "  seen: {output: [1]}").diagnostics


def test_a_tool_does_not_take_what_its_schema_refuses_whatever_the_stub_says():
    text = LOOKED.replace("at: {type: integer}", "at: {type: integer, minimum: 5}")
    run = simulated(text, "  n: {output: 4}\n  seen: {output: a shelf}")
    assert run.trace.result.failure.kind == "tool_failed"
    assert "`look` does not take this input: $.at" in run.trace.result.failure.message
    assert [call.kind for call in run.trace.calls] == ["agents"]


# workspace, retry, timeout, on_resume


def test_no_workspace_is_made(project: Path):
    text = """
steps:
  each:
    for_each: "[1, 2]"
    workspace: copy
    steps: {edit: {agent: {}, prompt: Edit.}, test: {needs: [edit], run: [make]}}
    output: steps.test.output
  apart: {agent: {}, prompt: Edit., workspace: worktree}
"""
    before = sorted(project.rglob("*"))
    assert simulated(text).trace.result.status == "done"
    assert sorted(project.rglob("*")) == before


FLAKY = """
steps:
  push: {run: [make], effects: none, retry: {attempts: 3, backoff: 1h}}
outputs: {said: steps.push.output}
"""


def test_each_attempt_takes_the_next_stub_and_rests_take_no_time():
    stubs = "  push: [{error: {}}, {exit_code: 2}, {output: pushed}]"
    run = simulated(FLAKY, stubs)
    assert run.trace.result.outputs == {"said": "pushed"}
    assert [(traced.status, traced.attempt, traced.order) for traced in run.trace.steps] == [
        ("failed", 1, 1),
        ("failed", 2, 2),
        ("done", 3, 3),
    ]
    assert run.trace.calls[2].given == {"args": [], "stdin": ""}


def test_the_last_attempt_fails_the_step():
    run = simulated(FLAKY, "  push: {exit_code: 2}")
    assert [traced.attempt for traced in run.trace.steps] == [1, 2, 3]
    assert run.trace.result.failure.message == "`make` exited with 2"


def test_a_failure_that_the_step_is_not_tried_again_after_ends_it():
    run = simulated(FLAKY, "  push: {error: {kind: sandbox}}")
    assert [traced.status for traced in run.trace.steps] == ["failed"]


def test_a_block_is_tried_again_as_a_whole():
    text = """
steps:
  box:
    retry: {attempts: 2}
    steps: {a: {run: [one], effects: none}, b: {needs: [a], run: [two], effects: none}}
    output: steps.b.output
outputs: {b: steps.box.output}
"""
    run = simulated(text, "  box.b: [{exit_code: 1}, {output: fine}]")
    assert run.trace.result.outputs == {"b": "fine"}
    assert starts(run) == ["box", "box.a", "box.b", "box", "box.a", "box.b"]
    whole = simulated(text, "  box: [{error: {}}, {output: fine}]")
    assert whole.trace.result.outputs == {"b": "fine"}


def test_an_attempt_that_is_not_made_any_more_leaves_no_trace_of_its_own():
    text = """
steps:
  flaky: {run: [make], effects: none, retry: {attempts: 3, backoff: 1h}}
  ready: {approve: "Ready?", timeout: 1m, on_timeout: fail}
"""
    run = simulated(text, "  flaky: {exit_code: 1}\n  ready: {answer: timeout}")
    assert run.trace.result.failure.step == "ready"
    assert [(traced.path, traced.status, traced.order) for traced in run.trace.steps] == [
        ("flaky", "failed", 1),
        ("ready", "failed", 2),
    ]


def test_an_agent_and_a_gate_are_tried_again():
    text = """
steps:
  say: {agent: {}, prompt: Say., retry: {attempts: 2}}
  ready: {ask: "Ready?", timeout: 1m, retry: {attempts: 2}}
outputs: {said: "[steps.say.output, steps.ready.output]"}
"""
    run = simulated(text, "  say: [{error: {}}, {output: hi}]\n  ready: [{answer: timeout}, {output: now}]")
    assert run.trace.result.outputs == {"said": ["hi", "now"]}
    assert [traced.attempt for traced in run.trace.steps] == [1, 2, 1, 2]


def test_the_rests_inside_a_block_count_for_its_timeout():
    text = """
steps:
  box:
    timeout: 10m
    steps:
      push: {run: [make], effects: none, retry: {attempts: 3, backoff: 1h}}
      side: {run: ["true"]}
    output: steps.push.output
"""
    run = simulated(text, "  box.push: {exit_code: 1}")
    assert (run.trace.result.failure.kind, run.trace.result.failure.step) == ("timeout", "box")
    assert (statuses(run)["box.push"], statuses(run)["box.side"]) == ("failed", "done")
    quick = text.replace("1h", "1m")
    assert simulated(quick, "  box.push: [{exit_code: 1}, {output: x}]").trace.result.status == "done"


def test_people_who_do_not_answer_use_up_no_timeout_of_what_is_around_them():
    text = """
steps:
  box:
    timeout: 10m
    steps: {ready: {approve: "Ready?", timeout: 3h}}
    output: steps.ready.status
  other: {approve: "And you?"}
"""
    run = simulated(text, "  box.ready: {answer: timeout}\n  other: {answer: wait}")
    assert (run.trace.result.status, step(run, "box").status) == ("waiting", "done")
    assert step(run, "box").output == "rejected"


def test_steps_that_a_resume_would_run_again_run_once():
    run = simulated(
        "steps:\n  a: {run: [date], effects: none, on_resume: rerun}\n  b: {run: [cat], stdin: '{{ steps.a.output }}'}"
    )
    assert starts(run) == ["a", "b"]


def test_an_answer_nobody_can_guess_asks_for_a_stub():
    text = 'steps: {who: {ask: Who?, output: {type: string, pattern: "^[0-9]{3}$"}}}'
    with pytest.raises(AgentflowError, match="step `who`: no value was found"):
        simulated(text)
