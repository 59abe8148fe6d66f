"""What LANGUAGE promises of `fail`."""

from tests.builders import Run

GUARD = """
inputs: {lines: {type: integer}}
steps:
  enough: {when: inputs.lines < 3, fail: "Only {{ inputs.lines }} lines."}
  go: {needs: [enough], value: "'went'", if_skipped: stayed}
outputs: {go: steps.go.output, guard: steps.enough.status}
"""


def test_it_ends_the_run_with_its_message():
    run = Run(GUARD, lines=2)
    failure = run.finished.failure
    assert (failure.kind, failure.message, failure.step) == ("failed", "Only 2 lines.", "enough")
    assert run.reason("go") == "not started: step `enough` failed"


def test_where_its_when_is_false_it_counts_as_done():
    assert Run(GUARD, lines=3).outputs == {"go": "went", "guard": "done"}


def test_it_ends_its_surroundings_and_what_is_around_them_goes_on_under_continue():
    run = Run("""
        steps:
          block: {steps: {stop: {fail: No further.}}, on_error: continue}
          after: {value: "steps.block.error.message | default('none')"}
        outputs: {after: steps.after.output}
    """)
    assert run.outputs == {"after": "No further."}


def test_a_guard_that_reads_a_skipped_step_is_skipped_itself():
    run = Run(
        """
        inputs: {go: {type: boolean}}
        steps:
          a: {when: inputs.go, value: "1"}
          guard: {when: steps.a.output > 3, fail: too many}
    """,
        go=False,
    )
    assert run.reason("guard") == "it reads `a`, which was skipped"


def test_in_a_round_and_in_a_case_it_fails_what_it_stands_in():
    run = Run("""
        steps:
          r:
            repeat: {until: loop.index > 5, max: 9}
            steps: {stop: {when: loop.index == 2, fail: "round {{ loop.index }}"}}
    """)
    assert (run.finished.failure.message, run.finished.failure.step) == ("round 2", "r[1].stop")
    chosen = Run("inputs: {a: {type: boolean}}\nsteps: {c: {choose: [{when: inputs.a, fail: chosen}]}}", a=True)
    assert (chosen.finished.failure.message, chosen.finished.failure.step) == ("chosen", "c.1")


def test_a_message_that_comes_out_empty_names_the_step():
    run = Run('inputs: {a: {type: string}}\nsteps: {stop: {fail: "{{ inputs.a }}"}}', a=" ")
    assert run.finished.failure.message == "step `stop` says so"
