"""What a reader sees of steps that are tried again, run again or timed out."""

from typing import TYPE_CHECKING

from agentflow.events.run_events import StepReset, StepRetried

if TYPE_CHECKING:
    from agentflow.report.node import Node
    from agentflow.report.view import RunView


def step_retried(view: "RunView", event: StepRetried) -> "Node":
    """A step that had failed rests before its next attempt; what it spent stays with it."""
    node = view.reopened(event.step, event.at)
    _begin_anew(node)
    node.attempt = event.attempt
    node.failure = node.reason = None
    node.retry, node.retry_at = event.failure, event.next_at
    return node


def step_reset(view: "RunView", event: StepReset) -> "Node":
    """A step that was done waits to run again."""
    node = view.put_back(event.step)
    _begin_anew(node)
    return node


def _begin_anew(node: "Node") -> None:
    """What is inside a step waits to begin once more; subagents of earlier attempts stay as they ended."""
    waiting = [node]
    while waiting:
        here = waiting.pop()
        here.ended, here.bad = {}, {}
        for inner in here.inner.values():
            if inner.kind == "agent":
                inner.closed(inner.state)
                continue
            inner.state, inner.failure, inner.reason = "waiting", None, None
            inner.started_at = inner.ended_at = None
            inner.gate = inner.answer = None
            waiting.append(inner)
