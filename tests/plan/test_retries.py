"""What a file may have repeated, and what that does to its plan and its cost."""

from pathlib import Path

import pytest

from agentflow import api
from agentflow.plan.cost import run_cost
from agentflow.plan.model import RunStepPlan
from tests.builders import TOOLS, plan_of
from tests.plan.conftest import Compile

RETRY = "retry: {attempts: 2}"


def test_a_plan_says_how_often_how_far_apart_and_after_what():
    step = plan_of("steps: {a: {run: [x], effects: none, retry: {attempts: 3, backoff: 2m, on: [timeout, timeout]}}}")
    retry = step.root.steps["a"].retry
    assert (retry.attempts, retry.backoff, retry.on, retry.repeat_effects) == (3, 120.0, ("timeout",), False)


def test_a_command_and_a_gate_keep_their_own_time_and_all_else_is_timed_by_the_run():
    plan = plan_of("""
        steps:
          a: {run: [x], timeout: 1m}
          ok: {approve: Go on?, timeout: 1m}
          q: {ask: What?, timeout: 1m}
          s: {agent: {}, prompt: go, timeout: 1m}
          g: {timeout: 1m, steps: {b: {value: 1 + 1}}}
          l: {timeout: 1m, for_each: "[1]", step: {value: item + 1}}
    """)
    assert {name: step.time_limit for name, step in plan.root.steps.items()} == {
        "a": None,
        "ok": None,
        "q": None,
        "s": 60.0,
        "g": 60.0,
        "l": 60.0,
    }
    command = plan.root.steps["a"]
    assert isinstance(command, RunStepPlan)
    assert command.timeout == 60.0


@pytest.mark.parametrize(
    "step",
    [
        "{run: [x], effects: none, RETRY}",
        "{run: [x], effects: writes, RETRY}",
        "{agent: {tools: [look, save]}, prompt: go, RETRY}",
        "{approve: Go on?, on_timeout: fail, RETRY}",
        "{for_each: '[1]', RETRY, step: {agent: {tools: [look]}, prompt: go}}",
        "{run: [x], retry: {attempts: 2, repeat_effects: true}}",
    ],
)
def test_what_sends_nothing_or_may_be_sent_again_is_repeated(step: str, compiled: Compile):
    _, found = compiled(f"{TOOLS}steps: {{a: {step.replace('RETRY', RETRY)}}}")
    assert [one for one in found if one.code != "AF404"] == []


@pytest.mark.parametrize(
    ("step", "sender"),
    [
        ("{run: [x], RETRY}", "step `a`"),
        ("{agent: {tools: [send]}, prompt: go, RETRY}", "tool `send` of agent `a`"),
        ("{agent: {tools: [Bash]}, prompt: go, RETRY}", "tool `Bash` of agent `a`"),
        ("{RETRY, steps: {b: {steps: {c: {run: [x]}}}}}", "step `c`"),
        ("{for_each: '[1]', RETRY, step: {agent: {tools: [send]}, prompt: go}}", "tool `send` of agent `a.step`"),
    ],
)
def test_what_sends_is_not_repeated_unless_the_file_says_so(step: str, sender: str, compiled: Compile):
    _, found = compiled(f"{TOOLS}steps: {{a: {step.replace('RETRY', RETRY)}}}")
    assert [one.message for one in found if one.code == "AF515"] == [f"`retry` would repeat what {sender} sends"]


def test_each_attempt_is_counted_in_the_most_that_a_run_can_cost():
    text = "steps: {g: {%s steps: {a: {agent: {}, prompt: go%s}}}}"
    once = run_cost(plan_of(text % ("", "")), {})
    more = run_cost(plan_of(text % ("retry: {attempts: 2},", ", retry: {attempts: 3}")), {})
    assert [step.times for step in once.steps] == [1, 1]
    assert [step.times for step in more.steps] == [2, 6]
    assert more.steps[0].usd.once == pytest.approx(6 * once.steps[0].usd.once)


def test_what_resumes_run_again_is_said_to_be_bounded_by_the_runs_limits_alone():
    plan = plan_of("steps: {a: {agent: {}, prompt: go, on_resume: rerun}, b: {value: steps.a.output}}")
    assert any("on_resume: rerun" in text for text in run_cost(plan, {}).beyond)


@pytest.mark.parametrize(
    ("read", "codes"),
    [
        ("steps.q.output.tone", []),
        ("steps.q.output.m", ["AF303"]),
        ("steps.q.output.note", ["AF313"]),
        ("steps.q.approved", ["AF312"]),
    ],
)
def test_the_answers_of_a_person_are_typed_and_trusted(read: str, codes: list[str], compiled: Compile):
    _, found = compiled(f"""
        steps:
          q:
            ask: What?
            output:
              type: object
              properties: {{n: {{type: integer}}, tone: {{type: string, default: calm}}, note: {{type: string}}}}
              required: [n]
          use: {{run: [say, "{{{{ steps.q.output.tone }}}}"], when: steps.q.output.n > 1}}
          x: {{value: {read}}}
        """)
    assert [one.code for one in found] == codes


def test_what_a_subagent_sends_in_a_file_that_a_file_runs_is_repeated_too(tmp_path: Path):
    head = "agentflow: 1\nname: x\nsandbox: 'off'\n"
    (tmp_path / "main.yaml").write_text(f"{head}steps: {{c: {{workflow: middle.yaml, {RETRY}}}}}")
    (tmp_path / "middle.yaml").write_text(f"{head}steps: {{a: {{workflow: inner.yaml}}, b: {{workflow: inner.yaml}}}}")
    (tmp_path / "inner.yaml").write_text(f"""{head}
agents:
  hand: {{description: d, tools: [Bash], workspace: copy}}
  head: {{tools: [Agent(hand)]}}
steps: {{a: {{agent: head, prompt: go}}}}
""")
    found = [one.message for one in api.check(tmp_path / "main.yaml").diagnostics if one.code == "AF515"]
    inner = tmp_path / "inner.yaml"
    assert found == [f"`retry` would repeat what tool `Bash` of agent `hand` of `{inner}` sends"]
