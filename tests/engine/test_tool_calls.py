"""What stands around the calls of an agent's tools: another attempt, a rate, one call for all that are equal."""

import asyncio
import re

import pytest

from agentflow.events.run_events import StepFinished, ToolStepCalled
from agentflow.events.session_events import ToolCalled, ToolFinished, ToolRetried
from agentflow.tools.kept_results import RESULTS
from agentflow.tools.port import ToolOutput
from agentflow.tools.toolbox import Toolbox
from tests.engine.doubles import CrashError, ModelDouble, ToolsDouble, others, prompt_of, reply, until

FILE = """
limits: {parallel: %d}
tools:
  look: {description: Looks., input: {type: object, properties: {at: {}}}, run: [look], effects: none%s}
agents:
  a: {tools: [look%s]}
steps:
  s: {agent: a, prompt: go}
outputs: {s: steps.s.output}
"""
FAN = """
limits: {parallel: 8}
tools:
  look: {description: Looks., input: {type: object, properties: {at: {}}}, run: [look], effects: none%s}
agents:
  a: {tools: [look]}
steps:
  l: {for_each: "[1, 2, 3, 4]", step: {agent: a, prompt: "{{ item }}"}}
outputs: {l: steps.l.output}
"""


def calling(*calls):
    """A model that makes these calls in its first turn, and then says what it was told."""

    def answer(request):
        if len(request.messages) == 1:
            return reply("", *((f"c{n}", "look", {"at": at}) for n, at in enumerate(calls)))
        return reply(" | ".join(str(block.get("content")) for block in request.messages[2]["content"]))

    return ModelDouble(answer)


def failing(times, failure="command_failed"):
    """Tools that fail so often, and then do."""
    left = [times]

    def answer(name, given):
        left[0] -= 1
        if left[0] >= 0:
            return ToolOutput("no luck", True, failure, "it printed secrets")
        return ToolOutput("found")

    return ToolsDouble(answer)


RETRY = ", retry: {attempts: 3, backoff: 1ms, on: [command_failed]}"


async def test_a_tool_that_fails_is_tried_again_before_its_agent_hears_of_it(setting):
    run = setting(FILE % (8, RETRY, ""), model=calling("x"), tools=failing(2))
    assert await run.outputs() == {"s": "found"}
    assert [(event.attempt, event.cause) for event in run.events(ToolRetried)] == [
        (1, "command_failed"),
        (2, "command_failed"),
    ]
    assert [type(event).__name__ for event in run.events() if type(event).__name__.startswith("Tool")] == [
        "ToolCalled", "ToolRetried", "ToolCalled", "ToolRetried", "ToolCalled", "ToolFinished",
    ]  # fmt: skip
    assert len(set(run.tools.keys)) == 1, "who gets the key can tell that a repeat is one"


async def test_when_no_attempt_is_left_the_agent_is_told(setting):
    run = setting(FILE % (8, RETRY, ""), model=calling("x"), tools=failing(9))
    assert await run.outputs() == {"s": "no luck"}
    (finished,) = run.events(ToolFinished)
    assert (finished.is_error, finished.cause, finished.detail) == (True, "command_failed", "it printed secrets")
    assert len(run.tools.done) == 3


@pytest.mark.parametrize("failure", ["timeout", None])
async def test_other_failures_are_told_at_once(setting, failure):
    run = setting(FILE % (8, RETRY, ""), model=calling("x"), tools=failing(1, failure))
    assert await run.outputs() == {"s": "no luck"}
    assert run.events(ToolRetried) == []


@pytest.mark.parametrize("recorded", [True, False], ids=["after the record", "before it"])
async def test_a_crash_between_attempts_and_a_resume_come_to_the_same(setting, recorded):
    probe = setting(FILE % (8, RETRY, ""), model=calling("x"), tools=failing(1))
    assert await probe.outputs() == {"s": "found"}
    for crash_at in range(1, len(probe.journal.appended) - 1):
        run = setting(FILE % (8, RETRY, ""), model=calling("x"), tools=failing(1))
        run.journal.crash_at, run.journal.recorded = crash_at, recorded
        with pytest.raises(CrashError):
            await run.run()
        assert others() == set()
        run.journal.crash_at = None
        assert await run.outputs() == {"s": "found"}
        assert len(run.events(ToolRetried)) <= 1


