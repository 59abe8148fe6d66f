"""Steps that only wait for the model's service: whose time stands still, and what does not begin for them."""

import pytest

from agentflow.events.run_events import RunResumed, StepFreed, StepHeld
from agentflow.events.values import Failure
from agentflow.run import apply as run_apply
from tests.builders import Run, recounted, refuses

DOWN = Failure("model_unavailable", "it is down", retryable=True)
TWO = "steps: {a: {agent: {}, prompt: one}, b: {agent: {}, prompt: two}}"


def hold(run, path):
    run.happen(StepHeld(run.now, path, None, DOWN))


def free(run, path):
    run.happen(StepFreed(run.now, path))


def test_the_runs_time_stands_still_when_nothing_but_held_steps_is_left():
    run = Run(TWO)
    run.now += 10
    hold(run, "a")
    run.now += 10
    assert run.state.at_work
    hold(run, "b")
    run.now += 3600
    free(run, "a")
    run.now += 10
    run.finish("a")
    assert run.state.active_seconds == 30
    assert recounted(run.state) == run.state


def test_a_timeout_does_not_count_the_wait_of_a_step_or_of_what_is_around_it():
    run = Run("steps: {g: {timeout: 5m, steps: {a: {agent: {}, prompt: one, timeout: 1m}}}}")
    run.now += 10
    hold(run, "g.a")
    assert recounted(run.state) == run.state
    run.now += 3600
    free(run, "g.a")
    run.now += 5
    assert run.state.clocks["g"].seconds(run.now) == 15
    assert run.state.clocks["g.a"].seconds(run.now) == 15
    assert recounted(run.state) == run.state


def test_a_file_that_runs_as_a_step_does_not_count_it_either():
    from agentflow.run.files import worked
    from tests.builders import plan_of

    inner = "agentflow: 1\nname: inner\nlimits: {wall_time: 1m}\nsteps: {a: {agent: {}, prompt: one}}\n"
    run = Run(plan_of("steps: {f: {workflow: inner.yaml}}", {"inner.yaml": inner}))
    run.now += 10
    hold(run, "f.a")
    run.now += 3600
    assert worked(run.state.scopes["f"], run.now) == 10


def test_a_loop_begins_nothing_else_for_an_item_that_is_held_though_another_waits_for_a_person():
    run = Run("""
        steps:
          l:
            for_each: "[0, 1, 2]"
            parallel: 1
            steps: {a: {agent: {}, prompt: one}, ok: {approve: Go on?}}
    """)
    assert recounted(run.state) == run.state
    begun = len(run.state.sessions)
    hold(run, "l[0].a")
    assert len(run.state.sessions) == begun == 1
    assert recounted(run.state) == run.state


def test_a_held_step_may_end():
    run = Run(TWO)
    hold(run, "a")
    run.finish("a")
    run.finish("b")
    assert run.finished.status == "done"


def test_a_step_is_held_once_and_only_while_an_agent_is_at_work():
    run = Run("steps: {a: {agent: {}, prompt: one}, c: {run: [work]}}")
    hold(run, "a")
    for event in (StepHeld(run.now, "a", None, DOWN), StepHeld(run.now, "c", None, DOWN), StepFreed(run.now, "c")):
        assert refuses(run_apply.apply, run.plan, run.state, event)


def test_a_resume_counts_no_time_that_a_held_step_waited():
    run = Run("steps: {g: {timeout: 5m, steps: {a: {agent: {}, prompt: one}}}}")
    run.now += 10
    hold(run, "g.a")
    run.now += 7200
    run.happen(RunResumed(run.now, run.now - 3600))
    free(run, "g.a")
    run.now += 1
    run.finish("g.a")
    assert run.state.active_seconds == pytest.approx(11)
