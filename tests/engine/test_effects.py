"""Functions and tool steps in the loop: on record before they act, judged, repeated only where that is harmless."""

import pytest

from agentflow.engine.port import Answer
from agentflow.events.run_events import FunctionCalled, OutcomeUnknown, RunFinished, ToolStepCalled
from agentflow.tools.port import ToolOutput
from tests.engine.doubles import CrashError, ToolsDouble, others

MODULE = {
    "m.py": """
import os
def f(**given):
    with open("calls", "a") as file: file.write(os.environ["AGENTFLOW_IDEMPOTENCY_KEY"] + "\\n")
    return given
"""
}


async def test_a_function_is_on_record_before_it_is_called(setting):
    run = setting("steps: {f: {call: 'm:f', with: {x: [1]}}}\noutputs: {f: steps.f.output}", files=MODULE)
    assert await run.outputs() == {"f": {"x": [1]}}
    (called,) = run.events(FunctionCalled)
    assert (called.function, called.arguments) == ("m.py:f", {"x": [1]})
    assert (run.folder / "calls").read_text() == "run-1/f\n"


async def test_what_does_not_meet_the_output_fails_the_step(setting):
    text = "steps: {f: {call: 'm:f', with: {x: 1}, output: {type: object, required: [y]}}}"
    run = setting(text, files=MODULE)
    finished = (await run.run()).finished
    assert finished.failure.kind == "output_invalid"
    assert '`m.py:f` returned does not meet the step\'s `output`: $ lacks "y"' in finished.failure.message


@pytest.mark.parametrize(
    ("more", "timeout", "kind"),
    [("raise ValueError('x')", "60s", "call_failed"), ("import time; time.sleep(1000)", "500ms", "timeout")],
)
async def test_a_function_that_fails_fails_its_step_by_its_kind(setting, more, timeout, kind):
    run = setting(f"steps: {{f: {{call: 'm:f', timeout: {timeout}}}}}", files={"m.py": f"def f(): {more}"})
    assert await run.failure() == kind


async def test_a_tool_gives_its_text_and_its_input_is_on_record(setting):
    run = setting("steps: {t: {tool: Glob, with: {pattern: '*'}}}\noutputs: {t: steps.t.output}")
    assert await run.outputs() == {"t": "Glob did "}
    (called,) = run.events(ToolStepCalled)
    assert (called.tool, called.input) == ("Glob", {"pattern": "*"})
    assert run.tools.keys == ["run-1/t"]


async def test_an_error_of_a_tool_fails_the_step(setting):
    tools = ToolsDouble(lambda name, given: ToolOutput("no such file", is_error=True))
    run = setting("steps: {t: {tool: Read, with: {file_path: a}}}", tools=tools)
    finished = (await run.run()).finished
    assert (finished.failure.kind, finished.failure.message) == ("tool_failed", "`Read`: no such file")


async def test_an_input_that_only_the_run_can_know_is_checked_before_anything_is_done(setting):
    text = "inputs: {n: {}}\nsteps: {t: {tool: Read, with: {file_path: a, offset: '{{ inputs.n }}'}}}"
    run = setting(text, inputs={"n": "many"})
    finished = (await run.run()).finished
    assert finished.failure.kind == "tool_failed"
    assert "$.offset must be a whole number" in finished.failure.message
    assert (run.tools.done, run.events(ToolStepCalled)) == ([], [])


async def test_a_tool_that_is_a_function_needs_no_sandbox(setting):
    from msgspec.structs import replace

    from agentflow.plan.sandbox_plan import SandboxPlan

    files = {"m.py": "def f(x: int):\n  'Does.'\n"}
    run = setting(
        "tools: {g: {call: 'm:f'}}\nsteps: {t: {tool: g, with: {x: 1}}}\noutputs: {t: steps.t.output}", files=files
    )
    run.plan = replace(run.plan, sandbox=SandboxPlan())
    assert await run.outputs() == {"t": "g did "}


CRASHING = """
steps:
  f: {call: "m:f", with: {x: 1}, effects: %s, on_unknown: %s}
  t: {tool: send, with: {at: "{{ steps.f.output.x }}"}, on_unknown: %s}
outputs: {t: steps.t.output}
tools:
  send: {description: Sends., input: {type: object, properties: {at: {}}}, run: [send], effects: %s}
"""


async def say_yes(gate):
    return Answer(True, "ada")


@pytest.mark.parametrize("recorded", [True, False], ids=["after the record", "before it"])
@pytest.mark.parametrize("on_unknown", ["ask", "retry"])
@pytest.mark.parametrize("effects", ["none", "sends"])
async def test_a_crash_at_any_record_and_a_resume_come_to_the_same_outputs(setting, effects, on_unknown, recorded):
    text = CRASHING % (effects, on_unknown, on_unknown, effects)
    probe = setting(text, files=MODULE, around={"ask": say_yes})
    assert await probe.outputs() == {"t": "send did 1"}
    for crash_at in range(len(probe.journal.appended)):
        run = setting(text, files=MODULE, around={"ask": say_yes})
        run.journal.crash_at, run.journal.recorded = crash_at, recorded
        with pytest.raises(CrashError):
            await run.run()
        assert others() == set()
        run.journal.crash_at = None
        if not run.events(RunFinished):
            assert await run.outputs() == {"t": "send did 1"}
        unknown = run.events(OutcomeUnknown)
        assert effects == "sends" or not unknown
        # A repeat that nobody was asked about, or that the author did not want, does not happen.
        assert len(run.tools.done) <= 1 + len(unknown) + (effects == "none")
        assert len((run.folder / "calls").read_text().split()) <= 1 + len(unknown) + (effects == "none")


async def test_a_cut_off_effect_that_may_not_be_repeated_fails_the_run(setting):
    run = setting(CRASHING % ("sends", "fail", "fail", "sends"), files=MODULE)
    run.journal.crash_at, run.journal.recorded = 0, True
    with pytest.raises(CrashError):
        await run.run()
    called = bool(run.events(FunctionCalled))
    run.journal.crash_at = None
    assert called
    assert await run.failure() == "outcome_unknown"
    assert not (run.folder / "calls").exists()


@pytest.mark.parametrize("step", ["{tool: Bash, with: {command: ls}}", "{tool: send, with: {at: 1}}"])
async def test_tools_that_run_commands_want_a_sandbox(setting, step):
    from msgspec.structs import replace

    from agentflow.plan.sandbox_plan import SandboxPlan

    tools = "tools: {send: {description: Sends., input: {type: object, properties: {at: {}}}, run: [send]}}\n"
    run = setting(f"{tools}steps: {{t: {step}}}")
    run.plan = replace(run.plan, sandbox=SandboxPlan())
    assert await run.failure() == "sandbox"
    assert run.tools.done == []
