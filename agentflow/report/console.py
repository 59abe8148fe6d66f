"""The live display of a run in a terminal. The one door to rich.

What is shown is made by `frame`; this paints it. A frame is painted over the last one, only where the two differ, in
one write that the terminal may show at once, so that nothing flickers.
"""

import asyncio
import io
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import zip_longest
from typing import IO

from rich.console import Console
from rich.text import Text

from agentflow.report.frame import Line, ended_tree, frame, plain
from agentflow.report.style import cell_width, terminal_size
from agentflow.report.view import RunView

REFRESH_SECONDS = 0.125
_MOST_SAID = 2_000
"""Lines that may wait to be printed above the display; older ones are left out, and how many is said."""

_WRAP, _NO_WRAP = "\x1b[?7h", "\x1b[?7l"
_BEGIN = "\x1b[?2026h\x1b[?25l" + _NO_WRAP
_END = _WRAP + "\x1b[?2026l"
_SHOW_CURSOR = "\x1b[?25h"
_CLEAR_WHOLE_LINE = "\x1b[2K"
_CLEAR_LINE = "\x1b[K"
# Begin and end of a synchronised update, which terminals that do not know it ignore; the cursor; automatic wrapping.


class _Nowhere(io.StringIO):
    """Takes what is written; to whoever asks, it is like another stream. Styles are made into text here."""

    def __init__(self, like: IO[str]) -> None:
        super().__init__()
        self._like = like

    @property
    def encoding(self) -> str:  # type: ignore[override]  # the base class says None
        return str(getattr(self._like, "encoding", None) or "ascii")

    def isatty(self) -> bool:
        return self._like.isatty()


class LiveDisplay:
    """Draws a run until closed, at most eight times a second and only as high as the terminal.

    Parameters:
        view: what is drawn; somebody else keeps it up.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        view: RunView,
        stream: IO[str],
        loop: asyncio.AbstractEventLoop,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._view = view
        self._stream = stream
        self._loop = loop
        self._clock = clock
        self._console = Console(file=_Nowhere(stream), highlight=False, markup=False, emoji=False, soft_wrap=True)
        self._unicode = self._console.encoding.lower().startswith("utf")
        self._open = False
        self._timer: asyncio.TimerHandle | None = None
        self._painted: tuple[Line, ...] = ()
        self._columns = 0
        self._name_width = 0
        self._shows: tuple[int, ...] = ()
        self._said: list[str] = []
        self._left_out = 0

    def open(self) -> None:
        """Begins to draw."""
        self._open = True
        self._tick()
        with suppress(NotImplementedError, RuntimeError, ValueError):  # not in the main thread, or not on this system
            self._loop.add_signal_handler(signal.SIGTSTP, self._stopped)

    def close(self, *, keep: bool = True) -> None:
        """Ends the display, the cursor back; with `keep` its last state stays on the screen."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._open:
            return
        self._open = False
        with suppress(NotImplementedError, RuntimeError, ValueError):
            self._loop.remove_signal_handler(signal.SIGTSTP)
        columns, lines = terminal_size(self._stream)
        tree = ended_tree(self._view, columns, lines, self._clock(), self._unicode) if keep else ()
        above = self._take_said()
        text = "".join(f"{self._ansi(line)}\n" for line in tree)
        self._write(_BEGIN + self._erased() + _WRAP + above + text + _END + _SHOW_CURSOR)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """The terminal is somebody else's inside."""
        was_open = self._open
        self.close(keep=False)
        try:
            yield
        finally:
            if was_open:
                self.open()

    def say(self, text: str) -> None:
        """Prints lines above the display, with its next frame."""
        self._said += text.split("\n")
        if (more := len(self._said) - _MOST_SAID) > 0:
            del self._said[:more]
            self._left_out += more
        if not self._open:
            self._write(self._take_said())

    def _tick(self) -> None:
        if self._open:
            self._paint()
            self._timer = self._loop.call_later(REFRESH_SECONDS, self._tick)

    def _paint(self) -> None:
        columns, lines = terminal_size(self._stream)
        now = self._clock()
        # Times are shown in whole seconds: between them, what nothing has happened to looks as it did.
        shows = (self._view.changes, int(now), columns, lines)
        if shows == self._shows and not self._said:
            return
        made = frame(self._view, columns, lines, now, self._unicode, self._name_width)
        self._name_width = made.name_width
        if self._said or columns != self._columns:
            text = self._erased() + _WRAP + self._take_said() + _NO_WRAP + "\r\n".join(map(self._ansi, made.lines))
        else:
            text = self._changed(made.lines) if made.lines != self._painted else ""
        self._columns, self._painted, self._shows = columns, made.lines, shows
        if text:
            self._write(_BEGIN + text + _END)

    def _changed(self, lines: tuple[Line, ...]) -> str:
        """What turns the last frame into this one; the cursor stands at the end of the last line, before and after."""
        parts = ["\r", f"\x1b[{len(self._painted) - 1}A" if len(self._painted) > 1 else ""]
        for index, (line, before) in enumerate(zip_longest(lines, self._painted)):
            if line is None:
                break
            parts.append("\r\n" if index else "")
            if line != before:
                parts.append(self._ansi(line) + _CLEAR_LINE)
        if len(lines) < len(self._painted):
            parts.append("\x1b[J")
        return "".join(parts)

    def _erased(self) -> str:
        """Takes the last frame off the screen, also where a terminal that became narrower has wrapped its lines.

        Line by line: some terminals take a screen that is cleared as a whole for worth keeping, and scroll it away.
        """
        columns, lines = terminal_size(self._stream)
        wrapped = columns < self._columns
        high = sum(max(-(-cell_width(plain(line)) // columns), 1) if wrapped else 1 for line in self._painted)
        high = min(high, lines)
        self._painted, self._shows = (), ()
        if not high:
            return ""
        up = f"\x1b[{high - 1}A" if high > 1 else ""
        return f"{up}\r" + "\r\n".join([_CLEAR_WHOLE_LINE] * high) + f"{up}\r"

    def _take_said(self) -> str:
        said, left_out = self._said, self._left_out
        self._said, self._left_out = [], 0
        gap = [f"({left_out} lines are left out: they came faster than they can be shown)"] if left_out else []
        return "".join(f"{line}\r\n" for line in [*gap, *said])

    def _ansi(self, line: Line) -> str:
        with self._console.capture() as captured:
            self._console.print(Text.assemble(*((span.text, span.style) for span in line)), end="")
        return captured.get()

    def _stopped(self) -> None:
        """Ctrl-Z: the shell gets its terminal clean, and the display begins anew when the process goes on."""
        self.close(keep=False)
        self._loop.remove_signal_handler(signal.SIGTSTP)
        signal.raise_signal(signal.SIGSTOP)
        self.open()

    def _write(self, text: str) -> None:
        with suppress(OSError):  # the terminal is gone; the run goes on
            self._stream.write(text)
            self._stream.flush()
