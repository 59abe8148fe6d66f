"""The steps of a run, one after the other, each with what it did and came to, as JSON data."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from agentflow.events.codec import Event
from agentflow.events.run_events import (
    CommandCalled,
    FunctionCalled,
    GateAnswered,
    GateOpened,
    StepFinished,
    StepRetried,
    ToolStepCalled,
)
from agentflow.report.drawing import id_of, without_indexes
from agentflow.report.json_out import node_json
from agentflow.report.node import Node
from agentflow.report.page.conversations import failure_json
from agentflow.report.service_wait import held_text

JSON = Any


@dataclass(slots=True)
class StepDetails:
    """What the tree of a run does not keep of a step.

    Attributes:
        did: what it called: a command, a function, a tool.
        attempts: those that failed and were followed by another.
    """

    output: JSON = None
    did: dict[str, JSON] | None = None
    gate: dict[str, JSON] | None = None
    attempts: list[dict[str, JSON]] = field(default_factory=list)
    sessions: list[str] = field(default_factory=list)


class Details:
    """The details of all steps, by path."""

    def __init__(self) -> None:
        self._of: dict[str, StepDetails] = {}

    def of(self, path: str) -> StepDetails:
        """Those of one step."""
        return self._of.setdefault(path, StepDetails())

    def apply(self, event: Event) -> None:
        """Takes up an event of the run's own stream."""
        handle = _HANDLED.get(type(event))
        if handle is not None:
            handle(self.of(getattr(event, "step", "")), event)


def _finished(details: StepDetails, event: StepFinished) -> None:
    details.output = event.output


def _command(details: StepDetails, event: CommandCalled) -> None:
    details.did = {"what": "command", "argv": list(event.argv)}


def _function(details: StepDetails, event: FunctionCalled) -> None:
    details.did = {"what": "function", "function": event.function, "arguments": event.arguments}


def _tool(details: StepDetails, event: ToolStepCalled) -> None:
    details.did = {"what": "tool", "tool": event.tool, "input": event.input}


def _retried(details: StepDetails, event: StepRetried) -> None:
    details.attempts.append({"attempt": event.attempt - 1, "at": event.at, "failure": failure_json(event.failure)})


def _asked(details: StepDetails, event: GateOpened) -> None:
    details.gate = {
        "about": event.about,
        "message": event.message,
        "show": event.show,
        "opened_at": event.at,
        "expires_at": event.expires_at,
        "answer": None,
    }


def _answered(details: StepDetails, event: GateAnswered) -> None:
    if details.gate is not None:
        details.gate["answer"] = {
            "approved": event.approved,
            "by": event.by,
            "comment": event.comment,
            "expired": event.expired,
            "at": event.at,
            "answers": event.answers,
        }


_HANDLED: Mapping[type[Any], Callable[[StepDetails, Any], None]] = {
    StepFinished: _finished,
    CommandCalled: _command,
    FunctionCalled: _function,
    ToolStepCalled: _tool,
    StepRetried: _retried,
    GateOpened: _asked,
    GateAnswered: _answered,
}


def steps_json(root: Node, details: Details, *, at_work: bool) -> list[dict[str, JSON]]:
    """Every step and item, each before what is inside it; subagents are told as sessions.

    Parameters:
        at_work: a process is at work on the run; else what has begun and not ended counts as stopped.
    """
    asking = {around.path for node, _ in _nodes(root, 0) if node.state == "asking" for around in node.around()}
    rows = []
    for node, depth in _nodes(root, 0):
        state: str = node.state
        if state == "running" and not at_work:
            state = "asking" if node.path in asking else "stopped"
        rows.append(_row(node, depth, state, details.of(node.path)))
    return rows


def _nodes(node: Node, depth: int) -> Iterator[tuple[Node, int]]:
    waiting = [(inner, depth) for inner in reversed(node.inner.values())]
    while waiting:
        here, level = waiting.pop()
        never = here.state == "waiting" and (here.kind == "item" or (here.above is not None and here.above.choice))
        if here.kind == "agent" or never:
            # Of what waits inside a loop or choice nobody knows whether this attempt will come to it.
            continue
        yield here, level
        waiting += [(inner, level + 1) for inner in reversed(here.inner.values())]


def _row(node: Node, depth: int, state: str, known: StepDetails) -> dict[str, JSON]:
    return node_json(node, inside=False) | {
        "reason": held_text(node.held) if node.held is not None and node.state == "running" else node.reason,
        "name": node.name,
        "depth": depth,
        "state": state,
        "drawn": id_of(without_indexes(node.path)),
        "output": known.output,
        "did": known.did,
        "gate": known.gate,
        "attempts": known.attempts,
        "sessions": known.sessions,
    }
