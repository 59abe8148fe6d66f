"""What LANGUAGE promises of `retry`."""

import pytest

from agentflow.events.run_events import RetryDue, StepRetried, StepStarted
from agentflow.events.values import Failure
from agentflow.plan.model import RetryPlan
from agentflow.run import apply as run_apply
from agentflow.run.decide import decide
from agentflow.run.retries import LONGEST_REST, rest
from tests.builders import Run, recounted, refuses

TRIED = """
steps:
  a: {run: [work], effects: none, retry: {attempts: 3%s}%s}
  b: {run: [work], needs: [a]}
outputs: {a: steps.a.output}
"""


def tried(more: str = "", beside: str = "") -> Run:
    return Run(TRIED % (more, beside))


def attempts(run: Run, path: str) -> list[int]:
    return [event.attempt for event in run.events if isinstance(event, StepStarted) and event.step == path]


def test_a_failed_step_rests_and_begins_anew():
    run = tried()
    run.fail("a")
    assert run.at_work == []
    assert dict(run.state.retrying) == {"a": run.now + 0.75}
    run.rested("a")
    assert run.at_work == ["a"]
    run.finish("a", "x")
    assert attempts(run, "a") == [1, 2]
    run.finish("b")
    assert run.outputs == {"a": "x"}


def test_after_its_last_attempt_it_has_failed():
    run = tried()
    for _ in range(2):
        run.fail("a")
        run.rested("a")
    run.fail("a")
    assert attempts(run, "a") == [1, 2, 3]
    assert run.finished.failure.kind == "command_failed"
    assert run.status("b") == "skipped"


def test_what_is_not_among_on_is_not_tried_again():
    run = tried(", on: [timeout]")
    run.fail("a")
    assert run.finished.failure.kind == "command_failed"
    run = tried(", on: [timeout]")
    run.fail("a", "timeout")
    assert list(run.state.retrying) == ["a"]


@pytest.mark.parametrize("kind", ["turns", "cost_usd", "refusal", "expression", "outcome_unknown", "cancelled"])
def test_a_failure_that_would_come_again_or_cost_again_is_not_retried_unasked(kind: str):
    run = tried()
    run.fail("a", kind)
    assert run.finished.failure.kind == kind


def test_a_limit_of_the_run_is_never_retried():
    run = Run("steps: {a: {agent: {}, prompt: go, retry: {attempts: 3, on: [wall_time, command_failed]}}}")
    run.reach_limit()
    assert run.finished.failure.kind == "wall_time"
    run = tried()
    run.fail("a")
    run.reach_limit()
    assert run.finished.failure.kind == "wall_time"


def test_a_step_whose_end_is_its_surroundings_failure_is_not_tried_again():
    run = Run("""
        steps:
          a: {run: [work], effects: none, retry: {attempts: 3}}
          b: {run: [work]}
    """)
    run.fail("b")
    run.fail("a")
    assert run.finished.failure.step == "b"
    assert attempts(run, "a") == [1]


def test_a_failure_beside_a_step_at_rest_ends_it_with_its_own():
    run = Run("""
        steps:
          a: {run: [work], effects: none, retry: {attempts: 3}}
          b: {run: [work]}
    """)
    run.fail("a")
    run.fail("b")
    assert run.ended("a").failure.message == "a broke"
    assert run.finished.failure.step == "b"
    assert dict(run.state.retrying) == {}


def test_a_block_begins_afresh_with_all_that_is_in_it():
    run = Run("""
        steps:
          g:
            retry: {attempts: 2}
            steps:
              one: {agent: {}, prompt: go}
              two: {run: [work], effects: none, stdin: "{{ steps.one.output }}"}
            output: steps.two.output
        outputs: {g: steps.g.output}
    """)
    run.finish("g.one", "first")
    run.fail("g.two")
    assert list(run.state.scopes) == [""]
    run.rested("g")
    assert run.at_work == ["g.one"]
    assert run.actions["g.one"].session == "g.one#2"
    run.finish("g.one", "second")
    assert run.actions["g.two"].stdin == "second"
    run.finish("g.two", "end")
    assert run.outputs == {"g": "end"}
    assert attempts(run, "g") == [1, 2]


