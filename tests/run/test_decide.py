"""What LANGUAGE promises of edges, joins, skips, failure and the end of a run."""

import pytest

from agentflow.events.run_events import OutcomeUnknown, RunResumed, StepFinished
from agentflow.events.values import Spent
from tests.builders import Run

# Edges


def test_steps_that_read_nothing_start_together():
    run = Run("steps: {a: {run: [work]}, b: {run: [work]}}")
    assert run.at_work == ["a", "b"]


def test_a_step_starts_when_what_it_reads_is_there_whatever_the_order_in_the_file():
    run = Run("""
        steps:
          last: {value: "steps.first.output ~ '!'"}
          first: {run: [work]}
        outputs: {said: steps.last.output}
    """)
    assert run.status("last") == "waiting"
    run.finish("first", "hello")
    assert run.outputs == {"said": "hello!"}


def test_needs_alone_makes_a_step_wait():
    run = Run("steps: {a: {run: [work]}, b: {run: [work], needs: [a]}}")
    assert run.at_work == ["a"]
    run.finish("a")
    assert run.at_work == ["b"]


def test_a_read_inside_a_block_makes_the_block_wait():
    run = Run("""
        steps:
          a: {run: [work]}
          g: {steps: {x: {value: steps.a.output}}, output: steps.x.output}
        outputs: {g: steps.g.output}
    """)
    assert run.status("g") == "waiting"
    run.finish("a", 7)
    assert run.outputs == {"g": 7}


def test_a_command_is_rendered_with_what_it_reads():
    run = Run(
        """
        inputs: {who: {type: string}}
        env: {LANG: C}
        steps:
          a: {run: [work, --, "{{ inputs.who }}"], stdin: "for {{ inputs.who }}", env: {WHO: "{{ inputs.who }}"}}
    """,
        who="ada",
    )
    action = run.actions["a"]
    assert action.argv == ("work", "--", "ada")
    assert action.stdin == "for ada"
    assert action.env == {"LANG": "C", "WHO": "ada"}


def test_a_line_for_bash_runs_under_strict_bash():
    run = Run("steps: {a: {run: 'echo hi | cat'}}")
    assert run.actions["a"].argv == ("bash", "-euo", "pipefail", "-c", "echo hi | cat")


# Agents


def test_an_agent_step_starts_a_session_with_its_rendered_prompt_and_instructions():
    run = Run(
        """
        inputs: {topic: {type: string}}
        agents: {writer: {instructions: "About {{ inputs.topic }}."}}
        steps: {draft: {agent: writer, prompt: "Write on {{ inputs.topic }}"}}
    """,
        topic="tides",
    )
    action = run.actions["draft"]
    assert (action.prompt, action.instructions, action.session) == ("Write on tides", "About tides.", "draft")
    assert action.continues is None


def test_a_prompt_that_comes_out_empty_fails_the_step():
    run = Run('inputs: {t: {type: string}}\nsteps: {a: {agent: {}, prompt: "{{ inputs.t }}"}}', t="  ")
    assert run.finished.failure.kind == "expression"
    assert "prompt" in run.finished.failure.message
    assert run.started == []


def test_a_session_goes_on_from_the_step_it_names():
    run = Run("""
        agents: {writer: {}}
        steps:
          draft: {agent: writer, prompt: write}
          again: {agent: writer, prompt: shorter, session: {continue: draft}}
    """)
    assert run.at_work == ["draft"]
    run.finish("draft", "long")
    assert run.actions["again"].continues == "draft"


# `when`, skips and what stands in


def test_a_false_when_skips_with_its_text_as_the_reason():
    run = Run(
        """
        inputs: {go: {type: boolean}}
        steps: {a: {run: [work], when: inputs.go}}
    """,
        go=False,
    )
    assert run.status("a") == "skipped"
    assert "inputs.go" in run.reason("a")
    assert run.finished.status == "done"


def test_a_true_when_starts_the_step():
    assert Run("inputs: {go: {type: boolean}}\nsteps: {a: {run: [work], when: inputs.go}}", go=True).at_work == ["a"]


def test_a_when_that_is_neither_true_nor_false_fails_the_step():
    run = Run("""
        steps:
          a: {run: [work], parse: json}
          b: {run: [work], when: steps.a.output.go}
    """)
    run.finish("a", {"go": "yes"})
    assert run.finished.failure.kind == "expression"
    assert "true or false" in run.finished.failure.message


