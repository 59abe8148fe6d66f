"""What happens in a run as lines of a log: names and numbers, and why something failed; no text of models or tools."""

import logging
import re
from collections.abc import Callable
from typing import Any

from agentflow.events.codec import Event
from agentflow.events.operator_events import BudgetWarned
from agentflow.events.run_events import (
    OutcomeUnknown,
    RunFinished,
    RunPaused,
    RunResumed,
    RunStarted,
    StepFinished,
    StepRetried,
    StepStarted,
)
from agentflow.events.session_events import CompactionFailed, ModelFailed
from agentflow.events.values import Failure

_log = logging.getLogger("agentflow.run")

_TOLD = frozenset(
    {
        "run",
        "workflow",
        "path",
        "step",
        "status",
        "session",
        "agent",
        "parent",
        "continues",
        "depth",
        "turn",
        "attempt",
        "model",
        "max_tokens",
        "stop_reason",
        "call",
        "tool",
        "effects",
        "is_error",
        "unknown",
        "exit_code",
        "items",
        "rounds",
        "choice",
        "converged",
        "approved",
        "by",
        "expired",
        "ending",
        "cost_usd",
        "charged_usd",
        "amount_usd",
        "used_usd",
        "cap_usd",
        "whose",
        "period",
        "reserved_usd",
        "request_id",
        "retry_at",
        "next_at",
        "seconds",
        "overloaded",
        "about",
        "function",
    }
)
"""Fields that hold names and numbers. What is not here may hold what a person, model or tool wrote."""

_INFO = (RunStarted, RunResumed, RunPaused, RunFinished, StepStarted, StepFinished)
_WARNING = (ModelFailed, CompactionFailed, StepRetried, OutcomeUnknown, BudgetWarned)
_INSIDE_A_NAME = re.compile(r"(?<=[a-z])(?=[A-Z])")


def logged(observe: Callable[[str, Event], None]) -> Callable[[str, Event], None]:
    """What hears events, and has each logged before; as it was given where nobody reads the log."""
    if not _log.isEnabledFor(logging.INFO):
        return observe

    def heard(stream: str, event: Event) -> None:
        log(stream, event)
        observe(stream, event)

    return heard


def log(stream: str, event: Event) -> None:
    """Writes one event down: failures as warnings, the run and its steps as info, all else for debugging."""
    level = _level(event)
    if not _log.isEnabledFor(level):
        return
    name = _INSIDE_A_NAME.sub("_", type(event).__name__).lower()
    told = told_of(stream, event)
    words = " ".join(f"{key}={value}" for key, value in told.items())
    _log.log(level, "%s %s", name, words, extra={"told": {"event": name, **told}})


def told_of(stream: str, event: Event) -> dict[str, Any]:
    """The names and numbers of an event, and of its failure the kind and message."""
    told: dict[str, Any] = {"stream": stream} if stream else {}
    for name in event.__struct_fields__:
        value = getattr(event, name)
        if isinstance(value, Failure):
            told |= {"failure": value.kind, "message": value.message}
        elif name in _TOLD and value is not None and value is not False:
            told[name] = value
    return told


def _level(event: Event) -> int:
    failure = getattr(event, "failure", None)
    if isinstance(event, RunFinished) and failure is not None:
        return logging.ERROR
    if isinstance(event, _WARNING) or (isinstance(event, _INFO) and failure is not None):
        return logging.WARNING
    return logging.INFO if isinstance(event, _INFO) else logging.DEBUG
