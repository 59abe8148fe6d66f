"""What LANGUAGE promises of `repeat`."""

import pytest

from agentflow.run.state import StartSession
from tests.builders import Run

REPORT = """
steps:
  report:
    repeat: {until: steps.review.output.ok, max: 3%s}
    steps:
      draft: {run: [work], stdin: "{{ previous.review.output.notes | default('none yet') }}", parse: json}
      review: {run: [work], stdin: "{{ steps.draft.output }}", parse: json}
    output: steps.draft.output
  after: {value: "[steps.report.converged, steps.report.status]"}
outputs: {report: steps.report.output, after: steps.after.output}
"""


def round_of(run: Run, index: int, ok: bool, notes: str = "more") -> None:
    run.finish(f"report[{index}].draft", f"draft {index + 1}")
    run.finish(f"report[{index}].review", {"ok": ok, "notes": notes})


def test_the_body_runs_until_the_expression_holds_and_gives_the_last_rounds_output():
    run = Run(REPORT % "")
    round_of(run, 0, False)
    round_of(run, 1, True)
    assert run.outputs == {"report": "draft 2", "after": [True, "done"]}


def test_rounds_come_one_after_another_and_each_sees_the_one_before():
    run = Run(REPORT % "")
    assert run.actions["report[0].draft"].stdin == "none yet"
    assert run.at_work == ["report[0].draft"]
    round_of(run, 0, False, "shorter")
    assert run.actions["report[1].draft"].stdin == "shorter"
    round_of(run, 1, False, "longer")
    assert run.actions["report[2].draft"].stdin == "longer"


def test_a_last_round_that_is_not_good_enough_fails_it():
    run = Run(REPORT % "")
    for index in range(3):
        round_of(run, index, False)
    assert run.finished.failure.kind == "max_rounds"
    assert "after 3 rounds" in run.finished.failure.message
    assert run.ended("report").converged is False
    assert run.status("after") == "skipped"


def test_at_max_accept_takes_the_last_round_as_it_is():
    run = Run(REPORT % ", at_max: accept")
    for index in range(3):
        round_of(run, index, False)
    assert run.outputs == {"report": "draft 3", "after": [False, "done"]}


def test_max_may_come_from_an_input():
    run = Run(
        """
        inputs: {n: {type: integer, maximum: 9}}
        steps: {r: {repeat: {until: loop.index > 100, max: inputs.n, at_max: accept}, step: {value: loop.index}}}
        outputs: {r: steps.r.output}
    """,
        n=4,
    )
    assert run.outputs == {"r": 4}


def test_a_body_of_one_step_is_read_by_the_id_step():
    run = Run("""
        steps:
          r: {repeat: {until: steps.step.output > 20, max: 9}, step: {value: "2 * (previous.step.output | default(3))"}}
        outputs: {r: steps.r.output}
    """)
    assert run.outputs == {"r": 24}


def test_a_failed_round_fails_it_and_no_other_begins():
    run = Run(REPORT % "")
    run.finish("report[0].draft", "x")
    run.fail("report[0].review")
    assert run.finished.status == "failed"
    assert run.finished.failure.step == "report[0].review"
    assert not any(event.step.startswith("report[1]") for event in run.events if hasattr(event, "step"))


def test_under_on_error_continue_a_repeat_that_does_not_converge_counts_as_skipped():
    run = Run("""
        steps:
          r: {repeat: {until: loop.index > 5, max: 2}, step: {value: loop.index}, on_error: continue, if_skipped: never}
        outputs: {r: steps.r.output}
    """)
    assert run.outputs == {"r": "never"}


def test_converged_of_a_repeat_that_did_not_run_is_null():
    run = Run(
        """
        inputs: {go: {type: boolean}}
        steps:
          r: {when: inputs.go, repeat: {until: loop.index > 0, max: 2}, step: {value: "1"}}
          c: {value: steps.r.converged}
        outputs: {c: steps.c.output}
    """,
        go=False,
    )
    assert run.outputs == {"c": None}


