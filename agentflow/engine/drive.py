"""Driving a run from outside: until it ends, is interrupted, or waits for people who have not answered."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from msgspec.structs import replace

from agentflow.engine.live import Live
from agentflow.engine.local import LocalEngine
from agentflow.engine.port import Outcome, Surroundings
from agentflow.engine.recover import recover
from agentflow.engine.retaining import retain
from agentflow.engine.stored import declared_for
from agentflow.events.codec import Event
from agentflow.events.run_events import RunStarted
from agentflow.journal.port import RUN_STREAM, Journal, Lease, Recorded
from agentflow.models.port import Model, keep_out
from agentflow.plan.declared_models import NOTHING_DECLARED, Catalogue, declaring
from agentflow.plan.model import Plan
from agentflow.tools.toolbox import Toolbox

_LONGEST_SLEEP_SECONDS = 60.0
"""A machine that slept, or whose clock was set, looks again within this time."""


async def drive(
    live: Live,
    journal: Journal,
    lease: Lease,
    model: Model | None,
    around: Surroundings,
    interrupt: asyncio.Event | None,
    *,
    resumed: bool = False,
) -> Outcome:
    """Drives a run under its lease, which is released in the end.

    Parameters:
        model: None where no agent will ask it.
        interrupt: once it is set the run stops cleanly.
        resumed: the run has been at work before, so what was out is judged first.
    """
    tools = Toolbox(live.plan.tools)
    while True:
        engine = LocalEngine(live, journal, lease, model, tools, around)
        keep_out(model, engine.secrets.exactly)
        try:
            with declaring(_declared(journal, live.run.id)):
                outcome = await _interruptible(engine, interrupt, resumed)
        finally:
            try:
                # Before anybody else may own the run.
                await tools.close()
                if around.sandboxes is not None:
                    await around.sandboxes.close()
            finally:
                journal.release(lease)
        # An answer that was left just as the run paused is not left lying.
        answered = outcome.status == "waiting" and any(gate.by for gate in journal.gates(live.run.id))
        if not answered and not await _whole_again(outcome, around, interrupt):
            await retain(journal, around.entitled, around.project)
            return outcome
        lease, resumed, around = journal.take(live.run.id), True, replace(around, limits={})


async def _whole_again(outcome: Outcome, around: Surroundings, interrupt: asyncio.Event | None) -> bool:
    """Waits until the cap is whole again that ended a run, where that was wanted; whether the run may go on."""
    finished = outcome.finished
    if not around.stays or finished is None or finished.until is None:
        return False
    stop = interrupt or asyncio.Event()
    while (left := finished.until - around.clock()) > 0:
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), min(left, _LONGEST_SLEEP_SECONDS))
        if stop.is_set():
            return False
    return True


def heard(journal: Journal, run: str, observe: Callable[[str, Event], None] | None) -> Iterator[Recorded]:
    """What is on record of a run, each event told to who wants to hear."""
    for entry in journal.read(run):
        if observe is not None:
            observe(entry.stream, entry.event)
        yield entry


def _declared(journal: Journal, run: str) -> Catalogue:
    """What holds of models while the run is at work."""
    started = next(journal.read(run, RUN_STREAM)).event
    return declared_for(started) if isinstance(started, RunStarted) else NOTHING_DECLARED


async def _interruptible(engine: LocalEngine, interrupt: asyncio.Event | None, resumed: bool) -> Outcome:
    task = asyncio.create_task(engine.run(recover if resumed else None))
    waiting = asyncio.create_task((interrupt or asyncio.Event()).wait())
    try:
        await asyncio.wait((task, waiting), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            engine.interrupt()
        return await task
    finally:
        waiting.cancel()
        task.cancel()
        await asyncio.gather(task, waiting, return_exceptions=True)


async def end_cancelled(journal: Journal, run: str, plan: Plan, project: Path) -> Outcome:
    """Ends a run that nobody is at work on, and that somebody has wished to end: what was out is accounted for.

    Raises:
        LeaseHeldError: a process has taken it up meanwhile, and finds the wish itself.
        JournalError: the run has ended, or the journal cannot be written.
    """
    lease = journal.take(run)
    try:
        live = Live.replay(plan, journal.read(run))
    except BaseException:
        journal.release(lease)
        raise
    return await drive(live, journal, lease, None, Surroundings(project), None, resumed=True)