def test_a_loop_begins_afresh_and_its_steps_count_their_own_attempts_anew():
    run = Run("""
        steps:
          l:
            for_each: "[0, 1]"
            retry: {attempts: 2}
            step: {run: [work], effects: none, retry: {attempts: 2}}
        outputs: {l: steps.l.output}
    """)
    run.finish("l[1].step", 1)
    for _ in range(2):
        run.fail("l[0].step")
        if run.state.retrying:
            run.rested(next(iter(run.state.retrying)))
    assert run.at_work == ["l[0].step", "l[1].step"]
    run.fail("l[0].step")
    assert list(run.state.retrying) == ["l[0].step"], "the step has two attempts in this round too"
    run.rested("l[0].step")
    run.finish("l[0].step", 0)
    run.finish("l[1].step", 1)
    assert run.outputs == {"l": [0, 1]}


def test_an_item_at_rest_holds_its_place_in_the_loop():
    run = Run("""
        steps:
          l: {for_each: "[0, 1]", parallel: 1, step: {run: [work], effects: none, retry: {attempts: 2}}}
    """)
    run.fail("l[0].step")
    assert run.at_work == []
    run.rested("l[0].step")
    run.finish("l[0].step")
    assert run.at_work == ["l[1].step"]


def test_a_gate_that_fails_by_its_timeout_is_asked_again():
    run = Run("steps: {ok: {approve: Go on?, timeout: 1m, on_timeout: fail, retry: {attempts: 2, backoff: 1m}}}")
    run.answer("ok", False, expired=True)
    run.rested("ok")
    assert run.asked == ["ok"]
    run.answer("ok", True)
    assert run.finished.status == "done"


def test_a_step_that_cannot_start_is_tried_again_only_where_the_file_says_so():
    failing = "steps: {a: {value: 'inputs.n / 0', retry: {attempts: 2%s}}}\ninputs: {n: {type: integer}}"
    assert Run(failing % "", n=1).finished.failure.kind == "expression"
    run = Run(failing % ", on: [expression]", n=1)
    run.rested("a")
    assert run.finished.failure.kind == "expression"


def test_on_error_continue_counts_after_the_last_attempt():
    run = tried("", ", on_error: continue, if_skipped: none")
    run.fail("a")
    run.rested("a")
    run.fail("a")
    run.rested("a")
    run.fail("a")
    assert run.outputs == {"a": "none"}


def test_an_attempt_repeated_after_a_crash_is_no_other_attempt():
    run = tried()
    run.fail("a")
    resumed = Run.folded(run.plan, run.begun, run.events)
    resumed.resume()
    resumed.rested("a")
    resumed.fail("a")
    resumed.rested("a")
    resumed.fail("a")
    assert resumed.finished.status == "failed"


def test_a_crash_between_the_failure_and_its_rest_loses_no_attempt():
    run = tried()
    run.fail("a")
    cut = next(n for n, event in enumerate(run.events) if isinstance(event, StepRetried))
    resumed = Run.folded(run.plan, run.begun, run.events[:cut])
    resumed.resume()
    assert list(resumed.state.retrying) == ["a"]


def test_time_passes_while_a_step_rests():
    run = tried()
    run.fail("a")
    before = run.state.active_seconds
    run.now += 5
    run.rested("a")
    assert run.state.active_seconds == before + 5


def test_every_count_is_right_at_every_point():
    run = tried()
    run.fail("a")
    assert recounted(run.state) == run.state
    run.rested("a")
    assert recounted(run.state) == run.state


def test_what_nothing_asked_for_is_refused():
    run = tried()
    failure = Failure("timeout", "x")
    for event in (RetryDue(1.0, "a"), StepRetried(1.0, "a", 2, failure, 2.0)):
        assert refuses(run_apply.apply, run.plan, run.state, event)
    run.fail("a")
    for event in (StepStarted(1.0, "a", 2), StepRetried(1.0, "a", 2, failure, 2.0)):
        assert refuses(run_apply.apply, run.plan, run.state, event)
    assert decide(run.plan, run.state) == ()


def plan(backoff: float = 1.0) -> RetryPlan:
    return RetryPlan(20, backoff, ("timeout",), False)


def test_rests_double_with_jitter_up_to_a_bound():
    assert [rest(plan(), attempt, 1.0) for attempt in (2, 3, 4)] == [1.0, 2.0, 4.0]
    assert [rest(plan(), attempt, 0.0) for attempt in (2, 3, 4)] == [0.5, 1.0, 2.0]
    assert rest(plan(), 20, 1.0) == LONGEST_REST
    assert rest(plan(86_400.0), 20, 1.0) == 86_400.0