SKIPPED = "a: {run: [work], when: inputs.go%s}"


def skipping(rest: str, more: str = "", outputs: str = "") -> Run:
    steps = "\n".join(f"  {line}" for line in (SKIPPED % more, *rest.splitlines()))
    return Run(f"inputs: {{go: {{type: boolean}}}}\nsteps:\n{steps}\n{outputs}", go=False)


def test_a_reader_of_a_skipped_step_is_skipped_with_the_reason():
    run = skipping("b: {run: [work], stdin: '{{ steps.a.output }}'}\nc: {run: [work], stdin: '{{ steps.b.output }}'}")
    assert run.status("b") == run.status("c") == "skipped"
    assert "`a`" in run.reason("b")
    assert "skipped" in run.reason("b")
    assert "`b`" in run.reason("c")
    assert run.finished.status == "done"


def test_if_skipped_is_what_readers_see_instead():
    run = skipping("b: {value: steps.a.output}", ", if_skipped: instead", "outputs: {b: steps.b.output}")
    assert run.outputs == {"b": "instead"}


def test_if_skipped_may_be_null():
    run = skipping("b: {value: steps.a.output}", ", if_skipped: null", "outputs: {b: steps.b.output}")
    assert run.outputs == {"b": None}


def test_default_reads_past_a_skip():
    run = skipping("b: {value: \"steps.a.output | default('none')\"}", "", "outputs: {b: steps.b.output}")
    assert run.outputs == {"b": "none"}


def test_status_of_a_skipped_step_can_be_read_and_skips_nobody():
    run = skipping(
        'b: {value: "[steps.a.status, steps.a.exit_code, steps.a.error]"}', "", "outputs: {b: steps.b.output}"
    )
    assert run.outputs == {"b": ["skipped", None, None]}


def test_needs_on_a_skipped_step_skips_even_with_if_skipped():
    run = skipping("b: {run: [work], needs: [a]}", ", if_skipped: 1")
    assert run.status("b") == "skipped"
    assert "`a`" in run.reason("b")


def test_a_block_is_skipped_whole_when_a_step_in_it_reads_a_skipped_outer_one():
    run = skipping(
        "g: {steps: {x: {run: [work]}, y: {value: steps.a.output}}, output: steps.x.output}\n"
        "l: {for_each: '[1, 2]', step: {value: '[item, steps.a.output]'}}"
    )
    assert run.status("g") == run.status("l") == "skipped"
    assert run.started == []


# Joins


JOINED = """
inputs: {go: {type: boolean}}
steps:
  a: {run: [work]}
  b: {run: [work], when: inputs.go}
  c: {run: [work], needs: [a, b], join: %s}
"""


@pytest.mark.parametrize(("join", "runs"), [("all", False), ("any", True), ("done", True)])
def test_join_says_what_is_wanted_of_needs(join: str, runs: bool):
    run = Run(JOINED % join, go=False)
    assert run.at_work == ["a"], "each join waits for all"
    run.finish("a")
    assert run.status("c") == ("running" if runs else "skipped")


def test_join_any_of_none_skips_and_names_them():
    run = Run(
        """
        inputs: {go: {type: boolean}}
        steps:
          a: {run: [work], when: inputs.go}
          b: {run: [work], when: inputs.go}
          c: {run: [work], needs: [a, b], join: any}
    """,
        go=False,
    )
    assert run.reason("c").endswith("a, b")


def test_join_governs_needs_and_not_what_is_read():
    run = Run(
        """
        inputs: {go: {type: boolean}}
        steps:
          a: {run: [work], when: inputs.go}
          c: {run: [work], stdin: "{{ steps.a.output }}", needs: [a], join: done}
    """,
        go=False,
    )
    assert run.status("c") == "skipped"


# Failure


def test_a_failure_starts_nothing_new_and_lets_what_runs_finish():
    run = Run("steps: {a: {run: [work]}, b: {run: [work]}, c: {run: [work], needs: [b]}}")
    run.fail("a")
    assert run.state.finished is None
    assert run.at_work == ["b"]
    run.finish("b")
    assert run.status("c") == "skipped"
    assert "`a` failed" in run.reason("c")
    assert run.finished.status == "failed"
    assert (run.finished.failure.kind, run.finished.failure.step) == ("command_failed", "a")
    assert run.finished.outputs is None


