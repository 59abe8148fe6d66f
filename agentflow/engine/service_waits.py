"""Waits for the model's service as a run sees them: whose clock stands still, and when the process lets the run go."""

from collections.abc import Iterable
from math import inf

from agentflow.engine.idle import idle_since
from agentflow.engine.port import Loop
from agentflow.engine.service import HOLD, Waiting
from agentflow.engine.session_clock import watch_the_clock
from agentflow.events.run_events import StepFreed, StepHeld
from agentflow.events.session_events import SessionRested
from agentflow.journal.port import RUN_STREAM

STAY_SECONDS = 600.0
"""A process that has nothing else to do stays for so long; for what lies further away the run pauses, and whoever
started it decides when to go on."""


def hold_and_free(loop: Loop) -> bool:
    """Notes of each step whether it only waits for the service; returns whether anything changed."""
    held = loop.live.run.held
    if not loop.service.waiting and not held:
        return False
    waiting = _steps_that_wait(loop)
    freed = [path for path in held if path not in waiting]
    for path in freed:
        free(loop, path)
    begun = [path for path in waiting if path not in held]
    for path in begun:
        loop.happen(RUN_STREAM, StepHeld(loop.now(), path, waiting[path].until, waiting[path].failure))
        for stream in _sessions_of(loop, path):
            loop.timers.forget(stream, "clock")
    return bool(freed or begun)


def free(loop: Loop, path: str) -> None:
    """A step goes on; does nothing where it was not held."""
    since = loop.live.run.held.get(path)
    if since is None:
        return
    loop.happen(RUN_STREAM, StepFreed(loop.now(), path))
    # Who waited for a person before has rested for longer.
    idle = [(stream, idle_since(loop.live, stream)) for stream in _sessions_of(loop, path)]
    for stream, alone in idle:
        loop.happen(stream, SessionRested(loop.now(), since if alone is None else min(since, alone)))
        watch_the_clock(loop, stream)


def free_all(loop: Loop) -> None:
    """Every step goes on: a process has taken the run up."""
    for path in list(loop.live.run.held):
        free(loop, path)


def asks_again_soon(loop: Loop) -> bool:
    """Whether anything is about to be tried again, other than after a long wait for the service."""
    return not all(loop.service.is_long(stream) for stream in loop.timers.streams_with(HOLD))


def pauses_for(loop: Loop) -> Waiting | None:
    """What the run is let go for: everything that is left waits for the service, and longer than a process stays."""
    waiting = _first(loop.service.waiting.values())
    if waiting is None or waiting.until is None:
        return waiting
    stays = loop.around.stays or waiting.until - loop.now() <= STAY_SECONDS
    return None if stays else waiting


def _steps_that_wait(loop: Loop) -> dict[str, Waiting]:
    """The steps none of whose sessions is at work while one waits for the service, and how long they wait."""
    sessions, service = loop.live.sessions, loop.service
    at_work = {state.step for name, state in sessions.items() if name not in service.waiting and loop.at_work(name)}
    found: dict[str, list[Waiting]] = {}
    for stream, waiting in service.waiting.items():
        if stream in sessions and sessions[stream].step not in at_work:
            found.setdefault(sessions[stream].step, []).append(waiting)
    return {path: first for path, waits in found.items() if (first := _first(waits)) is not None}


def _first(waits: Iterable[Waiting]) -> Waiting | None:
    """The wait that ends first; those for a person end last."""
    return min(waits, key=lambda waiting: inf if waiting.until is None else waiting.until, default=None)


def _sessions_of(loop: Loop, path: str) -> list[str]:
    return [stream for stream, state in loop.live.sessions.items() if state.step == path]
