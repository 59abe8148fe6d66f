"""A run's results, its story and lists of runs as text for people."""

import json
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from agentflow.journal.port import Gate, RunSummary
from agentflow.report.forms import form_lines
from agentflow.report.inert import inert, inert_line
from agentflow.report.kept import kept_text
from agentflow.report.node import Node
from agentflow.report.service_wait import held_text
from agentflow.report.style import Paint, case_name, cell_width, count, duration, money, tokens
from agentflow.report.view import RunView

JSON = Any

SYMBOLS: Mapping[str, str] = {
    "waiting": "·",
    "running": "●",
    "asking": "?",
    "done": "✓",
    "failed": "✗",
    "skipped": "○",
    "rejected": "✗",
    "stopped": "■",
}
COLOURS: Mapping[str, tuple[str, ...]] = {
    "waiting": ("dim",),
    "running": ("blue",),
    "asking": ("yellow",),
    "done": ("green",),
    "failed": ("red",),
    "skipped": ("dim",),
    "rejected": ("yellow",),
    "stopped": ("dim",),
    "interrupted": ("yellow",),
    "crashed": ("red",),
}


def value_text(value: JSON) -> str:
    """A value as a person reads it: text as it is, else JSON."""
    return inert(value) if isinstance(value, str) else inert(json.dumps(value, indent=2, ensure_ascii=False))


def outputs_text(outputs: Mapping[str, JSON]) -> str:
    """A single output alone; several each under its name."""
    if len(outputs) == 1:
        return value_text(next(iter(outputs.values())))
    return "\n\n".join(f"{inert_line(name)}:\n{value_text(value)}" for name, value in outputs.items())


def totals(view: RunView) -> str:
    """What a run took: time, turns, tokens, money."""
    parts = [duration(view.seconds())]
    if view.root.turns:
        parts += [count(view.root.turns, "turn"), f"{tokens(view.root.tokens)} tokens"]
    if view.root.cost_usd:
        parts.append(money(view.root.cost_usd))
    return " · ".join(parts)


_CALL = re.compile(r"\.call\d+$")
"""The address of a call that a person is asked about."""


def gate_text(gate: Gate, limit: int = 40) -> str:
    """A question and what is to be judged, cut after `limit` lines; a call is shown whole, whatever its length."""
    rows = [inert(gate.message)]
    if gate.show is not None and (gate.about == "call" or _CALL.search(gate.step)):
        rows += ["", *(f"  {inert(line)}" for line in gate.show.splitlines()), ""]
    elif gate.show is not None:
        rows += ["", *bounded_lines(gate.show, limit), ""]
    if gate.form is not None:
        rows += form_lines(gate.form)
    if gate.approvers is not None:
        rows.append(f"for {' or '.join(map(inert_line, gate.approvers.roles))} to answer (`--user NAME` says who)")
    return "\n".join(rows)


def bounded_lines(text: str, limit: int, columns: int = 400) -> Iterator[str]:
    """The first lines of a text, inert, each of at most `columns` characters; the last says how many are missing."""
    lines = text.splitlines()
    for shown in lines[:limit]:
        yield "  " + (inert(shown) if len(shown) <= columns else inert(shown[: columns - 1]) + "…")
    if len(lines) > limit:
        yield f"  … {count(len(lines) - limit, 'more line')}"


def tree(node: Node, paint: Paint, now: float, *, running: bool = True, depth: int = 0) -> Iterator[str]:
    """A node's inside, one line each; `running`: a process is at work on the run."""
    for inner in node.inner.values():
        if inner.state == "waiting" and (inner.kind == "item" or node.choice is not None):
            # A round, item or case of an earlier attempt that this one has not come to, and may never come to.
            continue
        yield _line(inner, paint, now, running, depth)
        yield from tree(inner, paint, now, running=running, depth=depth + 1)


def _line(node: Node, paint: Paint, now: float, running: bool, depth: int) -> str:
    symbol = paint(SYMBOLS[node.state], *COLOURS[node.state])
    parts = [f"{'  ' * depth}{symbol} {inert_line(case_name(node.name))}"]
    if node.agent is not None and node.kind == "step":
        parts.append(paint(f"agent {inert_line(node.agent)}", "dim"))
    parts.append("not ended" if node.state == "running" and not running else node.state)
    if node.reused:
        parts.append("reused")
    if node.attempt > 1:
        parts.append(f"attempt {node.attempt}")
    if node.items is not None:
        parts.append(count(node.items, "item"))
    if node.rounds is not None:
        rounds = f"{node.begun} of at most {count(node.rounds, 'round')}"
        parts.append(f"{rounds}, not converged" if node.converged is False else rounds)
    if node.choice is not None:
        parts.append(case_name(node.choice))
    if node.turns:
        parts.append(f"{count(node.turns, 'turn')}, {tokens(node.tokens)} tokens, {money(node.cost_usd)}")
    if node.compactions:
        parts.append(f"compacted {count(node.compactions, 'time')}")
    if node.workspace is not None:
        parts.append(paint(f"in {kept_text(node.workspace)}", "dim"))
    seconds = node.seconds(now)
    if seconds is not None and node.state != "skipped":
        parts.append(duration(seconds))
    why = _why(node)
    return "  ".join(part for part in parts if part) + (f"\n{'  ' * depth}    {why}" if why else "")


def _why(node: Node) -> str:
    if node.failure is not None:
        return f"{node.failure.kind}: {inert_line(node.failure.message, 500)}"
    if node.held is not None and node.state == "running":
        return held_text(node.held)
    if node.retry is not None and node.state == "running":
        return f"{node.retry.kind}: {inert_line(node.retry.message, 500)}; it is tried again"
    if node.state == "asking" and node.gate is not None:
        return inert_line(node.gate.message, 500)
    return inert_line(node.reason, 500) if node.reason is not None else ""


def table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]], right: frozenset[int] = frozenset()) -> str:
    """Columns under their heads, those in `right` aligned to the right."""
    cells = [heads, *rows]
    widths = [max(cell_width(row[column]) for row in cells) for column in range(len(heads))]

    def line(row: tuple[str, ...]) -> str:
        padded = [
            " " * (width - cell_width(text)) + text if index in right else text + " " * (width - cell_width(text))
            for index, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        return "  ".join(padded).rstrip()

    return "\n".join(line(row) for row in cells)


def runs_table(runs: Sequence[RunSummary], now: float) -> str:
    """Runs, one a line."""
    rows: list[tuple[str, ...]] = [
        (
            run.run,
            run.status if run.failure_kind is None else f"{run.status} ({inert_line(run.failure_kind, 30)})",
            inert_line(run.workflow, 40),
            time.strftime("%Y-%m-%d %H:%M", time.localtime(run.started_at)),
            duration(max(0.0, (now if run.status == "running" else run.updated_at) - run.started_at)),
            str(run.turns),
            money(run.cost_usd),
        )
        for run in runs
    ]
    heads: tuple[str, ...] = ("RUN", "STATUS", "WORKFLOW", "STARTED", "TIME", "TURNS", "COST")
    if any(run.goes_on_from for run in runs):
        heads = (*heads, "GOES ON FROM")
        rows = [(*row, inert_line(run.goes_on_from or "", 40)) for row, run in zip(rows, runs, strict=True)]
    return table(heads, rows, frozenset({4, 5, 6}))