def test_a_failure_beside_it_lets_no_further_round_begin():
    run = Run("""
        steps:
          r: {repeat: {until: loop.index > 5, max: 9}, step: {run: [work]}}
          s: {run: [work]}
    """)
    run.fail("s")
    run.finish("r[0].step")
    assert run.finished.status == "failed"
    assert run.status("r") == "skipped"
    assert run.reason("r") == "not started: step `s` failed"


def test_a_gate_in_a_round_is_addressed_by_the_round_and_holds_the_next_one_back():
    run = Run("""
        steps:
          r:
            repeat: {until: steps.ok.approved, max: 3}
            steps: {ok: {approve: "Enough after {{ loop.index }}?", on_reject: continue}}
            output: loop.index
        outputs: {r: steps.r.output}
    """)
    assert run.asked == ["r[0].ok"]
    run.answer("r[0].ok", False)
    assert run.asked == ["r[1].ok"]
    run.answer("r[1].ok", True)
    assert run.outputs == {"r": 2}


def test_the_first_round_of_an_inner_repeat_has_no_previous_though_the_outer_one_has():
    run = Run("""
        steps:
          o:
            repeat: {until: loop.index == 2, max: 2}
            steps:
              i:
                repeat: {until: loop.index == 2, max: 2}
                steps:
                  x: {value: "previous is defined"}
                  all: {value: "(previous.all.output | default([])) + [steps.x.output]"}
                output: steps.all.output
              seen: {value: "[previous is defined, steps.i.output]"}
            output: steps.seen.output
        outputs: {o: steps.o.output}
    """)
    assert run.outputs == {"o": [True, [False, True]]}


def test_previous_tells_of_a_skipped_step_and_default_stands_in_for_it():
    run = Run("""
        steps:
          r:
            repeat: {until: loop.index == 3, max: 3}
            steps:
              x: {when: loop.index == 1, value: loop.index}
              y: {value: "[previous.x.status | default('first'), previous.x.output | default('none')]"}
            output: steps.y.output
        outputs: {r: steps.r.output}
    """)
    assert run.outputs == {"r": ["skipped", "none"]}


CONTINUED = """
agents: {a: {}}
steps:
  r:
    repeat: {until: steps.%s.output == 'enough', max: 3}
    steps: %s
"""


@pytest.mark.parametrize(
    ("name", "steps", "path"),
    [
        ("x", "{x: {agent: a, prompt: go, session: {continue: previous.x}}}", "r[%d].x"),
        (
            "g",
            "{g: {steps: {y: {agent: a, prompt: go, session: {continue: previous.x}}}, output: steps.y.output},"
            " x: {agent: a, prompt: go}}",
            "r[%d].g.y",
        ),
    ],
    ids=["of the step itself", "of another, from inside a block"],
)
def test_a_session_of_the_last_round_goes_on_and_is_fresh_in_the_first(name: str, steps: str, path: str):
    run = Run(CONTINUED % (name, steps))
    first = run.actions[path % 0]
    assert isinstance(first, StartSession)
    assert first.continues is None
    for at_work in list(run.at_work):
        run.finish(at_work, "go on")
    second = run.actions[path % 1]
    assert isinstance(second, StartSession)
    assert second.continues == "r[0].x"


def test_a_step_that_was_skipped_in_the_last_round_leaves_no_session():
    run = Run("""
        agents: {a: {}}
        steps:
          r:
            repeat: {until: loop.index == 2, max: 2}
            steps:
              x: {when: loop.index == 2, agent: a, prompt: go, session: {continue: previous.x}}
    """)
    assert run.at_work == ["r[1].x"]
    assert run.actions["r[1].x"].continues is None


def test_until_that_is_not_boolean_fails_the_round():
    run = Run(
        """
        inputs: {x: {}}
        steps: {r: {repeat: {until: "steps.step.output", max: 2}, step: {value: inputs.x}}}
    """,
        x="yes",
    )
    assert run.finished.failure.kind == "expression"
    assert run.finished.failure.message == "`until: steps.step.output` gave a text, not true or false; compare it"
