"""Interrupts, cancellations, lost leases and full disks: nothing is left behind."""

import asyncio
import itertools

import pytest

from agentflow.engine import local, recorder
from agentflow.errors import JournalFullError, LeaseLostError
from agentflow.events.run_events import RunPaused
from agentflow.events.session_events import ModelCalled, ModelFailed
from agentflow.models.port import ModelError
from tests.builders import TOOLS
from tests.engine.doubles import (
    FAN,
    ModelDouble,
    Setting,
    alive,
    echo,
    forever,
    others,
    prompt_of,
    reply,
    until,
)


async def test_an_interrupted_run_leaves_nothing_behind_and_goes_on_to_the_same_outputs(setting):
    run = setting(FAN % (4, 8), inputs={"items": list(range(12))})

    def answer(request):
        if int(prompt_of(request)) >= 6 and not resumed:
            return forever()
        return echo(request)

    resumed = False
    run.model.answer = answer

    async def interrupt(engine):
        await until(lambda: sum(prompt_of(r) >= "6" or len(prompt_of(r)) > 1 for r in run.model.requests) >= 4)
        engine.interrupt()
        engine.interrupt()

    outcome = await run.run(interrupt)
    assert outcome.status == "interrupted"
    assert others() == set()
    assert run.model.in_flight.now == 0
    assert run.events()[-1] == RunPaused(run.events()[-1].at, "interrupted")
    resumed = True
    assert await run.outputs() == {"l": [f"got {index}" for index in range(12)]}


async def test_no_call_goes_out_after_an_interrupt(setting):
    """A retry that comes due while the pause is being recorded stays where it is."""

    def answer(request):
        raise ModelError("model_unavailable", "busy", retryable=True, retry_after=0.03)

    run = setting("steps: {a: {agent: {}, prompt: go}}", model=ModelDouble(answer), around={"chance": lambda: 0.0})

    async def slowly(entries):
        if any(isinstance(entry.event, RunPaused) for entry in entries):
            await asyncio.sleep(0.1)

    run.journal.before = slowly

    async def interrupt(engine):
        await until(lambda: bool(run.events(ModelFailed)))
        engine.interrupt()

    assert (await run.run(interrupt)).status == "interrupted"
    assert isinstance(run.events()[-1], RunPaused)
    assert len(run.model.requests) == 1


async def test_a_cancelled_run_leaves_no_task_and_no_process_behind(setting):
    run = setting(
        "steps: {a: {run: 'echo $$ > pid; exec sleep 60'}, b: {agent: {}, prompt: go}}", model=ModelDouble(forever)
    )

    async def cancel(engine):
        await until(lambda: (run.folder / "pid").exists() and bool((run.folder / "pid").read_text()))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await run.run(cancel)
    assert others() == set()
    assert not alive(run.folder / "pid")


async def test_who_lost_the_lease_stops_before_its_next_effect(setting):
    run: Setting

    def answer(request):
        run.sqlite.release(run.engine.lease)
        run.sqlite.take("run-1")
        return reply("", ("c1", "send", {}))

    run = setting(f"{TOOLS}\nsteps: {{a: {{agent: {{tools: [send]}}, prompt: go}}}}", model=ModelDouble(answer))
    with pytest.raises(LeaseLostError):
        await run.run()
    assert run.tools.done == []
    assert others() == set()


async def test_a_lease_that_cannot_be_renewed_any_more_stops_the_run(setting, monkeypatch):
    monkeypatch.setattr(local, "LEASE_SECONDS", 0.03)
    run = setting("steps: {a: {agent: {}, prompt: go}}", model=ModelDouble(forever))

    def lost(lease):
        raise LeaseLostError("another has it")

    run.journal.renew = lost
    async with asyncio.timeout(5):
        with pytest.raises(LeaseLostError, match="another has it"):
            await run.run()
    assert run.model.in_flight.now == 0


async def test_a_full_disk_does_not_lose_the_lease(setting, monkeypatch):
    monkeypatch.setattr(local, "LEASE_SECONDS", 0.03)
    renewed = []

    def renew(lease):
        renewed.append(lease)
        if len(renewed) == 1:
            raise JournalFullError("no room")

    async def slowly(*_args):
        await until(lambda: len(renewed) >= 2)
        return reply("done")

    run = setting("steps: {a: {agent: {}, prompt: go}}", model=ModelDouble(slowly))
    run.journal.renew = renew
    assert (await run.run()).finished.status == "done"


async def test_a_full_disk_pauses_the_run_and_it_goes_on_when_there_is_room(setting, monkeypatch):
    monkeypatch.setattr(recorder, "SECONDS_BETWEEN_TRIES_WHEN_FULL", 0.01)
    told = []
    run = setting(
        "steps: {a: {agent: {}, prompt: go}}\noutputs: {a: steps.a.output}", around={"disk_full": told.append}
    )
    tries = itertools.count(1)

    async def full(entries):
        if any(isinstance(entry.event, ModelCalled) for entry in entries) and next(tries) <= 3:
            assert run.model.requests == []
            raise JournalFullError("no room")

    run.journal.before = full
    assert await run.outputs() == {"a": "done"}
    assert told == [True, False]
