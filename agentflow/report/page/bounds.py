"""A report made small enough to open quickly, with words on what is not in it."""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from msgspec import Struct

from agentflow.report.style import count

JSON = Any


class Bounds(Struct, frozen=True):
    """The most that a page holds.

    Attributes:
        texts: the characters of a text, the most generous first; the first with which all texts stay below `all_texts`
            holds for every text.
        entries: of all sessions together; shared out evenly.
    """

    texts: tuple[int, ...] = (20_000, 8_000, 3_000, 1_000, 300)
    all_texts: int = 6_000_000
    steps: int = 4_000
    sessions: int = 2_000
    entries: int = 30_000


_TOLD_APART = ("prompt", "instructions", "output", "result", "input", "text", "data", "show", "source")
"""Fields that may hold anything long; of the others none is longer than a line or two."""


def bounded(report: dict[str, JSON], full: str, bounds: Bounds | None = None) -> dict[str, JSON]:
    """A report with at most what the bounds allow; its `notes` tell what is missing.

    Parameters:
        full: the command that gives the whole.
    """
    bounds = bounds or Bounds()
    notes: list[str] = []
    steps = _first(report["steps"], bounds.steps, lambda row: row["state"] in ("failed", "asking"))
    if len(steps) < len(report["steps"]):
        notes.append(f"{count(len(report['steps']) - len(steps), 'step')} of {len(report['steps']):,} are left out.")
    sessions = _first(report["sessions"], bounds.sessions, lambda row: row["failure"] is not None)
    if len(sessions) < len(report["sessions"]):
        missing = len(report["sessions"]) - len(sessions)
        notes.append(f"{count(missing, 'conversation')} of {len(report['sessions']):,} are left out.")
    sessions, dropped = _shortened(sessions, bounds.entries)
    if dropped:
        notes.append(
            f"From the middle of long conversations {count(dropped, 'turn or call', 'turns and calls')} are left out."
        )
    made = report | {"steps": steps, "sessions": sessions}
    limit = _limit(made, bounds)
    shorter, cut = _cut_all(made, limit)
    if cut:
        notes.append(f"{count(cut, 'text is', 'texts are')} cut after {limit:,} characters.")
    if notes:
        notes.append(f"All of it: {full}")
    return {**shorter, "notes": [*report["notes"], *notes]}


def _first(rows: Sequence[JSON], most: int, telling: Callable[[JSON], bool]) -> list[JSON]:
    """The first rows in their order, those that tell most before others."""
    if len(rows) <= most:
        return list(rows)
    ranked = sorted(range(len(rows)), key=lambda index: (not telling(rows[index]), rows[index].get("depth", 0), index))
    return [rows[index] for index in sorted(ranked[:most])]


def _shortened(sessions: list[JSON], most: int) -> tuple[list[JSON], int]:
    """The sessions with entries taken out of the middle of the longest; how many are gone."""
    if sum(len(session["entries"]) for session in sessions) <= most:
        return sessions, 0
    share = max(most // len(sessions), 2)
    found, dropped = [], 0
    for session in sessions:
        entries = session["entries"]
        if len(entries) > share:
            half = share // 2
            gone = len(entries) - 2 * half
            dropped += gone
            between = {"kind": "left_out", "count": gone}
            session = session | {"entries": [*entries[:half], between, *entries[-half:]]}
        found.append(session)
    return found, dropped


def _limit(report: dict[str, JSON], bounds: Bounds) -> int:
    lengths = list(_lengths(report))
    for limit in bounds.texts:
        if sum(min(length, limit) for length in lengths) <= bounds.all_texts:
            return limit
    return bounds.texts[-1]


def _lengths(value: JSON) -> Iterator[int]:
    waiting = [value]
    while waiting:
        here = waiting.pop()
        if isinstance(here, str):
            yield len(here)
        elif isinstance(here, dict):
            waiting += here.values()
        elif isinstance(here, list):
            waiting += here


def _cut_all(value: JSON, limit: int) -> tuple[JSON, int]:
    """The value with every long text cut, and how many were; data that is long as a whole becomes its text, cut."""
    cut = 0

    def walk(here: JSON) -> JSON:
        nonlocal cut
        if isinstance(here, str):
            if len(here) <= limit:
                return here
            cut += 1
            return cut_text(here, limit)
        if isinstance(here, dict):
            return {key: small(key, inner) for key, inner in here.items()}
        return [walk(inner) for inner in here] if isinstance(here, list) else here

    def small(key: str, here: JSON) -> JSON:
        if key in _TOLD_APART and isinstance(here, dict | list) and sum(_lengths(here)) + _size(here) > limit:
            return walk(json.dumps(here, indent=2, ensure_ascii=False))
        return walk(here)

    return walk(value), cut


def _size(value: JSON) -> int:
    """How many values stand in it."""
    waiting, found = [value], 0
    while waiting:
        here = waiting.pop()
        found += 1
        waiting += here.values() if isinstance(here, dict) else here if isinstance(here, list) else ()
    return found


def cut_text(text: str, limit: int) -> str:
    """The beginning and the end of a text, with how much is missing between them."""
    if len(text) <= limit:
        return text
    head = limit * 3 // 4
    tail = limit - head
    return f"{text[:head]}\n[… {len(text) - limit:,} characters left out …]\n{text[-tail:]}"
