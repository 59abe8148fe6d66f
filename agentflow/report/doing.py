"""What goes on in a step, item or agent, in a few words."""

import time
from itertools import islice

from msgspec import Struct

from agentflow.report.inert import inert_line
from agentflow.report.node import OPEN, Node
from agentflow.report.service_wait import held_text
from agentflow.report.style import case_name, count, duration

_LONG_WAIT = 120.0
"""Seconds from which a wait is told by its end: who looks away wants to know when to look again."""


class Bar(Struct, frozen=True):
    """How far a block of `total` items is; what is neither is to come."""

    done: int
    failed: int
    at_work: int
    total: int


def bar_of(node: Node) -> Bar | None:
    """The bar of a `for_each` at work; None for everything else."""
    if not node.items or node.state not in OPEN:
        return None
    failed = node.ended.get("failed", 0) + node.ended.get("rejected", 0)
    return Bar(sum(node.ended.values()) - failed, failed, len(node.open), node.items)


def doing(node: Node, now: float) -> str:
    """What goes on in a node, or why it ended as it did."""
    if node.state == "asking" and node.gate is not None:
        return f"waiting for a person: {inert_line(node.gate.message, 80)}"
    if node.failure is not None and node.state == "failed":
        return f"{node.failure.kind}: {inert_line(node.failure.message, 160)}"
    if node.reason is not None:
        return inert_line(node.reason, 160)
    if node.state in OPEN:
        return ", ".join(part for part in (_progress(node), _activity(node, now)) if part)
    return _progress(node)


def _progress(node: Node) -> str:
    """How far a block is, or how many subagents an agent has out."""
    parts = []
    if node.items is not None:
        parts.append(_items(node))
    elif node.rounds is not None:
        begun = max(node.begun, 1)
        parts.append(f"round {begun} of at most {node.rounds}" if node.state in OPEN else count(begun, "round"))
    elif node.choice is not None:
        parts.append(case_name(node.choice))
    elif node.agent is not None and node.inner:
        at_work = node.at_work - (node.state in OPEN)
        of = f"{at_work:,} of " if at_work < len(node.inner) else ""
        parts.append(f"{of}{count(len(node.inner), 'subagent')} at work" if at_work > 0 else "")
    if failed := node.ended.get("failed", 0):
        parts.append(f"{failed} failed")
    return ", ".join(part for part in parts if part)


def _items(node: Node) -> str:
    ended = sum(node.ended.values())
    if node.state == "done" and ended == node.items:
        return count(ended, "item")
    return f"{ended:,} of {count(node.items or 0, 'item')}"


def _activity(node: Node, now: float) -> str:
    if node.held is not None:
        return held_text(node.held, now)
    if node.agent is not None and node.retry_at is not None and node.retry_at <= now:
        # Its own rest is over; what it waits for now is the model, or a place among those that ask it.
        return "waiting for the model's service"
    if node.retry is not None and node.retry_at is not None:
        return f"{_until(node.retry_at, now)}: {inert_line(node.retry.message, 80)}"
    if node.calls:
        if node.open:
            # Its subagents stand below.
            return ""
        more = f" and {len(node.calls) - 2} more" if len(node.calls) > 2 else ""
        said = ", ".join(islice(node.calls.values(), 2)) + more
        return f"calling {said}" if node.agent is not None else said
    if node.tail.strip():
        return "writing: " + _end_of(node.tail)
    if node.calling:
        return "thinking"
    return "queued" if node.agent is not None and not node.open else ""


def _until(at: float, now: float) -> str:
    wait = max(0.0, at - now)
    if wait < _LONG_WAIT:
        return f"again in {duration(wait)}"
    day = "%H:%M" if wait < 12 * 3600 else "%a %H:%M"
    return f"again at {time.strftime(day, time.localtime(at))}"


def _end_of(tail: str, most: int = 60) -> str:
    """The end of a text that grows, from a word on: what is cut off is the past."""
    line = " ".join(tail.split())
    if len(line) > most:
        line = line[-most:].partition(" ")[2] or line[-most:]
    return inert_line(line, most)
