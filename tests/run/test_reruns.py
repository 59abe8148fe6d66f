"""What LANGUAGE promises of `on_resume`, as decision 9 reads it."""

from agentflow.events.run_events import StepFinished, StepReset
from agentflow.events.values import Failure
from agentflow.run import apply as run_apply
from tests.builders import Run, recounted, refuses

STALE = """
steps:
  today: {run: [date], effects: none, on_resume: rerun}
  wait: {run: [sleep]}
  report: {run: [report], needs: [wait], stdin: "{{ steps.today.output }}"%s}
outputs: {report: steps.report.output}
"""


def stale(beside: str = "") -> Run:
    return Run(STALE % beside)


def test_a_done_step_runs_again_before_those_that_wait_for_it():
    run = stale()
    run.finish("today", "monday")
    run.resume()
    assert recounted(run.state) == run.state
    assert run.at_work == ["today", "wait"]
    run.finish("wait")
    assert run.at_work == ["today"]
    run.finish("today", "tuesday")
    assert run.actions["report"].stdin == "tuesday"
    run.finish("report", "r")
    assert run.outputs == {"report": "r"}


def test_what_was_about_to_start_waits_again():
    run = stale()
    run.finish("wait")
    run.happen(StepFinished(run.now, "today", "done", "monday"))
    assert "report" in run.state.todo
    run.resume()
    assert run.at_work == ["today"]
    run.finish("today", "tuesday")
    assert run.actions["report"].stdin == "tuesday"


def test_without_the_key_a_done_step_is_done():
    run = Run(STALE.replace(", on_resume: rerun", "") % "")
    run.finish("today", "monday")
    run.resume()
    assert run.at_work == ["wait"]


def test_once_a_reader_has_begun_all_see_the_same_output():
    run = Run("""
        steps:
          today: {run: [date], effects: none, on_resume: rerun}
          one: {run: [one], stdin: "{{ steps.today.output }}"}
          two: {run: [two], stdin: "{{ steps.today.output }}", needs: [one]}
    """)
    run.finish("today", "monday")
    run.resume()
    assert run.at_work == ["one"], "a reader is at work"
    run.finish("one")
    resumed = Run.folded(run.plan, run.begun, run.events[:-1])
    resumed.resume()
    assert resumed.actions["two"].stdin == "monday", "done work is not thrown away, nor contradicted"


def test_what_a_person_was_shown_is_what_goes_on():
    run = Run("""
        steps:
          price: {run: [price], effects: none, on_resume: rerun}
          ok: {approve: "Buy for {{ steps.price.output }}?"}
          buy: {run: [buy], needs: [ok], stdin: "{{ steps.price.output }}"}
    """)
    run.finish("price", "9")
    run.resume()
    assert run.at_work == []
    run.answer("ok", True)
    assert run.actions["buy"].stdin == "9"


def test_a_chain_of_such_steps_runs_again_from_its_beginning():
    run = Run("""
        steps:
          fetch: {run: [fetch], effects: none, on_resume: rerun}
          clean: {value: "steps.fetch.output ~ '!'", on_resume: rerun}
          wait: {run: [sleep]}
          last: {run: [last], needs: [wait], stdin: "{{ steps.clean.output }}"}
    """)
    run.finish("fetch", "old")
    run.resume()
    run.finish("fetch", "new")
    run.finish("wait")
    assert run.actions["last"].stdin == "new!"


def test_a_step_whose_only_reader_is_done_is_not_run_for_nothing():
    run = Run("""
        steps:
          fetch: {run: [fetch], effects: none, on_resume: rerun}
          clean: {value: "steps.fetch.output ~ '!'"}
          last: {run: [last], stdin: "{{ steps.clean.output }}"}
    """)
    run.finish("fetch", "old")
    run.resume()
    assert run.at_work == ["last"]


def test_items_at_work_run_theirs_again_and_ended_ones_do_not():
    run = Run("""
        steps:
          l:
            for_each: "[0, 1]"
            steps:
              fetch: {run: [fetch], effects: none, on_resume: rerun}
              wait: {run: [sleep]}
              use: {run: [use], needs: [wait], stdin: "{{ steps.fetch.output }}"}
    """)
    for name in ("fetch", "wait", "use"):
        run.finish(f"l[0].{name}")
    run.finish("l[1].fetch")
    run.resume()
    assert set(run.at_work) == {"l[1].fetch", "l[1].wait"}


def test_a_run_that_has_failed_runs_nothing_again():
    run = stale()
    run.finish("today")
    run.happen(StepFinished(run.now, "wait", "failed", failure=Failure("command_failed", "broke", step="wait")))
    run.resume()
    assert run.finished.status == "failed"
    assert not any(isinstance(event, StepReset) for event in run.events)


def test_a_rerun_that_fails_fails_the_run_as_any_step_does():
    run = stale()
    run.finish("today", "monday")
    run.resume()
    run.fail("today")
    run.finish("wait")
    assert run.finished.failure.step == "today"


def test_agents_get_a_session_of_their_own():
    run = Run("""
        steps:
          look: {agent: {}, prompt: look, on_resume: rerun}
          wait: {run: [sleep]}
          use: {run: [use], needs: [wait], stdin: "{{ steps.look.output }}"}
    """)
    run.finish("look", "old")
    run.resume()
    assert run.actions["look"].session == "look#2"


def test_only_what_is_done_and_unused_can_be_reset():
    run = stale()
    for path in ("today", "wait"):
        assert refuses(run_apply.apply, run.plan, run.state, StepReset(1.0, path))
    run.finish("today")
    run.finish("wait")
    assert refuses(run_apply.apply, run.plan, run.state, StepReset(1.0, "today")), "its reader has begun"
