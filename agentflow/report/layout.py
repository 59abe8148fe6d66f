"""Which rows of a run are shown when there is room for so many: pure, and bounded by the room, not by the run."""

from itertools import islice

from msgspec import Struct

from agentflow.report.inert import inert_line
from agentflow.report.node import OPEN, Node, State
from agentflow.report.service_wait import held_text
from agentflow.report.style import case_name, count, duration
from agentflow.report.view import RunView


class Row(Struct, frozen=True):
    """A line of the display, its texts inert.

    Attributes:
        depth: 0 for a step of the file.
        state: None for a row that stands for several nodes.
        doing: what goes on, or why it ended so.
        seconds: how long it has taken; None where it has not begun.
    """

    depth: int
    state: State | None
    name: str
    agent: str = ""
    doing: str = ""
    turns: int = 0
    tokens: int = 0
    cost_usd: float = 0.0
    seconds: float | None = None


def rows(view: RunView, room: int, now: float) -> list[Row]:
    """The rows for `room` lines: what is at work first, what has ended or waits as far as there is room."""
    top = list(view.root.inner.values())
    shown = _top_level(top, max(room, 1))
    left = room - len(shown)
    opened = _opened([node for node in shown if isinstance(node, Node)], left)
    found: list[Row] = []
    for node in shown:
        if isinstance(node, Row):
            found.append(node)
        else:
            _add(found, node, opened, 0, now)
    return found


def _top_level(top: list[Node], room: int) -> list[Node | Row]:
    """The steps of the file; where they are too many, those that ended and those that wait stand together."""
    if len(top) <= room:
        return list(top)
    ended = [node for node in top if node.state not in OPEN and node.state != "waiting"]
    waiting = [node for node in top if node.state == "waiting"]
    at_work = [node for node in top if node.state in OPEN]
    last = [node for node in ended if node.state in ("failed", "rejected")][-(room // 4) :] if room >= 4 else []
    inside = max(room - len(last) - 2, 1)
    shown: list[Node | Row] = []
    if len(ended) > len(last):
        shown.append(Row(0, "done", f"{count(len(ended) - len(last), 'step')} ended"))
    shown += [*last, *at_work[:inside]]
    more = len(at_work) - inside
    if waiting or more > 0:
        parts = [f"{more} more at work"] if more > 0 else []
        parts += [f"{count(len(waiting), 'step')} to come"] if waiting else []
        shown.append(Row(0, "waiting", ", ".join(parts)))
    return shown[: max(room, 1)]


def _opened(level: list[Node], left: int) -> dict[Node, list[Node]]:
    """Which nodes show what is at work inside them: level by level, the room of a level shared among its nodes."""
    opened: dict[Node, list[Node]] = {}
    while left > 0:
        level = [node for node in level if _single(node).open]
        below: list[Node] = []
        for index, node in enumerate(level):
            share = left // (len(level) - index)
            at_work = _single(node).open
            if len(at_work) > share < 2:
                # The only line would say how many they are, which the node's own line does already.
                continue
            # One line of the share says how many more there are.
            inside = list(islice(at_work.values(), share if len(at_work) <= share else share - 1))
            opened[node] = inside
            left -= len(inside) + (len(at_work) > len(inside))
            below += inside
        if not below:
            break
        level = below
    return opened


def _single(node: Node) -> Node:
    """An item, or what stands on its line with it: the only step at work in it."""
    while node.kind == "item" and len(node.open) == 1:
        node = next(iter(node.open.values()))
    return node


def _add(found: list[Row], node: Node, opened: dict[Node, list[Node]], depth: int, now: float) -> None:
    found.append(_row(node, depth, now))
    inside = opened.get(node)
    if inside is None:
        return
    for child in inside:
        _add(found, child, opened, depth + 1, now)
    more = len(_single(node).open) - len(inside)
    if more > 0:
        found.append(Row(depth + 1, None, f"{more:,} more at work"))


def _row(node: Node, depth: int, now: float) -> Row:
    single = _single(node)
    name = case_name(node.name) if single is node else node.name + single.path[len(node.path) :]
    return Row(
        depth=depth,
        state=single.state,
        name=inert_line(name, 60),
        agent=inert_line(single.agent, 40) if single.agent is not None and single.kind == "step" else "",
        doing=doing(single, now),
        turns=single.turns,
        tokens=single.tokens,
        cost_usd=single.cost_usd,
        seconds=single.seconds(now),
    )


def doing(node: Node, now: float) -> str:
    """What goes on in a node, or why it ended as it did, in a few words."""
    if node.state == "asking" and node.gate is not None:
        return f"waiting for a person: {inert_line(node.gate.message, 80)}"
    if node.failure is not None and node.state == "failed":
        return f"{node.failure.kind}: {inert_line(node.failure.message, 120)}"
    if node.reason is not None:
        return inert_line(node.reason, 120)
    if node.state in OPEN:
        return ", ".join(part for part in (_progress(node), _activity(node, now)) if part)
    return _progress(node)


def _progress(node: Node) -> str:
    """How far a block is, or how many subagents an agent has out."""
    parts = []
    ended = sum(node.ended.values())
    if node.items is not None:
        parts.append(f"{ended} of {count(node.items, 'item')}")
    elif node.rounds is not None:
        begun = max(node.begun, 1)
        parts.append(f"round {begun} of at most {node.rounds}" if node.state in OPEN else count(begun, "round"))
    elif node.choice is not None:
        parts.append(case_name(node.choice))
    elif node.agent is not None and node.inner:
        at_work = node.at_work - (node.state in OPEN)
        parts.append(f"{at_work} of {count(len(node.inner), 'subagent')} at work" if at_work > 0 else "")
    if failed := node.ended.get("failed", 0):
        parts.append(f"{failed} failed")
    return ", ".join(part for part in parts if part)


def _activity(node: Node, now: float) -> str:
    if node.held is not None:
        return held_text(node.held, now)
    if node.retry is not None and node.retry_at is not None:
        wait = max(0.0, node.retry_at - now)
        return f"{inert_line(node.retry.message, 80)}; again in {duration(wait)}"
    if node.calls:
        if node.open:
            # Its subagents stand below.
            return ""
        more = f" and {len(node.calls) - 2} more" if len(node.calls) > 2 else ""
        return ", ".join(islice(node.calls.values(), 2)) + more
    if node.tail.strip():
        return inert_line(node.tail[-60:], 60)
    if node.calling:
        return "thinking"
    return "waiting for its turn" if node.agent is not None and not node.open else ""
