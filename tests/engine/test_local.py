"""The loop on one machine: the whole way, and what is in flight."""

import asyncio

import pytest

from agentflow.events.run_events import RunFinished, StepFinished
from agentflow.events.session_events import ToolCalled
from agentflow.journal.port import RUN_STREAM
from agentflow.tools.port import ToolOutput
from tests.builders import TOOLS
from tests.engine.doubles import (
    FAN,
    Clock,
    ModelDouble,
    Setting,
    ToolsDouble,
    echo,
    others,
    reply,
)


async def test_a_workflow_runs_to_its_outputs(setting):
    run = setting(
        """
        steps:
          a: {agent: {}, prompt: one}
          b: {run: [cat], stdin: "{{ steps.a.output }}!"}
        outputs: {b: steps.b.output}
    """,
        model=ModelDouble(echo),
    )
    assert await run.outputs() == {"b": "got one!"}
    assert isinstance(run.events()[-1], RunFinished)
    assert others() == set()


async def test_a_command_that_fails_tells_its_exit_code_and_its_last_words(setting):
    run = setting("steps: {a: {run: 'echo oh no >&2; exit 3'}}")
    finished = (await run.run()).finished
    assert finished.failure.kind == "command_failed"
    assert "exited with 3" in finished.failure.message
    assert "oh no" in finished.failure.message
    assert run.events(StepFinished)[0].exit_code == 3


@pytest.mark.parametrize(
    ("more", "output"),
    [("", " a\nb\n"), (", parse: lines", [" a", "b", ""]), (", exit_codes: [0, 7]", " a\nb\n")],
)
async def test_a_commands_output_is_its_stdout_less_one_newline(setting, more, output):
    run = setting(f"steps: {{a: {{run: 'printf \" a\\nb\\n\\n\"'{more}}}}}\noutputs: {{a: steps.a.output}}")
    assert await run.outputs() == {"a": output}


async def test_a_command_over_its_time_is_a_timeout(setting):
    run = setting("steps: {a: {run: [sleep, '60'], timeout: 100ms}}")
    assert await run.failure() == "timeout"


async def test_output_that_is_not_json_fails_where_json_was_promised(setting):
    assert await setting("steps: {a: {run: [echo, NaN], parse: json}}").failure() == "command_failed"


async def test_every_event_is_heard_only_when_it_is_on_record(setting):
    run = setting("steps: {a: {agent: {}, prompt: go}}")
    on_record: list[bool] = []

    def observe(stream, event):
        on_record.append(any(recorded == event for recorded in run.events(type(event), stream)))

    run.around = {}
    heard = run.heard

    class Checking(list):
        def append(self, entry):
            observe(*entry)
            heard.append(entry)

    run.heard = Checking()
    await run.run()
    assert on_record
    assert all(on_record)


@pytest.mark.parametrize("parallel", [1, 3])
async def test_model_calls_in_flight_never_pass_parallel(setting, parallel):
    run = setting(FAN % (parallel, 50), inputs={"items": list(range(20))}, model=ModelDouble(echo))
    assert await run.outputs() == {"l": [f"got {index}" for index in range(20)]}
    assert run.model.in_flight.most == parallel


async def test_tools_and_model_calls_share_the_bound_and_waiting_parents_hold_no_place(setting):
    together: list[int] = []
    run: Setting

    def answer(request):
        together.append(run.model.in_flight.now + run.tools.in_flight.now)
        if request.agent == "helper":
            return reply("helped")
        if request.turn == 1:
            ask = {"subagent_type": "helper", "description": "d"}
            return reply(
                "", ("a1", "Agent", {**ask, "prompt": "x"}), ("a2", "Agent", {**ask, "prompt": "y"}), ("l", "look", {})
            )
        return reply("all")

    run = setting(
        f"""{TOOLS}
limits: {{parallel: 1}}
agents:
  lead: {{tools: ["Agent(helper)", look]}}
  helper: {{description: Helps.}}
steps: {{a: {{agent: lead, prompt: go}}, b: {{agent: lead, prompt: go}}}}
outputs: {{a: steps.a.output}}
""",
        model=ModelDouble(answer),
    )
    assert await run.outputs() == {"a": "all"}
    assert max(together) == 1


