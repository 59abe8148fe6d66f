"""Which rows of a run are shown when there is room for so many: pure, and bounded by the room, not by the run."""

from itertools import islice

from msgspec import Struct

from agentflow.report.doing import Bar, bar_of, doing
from agentflow.report.inert import inert_line
from agentflow.report.node import BAD, OPEN, Node, State
from agentflow.report.style import case_name, count
from agentflow.report.view import RunView


class Row(Struct, frozen=True):
    """A line of the display, its texts inert.

    Attributes:
        depth: 0 for a step of the file.
        state: None for a row that stands for several nodes.
        agent: who works on a step; of a subagent, what it was sent out for.
        doing: what goes on, or why it ended so.
        bar: how far a block of many is.
        turn: of the session that is at work here, and `turn_limit` the most it may have, where that is known.
        seconds: how long it has taken; None where it has not begun.
    """

    depth: int
    state: State | None
    name: str
    agent: str = ""
    doing: str = ""
    bar: Bar | None = None
    turn: int = 0
    turn_limit: int | None = None
    turns: int = 0
    tokens: int = 0
    cost_usd: float = 0.0
    seconds: float | None = None


def rows(view: RunView, room: int, now: float) -> list[Row]:
    """The rows for `room` lines: what is at work first, then what failed, then what has ended or waits, as far as there
    is room."""
    top = list(view.root.inner.values())
    shown = _top_level(top, max(room, 1))
    left = room - len(shown)
    opened = _opened([node for node in shown if isinstance(node, Node)], left)
    found: list[Row] = []
    for node in shown:
        if isinstance(node, Row):
            found.append(node)
        else:
            _add(found, view, node, opened, 0, now)
    return found


def _top_level(top: list[Node], room: int) -> list[Node | Row]:
    """The steps of the file; where they are too many, those that ended and those that wait stand together."""
    if len(top) <= room:
        return list(top)
    ended = [node for node in top if node.state not in OPEN and node.state != "waiting"]
    waiting = [node for node in top if node.state == "waiting"]
    at_work = [node for node in top if node.state in OPEN]
    last = [node for node in ended if node.state in BAD][-(room // 4) :] if room >= 4 else []
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
    """Which nodes show what is inside them: level by level, the room of a level shared among its nodes."""
    opened: dict[Node, list[Node]] = {}
    while left > 0:
        level = [node for node in level if _shown_inside(node)]
        below: list[Node] = []
        for index, node in enumerate(level):
            share = left // (len(level) - index)
            most = _shown_inside(node)
            if most > share < 2:
                # The only line would say how many they are, which the node's own line does already.
                continue
            inside = _chosen(_single(node), share)
            opened[node] = inside
            left -= len(inside) + (most > len(inside))
            below += inside
        if not below:
            break
        level = below
    return opened


def _shown_inside(node: Node) -> int:
    """How many rows a node has for what is inside it, were there room for all."""
    single = _single(node)
    return len(single.open) + _failures(single)


def _failures(node: Node) -> int:
    # Under a step that failed for the one thing in it, that thing would say the same once more.
    return 0 if node.state == "failed" and len(node.bad) == 1 and not node.open else len(node.bad)


def _chosen(node: Node, share: int) -> list[Node]:
    """What is at work in a node, and what failed, in so many lines; one says how many more there are."""
    failures = _failures(node)
    if len(node.open) + failures <= share:
        return [*node.open.values(), *islice(node.bad.values(), failures)]
    share -= 1
    kept = min(failures, max(share // 4, 1))
    at_work = list(islice(node.open.values(), max(share - kept, 1)))
    # The last to fail are news; the first to have begun are what one waits for.
    bad = list(islice(reversed(node.bad.values()), min(failures, max(share - len(at_work), 0))))
    return [*at_work, *reversed(bad)]


def _single(node: Node) -> Node:
    """An item, or what stands on its line with it: the only step at work in it, or the one that it failed for."""
    while node.kind == "item":
        if len(node.open) == 1 and not node.bad:
            node = next(iter(node.open.values()))
        elif len(node.bad) == 1 and not node.open:
            node = next(iter(node.bad.values()))
        else:
            break
    return node


def _add(found: list[Row], view: RunView, node: Node, opened: dict[Node, list[Node]], depth: int, now: float) -> None:
    found.append(_row(view, node, depth, now))
    inside = opened.get(node)
    if inside is None:
        return
    for child in inside:
        _add(found, view, child, opened, depth + 1, now)
    single = _single(node)
    at_work = len(single.open) - sum(child.state in OPEN for child in inside)
    failed = _failures(single) - sum(child.state in BAD for child in inside)
    more = [f"{at_work:,} more at work"] if at_work > 0 else []
    more += [f"{failed:,} more failed"] if failed > 0 else []
    if more:
        found.append(Row(depth + 1, None, ", ".join(more)))


def _row(view: RunView, node: Node, depth: int, now: float) -> Row:
    single = _single(node)
    name = case_name(node.name) if single is node else node.name + single.path[len(node.path) :]
    at_work = single.agent is not None and single.state in OPEN
    return Row(
        depth=depth,
        state=single.state,
        name=inert_line(name, 60),
        agent=single.brief if single.kind == "agent" else inert_line(single.agent or "", 40),
        doing=doing(single, now),
        bar=bar_of(single),
        turn=single.turn if at_work else 0,
        turn_limit=view.outline.turns.get(single.agent) if at_work and single.agent is not None else None,
        turns=single.turns,
        tokens=single.tokens,
        cost_usd=single.cost_usd,
        seconds=single.seconds(now),
    )
