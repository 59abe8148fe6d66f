"""A report as Markdown, for a comment on a change: short, and with nothing in it that the run's texts could shape.

What was recorded stands in code spans and code blocks alone, where Markdown has no links, mentions or markup
(CommonMark 0.31, 6.1 and 4.5).
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from agentflow.report.page.bounds import cut_text
from agentflow.report.page.hidden import revealed
from agentflow.report.style import count, duration, money, tokens
from agentflow.report.text import SYMBOLS

JSON = Any

_ROWS = 40
_FAILURES = 10
_TEXT = 3_000
_WHY = 300
LONGEST = 60_000
"""Characters; GitHub takes comments of up to 65,536."""

_TICKS = re.compile("`+")
_TELLING = ("failed", "asking", "rejected", "running", "stopped")


def markdown(report: dict[str, JSON], *, full: bool = False) -> str:
    """The report as Markdown, short enough for a comment unless `full` asks for every step and whole texts."""
    for text in (None,) if full else (_TEXT, 1_000, 300, 0):
        made = "\n".join(_parts(report, rows=None if full else _ROWS, text=text)) + "\n"
        if len(made) <= LONGEST:
            break
    return made


def code(text: str, limit: int | None = 200, *, in_table: bool = False) -> str:
    """A code span of the text, on one line, that nothing in it can end."""
    line = " ".join(revealed(text).split())
    if limit is not None and len(line) > limit:
        line = f"{line[: limit - 1]}…"
    if not line:
        return ""
    if in_table:
        # A table cell ends at a pipe, in code too, unless a backslash stands before it (GFM, 4.10).
        line = line.replace("\\", "\\\\").replace("|", "\\|") if line.endswith("\\") else line.replace("|", "\\|")
    fence = "`" * (max(map(len, _TICKS.findall(line)), default=0) + 1)
    space = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{space}{line}{space}{fence}"


def block(text: str) -> str:
    """A code block of the text that nothing in it can end."""
    shown = revealed(text)
    fence = "`" * max(3, max(map(len, _TICKS.findall(shown)), default=0) + 1)
    return f"{fence}text\n{shown}\n{fence}"


def _parts(report: dict[str, JSON], rows: int | None, text: int | None) -> Iterator[str]:
    run, totals = report["run"], report["totals"]
    yield f"### {SYMBOLS.get(run['status'], '■')} {code(run['workflow'])} {run['status']}\n"
    cap = totals["cost_cap_usd"]
    spent = money(totals["cost_usd"]) + (f" of at most {money(cap)}" if cap else "")
    facts = [duration(run["seconds"]), spent, count(totals["turns"], "turn"), f"{tokens(totals['tokens'])} tokens"]
    facts += [count(totals["sessions"], "agent"), count(totals["tool_calls"], "tool call")]
    yield f"{' · '.join(facts)} · run {code(run['run'])} of {code(run['path'])}\n"
    yield from _attention(report)
    yield from _steps(report["steps"], rows)
    yield from _failures(report["failures"], rows)
    yield from _values("Outputs", report["outputs"], text)
    yield from _values("Inputs", report["inputs"], text)
    yield from _costs(report["costs"])
    for note in report["notes"]:
        yield f"{note}\n"


def _attention(report: dict[str, JSON]) -> Iterator[str]:
    failure = report["failure"]
    if failure is not None:
        where = f"Step {code(failure['step'])} failed" if failure["step"] else "Failed"
        yield f"**{where}** ({failure['kind']}): {code(failure['message'], 1_000)}\n"
    for gate in report["waiting"]:
        yield f"**Waiting for a person** at {code(gate['step'])}: {code(gate['message'], 1_000)}\n"
    if report["service"] is not None:
        yield f"**Held**: {code(report['service'], 1_000)}\n"
    for move in report["next"]:
        yield f"- {move['what']}: {code(move['command'], None)}"
    if report["next"]:
        yield ""


def _steps(steps: Sequence[dict[str, JSON]], most: int | None) -> Iterator[str]:
    """The steps of the file, and of what is inside them what did not go well, as far as there is room."""
    wanted = [row for row in steps if most is None or row["depth"] == 0 or row["state"] in _TELLING]
    shown = wanted if most is None else wanted[:most]
    if not shown:
        return
    yield "| step | state | time | turns | cost | why |\n|---|---|--:|--:|--:|---|"
    for row in shown:
        took = row["started_at"] is not None and row["ended_at"] is not None and row["state"] != "skipped"
        cells = [
            code(row["path"], 120, in_table=True),
            f"{SYMBOLS.get(row['state'], '')} {row['state']}",
            duration(row["ended_at"] - row["started_at"]) if took else "",
            f"{row['turns']:,}" if row["turns"] else "",
            money(row["cost_usd"]) if row["cost_usd"] else "",
            code(_why(row), _WHY, in_table=True),
        ]
        yield f"| {' | '.join(cells)} |"
    yield ""
    if len(wanted) > len(shown):
        yield f"… and {count(len(wanted) - len(shown), 'more step')}.\n"


def _why(row: dict[str, JSON]) -> str:
    if row["failure"] is not None:
        return f"{row['failure']['kind']}: {row['failure']['message']}"
    if row["state"] == "asking" and row["gate"] is not None:
        return str(row["gate"]["message"])
    return row["reason"] or ""


def _failures(failures: Sequence[dict[str, JSON]], most: int | None) -> Iterator[str]:
    told = [one for one in failures if one["what"] != "step"]
    shown = told if most is None else told[:_FAILURES]
    for one in shown:
        what = "an attempt at" if one["what"] == "attempt" else "an agent at"
        yield f"- {what} {code(one['where'])}: {one['kind']}: {code(one['message'], _WHY)}"
    if len(told) > len(shown):
        yield f"- … and {count(len(told) - len(shown), 'more failure')}"
    if told:
        yield ""


def _values(title: str, values: JSON, text: int | None) -> Iterator[str]:
    if not values or text == 0:
        return
    yield f"<details><summary>{title}</summary>\n"
    for name, value in values.items():
        shown = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
        yield f"{code(name)}\n\n{block(shown if text is None else cut_text(shown, text))}\n"
    yield "</details>\n"


def _costs(costs: dict[str, JSON]) -> Iterator[str]:
    if not costs["by_model"]:
        return
    yield "<details><summary>Costs</summary>\n"
    for title, rows, key in (("model", costs["by_model"], "model"), ("agent", costs["by_agent"], "agent")):
        yield from _money_table(title, rows[:20], key)
    yield "</details>\n"


def _money_table(title: str, rows: Iterable[dict[str, JSON]], key: str) -> Iterator[str]:
    yield f"| {title} | turns | tokens | cost |\n|---|--:|--:|--:|"
    for row in rows:
        name = code(row[key], 80, in_table=True)
        yield f"| {name} | {row['turns']:,} | {tokens(row['tokens'])} | {money(row['cost_usd'])} |"
    yield ""
