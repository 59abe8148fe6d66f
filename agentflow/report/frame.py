"""The live display as lines, for so many columns and lines: pure, so that what is seen can be compared."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from agentflow.report.budgets import cost_cap
from agentflow.report.doing import Bar
from agentflow.report.inert import inert_line
from agentflow.report.layout import Row, rows
from agentflow.report.node import OPEN
from agentflow.report.style import cell_width, count, cut, duration, money, tokens, whole_seconds
from agentflow.report.text import COLOURS, SYMBOLS
from agentflow.report.view import RunView

ASCII_SYMBOLS: Mapping[str, str] = {
    "waiting": ".",
    "running": "*",
    "asking": "?",
    "done": "+",
    "failed": "x",
    "skipped": "-",
    "rejected": "x",
    "stopped": "#",
}
_WIDEST, _WIDE, _MIDDLE, _NARROW = 150, 100, 72, 50
"""How wide a row may be, and from how many columns on it has all its numbers, its cost and time, its time."""
_HEADED = 8
"""From how many lines on there is a line above the tree."""
_SPACED = 16
"""From how many lines on the line on the whole run stands apart."""
_LEAST_DOING = 16
_LONG_BAR, _SHORT_BAR = 20, 10
_CLOSE_TO_CAP = ((0.9, "red"), (0.75, "yellow"), (0.0, ""))


class Span(Struct, frozen=True):
    """Text in one style: names of colours and of weights, with spaces between."""

    text: str
    style: str = ""


Line = tuple[Span, ...]


class Frame(Struct, frozen=True):
    """What the display shows; `name_width` is kept from frame to frame, so that nothing jumps as names come and go."""

    lines: tuple[Line, ...]
    name_width: int


def plain(line: Line) -> str:
    """A line without its styles."""
    return "".join(span.text for span in line)


def frame(view: RunView, columns: int, lines: int, now: float, unicode: bool = True, name_width: int = 0) -> Frame:
    """The display for a terminal of that size: less than all of its columns, and at least two lines less than it has.

    Parameters:
        unicode: the terminal takes more than ASCII.
        name_width: of the last frame.
    """
    width = _width(columns)
    headed = lines >= _HEADED
    gap = [()] if lines >= _SPACED else []
    shown = rows(view, lines - 3 - headed - len(gap), now) if lines > 3 else []
    name_width = _name_width(shown, width, name_width)
    drawn = [_row(row, width, name_width, unicode) for row in shown]
    head = [_head(view, width, unicode)] if headed else []
    return Frame((*head, *drawn, *gap, _totals(view, width, now, unicode)), name_width)


def ended_tree(view: RunView, columns: int, lines: int, now: float, unicode: bool = True) -> tuple[Line, ...]:
    """What stays on the screen when the display ends: the tree alone."""
    width = _width(columns)
    shown = rows(view, max(lines - 2, 1), now)
    name_width = _name_width(shown, width, 0)
    return tuple(_row(row, width, name_width, unicode) for row in shown)


def _width(columns: int) -> int:
    # The last column stays free: what fills it makes some terminals wrap. On a very wide one the numbers at the right
    # would be too far from the names for the eye to follow.
    return min(max(columns - 1, 8), _WIDEST)


def _name_width(shown: Sequence[Row], width: int, before: int) -> int:
    wanted = [
        2 * row.depth + 2 + cell_width(row.name) + (cell_width(_agent(row)) + 1) * bool(_agent(row))
        for row in shown
        if row.state is not None
    ]
    most = max(width * 2 // 5, 10)
    return min(max([before, 12, *wanted]), most)


def _agent(row: Row) -> str:
    return row.agent if row.agent not in row.name.split(".") else ""


def _row(row: Row, width: int, name_width: int, unicode: bool) -> Line:
    if row.state is None:
        return _fitted([Span("  " * row.depth + ("… " if unicode else "... ") + row.name, "dim")], width)
    numbers = _numbers(row, width)
    taken = sum(cell_width(span.text) for span in numbers)
    name = _fitted(_name(row, unicode), name_width)
    room = width - name_width - 2 - taken
    told = _fitted(_told(row, room, width, unicode), max(room, 0))
    return _fitted([*_padded(name, name_width + 2), *_padded(told, max(room, 0)), *numbers], width)


def _name(row: Row, unicode: bool) -> list[Span]:
    symbols = SYMBOLS if unicode else ASCII_SYMBOLS
    colour = " ".join(COLOURS[row.state or "waiting"])
    weight = "bold" if row.state in OPEN and not row.depth else "dim" if colour == "dim" else ""
    spans = [Span("  " * row.depth), Span(symbols[row.state or "waiting"] + " ", colour), Span(row.name, weight)]
    return [*spans, Span(f" {_agent(row)}", "dim")] if _agent(row) else spans


def _told(row: Row, room: int, width: int, unicode: bool) -> list[Span]:
    loud = row.state in ("failed", "asking", "rejected")
    spans = []
    left = room - cell_width(row.doing) - 2
    if row.bar is not None and left >= _SHORT_BAR:
        spans += [*_bar(row.bar, _LONG_BAR if left >= _LONG_BAR + _SHORT_BAR else _SHORT_BAR, unicode), Span("  ")]
    if row.turn and width < _WIDE and room >= _LEAST_DOING + 10:
        spans.append(Span(f"turn {_turn(row)}, ", "dim"))
    return [*spans, Span(row.doing, " ".join(COLOURS[row.state or "waiting"]) if loud else "dim")]


def _turn(row: Row) -> str:
    return f"{row.turn}/{row.turn_limit}" if row.turn_limit else str(row.turn)


def _numbers(row: Row, width: int) -> list[Span]:
    """The columns at the right, of widths that do not follow the numbers."""
    running = row.state in ("running", "asking")
    time = "" if row.seconds is None or row.state == "skipped" else _took(row.seconds, running)
    cells = []
    if width >= _WIDE:
        turns = f"turn {_turn(row)}" if row.turn else count(row.turns, "turn") if row.turns else ""
        cells += [(turns, 12), (f"{tokens(row.tokens)} tok" if row.tokens else "", 11)]
    if width >= _MIDDLE:
        cells.append((money(row.cost_usd) if row.cost_usd else "", 9))
    if width >= _NARROW:
        cells.append((time, 7))
    return [Span(" " * max(columns - cell_width(text), 0) + text, "dim") for text, columns in cells]


def _took(seconds: float, running: bool) -> str:
    return whole_seconds(seconds) if running else duration(seconds)


def _bar(bar: Bar, columns: int, unicode: bool) -> list[Span]:
    """A bar whose parts can be told apart without colour, too; no part that there is gets lost in rounding."""
    signs = "━✗╍─" if unicode else "#x>-"
    parts = (bar.done, bar.failed, bar.at_work)
    cells = [0 if not part else max(1, part * columns // bar.total) for part in parts]
    while sum(cells) > columns:
        cells[cells.index(max(cells))] -= 1
    cells.append(columns - sum(cells))
    styles = ("green", "red", "blue", "dim")
    return [Span(sign * cell, style) for sign, cell, style in zip(signs, cells, styles, strict=True) if cell]


def _head(view: RunView, width: int, unicode: bool) -> Line:
    top = view.root.inner.values()
    ended = sum(view.root.ended.values())
    steps = f"{ended} of {count(len(top), 'step')}" if top else ""
    left = [Span(inert_line(view.workflow or "…", 60), "bold"), Span(f"  {steps}", "dim")]
    right = f"run {view.run}" if view.run else ""
    taken = sum(cell_width(span.text) for span in left)
    if taken + 2 + len(right) > width:
        return _fitted(left, width)
    return (*left, Span(" " * (width - taken - len(right)) + right, "dim"))


def _totals(view: RunView, width: int, now: float, unicode: bool) -> Line:
    """One line on the whole run; what matters least is left out where there is no room."""
    root, cap = view.root, cost_cap(view)
    dot = "  ·  " if unicode else "  |  "
    parts = [[Span(whole_seconds(view.seconds(now)))], _cost(root.cost_usd, cap)]
    held = [(one.model, one.until - now) for one in view.models_held.values() if one.until > now]
    if held and view.status == "running":
        told = ", ".join(f"{inert_line(model, 40)} not asked for {whole_seconds(wait)}" for model, wait in held)
        parts.insert(0, [Span(told, "yellow")])
    if view.stopping is not None:
        parts.insert(0, [Span(f"stopping: {inert_line(view.stopping.message, 80)}", "yellow")])
    if view.gates:
        parts.append([Span(f"{count(len(view.gates), 'question')} open", "yellow")])
    if view.status == "running":
        parts.append([Span(f"{count(root.at_work, 'agent')} at work")])
    again = view.tally.calls_again + view.tally.steps_again
    if again:
        parts.append([Span(count(again, "retry", "retries"), "yellow")])
    parts += [[Span(count(root.turns, "turn"), "dim")], [Span(f"{tokens(root.tokens)} tokens", "dim")]]
    spans: list[Span] = []
    for part in parts:
        longer = [*spans, Span(dot, "dim"), *part] if spans else part
        if spans and sum(cell_width(span.text) for span in longer) > width:
            break
        spans = longer
    return _fitted(spans, width)


def _cost(usd: float, cap: float | None) -> list[Span]:
    if not cap:
        return [Span(money(usd))]
    share = usd / cap
    colour = next(colour for least, colour in _CLOSE_TO_CAP if share >= least)
    return [Span(f"{money(usd)} of {money(cap)}", colour), Span(f" ({share:.0%})", colour or "dim")]


def _fitted(spans: Sequence[Span], width: int) -> Line:
    """The spans in at most so many columns."""
    fitted: list[Span] = []
    for span in spans:
        columns = cell_width(span.text)
        if columns > width:
            return (*fitted, Span(cut(span.text, width), span.style)) if width > 0 else tuple(fitted)
        fitted.append(span)
        width -= columns
    return tuple(fitted)


def _padded(spans: Line, width: int) -> Line:
    missing = width - sum(cell_width(span.text) for span in spans)
    return (*spans, Span(" " * missing)) if missing > 0 else spans