def test_what_is_due_in_the_same_moment_as_a_failure_does_not_start():
    run = Run(
        """
        inputs: {n: {type: integer}}
        steps:
          a: {value: "1 / inputs.n"}
          b: {run: [work]}
          c: {for_each: "[1, 2]", step: {run: [work]}}
    """,
        n=0,
    )
    assert run.started == []
    assert run.finished.failure.step == "a"


def test_the_first_failure_is_the_runs():
    run = Run("steps: {a: {run: [work]}, b: {run: [work]}}")
    run.fail("b")
    run.fail("a")
    assert run.finished.failure.step == "b"


def test_a_step_that_joins_on_done_runs_after_a_failure_and_the_run_fails_all_the_same():
    run = Run("""
        steps:
          a: {run: [work]}
          clean:
            needs: [a]
            join: done
            run: [work]
            stdin: "{{ steps.a.status }} {{ steps.a.error.kind | default('') }}"
    """)
    run.fail("a")
    assert run.actions["clean"].stdin == "failed command_failed"
    run.finish("clean")
    assert run.finished.status == "failed"


def test_what_joins_on_done_in_a_block_that_joins_on_done_runs_after_a_failure_outside():
    run = Run("""
        steps:
          a: {run: [work]}
          clean:
            needs: [a]
            join: done
            steps: {x: {run: [work]}, y: {run: [work], needs: [x]}}
          each:
            needs: [a]
            join: done
            for_each: "[1, 2]"
            parallel: 1
            step: {run: [work]}
    """)
    run.fail("a")
    run.finish("clean.x")
    run.finish("clean.y")
    while run.at_work:
        run.finish(run.at_work[0])
    assert len(run.started) == 5
    assert run.finished.failure.step == "a"


def test_on_error_continue_counts_as_skipped_and_its_status_stays_failed():
    run = Run("""
        steps:
          a: {run: [work], on_error: continue}
          reader: {run: [work], stdin: "{{ steps.a.output }}"}
          seer: {value: "[steps.a.status, steps.a.error.kind | default(''), steps.a.exit_code]"}
        outputs: {seen: steps.seer.output}
    """)
    run.fail("a")
    assert run.status("reader") == "skipped"
    assert run.reason("reader") == "it reads `a`, which failed"
    assert run.outputs == {"seen": ["failed", "command_failed", 1]}


def test_on_error_continue_with_if_skipped_gives_that():
    run = Run("""
        steps:
          a: {run: [work], on_error: continue, if_skipped: none}
          b: {value: steps.a.output}
        outputs: {b: steps.b.output}
    """)
    run.fail("a", output="partial")
    assert run.outputs == {"b": "none"}


def test_needs_on_a_step_that_failed_and_continues_skips():
    run = Run("steps: {a: {run: [work], on_error: continue}, b: {run: [work], needs: [a]}}")
    run.fail("a")
    assert run.status("b") == "skipped"
    assert run.finished.status == "done"


def test_an_expression_without_a_value_fails_its_step():
    run = Run("inputs: {n: {type: integer}}\nsteps: {a: {value: 1 / inputs.n}}", n=0)
    assert run.finished.failure.kind == "expression"
    assert run.finished.failure.step == "a"


# Groups


def test_a_group_gives_its_output_and_nobody_sees_inside_otherwise():
    run = Run("""
        steps:
          g:
            steps:
              x: {run: [work]}
              y: {value: "steps.x.output ~ '!'"}
            output: steps.y.output
        outputs: {g: steps.g.output}
    """)
    run.finish("g.x", "hi")
    assert run.outputs == {"g": "hi!"}


def test_a_failure_inside_comes_up_with_the_step_it_began_in():
    run = Run("steps: {g: {steps: {x: {run: [work]}, y: {run: [work], needs: [x]}}}}")
    run.fail("g.x")
    assert run.status("g.y") == "skipped"
    assert run.ended("g").status == "failed"
    assert run.finished.failure.step == "g.x"


def test_a_group_that_continues_holds_its_failure_in():
    run = Run("""
        steps:
          g: {on_error: continue, if_skipped: none, steps: {x: {run: [work]}}, output: steps.x.output}
          b: {run: [work]}
        outputs: {g: steps.g.output, status: steps.g.status}
    """)
    run.fail("g.x")
    assert run.at_work == ["b"]
    run.finish("b")
    assert run.outputs == {"g": "none", "status": "failed"}


