import asyncio
import io
import re

import pytest

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


class Display:
    """A display on a terminal of a size that can be changed, and what stands on it."""

    def __init__(self, view: RunView, monkeypatch, columns: int = 100, lines: int = 30) -> None:
        monkeypatch.setenv("TERM", "xterm-256color")
        self._monkeypatch = monkeypatch
        self.resize(columns, lines)
        self.stream = Terminal()
        self.display = LiveDisplay(view, self.stream, asyncio.get_running_loop(), clock=lambda: 4.0)

    def resize(self, columns: int, lines: int) -> None:
        self._monkeypatch.setenv("COLUMNS", str(columns))
        self._monkeypatch.setenv("LINES", str(lines))

    def written(self) -> str:
        """What was written since the last call."""
        text = self.stream.getvalue()
        self.stream.seek(0)
        self.stream.truncate()
        return text

    def painted(self) -> str:
        """Draws once more, as the clock would have it; returns what that wrote."""
        self.written()
        self.display._paint()
        return self.written()


def rows_of(text: str) -> list[str]:
    """The lines that a text leaves on a screen that was empty, without their colours."""
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\r", "", text).split("\n")
    return [row.rstrip() for row in shown if row.strip()]


async def last_frame(view: RunView, monkeypatch, columns: int = 100, lines: int = 30) -> list[str]:
    """What stands on the screen."""
    shown = Display(view, monkeypatch, columns, lines)
    shown.display.open()
    frame = rows_of(shown.written())
    shown.display.close(keep=False)
    return frame


async def test_the_display_shows_who_is_at_work(monkeypatch):
    frame = await last_frame(told(an_agent_with_a_subagent(), ("research", "after")), monkeypatch)
    assert [row.split()[:2] for row in frame] == [
        ["demo", "0"],
        ["●", "research"],
        ["●", "[1].find"],
        ["●", "fetcher"],
        ["·", "after"],
        ["4s", "·"],
    ]


async def test_a_thousand_subagents_fit_the_terminal(monkeypatch):
    frame = await last_frame(a_crowd(2, 500), monkeypatch, columns=80, lines=24)
    assert len(frame) <= 22
    assert all(cell_width(row) < 80 for row in frame)
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
    assert "[link=http://x][red]␛]8;;http://y␛\\ :smile:" in frame[1], frame


async def test_a_frame_that_is_the_last_one_again_writes_nothing(monkeypatch):
    shown = Display(told(an_agent_with_a_subagent()), monkeypatch)
    shown.display.open()
    assert shown.painted() == ""
    shown.display.close()


async def test_a_frame_is_not_even_made_while_nothing_happens(monkeypatch):
    view = told(an_agent_with_a_subagent())
    shown = Display(view, monkeypatch)
    shown.display.open()
    monkeypatch.setattr("agentflow.report.console.frame", None)
    assert shown.painted() == ""
    view.hear("research[1].find/c1", "hello")
    with pytest.raises(TypeError):
        shown.painted()
    shown.display.close(keep=False)


async def test_only_the_lines_that_changed_are_written_anew(monkeypatch):
    view = told(an_agent_with_a_subagent(), ("research", "after"))
    shown = Display(view, monkeypatch)
    shown.display.open()
    view.hear("research[1].find/c1", "hello")
    again = shown.painted()
    assert "writing: hello" in again
    assert "after" not in again
    assert "\x1b[2J" not in again
    shown.display.close()


async def test_a_terminal_that_became_narrower_is_drawn_anew_with_nothing_left_behind(monkeypatch):
    view = told(an_agent_with_a_subagent(), ("research", "after"))
    shown = Display(view, monkeypatch, columns=100, lines=14)
    shown.display.open()
    shown.resize(50, 14)
    # Six lines of up to 99 columns take at most twelve of 50; the cursor stands on the last.
    again = shown.painted()
    up = re.search(r"\x1b\[(\d+)A\r((?:\x1b\[2K(?:\r\n)?)+)\x1b\[(\d+)A\r", again)
    assert up is not None, again
    assert 6 <= int(up[1]) <= 11
    assert up[2].count("\x1b[2K") == int(up[1]) + 1 == int(up[3]) + 1
    assert all(cell_width(row) < 50 for row in rows_of(again))
    shown.display.close()


async def test_lines_that_are_said_stand_above_the_display(monkeypatch):
    shown = Display(told(an_agent_with_a_subagent(), ("research",)), monkeypatch)
    shown.display.open()
    shown.display.say("first\nsecond")
    assert rows_of(shown.painted())[:3] == [
        "first",
        "second",
        "demo  0 of 1 step" + " " * 58 + "run 20260101-000000-abcd",
    ]
    shown.display.close()


async def test_more_than_can_be_shown_is_counted(monkeypatch):
    shown = Display(told(an_agent_with_a_subagent()), monkeypatch)
    shown.display.open()
    shown.display.say("\n".join(str(number) for number in range(5_000)))
    rows = rows_of(shown.painted())
    assert rows[0] == "(3000 lines are left out: they came faster than they can be shown)"
    assert rows[1] == "3000"
    shown.display.close()


@pytest.mark.parametrize("keep", [True, False])
async def test_the_cursor_and_the_wrapping_come_back_at_the_end(monkeypatch, keep: bool):
    shown = Display(told(an_agent_with_a_subagent()), monkeypatch)
    shown.display.open()
    assert "\x1b[?25l" in shown.written()
    shown.display.close(keep=keep)
    end = shown.written()
    assert end.endswith("\x1b[?7h\x1b[?2026l\x1b[?25h")
    assert ("research" in end) is keep
    shown.display.close()
    assert shown.written() == ""


async def test_a_terminal_that_goes_away_stops_nothing(monkeypatch):
    shown = Display(told(an_agent_with_a_subagent()), monkeypatch)
    shown.display.open()

    def gone(_text: str) -> int:
        raise OSError("the terminal is gone")

    shown.stream.write = gone  # type: ignore[method-assign]
    shown.display.say("anything")
    shown.display._paint()
    shown.display.close()
