"""What the world does to a run: calls that fail, and bugs."""

import asyncio
import itertools

import pytest

from agentflow.engine import people
from agentflow.errors import LeaseLostError
from agentflow.events.run_events import StepStarted
from agentflow.events.session_events import ModelCalled, ModelFailed
from agentflow.models.port import ModelError
from agentflow.tools.port import ToolOutput
from tests.builders import TOOLS
from tests.engine.doubles import (
    FAN,
    ModelDouble,
    ToolsDouble,
    forever,
    others,
    prompt_of,
    reply,
)


async def test_what_is_due_in_the_same_moment_as_a_failure_does_not_start(setting):
    run = setting(
        """
        inputs: {n: {type: integer}}
        steps:
          a: {value: "1 / inputs.n"}
          b: {agent: {}, prompt: go}
          c: {for_each: "[1, 2]", step: {value: item}}
        """,
        inputs={"n": 0},
    )
    assert await run.failure() == "expression"
    assert run.model.requests == []
    assert run.events(StepStarted) == []


async def test_a_gate_that_opens_just_as_something_fails_is_not_asked(setting):
    async def ask(gate):
        pytest.fail("nobody need be asked")

    run = setting(
        """
        inputs: {n: {type: integer}}
        steps: {g: {approve: Go on?}, a: {value: "1 / inputs.n"}}
        """,
        inputs={"n": 0},
        around={"ask": ask},
    )
    assert await run.failure() == "expression"


async def test_a_bug_in_a_call_comes_out_as_an_exception_and_leaves_nothing_behind(setting):
    def answer(request):
        if prompt_of(request) == "3":
            raise ZeroDivisionError("a bug")
        return forever()

    run = setting(FAN % (8, 8), inputs={"items": list(range(8))}, model=ModelDouble(answer))
    with pytest.raises(ZeroDivisionError, match="a bug"):
        await run.run()
    assert others() == set()
    assert run.model.in_flight.now == 0


async def test_a_call_that_is_cancelled_from_nowhere_does_not_hang_the_run(setting):
    def answer(request):
        raise asyncio.CancelledError

    run = setting("steps: {a: {agent: {}, prompt: go}}", model=ModelDouble(answer))
    async with asyncio.timeout(5):
        with pytest.raises(Exception, match="cancelled"):
            await run.run()


async def test_a_journal_that_fails_on_a_timer_comes_out_as_an_exception(setting, monkeypatch):
    monkeypatch.setattr(people, "SECONDS_BETWEEN_LOOKS", 0.01)
    run = setting("steps: {g: {approve: Go on?}}", around={"ask": forever})

    def broken(_run):
        raise LeaseLostError("the database is gone")

    run.journal.gates = broken
    async with asyncio.timeout(5):
        with pytest.raises(LeaseLostError, match="is gone"):
            await run.run()
    assert others() == set()


async def test_a_tool_that_fails_is_told_to_the_agent(setting):
    def answer(request):
        if request.turn == 1:
            return reply("", ("c1", "send", {}))
        return reply(request.messages[-1]["content"][0]["content"])

    run = setting(
        f"{TOOLS}\nsteps: {{a: {{agent: {{tools: [send]}}, prompt: go}}}}\noutputs: {{a: steps.a.output}}",
        model=ModelDouble(answer),
        tools=ToolsDouble(lambda name, given: ToolOutput("the line is dead", is_error=True)),
    )
    assert await run.outputs() == {"a": "the line is dead"}


async def test_a_model_error_is_tried_again_as_the_service_asks(setting):
    tries = itertools.count(1)

    def answer(request):
        if next(tries) < 3:
            raise ModelError("model_unavailable", "busy", retryable=True, retry_after=0.01)
        return reply("at last")

    run = setting(
        "steps: {a: {agent: {}, prompt: go}}\noutputs: {a: steps.a.output}",
        model=ModelDouble(answer),
        around={"chance": lambda: 0.0},
    )
    assert await run.outputs() == {"a": "at last"}
    failed = run.events(ModelFailed)
    assert [event.attempt for event in failed] == [1, 2]
    assert failed[0].retry_at >= failed[0].at + 0.01
    assert [event.turn for event in run.events(ModelCalled)] == [1, 1, 1]


async def test_a_model_error_that_is_not_retryable_fails_the_step(setting):
    def answer(request):
        raise ModelError("model_access", "no key", retryable=False)

    assert await setting("steps: {a: {agent: {}, prompt: go}}", model=ModelDouble(answer)).failure() == "model_access"


async def test_attempts_are_bounded(setting):
    def answer(request):
        raise ModelError("model_unavailable", "busy", retryable=True, retry_after=0.0)

    run = setting("steps: {a: {agent: {}, prompt: go}}", model=ModelDouble(answer), around={"chance": lambda: 0.0})
    assert await run.failure() == "model_unavailable"
    assert len(run.model.requests) == 8


async def test_a_call_that_may_have_been_billed_stays_charged(setting):
    def answer(request):
        raise ModelError("model_unavailable", "cut", retryable=False, billed=True)

    run = setting("steps: {a: {agent: {}, prompt: go}}", model=ModelDouble(answer))
    finished = (await run.run()).finished
    assert finished.spent.cost_usd == run.events(ModelCalled)[0].reserved_usd > 0