def test_a_group_at_work_starts_nothing_new_after_a_failure_outside():
    run = Run("""
        steps:
          a: {run: [work]}
          g: {steps: {x: {run: [work]}, y: {run: [work], needs: [x]}}}
    """)
    run.fail("a")
    run.finish("g.x")
    assert run.status("g.y") == "skipped"
    assert run.ended("g").status == "skipped"
    assert run.finished.failure.step == "a"


def test_a_when_that_is_false_skips_the_whole_group():
    run = Run("inputs: {go: {type: boolean}}\nsteps: {g: {when: inputs.go, steps: {x: {run: [work]}}}}", go=False)
    assert run.status("g") == "skipped"
    assert run.started == []


# The end


def test_outputs_are_evaluated_at_the_end():
    run = Run('steps: {a: {run: [work]}}\noutputs: {one: steps.a.output, two: "steps.a.output ~ 2"}')
    run.finish("a", "x")
    assert run.outputs == {"one": "x", "two": "x2"}


def test_an_output_without_a_value_fails_the_run_and_names_it():
    run = Run("steps: {a: {run: [work], parse: json}}\noutputs: {x: steps.a.output.missing}")
    run.finish("a", {})
    assert run.finished.status == "failed"
    assert "outputs.x" in run.finished.failure.message


def test_a_limit_ends_the_run_with_its_name():
    run = Run("steps: {a: {run: [work]}, b: {run: [work], needs: [a]}}")
    run.reach_limit()
    assert run.finished.status == "failed"
    assert run.finished.failure.kind == "wall_time"


def test_expressions_see_the_run():
    run = Run('steps: {a: {value: "[run.id, run.dir, run.attempt, run.started_at]"}}\noutputs: {a: steps.a.output}')
    assert run.outputs == {"a": ["run-1", "/project", 1, "1970-01-01T00:16:40+00:00"]}


def test_spent_of_steps_adds_up():
    run = Run("steps: {a: {run: [work]}, b: {run: [work]}}")
    run.happen(StepFinished(run.now, "a", "done", spent=Spent(cost_usd=0.5, turns=1)))
    run.happen(StepFinished(run.now, "b", "done", spent=Spent(cost_usd=0.25, turns=2)))
    assert run.state.spent == Spent(cost_usd=0.75, turns=3)


# Time at work


def test_only_time_in_which_something_runs_is_time_at_work():
    run = Run("steps: {a: {run: [work]}, b: {approve: go on?, needs: [a]}, c: {run: [work], needs: [b]}}")
    run.now += 10
    run.finish("a")
    run.now += 1000
    run.answer("b", True)
    run.now += 5
    run.finish("c")
    assert run.state.active_seconds == 15


def test_time_between_a_crash_and_the_resume_is_nobodys_work():
    run = Run("steps: {a: {run: [work]}}")
    run.happen(RunResumed(run.now + 5000, worked_until=run.now + 20))
    assert run.state.active_seconds == 20
    assert run.state.run["attempt"] == 2


# Commands that a crash cut off


def cut_off(on_unknown: str) -> Run:
    run = Run(f"steps: {{a: {{run: [work], on_unknown: {on_unknown}}}}}")
    run.call("a")
    run.happen(OutcomeUnknown(run.now, "a"))
    run.settle()
    return run


def test_a_cut_off_command_fails_where_the_file_says_so():
    assert cut_off("fail").finished.failure.kind == "outcome_unknown"


def test_a_cut_off_command_runs_again_where_the_file_says_so():
    run = cut_off("retry")
    assert run.started == ["a", "a"]
    assert run.actions["a"].attempt == 2
    run.finish("a")
    assert run.finished.status == "done"


def test_a_cut_off_command_is_asked_about_and_a_yes_runs_it_again():
    run = cut_off("ask")
    assert run.asked == ["a"]
    assert run.state.gates["a"].about == "unknown"
    run.answer("a", True)
    assert run.actions["a"].attempt == 2
    run.finish("a")
    assert run.finished.status == "done"


def test_a_no_to_a_cut_off_command_fails_the_step():
    run = cut_off("ask")
    run.answer("a", False)
    assert run.finished.failure.kind == "outcome_unknown"


def test_a_command_can_be_cut_off_more_than_once_and_is_asked_about_each_time():
    run = cut_off("ask")
    run.answer("a", True)
    run.call("a")
    run.happen(OutcomeUnknown(run.now, "a"))
    run.settle()
    assert run.asked == ["a"]
    run.answer("a", True)
    assert run.actions["a"].attempt == 3
