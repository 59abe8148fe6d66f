"""What becomes of a step that runs another file; files see their own inputs and steps, and nothing else."""

from agentflow.events.run_events import RunResumed, StepStarted, WorkflowLimitReached
from agentflow.events.values import Failure
from agentflow.run import apply as run_apply
from agentflow.run.files import worked
from tests.builders import Run, plan_of

CHILD = """
agentflow: 1
name: child
inputs:
  topic: {type: string, maxLength: 20}
  most: {type: integer, default: 2, maximum: 5}
env: {FROM: "{{ inputs.topic }}"}
sandbox: "off"
steps:
  look: {run: [look, --, "{{ inputs.topic }}"]}
  few: {for_each: "[1, 2]", max: inputs.most, step: {value: "item ~ inputs.topic"}}
  found: {value: "steps.look.output ~ '!'"}
outputs: {found: steps.found.output, few: steps.few.output}
"""
FILES = {"child.yaml": CHILD}


def run_of(text: str, files: dict[str, str] | None = None, **inputs: object) -> Run:
    return Run(plan_of(text, files or FILES), **inputs)


def test_a_file_runs_as_a_step_and_its_outputs_are_the_steps():
    run = run_of("""
        env: {FROM: parent}
        steps: {c: {workflow: child.yaml, with: {topic: tea}}}
        outputs: {said: steps.c.output.found, few: steps.c.output.few}
    """)
    assert run.started == ["c.look"]
    assert run.actions["c.look"].argv == ("look", "--", "tea")
    assert run.actions["c.look"].env == {"FROM": "tea"}
    run.finish("c.look", "leaves")
    assert run.state.finished.outputs == {"said": "leaves!", "few": ["1tea", "2tea"]}
    assert list(run.state.scopes) == [""]


def test_a_file_runs_once_per_item_each_with_its_own_inputs():
    run = run_of("""
        inputs: {topics: {type: array, items: {type: string}}}
        steps:
          look: {for_each: inputs.topics, step: {workflow: child.yaml, with: {topic: "{{ item }}"}}}
        outputs: {all: steps.look.output}
    """, topics=["a", "b"])  # fmt: skip
    assert run.started == ["look[0].step.look", "look[1].step.look"]
    assert [run.actions[path].argv[2] for path in run.started] == ["a", "b"]
    for path in list(run.started):
        run.finish(path, path)
    assert [item["few"] for item in run.state.finished.outputs["all"]] == [["1a", "2a"], ["1b", "2b"]]


def test_files_run_files_and_ids_of_the_outer_ones_are_free_in_the_inner_ones():
    middle = """
        agentflow: 1
        name: middle
        sandbox: "off"
        steps:
          c: {workflow: child.yaml, with: {topic: deep}}
        outputs: {found: steps.c.output.found}
    """
    run = run_of(
        "steps: {c: {workflow: middle.yaml}}\noutputs: {found: steps.c.output.found}",
        {**FILES, "middle.yaml": middle},
    )
    assert run.started == ["c.c.look"]
    run.finish("c.c.look", "x")
    assert run.state.finished.outputs == {"found": "x!"}


def test_values_that_do_not_fit_the_inputs_fail_the_step_before_anything_in_it_starts():
    run = run_of("""
        steps:
          say: {run: [say]}
          c: {workflow: child.yaml, with: {topic: "{{ steps.say.output }}"}}
    """)
    run.finish("say", "much longer than twenty characters")
    failure = run.state.finished.failure
    assert (failure.kind, failure.step) == ("input_invalid", "c")
    assert "`child.yaml`: input `topic`" in failure.message
    assert run.started == ["say"]


def test_a_path_that_leaves_the_project_does_not_come_in_by_an_input():
    child = """
        agentflow: 1
        name: child
        inputs: {folder: {type: string, format: path}}
        steps: {a: {value: inputs.folder}}
    """
    text = """
        inputs: {at: {type: string}}
        steps: {c: {workflow: child.yaml, with: {folder: "{{ inputs.at }}"}}}
    """
    run = run_of(text, {"child.yaml": child}, at="../other")
    assert run.state.finished.failure.kind == "input_invalid"


def test_a_failure_inside_fails_the_step_and_on_error_makes_it_a_skip():
    text = "steps: {c: {workflow: child.yaml, with: {topic: tea}, on_error: %s, if_skipped: none}}"
    run = run_of(text % "fail")
    run.fail("c.look")
    assert run.state.finished.failure.step == "c.look"
    run = run_of(text % "continue")
    run.fail("c.look")
    assert run.state.finished.status == "done"


def test_a_bound_of_the_files_own_lets_nothing_new_start_in_it_and_names_its_failure():
    run = run_of("""
        steps:
          c: {workflow: child.yaml, with: {topic: tea}, on_error: continue}
          d: {run: [d], needs: [c], join: done}
    """)
    run.happen(WorkflowLimitReached(run.now, "c", Failure("cost_usd", "too dear")))
    run.settle()
    run.finish("c.look", "leaves")
    assert run.state.scopes[""].steps["c"].failure == Failure("cost_usd", "too dear", step="c")
    assert run.state.scopes[""].steps["c"].status == "failed"
    assert run.started == ["c.look", "d"]


def test_a_files_clock_stands_still_while_it_waits_for_people_and_while_no_process_works():
    child = """
        agentflow: 1
        name: child
        sandbox: "off"
        steps: {a: {run: [a]}, ok: {approve: Go on?, needs: [a]}, b: {run: [b], needs: [ok]}}
    """
    run = run_of("steps: {c: {workflow: child.yaml}}", {"child.yaml": child})
    run.now += 10
    run.finish("c.a")
    run.now += 1000
    run.answer("c.ok", approved=True)
    run.now += 5
    assert worked(run.state.scopes["c"], run.now) == 15
    run.state = run_apply.apply(run.plan, run.state, RunResumed(run.now + 500, run.now))
    assert worked(run.state.scopes["c"], run.now + 507) == 22


def test_a_run_with_files_is_what_its_events_make_it_wherever_they_are_cut():
    run = run_of("""
        steps:
          look: {for_each: "['a', 'b']", step: {workflow: child.yaml, with: {topic: "{{ item }}"}}}
        outputs: {all: steps.look.output}
    """)
    run.finish("look[0].step.look", "x")
    run.finish("look[1].step.look", "y")
    assert [event.step for event in run.events if isinstance(event, StepStarted)][:3] == [
        "look", "look[0].step", "look[1].step",
    ]  # fmt: skip
    for cut in range(len(run.events)):
        again = Run.folded(run.plan, run.begun, run.events[:cut])
        for event in run.events[cut:]:
            again.happen(event)
        assert again.state.finished == run.state.finished
