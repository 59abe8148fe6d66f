"""The live display of a run in a terminal. The one door to rich.

Everything is drawn as `Text`, which reads no markup, from rows whose texts are inert.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from agentflow.report.layout import Row, rows
from agentflow.report.style import count, duration, money, tokens
from agentflow.report.text import COLOURS, SYMBOLS
from agentflow.report.view import RunView

REFRESH_SECONDS = 0.2
_KEPT_FREE = 4
_WIDE = 72
_NUMBERS = (8, 9, 7, 6)
_ASCII = {"waiting": ".", "running": "*", "asking": "?", "done": "+", "failed": "x", "skipped": "-", "rejected": "x"}


class LiveDisplay:
    """Draws a run until closed, five times a second and only as high as the terminal.

    Parameters:
        view: what is drawn; somebody else keeps it up.
        cost_cap: the run's, in US dollars.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        view: RunView,
        stream: IO[str],
        cost_cap: float | None,
        loop: asyncio.AbstractEventLoop,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._view = view
        self._cost_cap = cost_cap
        self._loop = loop
        self._clock = clock
        self._console = Console(file=stream, highlight=False, markup=False, emoji=False, soft_wrap=False)
        self._unicode = self._console.encoding.lower().startswith("utf")
        self._live: Live | None = None
        self._timer: asyncio.TimerHandle | None = None

    def open(self) -> None:
        """Begins to draw."""
        self._live = Live(
            self.draw(), console=self._console, auto_refresh=False, transient=True, redirect_stdout=False,
            redirect_stderr=False, vertical_overflow="crop",
        )  # fmt: skip
        self._live.start(refresh=True)
        self._timer = self._loop.call_later(REFRESH_SECONDS, self._tick)

    def close(self, *, keep: bool = True) -> None:
        """Ends the display; with `keep` its last state stays on the screen."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        live, self._live = self._live, None
        if live is None:
            return
        live.stop()
        if keep:
            self._console.print(self._table(self._clock()))

    @contextmanager
    def paused(self) -> Iterator[None]:
        """The terminal is somebody else's inside."""
        was_open = self._live is not None
        self.close(keep=False)
        try:
            yield
        finally:
            if was_open:
                self.open()

    def say(self, text: str) -> None:
        """Prints a line above the display."""
        self._console.print(Text(text))

    def draw(self) -> Group:
        """The display as it is now."""
        now = self._clock()
        return Group(self._table(now), self._totals(now))

    def _table(self, now: float) -> Table:
        width = self._console.width
        table = Table.grid(padding=(0, 1), expand=False)
        table.add_column(no_wrap=True, overflow="ellipsis", width=max(width // 3, 12))
        table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        table.expand = True
        # Widths that do not follow the numbers: nothing jumps while they grow.
        for columns in _NUMBERS if width >= _WIDE else _NUMBERS[-1:]:
            table.add_column(justify="right", no_wrap=True, min_width=columns)
        for row in rows(self._view, max(self._console.height - _KEPT_FREE, 2), now):
            cells = self._cells(row)
            table.add_row(*(cells if width >= _WIDE else (*cells[:2], cells[-1])))
        return table

    def _cells(self, row: Row) -> tuple[Text, ...]:
        name = Text("  " * row.depth)
        if row.state is None:
            name.append(f"… {row.name}", "dim")
            return name, Text(), Text(), Text(), Text(), Text()
        symbols = SYMBOLS if self._unicode else _ASCII
        colour = " ".join(COLOURS[row.state])
        name.append(symbols.get(row.state, "#") + " ", colour)
        name.append(row.name, "bold" if row.state in ("running", "asking") else "dim" if colour == "dim" else "")
        if row.agent and row.agent not in row.name.split("."):
            name.append(f" {row.agent}", "dim")
        loud = row.state in ("failed", "asking")
        return (
            name,
            Text(row.doing, colour if loud else "dim"),
            Text(count(row.turns, "turn") if row.turns else "", "dim"),
            Text(f"{tokens(row.tokens)} tok" if row.tokens else "", "dim"),
            Text(money(row.cost_usd) if row.cost_usd else "", "dim"),
            Text(duration(row.seconds) if row.seconds is not None and row.state != "skipped" else ""),
        )

    def _totals(self, now: float) -> Text:
        root = self._view.root
        cap = f" of {money(self._cost_cap)}" if self._cost_cap is not None else ""
        parts = [
            duration(self._view.seconds(now)),
            f"{money(root.cost_usd)}{cap}",
            count(root.turns, "turn"),
            f"{tokens(root.tokens)} tokens",
        ]
        if self._view.status == "running":
            parts.append(f"{count(root.at_work, 'agent')} at work")
        return Text(("  ·  " if self._unicode else "  |  ").join(parts), "dim", no_wrap=True, overflow="ellipsis")

    def _tick(self) -> None:
        if self._live is not None:
            self._live.update(self.draw(), refresh=True)
            self._timer = self._loop.call_later(REFRESH_SECONDS, self._tick)
