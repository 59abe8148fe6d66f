"""What LANGUAGE promises of `choose`."""

import pytest

from tests.builders import Run

ROUTE = """
inputs: {kind: {type: string}}
steps:
  route:
    choose:
      - {when: inputs.kind == 'bug', run: [fix]}
      - when: inputs.kind in ['bug', 'idea']
        steps: {think: {run: [think]}, more: {needs: [think], run: [more]}}
        output: steps.more.output
    %s
outputs: {route: "steps.route.output | default('nothing')", status: steps.route.status}
"""
OTHERWISE = "otherwise: {value: \"'no ' ~ inputs.kind\"}"


def test_the_first_case_that_holds_runs_alone_and_gives_its_output():
    run = Run(ROUTE % OTHERWISE, kind="bug")
    assert run.at_work == ["route.1"]
    run.finish("route.1", "fixed")
    assert run.outputs == {"route": "fixed", "status": "done"}


def test_a_case_may_be_a_block_and_its_steps_are_found_by_its_position():
    run = Run(ROUTE % OTHERWISE, kind="idea")
    run.finish("route.2.think")
    run.finish("route.2.more", "thought")
    assert run.outputs == {"route": "thought", "status": "done"}


def test_otherwise_runs_where_no_case_does():
    assert Run(ROUTE % OTHERWISE, kind="praise").outputs == {"route": "no praise", "status": "done"}


def test_without_otherwise_it_is_skipped_with_the_reason():
    run = Run(ROUTE % "", kind="praise")
    assert run.outputs == {"route": "nothing", "status": "skipped"}
    assert run.reason("route") == "none of its cases holds"


def test_a_failed_case_fails_it():
    run = Run(ROUTE % "", kind="bug")
    run.fail("route.1")
    assert run.finished.failure.step == "route.1"
    assert run.status("route") == "failed"


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("run: [work], on_error: continue", ["skipped", "nothing"]),
        ("run: [work], on_error: continue, if_skipped: instead", ["done", "instead"]),
    ],
)
def test_a_case_that_goes_on_after_an_error_counts_as_skipped(case: str, expected: list[str]):
    run = Run(
        f"""
        inputs: {{go: {{type: boolean}}}}
        steps:
          c: {{choose: [{{when: inputs.go, {case}}}]}}
          d: {{value: "[steps.c.status, steps.c.output | default('nothing')]"}}
        outputs: {{d: steps.d.output}}
    """,
        go=True,
    )
    run.fail("c.1")
    assert run.outputs == {"d": expected}


REJECTED = """
inputs: {go: {type: boolean}}
steps:
  c: {choose: [{when: inputs.go, approve: Sure?%s}]}
  d: {needs: [c], value: "'went on'"}
outputs: {d: "steps.d.output | default('stopped')", c: steps.c.status}
"""


@pytest.mark.parametrize(
    ("more", "approved", "expected"),
    [
        ("", True, {"d": "went on", "c": "done"}),
        ("", False, {"d": "stopped", "c": "rejected"}),
        (", on_reject: continue", False, {"d": "went on", "c": "done"}),
    ],
)
def test_a_gate_as_a_case_is_answered_by_its_position(more: str, approved: bool, expected: dict):
    run = Run(REJECTED % more, go=True)
    assert run.asked == ["c.1"]
    run.answer("c.1", approved)
    assert run.outputs == expected


def test_a_case_alone_is_skipped_for_what_it_reads_and_the_conditions_skip_the_whole():
    text = """
        inputs: {go: {type: boolean}}
        steps:
          yes: {when: inputs.go, value: "'yes'"}
          no: {when: not inputs.go, value: "'no'"}
          both: {choose: [{when: inputs.go, value: steps.yes.output}], otherwise: {value: steps.no.output}}
          one: {choose: [{when: "steps.yes.output == 'yes'", value: "1"}], otherwise: {value: "2"}}
        outputs: {both: "steps.both.output | default('-')", one: "steps.one.output | default('-')"}
    """
    assert Run(text, go=True).outputs == {"both": "yes", "one": 1}
    run = Run(text, go=False)
    assert run.outputs == {"both": "no", "one": "-"}
    assert run.reason("one") == "it reads `yes`, which was skipped"


def test_a_chosen_case_that_reads_a_skipped_step_skips_the_choice_with_the_reason():
    run = Run(
        """
        inputs: {go: {type: boolean}}
        steps:
          a: {when: inputs.go, value: "1"}
          c: {choose: [{when: "not inputs.go", value: steps.a.output}]}
    """,
        go=False,
    )
    assert run.reason("c") == "it reads `a`, which was skipped"


def test_a_step_called_otherwise_outside_is_not_the_case():
    run = Run(
        """
        inputs: {go: {type: boolean}}
        steps:
          otherwise: {value: "'outside'"}
          c:
            choose: [{when: inputs.go, value: "1"}]
            otherwise: {steps: {x: {value: steps.otherwise.output}}, output: steps.x.output}
        outputs: {c: steps.c.output}
    """,
        go=False,
    )
    assert run.outputs == {"c": "outside"}


def test_a_condition_that_is_not_boolean_fails_the_choice():
    run = Run("inputs: {x: {}}\nsteps: {c: {choose: [{when: inputs.x, value: '1'}]}}", x=3)
    assert run.finished.failure.message == "`when: inputs.x` gave a number, not true or false; compare it"


def test_a_failure_beside_it_lets_what_has_not_begun_in_a_case_be():
    run = Run(
        """
        inputs: {go: {type: boolean}}
        steps:
          c: {choose: [{when: inputs.go, steps: {a: {run: [work]}, b: {needs: [a], run: [work]}}}]}
          s: {run: [work]}
    """,
        go=True,
    )
    run.fail("s")
    run.finish("c.1.a")
    assert run.status("c") == "skipped"
    assert run.reason("c") == "not started: step `s` failed"
