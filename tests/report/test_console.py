import asyncio
import io
import re

from agentflow.report.console import LiveDisplay
from agentflow.report.style import cell_width
from agentflow.report.view import RunView
from tests.report.stories import an_agent_with_a_subagent, called, session
from tests.report.test_layout import a_crowd
from tests.report.test_view import told


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


async def last_frame(view: RunView, monkeypatch, columns: int = 100, lines: int = 30) -> list[str]:
    """What stays on the screen, without its colours."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("LINES", str(lines))
    stream = Terminal()
    display = LiveDisplay(view, stream, asyncio.get_running_loop(), clock=lambda: 4.0)
    display.open()
    frame = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", stream.getvalue()).split("\n")
    display.close(keep=False)
    return [row.rstrip() for row in frame if row.strip()]


async def test_the_display_shows_who_is_at_work(monkeypatch):
    frame = await last_frame(told(an_agent_with_a_subagent(), ("research", "after")), monkeypatch)
    assert [row.split()[:2] for row in frame[:4]] == [
        ["●", "research"],
        ["●", "[1].find"],
        ["●", "fetcher"],
        ["·", "after"],
    ]
    assert frame[0].endswith(" 2 turns    30 tok $0.0200   3.0s")
    assert frame[-1] == "4.0s  ·  $0.0200 of $2.00  ·  2 turns  ·  30 tokens  ·  2 agents at work"


async def test_a_thousand_subagents_fit_the_terminal(monkeypatch):
    frame = await last_frame(a_crowd(2, 500), monkeypatch, columns=80, lines=24)
    assert len(frame) <= 22
    assert all(cell_width(row) <= 80 for row in frame)
    assert "more at work" in "".join(frame)


async def test_a_small_terminal_gets_a_small_display(monkeypatch):
    frame = await last_frame(a_crowd(2, 5), monkeypatch, columns=30, lines=8)
    assert len(frame) <= 6
    assert all(cell_width(row) <= 30 for row in frame)


async def test_what_a_model_writes_is_neither_markup_nor_control(monkeypatch):
    view = told(an_agent_with_a_subagent()[:1])
    view.apply("s", session(1.0, "one"))
    view.apply("s", called(1.0))
    view.hear("s", "[link=http://x][red]\x1b]8;;http://y\x1b\\ :smile:")
    frame = await last_frame(view, monkeypatch, columns=140)
    assert "[link=http://x][red]␛]8;;http://y␛\\ :smile:" in frame[0], frame
