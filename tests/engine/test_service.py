"""Calls to a model that are held back, and who is let go when."""

import asyncio

import pytest

from agentflow.events.run_events import ModelHeld
from agentflow.events.session_events import ModelCalled
from agentflow.guard.pace import RateLimits
from agentflow.models.port import ModelError
from tests.engine.doubles import FAN, Clock, ModelDouble, echo, reply, until
from tests.engine.test_service_waits import failing, hurry, wait


class LimitedDouble(ModelDouble):
    """A model behind a service that admits few calls at first."""

    calls_at_first = 2


async def test_a_model_behind_a_service_begins_with_few_calls_and_takes_more_as_it_answers(setting):
    opened = asyncio.Event()

    async def answer(request):
        await opened.wait()
        return echo(request)

    model = LimitedDouble(answer)
    run = setting(FAN % (50, 50), model=model, inputs={"items": [*range(50)]})

    async def drive(engine):
        await until(lambda: model.in_flight.now == 2)
        for _ in range(20):
            await asyncio.sleep(0)
        assert model.in_flight.now == 2
        opened.set()

    outcome = await run.run(drive)
    assert outcome.finished.status == "done"
    assert 2 < model.in_flight.most <= 50


async def test_a_model_without_a_service_has_all_places_at_once(setting):
    run = setting(FAN % (50, 50), inputs={"items": [*range(50)]})
    await run.run()
    assert run.model.in_flight.most == 50


async def test_calls_wait_while_what_the_service_has_left_is_too_little(setting):
    clock, limits = Clock(), RateLimits(requests=0, requests_in=30.0)

    def answer(request):
        said = reply("done")
        return type(said)(**{name: getattr(said, name) for name in said.__struct_fields__} | {"limits": limits})

    text = "steps: {a: {agent: {}, prompt: one}, b: {needs: [a], agent: {}, prompt: two}}\noutputs: {b: steps.b.output}"
    run = setting(text, model=ModelDouble(answer), around={"clock": clock})

    async def drive(engine):
        await hurry(run, clock, engine)

    finished = (await run.run(drive)).finished
    assert finished.status == "done"
    first, second = [event.at for _, event in run.heard if isinstance(event, ModelCalled)]
    assert second - first == pytest.approx(30.0, abs=0.5)


async def test_a_call_that_ends_while_it_tries_the_model_lets_another_try(setting):
    """The one call that tries a model that was down is cut off by its step's timeout."""
    clock, tried = Clock(), []
    began = clock.now

    async def answer(request):
        if clock.now == began:
            raise failing("server_error", request_id="r")
        tried.append(request.session)
        if len(tried) == 1:
            await asyncio.Event().wait()
        return reply("done")

    text = "limits: {parallel: 6}\nsteps:\n" + "\n".join(
        f"  s{n}: {{agent: {{}}, prompt: go, timeout: 10m, on_error: continue}}" for n in range(6)
    )
    run = setting(text, model=ModelDouble(answer), around={"clock": clock, "chance": lambda: 0.0})

    async def drive(engine):
        await until(
            lambda: run.events(ModelHeld) and not any(state.in_flight for state in engine.live.sessions.values())
        )
        while not tried:
            wait(engine, clock)
            await asyncio.sleep(0.001)
        for _ in range(50):
            await asyncio.sleep(0)
        assert len(tried) == 1
        clock.now += 601
        engine.timers._handles[f"step {tried[0]}"]["deadline"]._run()

    outcome = await run.run(drive)
    assert outcome.finished.status == "done"
    assert len(tried) == 6


def test_an_error_of_the_service_carries_its_row_and_its_limits():
    error = ModelError("model_unavailable", "x", retryable=True, fault="overloaded", limits=RateLimits(1))
    assert (error.fault, error.limits) == ("overloaded", RateLimits(1))
