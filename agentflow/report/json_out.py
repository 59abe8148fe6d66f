"""Events and results as JSON, for programs.

An event is `{"stream", "type", "at", …}`: the stream (`""` is the run's own, any other a session's), the event's name
in snake case, the time in seconds since the epoch, and every field of the event under its own name. The last object
of a stream of events has the type `result`. Fields may be added, and none is taken away or changes its meaning.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from msgspec import Struct

from agentflow.events.codec import Event
from agentflow.events.file_events import FileChanging
from agentflow.events.values import Failure, Usage
from agentflow.journal.port import Gate, RunSummary
from agentflow.report.kept import workspaces_of
from agentflow.report.node import Node
from agentflow.report.summary import summary_json as view_summary
from agentflow.report.summary import summary_of
from agentflow.report.view import RunView

JSON = Any

_INSIDE_A_NAME = re.compile(r"(?<=[a-z])(?=[A-Z])")


def dumps(value: JSON, *, indent: int | None = None) -> str:
    """JSON in ASCII: what a model or tool said survives, lone surrogates too, and nothing in it acts on a terminal."""
    return json.dumps(value, indent=indent)


def event_json(stream: str, event: Event) -> dict[str, JSON]:
    """An event as JSON data; what a file held stays in the journal."""
    told = {"stream": stream, "type": type_name(event), **_fields(event)}
    return {**told, "content": None} if isinstance(event, FileChanging) else told


def type_name(event: Event) -> str:
    """The name of an event's type, as `step_finished`."""
    return _name_of(type(event))


@cache
def _name_of(kind: type[Event]) -> str:
    return _INSIDE_A_NAME.sub("_", kind.__name__).lower()


def result_json(
    run: str, status: str, outputs: JSON, failure: Failure | None, view: RunView, waiting: list[Gate]
) -> dict[str, JSON]:
    """How a run ended, or why it paused."""
    return {
        "type": "result",
        "run": run,
        "status": status,
        "outputs": outputs,
        "failure": None if failure is None else _plain(failure),
        "cost_usd": round(view.root.cost_usd, 9),
        "usage": usage_json(view.usage),
        "turns": view.root.turns,
        "tool_calls": view.root.tool_calls,
        "seconds": round(view.seconds(), 3),
        "waiting": [gate_json(gate) for gate in waiting],
        "summary": view_summary(summary_of(view)),
        "until": _goes_on_at(view),
        "service": None if view.paused is None else _plain(view.paused.service),
        "workspaces": [_plain(workspace) for workspace in workspaces_of(view)],
    }


def _goes_on_at(view: RunView) -> float | None:
    """When a run that was held back can go on: by the model's service, or by a cap of its user or tenant."""
    told = view.finished or view.paused
    return None if told is None else told.until


def gate_json(gate: Gate) -> dict[str, JSON]:
    """A question that waits for a person."""
    return {
        "step": gate.step,
        "about": gate.about,
        "message": gate.message,
        "show": gate.show,
        "opened_at": gate.opened_at,
        "expires_at": gate.expires_at,
        "form": gate.form,
    }


def usage_json(usage: Usage) -> dict[str, int]:
    """Tokens."""
    return _fields(usage)


def summary_json(summary: RunSummary) -> dict[str, JSON]:
    """A run as lists show it."""
    return _fields(summary)


def struct_json(value: Struct) -> dict[str, JSON]:
    """A value and all that is in it, every field under its own name."""
    return _fields(value)


def node_json(node: Node, *, inside: bool = True) -> dict[str, JSON]:
    """A step, item or subagent and, unless it is not wanted, what is inside it."""
    body = {
        "path": node.path,
        "kind": node.kind,
        "state": node.state,
        "agent": node.agent,
        "reused": node.reused,
        "attempt": node.attempt,
        "retry_at": node.retry_at,
        "items": node.items,
        "rounds": node.rounds,
        "converged": node.converged,
        "choice": node.choice,
        "reason": node.reason,
        "failure": None if node.failure is None else _plain(node.failure),
        "exit_code": node.exit_code,
        "workspace": None if node.workspace is None else _plain(node.workspace),
        "turns": node.turns,
        "tokens": node.tokens,
        "tool_calls": node.tool_calls,
        "compactions": node.compactions,
        "cost_usd": round(node.cost_usd, 9),
        "started_at": node.started_at,
        "ended_at": node.ended_at,
    }
    return body | {"inside": [node_json(inner) for inner in node.inner.values()]} if inside else body


def _plain(value: Any) -> JSON:
    if isinstance(value, Struct):
        return _fields(value)
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(inner) for inner in value]
    return value


def _fields(value: Struct) -> dict[str, JSON]:
    return {name: _plain(getattr(value, name)) for name in value.__struct_fields__}
