"""What readers see of compactions."""

from typing import TYPE_CHECKING

from agentflow.events.session_events import Compacted, CompactionCalled, CompactionFailed
from agentflow.report.inert import inert_line
from agentflow.report.node import Node
from agentflow.report.style import duration, money, tokens

if TYPE_CHECKING:
    from agentflow.report.view import RunView

_WAYS = {
    "api": "compacted by the service",
    "summary": "summarised",
    "window": "without its oldest turns",
    "clear": "without old results",
}


def compaction_called(_view: "RunView", node: Node, _event: CompactionCalled) -> None:
    """A request is out."""
    node.calling, node.tail = True, ""
    node.retry = node.retry_at = None


def compacted(_view: "RunView", node: Node, event: Compacted) -> None:
    """Counts a compaction, and what it took."""
    node.compactions += 1
    node.calling = False
    for around in node.around():
        around.tokens += event.usage.total
        around.cost_usd += event.cost_usd


def compaction_failed(_view: "RunView", node: Node, event: CompactionFailed) -> None:
    """Counts what a way that brought nothing took; where it is tried again, that is waited for."""
    node.calling = False
    if event.retry_at is not None or event.parked:
        node.retry, node.retry_at = event.failure, event.retry_at
    for around in node.around():
        around.tokens += event.usage.total
        around.cost_usd += event.charged_usd


def compaction_line(event: Compacted) -> str:
    """`conversation summarised by claude-haiku-5-5: 160k to 40k tokens ($0.0800)`."""
    by = f" by {inert_line(event.model)}" if event.model is not None and event.way == "summary" else ""
    paid = f" ({money(event.cost_usd)})" if event.cost_usd else ""
    sizes = f"{tokens(event.tokens_before)} to {tokens(event.tokens_after)} tokens"
    return f"conversation {_WAYS[event.way]}{by}: {sizes}{paid}"


def compaction_failed_line(event: CompactionFailed) -> str:
    """`conversation not compacted: the service is overloaded; again in 2.0s`."""
    after = "again with the next `resume`" if event.parked else "another way is taken"
    if event.retry_at is not None:
        after = f"again in {duration(event.retry_at - event.at)}"
    return f"conversation not compacted: {inert_line(event.failure.message, 500)}; {after}"