async def test_ten_thousand_items_are_no_ten_thousand_tasks(setting):
    most = 0

    def answer(request):
        nonlocal most
        most = max(most, len(asyncio.all_tasks()))
        return reply("ok")

    run = setting(FAN % (16, 10_000), inputs={"items": list(range(1_500))}, model=ModelDouble(answer))
    assert len((await run.outputs())["l"]) == 1_500
    assert most <= 16 + 6
    assert run.model.in_flight.most == 16


async def test_calls_without_effects_run_at_once_and_effects_in_order(setting):
    def answer(request):
        if request.turn == 1:
            return reply(
                "", *[(f"c{i}", tool, {"at": str(i)}) for i, tool in enumerate(("save", "look", "send", "look"))]
            )
        return reply("done")

    run = setting(
        f"{TOOLS}\nsteps: {{a: {{agent: {{tools: [look, save, send]}}, prompt: go}}}}", model=ModelDouble(answer)
    )
    assert (await run.run()).finished.status == "done"
    assert [done for done in run.tools.done if not done.startswith("look")] == ["save 0", "send 2"]
    assert run.tools.in_flight.most == 3
    intents = run.events(ToolCalled)
    assert {event.effects for event in intents} == {"none", "writes", "sends"}
    assert len(set(run.tools.keys)) == 4


async def test_an_effect_is_on_record_before_it_happens(setting):
    run: Setting
    seen: list[bool] = []

    def do(name, given):
        seen.append(any(event.tool == name for event in run.events(ToolCalled)))
        return ToolOutput("ok")

    def answer(request):
        return reply("", ("c1", "send", {})) if request.turn == 1 else reply("done")

    run = setting(
        f"{TOOLS}\nsteps: {{a: {{agent: {{tools: [send]}}, prompt: go}}}}",
        model=ModelDouble(answer),
        tools=ToolsDouble(do),
    )
    assert (await run.run()).finished.status == "done"
    assert seen == [True]


async def test_a_session_goes_on_with_all_that_was_said(setting):
    run = setting(
        """
        agents: {writer: {}}
        steps:
          draft: {agent: writer, prompt: write}
          again: {agent: writer, prompt: shorter, session: {continue: draft}}
        outputs: {a: steps.again.output}
    """,
        model=ModelDouble(lambda request: reply(f"{len(request.messages)} messages")),
    )
    assert await run.outputs() == {"a": "3 messages"}


async def test_the_clock_and_not_the_machines_time_is_in_the_events(setting):
    clock = Clock(now=5_000.0)
    run = setting("steps: {a: {agent: {}, prompt: go}}", around={"clock": clock})
    await run.run()
    assert {event.at for _, event in run.heard} == {5_000.0}


async def test_an_environment_that_cannot_be_rendered_fails_the_tool_call(setting):
    def answer(request):
        if request.turn == 1:
            return reply("", ("c1", "look", {}))
        return reply(request.messages[-1]["content"][0]["content"])

    run = setting(
        f"{TOOLS}\ninputs: {{n: {{type: integer}}}}\nenv: {{N: '{{{{ 1 / inputs.n }}}}'}}\n"
        "steps: {a: {agent: {tools: [look]}, prompt: go}}\noutputs: {a: steps.a.output}",
        inputs={"n": 0},
        model=ModelDouble(answer),
    )
    assert "zero" in (await run.outputs())["a"]


async def test_the_run_streams_first_event_is_its_start_and_its_last_its_end(setting):
    run = setting("steps: {a: {agent: {}, prompt: go}}")
    await run.run()
    streams = [type(event).__name__ for event in run.events(stream=RUN_STREAM)]
    assert streams == ["RunStarted", "StepStarted", "MoneyLeased", "StepFinished", "RunFinished"]
