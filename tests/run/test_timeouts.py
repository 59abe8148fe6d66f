"""What LANGUAGE promises of `timeout`: the decider's part, and the clocks of steps."""

from agentflow.events.run_events import StepTimedOut
from agentflow.events.values import Failure
from agentflow.run import apply as run_apply
from tests.builders import Run, recounted, refuses


def seconds(run: Run, path: str) -> float:
    return run.state.clocks[path].seconds(run.now)


def test_a_block_that_times_out_fails_whatever_is_inside():
    run = Run("""
        steps:
          g:
            timeout: 1m
            steps:
              a: {run: [work], on_error: continue}
              b: {run: [work], effects: none, retry: {attempts: 5}}
              ok: {approve: Go on?}
              after: {run: [work], needs: [a], join: done}
              deep: {steps: {c: {run: [work]}, d: {needs: [c], run: [work]}}}
          next: {run: [work], needs: [g]}
    """)
    run.fail("g.b")
    run.time_out("g")
    assert run.ended("g").failure.kind == "timeout"
    assert [run.ended(f"g.{name}").status for name in ("a", "b", "ok", "after")] == [
        "failed",
        "failed",
        "skipped",
        "skipped",
    ]
    assert run.reason("g.after") == "not started: step `g` timed out"
    assert run.reason("g.ok") == "not asked any more: step `g` timed out"
    assert run.finished.failure.kind == "timeout"


def test_a_loop_that_times_out_opens_no_more_items_and_keeps_none():
    run = Run("""
        steps:
          l:
            for_each: "[0, 1, 2, 3]"
            parallel: 2
            timeout: 1m
            on_error: collect
            steps: {a: {run: [work]}, b: {run: [work], needs: [a]}}
    """)
    run.finish("l[0].a")
    run.finish("l[0].b")
    run.time_out("l")
    assert run.status("l[3].a") == "gone"
    assert run.finished.failure.kind == "timeout"


def test_a_timeout_may_be_retried_and_each_attempt_has_its_time():
    run = Run("steps: {g: {timeout: 1m, retry: {attempts: 2}, steps: {a: {run: [work], effects: none}}}}")
    run.now += 60
    run.time_out("g")
    assert "g" not in run.state.clocks
    run.rested("g")
    assert seconds(run, "g") == 0
    run.finish("g.a")
    assert run.finished.status == "done"


def test_a_timeout_of_a_block_that_continues_is_held_in():
    run = Run("steps: {g: {timeout: 1m, on_error: continue, steps: {a: {run: [work]}}}, b: {run: [work]}}")
    run.time_out("g")
    run.finish("b")
    assert run.finished.status == "done"


def test_waits_for_people_are_not_counted():
    run = Run("""
        steps:
          g:
            timeout: 1m
            steps: {a: {run: [work]}, ok: {approve: Go on?, needs: [a]}, b: {run: [work], needs: [ok]}}
    """)
    run.now += 10
    run.finish("g.a")
    assert recounted(run.state) == run.state
    run.now += 1000
    assert seconds(run, "g") == 10
    run.answer("g.ok", True)
    run.now += 5
    assert seconds(run, "g") == 15


def test_work_beside_a_gate_is_counted():
    run = Run("""
        steps:
          l:
            timeout: 1m
            for_each: "[0, 1]"
            steps: {ok: {approve: Go on?}, a: {run: [work]}}
    """)
    run.now += 10
    run.finish("l[0].a")
    assert seconds(run, "l") == 10
    run.now += 10
    run.finish("l[1].a")
    run.now += 10
    assert seconds(run, "l") == 20
    assert recounted(run.state) == run.state


def test_rests_inside_are_counted():
    run = Run("steps: {g: {timeout: 1m, steps: {a: {run: [work], effects: none, retry: {attempts: 2, backoff: 20s}}}}}")
    run.fail("g.a")
    run.rested("g.a")
    assert seconds(run, "g") == 15


def test_time_in_which_nobody_worked_on_the_run_is_not_counted_and_time_before_is():
    run = Run("steps: {g: {timeout: 1m, steps: {a: {run: [work]}}}, s: {agent: {}, prompt: go, timeout: 1m}}")
    run.now += 10
    run.resume(away=10_000)
    run.now += 5
    assert seconds(run, "g") == seconds(run, "s") == 15


def test_steps_that_keep_their_own_time_have_no_clock():
    run = Run(
        "steps: {a: {run: [work], timeout: 1m}, ok: {approve: Go on?, timeout: 1m}, q: {ask: What?, timeout: 1m}}"
    )
    assert dict(run.state.clocks) == {}


def test_a_crash_after_a_timeout_goes_on_with_it():
    run = Run("steps: {g: {timeout: 1m, steps: {a: {run: [work]}, b: {run: [work], needs: [a]}}}}")
    failure = Failure("timeout", "too long", step="g")
    run.happen(StepTimedOut(run.now, "g", failure))
    resumed = Run.folded(run.plan, run.begun, run.events)
    resumed.resume()
    resumed.fail("g.a", "cancelled")
    assert resumed.finished.failure == failure


def test_only_a_block_at_work_times_out_and_only_once():
    run = Run("steps: {g: {steps: {a: {run: [work]}}}, b: {run: [work]}}")
    failure = Failure("timeout", "too long")
    for path in ("b", "g.a"):
        assert refuses(run_apply.apply, run.plan, run.state, StepTimedOut(1.0, path, failure))
    run.happen(StepTimedOut(run.now, "g", failure))
    assert refuses(run_apply.apply, run.plan, run.state, StepTimedOut(1.0, "g", failure))
