"""Events to JSON and back, each type under its own version.

A body is one JSON object of the event's fields; a field at its default is left out, so that rows stay small and a
field that is added with a default needs no new version. What changes the meaning of an older row does.
"""

import json
from typing import Any

from msgspec import NODEFAULT
from msgspec.structs import fields

from agentflow.errors import JournalError
from agentflow.events import file_events, operator_events, run_events, session_events
from agentflow.events.run_events import RunEvent
from agentflow.events.session_events import SessionEvent
from agentflow.events.values import (
    JSON,
    Approvers,
    Continued,
    Denial,
    Failure,
    Lineage,
    Spent,
    Timings,
    Usage,
    Workspace,
)

Event = RunEvent | SessionEvent

VERSIONS: dict[type[Any], int] = {
    run_events.RunStarted: 1,
    run_events.StepKept: 1,
    run_events.RunResumed: 1,
    run_events.RunPaused: 1,
    run_events.RunLimitReached: 1,
    run_events.RunCancelled: 1,
    run_events.WorkflowLimitReached: 1,
    run_events.RunFinished: 1,
    operator_events.BudgetWarned: 1,
    run_events.ModelHeld: 1,
    run_events.ModelFreed: 1,
    run_events.StepHeld: 1,
    run_events.StepFreed: 1,
    run_events.StepStarted: 1,
    run_events.CommandCalled: 1,
    run_events.FunctionCalled: 1,
    run_events.ToolStepCalled: 1,
    run_events.StepFinished: 1,
    run_events.StepRetried: 1,
    run_events.RetryDue: 1,
    run_events.StepTimedOut: 1,
    run_events.StepReset: 1,
    run_events.OutcomeUnknown: 1,
    run_events.GateOpened: 1,
    operator_events.GateEscalated: 1,
    run_events.GateAnswered: 1,
    run_events.QuestionWithdrawn: 1,
    run_events.StepIdled: 1,
    operator_events.MoneyLeased: 1,
    operator_events.MoneyWrittenOff: 1,
    session_events.SessionStarted: 1,
    session_events.SessionKept: 1,
    session_events.SessionResumed: 1,
    session_events.SessionRested: 1,
    session_events.ModelCalled: 1,
    session_events.ModelReplied: 1,
    session_events.ModelFailed: 1,
    session_events.CallAsked: 1,
    session_events.CallApproved: 1,
    session_events.ToolCalled: 1,
    session_events.ToolFinished: 1,
    session_events.ToolRetried: 1,
    session_events.TokensCounted: 1,
    session_events.CompactionCalled: 1,
    session_events.CompactionFailed: 1,
    session_events.Compacted: 1,
    session_events.BreakerTripped: 1,
    session_events.LimitReached: 1,
    session_events.SessionFinished: 1,
    file_events.FileChanging: 1,
    file_events.FilesRewinding: 1,
    file_events.FilesRewound: 1,
}

_TYPES = {kind.__name__: kind for kind in VERSIONS}
_NESTED: dict[str, type[Any]] = {"failure": Failure, "usage": Usage, "spent": Spent, "timings": Timings}
_NESTED["workspace"] = Workspace
_NESTED |= {"lineage": Lineage, "continued": Continued}
_NESTED["service"] = Failure
_NESTED["denied"] = Denial
_NESTED["approvers"] = Approvers
_TUPLES: dict[str, str] = {"ModelReplied": "content", "RunPaused": "waiting", "CommandCalled": "argv"}
_TUPLES["Compacted"] = "head"
_TUPLES["FileChanging"] = "made"
_TUPLES["GateEscalated"] = "to"
_INNER_TUPLES = {"lineage": ("steps",), "approvers": ("roles", "to")}
_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def _with_defaults(kind: type[Any]) -> tuple[tuple[str, object], ...]:
    return tuple((field.name, field.default) for field in fields(kind))


_FIELDS: dict[type[Any], tuple[tuple[str, object], ...]] = {
    kind: _with_defaults(kind) for kind in (*VERSIONS, *_NESTED.values())
}


def to_body(value: Any) -> dict[str, JSON]:
    """The fields of an event, or of a value it carries, that are not at their defaults, as JSON data."""
    body = {}
    for name, default in _FIELDS[type(value)]:
        content = getattr(value, name)
        if content is default or (default is not NODEFAULT and content == default and type(content) is type(default)):
            continue
        body[name] = to_body(content) if type(content) in _FIELDS else content
    return body


def dumps(value: JSON) -> str:
    """JSON text, compact and in ASCII: whatever a model or tool says survives, lone surrogates too."""
    return _encode(value)


def from_body(name: str, version: int, body: dict[str, JSON]) -> Event:
    """The event that a row holds.

    Raises:
        JournalError: the type or version is not known here, or the body does not fit it.
    """
    kind = _TYPES.get(name)
    if kind is None or VERSIONS[kind] != version:
        raise JournalError(
            f"the journal holds an event `{name}` of version {version}, which this agentflow does not know",
            "resume it with the version of agentflow that wrote it, or a newer one",
        )
    try:
        event: Event = kind(**_fields(name, body))
    except (AttributeError, TypeError) as error:
        raise JournalError(f"an event `{name}` in the journal is damaged: {error}") from error
    return event


def _fields(kind: str, body: dict[str, JSON]) -> dict[str, Any]:
    values = {name: _nested(name, value) for name, value in body.items()}
    if (listed := _TUPLES.get(kind)) in values:
        values[str(listed)] = tuple(values[str(listed)])
    return values


def approvers_of(body: dict[str, JSON]) -> Approvers:
    """Who may answer a gate, from what `to_body` made of it."""
    found: Approvers = _nested("approvers", body)
    return found


def _nested(name: str, value: JSON) -> Any:
    if value is None or name not in _NESTED:
        return value
    values = {inner: _nested(inner, content) for inner, content in value.items()}
    for listed in _INNER_TUPLES.get(name, ()):
        if listed in values:
            values[listed] = tuple(values[listed])
    return _NESTED[name](**values)
