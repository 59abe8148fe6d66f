"""What a run that waits for the model's service says of it."""

import time

from agentflow.events.run_events import RunPaused, StepHeld
from agentflow.events.values import Failure
from agentflow.report.inert import inert_line
from agentflow.report.style import duration


def held_text(held: StepHeld, now: float | None = None) -> str:
    """Why a step waits for the service, and until when."""
    return f"waiting for {_whom(held.until, now)}: {inert_line(held.failure.message, 500)}"


def paused_text(paused: RunPaused, now: float) -> str | None:
    """What a paused run waits for; None where that is not the model's service."""
    return None if paused.service is None else wait_text(paused.until, paused.service, now)


def wait_text(until: float | None, service: Failure, now: float) -> str:
    """What is waited for, and why."""
    return f"waiting for {_whom(until, now)}: {inert_line(service.message, 500)}"


def may_go_on(until: float | None, now: float, *, held: bool = False) -> str:
    """When `resume` goes on, in a few words before the command line; `held`: a budget of the run was used up."""
    if until is None:
        return "to go on with more of it" if held else "when that is done, go on with"
    return "go on with" if until <= now else f"after {clock_text(until)}, go on with"


def clock_text(at: float) -> str:
    """A time of day here, with its date."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at + 59))


def _whom(until: float | None, now: float | None) -> str:
    if until is None:
        return "a person to act"
    left = "" if now is None or until <= now else f" (in {duration(until - now)})"
    return f"the model's service, until {clock_text(until)}{left}"