async def test_a_rest_between_attempts_takes_no_slot(setting):
    text = FILE % (1, ", retry: {attempts: 2, backoff: 1s, on: [command_failed]}", "")
    run = setting(text, model=calling("x"), tools=failing(1))
    free = []

    async def drive(engine):
        await until(lambda: any(isinstance(event, ToolRetried) for _, event in run.heard))
        engine.slots.request("", "s", lambda: free.append(True) or False)
        engine.slots.fill()

    finished = (await run.run(drive)).finished
    assert finished.outputs == {"s": "found"}
    assert free == [True]


async def test_calls_past_the_rate_wait_and_take_no_slot(setting):
    run = setting(FILE % (1, ", rate_limit: 2/s", ""), model=calling("a", "b", "c"))
    assert await run.outputs() == {"s": "look did a | look did b | look did c"}
    times = [event.at for event in run.events(ToolCalled)]
    assert times[2] - times[0] >= 1.0


async def test_a_rate_is_kept_across_a_crash(setting):
    run = setting(FILE % (8, ", rate_limit: 1/s", ""), model=calling("a", "b"))
    run.journal.crash_at = 4
    with pytest.raises(CrashError):
        await run.run()
    run.journal.crash_at = None
    assert await run.outputs() == {"s": "look did a | look did b"}
    began = {}
    for event in run.events(ToolCalled):
        began.setdefault(event.call, event.at)
    assert began["c1"] - began["c0"] >= 1.0


async def test_equal_calls_of_sessions_side_by_side_are_made_once(setting):
    release = asyncio.Event()

    async def slow(name, given):
        await release.wait()
        return ToolOutput("found")

    run = setting(FAN % ", cache: true", model=calling("x"), tools=ToolsDouble(lambda name, given: slow(name, given)))

    async def drive(engine):
        while not run.tools.in_flight.seen:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        release.set()

    finished = (await run.run(drive)).finished
    assert finished.outputs == {"l": ["found"] * 4}
    assert run.tools.done == ["look x"]
    assert [event.cached for event in run.events(ToolFinished)].count(True) == 3
    assert len(run.events(ToolCalled)) == 1


async def test_results_are_there_after_a_resume(setting):
    text = FILE % (8, ", cache: true", "")
    text = text.replace("outputs:", "  t: {agent: a, needs: [s], prompt: go}\noutputs:")
    probe = setting(text, model=calling("x"))
    await probe.outputs()
    assert probe.tools.done == ["look x"]
    for crash_at in range(1, len(probe.journal.appended) - 1):
        run = setting(text, model=calling("x"))
        run.journal.crash_at = crash_at
        with pytest.raises(CrashError):
            await run.run()
        done = [event for event in run.events(ToolFinished) if not event.cached]
        made = len(run.tools.done)
        run.journal.crash_at = None
        assert await run.outputs() == {"s": "look did x"}
        assert len(run.tools.done) - made == (0 if done else 1), "what is on record is not made again"


async def test_a_step_shares_results_with_other_steps(setting):
    text = """
    tools: {look: {description: L., input: {type: object, properties: {at: {}}}, run: [l], effects: none, cache: true}}
    steps:
      a: {tool: look, with: {at: 1}}
      b: {tool: look, with: {at: 1}}
      c: {tool: look, with: {at: 2}}
    outputs: {a: steps.a.output, b: steps.b.output, c: steps.c.output}
    """
    run = setting(text)
    assert await run.outputs() == {"a": "look did 1", "b": "look did 1", "c": "look did 2"}
    assert len(run.events(ToolStepCalled)) == 2


async def test_the_time_of_a_step_passes_while_it_waits_for_a_rate(setting):
    text = """
    tools: {look: {description: L., input: {type: object, properties: {at: {}}}, run: [l], rate_limit: 1/h}}
    steps:
      a: {tool: look, with: {at: 1}}
      b: {tool: look, with: {at: 2}, needs: [a], timeout: 200ms}
    """
    run = setting(text)
    assert await run.failure() == "timeout"
    assert run.tools.done == ["look 1"]
    assert len(run.events(ToolStepCalled)) == 1
    assert others() == set()


