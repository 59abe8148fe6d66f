"""What LANGUAGE promises of `approve`."""

import pytest

from tests.builders import Run

GATED = """
steps:
  ok: {approve: Go on?%s}
  then: {run: [work], needs: [ok]}
"""


def test_a_gate_asks_with_its_text_and_what_to_look_at():
    run = Run(
        """
        inputs: {n: {type: integer}}
        steps: {ok: {approve: "Send {{ inputs.n }}?", show: "n = {{ inputs.n }}", timeout: 1m}}
    """,
        n=3,
    )
    gate = run.state.gates["ok"]
    assert (gate.message, gate.show, gate.about, gate.expires_at) == ("Send 3?", "n = 3", "approve", run.now + 60)


def test_a_yes_lets_what_needs_it_start_and_says_who_and_when():
    run = Run("""
        steps: {ok: {approve: Go on?}, who: {value: "[steps.ok.output.by, steps.ok.output.at]"}}
    """)
    run.now += 7
    run.answer("ok", True)
    assert run.ended("who").output == ["ada", 1007.0]
    assert run.ended("ok").approved is True


def test_a_no_skips_what_needs_it_and_the_run_is_done():
    run = Run(GATED % "")
    run.answer("ok", False)
    assert run.ended("ok").status == "rejected"
    assert run.reason("ok") == "ada said no"
    assert run.reason("then") == "it needs `ok`, which was rejected"
    assert run.finished.status == "done"


def test_on_reject_continue_makes_the_answer_readable():
    run = Run("""
        steps:
          ok: {approve: Go on?, on_reject: continue}
          then: {run: [work], needs: [ok], stdin: "{{ steps.ok.approved }} {{ steps.ok.status }}"}
    """)
    run.answer("ok", False)
    assert run.actions["then"].stdin == "false rejected"


def test_readers_of_a_rejected_gate_see_its_if_skipped():
    run = Run("""
        steps:
          ok: {approve: Go on?, if_skipped: {by: nobody}}
          who: {value: steps.ok.output.by}
        outputs: {who: steps.who.output}
    """)
    run.answer("ok", False)
    assert run.outputs == {"who": "nobody"}


def test_a_timeout_rejects_unless_the_file_says_fail():
    run = Run(GATED % ", timeout: 1m")
    run.answer("ok", False, expired=True)
    assert run.ended("ok").status == "rejected"
    assert run.reason("ok") == "nobody answered in time"
    assert run.finished.status == "done"


def test_a_timeout_fails_where_the_file_says_so():
    run = Run(GATED % ", timeout: 1m, on_timeout: fail")
    run.answer("ok", False, expired=True)
    assert run.finished.failure.kind == "timeout"


def test_a_persons_no_is_no_timeout():
    run = Run(GATED % ", timeout: 1m, on_timeout: fail")
    run.answer("ok", False)
    assert run.finished.status == "done"


def test_an_open_gate_is_pointless_after_a_failure_and_nobody_is_waited_for():
    run = Run("steps: {ok: {approve: Go on?}, a: {run: [work]}}")
    run.fail("a")
    assert run.asked == []
    assert run.reason("ok") == "not asked any more: step `a` failed"
    assert run.finished.status == "failed"


def test_a_gate_that_joins_on_done_is_still_asked_after_a_failure():
    run = Run("steps: {a: {run: [work]}, ok: {approve: Clean up?, needs: [a], join: done}}")
    run.fail("a")
    assert run.asked == ["ok"]
    run.answer("ok", True)
    assert run.finished.status == "failed"


def test_a_gate_in_a_block_that_continues_is_pointless_after_a_failure_beside_it():
    run = Run("""
        steps:
          g: {on_error: continue, steps: {ok: {approve: Go on?}, a: {run: [work]}}}
          free: {approve: Else?}
    """)
    run.fail("g.a")
    assert run.asked == ["free"], "the failure is held in by its block"
    run.answer("free", True)
    assert run.finished.status == "done"


def test_a_question_about_a_cut_off_command_is_pointless_after_a_failure():
    from agentflow.events.run_events import OutcomeUnknown

    run = Run("steps: {a: {run: [work]}, b: {run: [work]}}")
    run.call("a")
    run.happen(OutcomeUnknown(run.now, "a"))
    run.settle()
    run.fail("b")
    assert run.asked == []
    assert run.finished.failure.step == "b"


FAN = """
steps:
  l:
    for_each: "[0, 1, 2, 3]"
    parallel: 1
    steps:
      ok: {approve: "Item {{ item }}?"}
      then: {run: [work], needs: [ok]}
"""


def test_gates_in_a_fan_out_hold_no_place_and_carry_their_index():
    run = Run(FAN)
    assert run.asked == ["l[0].ok", "l[1].ok", "l[2].ok", "l[3].ok"]
    assert run.state.gates["l[2].ok"].message == "Item 2?"


def test_answered_items_go_on_in_the_places_there_are():
    run = Run(FAN)
    run.answer("l[2].ok", True)
    run.answer("l[0].ok", False)
    assert run.at_work == ["l[2].then"]
    run.finish("l[2].then")
    run.answer("l[1].ok", False)
    run.answer("l[3].ok", False)
    assert run.finished.status == "done"


def test_items_with_work_beside_their_gate_hold_their_place():
    run = Run("""
        steps:
          l:
            for_each: "[0, 1]"
            parallel: 1
            steps: {ok: {approve: Go on?}, a: {run: [work]}}
    """)
    assert run.asked == ["l[0].ok"]
    run.finish("l[0].a")
    assert run.asked == ["l[0].ok", "l[1].ok"]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_nested_fan_outs_open_past_gates_at_any_depth(order: tuple[int, int]):
    run = Run("""
        steps:
          outer:
            for_each: "[0, 1]"
            parallel: 1
            steps:
              inner:
                for_each: "[0, 1]"
                as: inner_item
                parallel: 1
                step: {approve: Go on?, if_skipped: null}
    """)
    gates = run.asked
    assert len(gates) == 4
    for index in order:
        for gate in [gate for gate in gates if gate.startswith(f"outer[{index}]")]:
            run.answer(gate, True)
    assert run.finished.status == "done"


def test_an_answer_to_a_gate_that_is_not_open_is_refused():
    run = Run(GATED % "")
    run.answer("ok", True)
    with pytest.raises(ValueError, match="ok"):
        run.answer("ok", True)
