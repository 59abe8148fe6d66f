"""What showing a run costs: taking an event up, and the frames of a second."""

import asyncio
import io
import json
import os
import time
from collections.abc import Callable, Iterator

from agentflow.events.codec import Event, to_body
from agentflow.events.run_events import StepStarted
from agentflow.events.session_events import ModelCalled, ModelReplied
from agentflow.events.values import Usage
from agentflow.report.console import REFRESH_SECONDS, LiveDisplay
from agentflow.report.view import RunView
from benchmarks.figure import Figure
from tests.report.stories import STARTED, session, use

NAMES = ("display-fold", "display-300")
BESIDE = {
    "display-fold": "taking up the events of 300 agents, beside making JSON of them, as a journal does",
    "display-300": "the frames of a busy second of 300 agents at 120 columns and 40 lines, beside that second",
}
_AGENTS = 300


class _Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def figures(rounds: int, only: set[str]) -> Iterator[Figure]:
    """All of them, or those named."""
    if not only or "display-fold" in only:
        yield _fold(rounds)
    if not only or "display-300" in only:
        yield _frames(rounds)


def _events() -> list[tuple[str, Event]]:
    events: list[tuple[str, Event]] = [("", STARTED), ("", StepStarted(1.0, "read", items=_AGENTS))]
    for index in range(_AGENTS):
        path = f"read[{index}].look"
        called = ModelCalled(1.0, 1, 1, "claude-sonnet-5-5", 1000, 0.1)
        said = ({"type": "text", "text": "I look."}, use("c", "Grep", pattern="where", path="docs"))
        replied = ModelReplied(2.0, 1, said, "tool_use", "claude-sonnet-5-5", Usage(100, 50), 0.01)
        events += [("", StepStarted(1.0, path, session=path)), (path, session(1.0, path)), (path, called)]
        events.append((path, replied))
    return events


def _seen(events: list[tuple[str, Event]]) -> RunView:
    view = RunView()
    for stream, event in events:
        view.apply(stream, event)
    return view


def _taken(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _fold(rounds: int) -> Figure:
    events = _events()
    pairs = [
        (_taken(lambda: _seen(events)), _taken(lambda: [json.dumps(to_body(event)) for _, event in events]))
        for _ in range(rounds + 1)
    ][1:]
    ratios = tuple(ours / other for ours, other in pairs)
    ours, other = sorted(pairs)[len(pairs) // 2]
    return Figure("display-fold", "s", ours, other, ratios)


def _frames(rounds: int) -> Figure:
    times = asyncio.run(_painted(rounds + 1))[1:]
    return Figure("display-300", "s", sorted(times)[len(times) // 2], 1.0, tuple(times), aim=0.05)


async def _painted(seconds: int) -> list[float]:
    """What the frames of each second take, an event before each of them and another time in the first."""
    os.environ |= {"TERM": "xterm-256color", "COLUMNS": "120", "LINES": "40"}
    events = _events()
    view, now = _seen(events), [3.0]
    display = LiveDisplay(view, _Terminal(), asyncio.get_running_loop(), clock=lambda: now[0])
    display.open()

    def second() -> None:
        now[0] += 1
        for frame in range(round(1 / REFRESH_SECONDS)):
            view.hear(events[3 + 4 * frame][0], "and ")
            display._paint()

    times = [_taken(second) for _ in range(seconds)]
    display.close(keep=False)
    return times