async def test_a_run_that_is_interrupted_while_a_call_waits_goes_on_waiting(setting):
    run = setting(FILE % (8, ", rate_limit: 2/s", ""), model=calling("a", "b", "c"))

    async def interrupt(engine):
        await until(lambda: len(run.events(ToolFinished)) == 2)
        engine.interrupt()

    assert (await run.run(interrupt)).status == "interrupted"
    assert len(run.events(ToolCalled)) == 2, "what waits is not on record as begun"
    assert await run.outputs() == {"s": "look did a | look did b | look did c"}
    assert len(run.tools.done) == 3


async def test_a_step_is_given_the_value_that_its_tool_promises(setting):
    text = """
    tools: {f: {call: "m:f", effects: none, output: {type: object, required: [a]}}}
    steps: {s: {tool: f, with: {x: 1}}, t: {value: steps.s.output.a}}
    outputs: {t: steps.t.output}
    """
    run = setting(text, files={"m.py": "def f(x: int):\n  'Does.'\n  return {'a': [x]}"})
    run.tools = Toolbox(run.plan.tools)
    assert await run.outputs() == {"t": [1]}
    run = setting(text, files={"m.py": "def f(x: int):\n  'Does.'\n  return {'b': [x]}"})
    run.tools = Toolbox(run.plan.tools)
    await run.run()
    failure = next(event.failure for event in run.events(StepFinished) if event.step == "s")
    assert failure.kind == "tool_failed"
    assert 'not what it promises: $ lacks "a"' in failure.message


async def test_a_large_result_is_kept_without_secrets_and_read_by_its_agent(setting):
    secret = "s3cr3t-value"
    large = "\n".join(f"{number} {secret}" for number in range(5_000))

    def answer(request):
        if len(request.messages) == 1:
            return reply("", ("c0", "look", {"at": "x"}))
        told = request.messages[2]["content"][0]["content"]
        if len(request.messages) == 3:
            name = re.search(rf"{RESULTS}/[\w-]+\.txt", told)[0]
            return reply("", ("c1", "Read", {"file_path": name, "offset": 4_000, "limit": 1}))
        return reply(request.messages[4]["content"][0]["content"])

    text = "secrets: [TOKEN]\n" + FILE % (8, ', env: {T: "{{ secrets.TOKEN }}"}', ", 'Read(docs/**)'")
    run = setting(text, model=ModelDouble(answer), around={"secrets": {"TOKEN": secret}})
    real = Toolbox({})

    class Both(ToolsDouble):
        async def run(self, name, tool_input, context):
            return ToolOutput(large) if name == "look" else await real.run(name, tool_input, context)

    run.tools = Both()
    outputs = await run.outputs()
    assert "3999 [secret TOKEN]" in outputs["s"]
    (kept,) = (run.folder / RESULTS / "run-1").iterdir()
    assert secret not in kept.read_text()
    assert kept.read_text().count("[secret TOKEN]") == 5_000
    shown = run.events(ToolFinished)[0].content
    assert len(shown) < 6_000


async def test_what_read_gives_is_not_kept_again(setting):
    run = setting(
        (FILE % (8, "", ", Read")).replace("at: {}", "at: {}"),
        model=ModelDouble(
            lambda request: (
                reply("", ("c0", "Read", {"file_path": "x"})) if len(request.messages) == 1 else reply("done")
            )
        ),
        tools=ToolsDouble(lambda name, given: ToolOutput("x" * 90_000)),
    )
    await run.outputs()
    assert len(run.events(ToolFinished)[0].content) == 90_000


async def test_a_large_result_of_a_subagent_is_kept_too(setting):
    text = """
    agents:
      lead: {tools: ["Agent(finder)", Read]}
      finder: {description: Finds.}
    steps: {s: {agent: lead, prompt: go}}
    outputs: {s: steps.s.output}
    """

    def answer(request):
        if prompt_of(request) == "find":
            return reply("\n".join(f"fact {number}" for number in range(10_000)))
        if len(request.messages) == 1:
            return reply("", ("c0", "Agent", {"subagent_type": "finder", "description": "d", "prompt": "find"}))
        return reply(request.messages[2]["content"][0]["content"])

    run = setting(text, model=ModelDouble(answer))
    told = (await run.outputs())["s"]
    assert len(told) < 6_000
    (kept,) = (run.folder / RESULTS / "run-1").iterdir()
    assert kept.name in told
    assert kept.read_text().endswith("fact 9999")
