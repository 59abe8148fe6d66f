"""What is seen of a run while it goes on: a live display, plain lines, JSON events, or nothing."""

import asyncio
import os
import sys
import time
from collections.abc import Callable, Container, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

import click

from agentflow.cli.options import Format
from agentflow.events.run_events import GateAnswered
from agentflow.report.json_out import dumps, event_json
from agentflow.report.lines import answered, line
from agentflow.report.view import RunView

if TYPE_CHECKING:
    from agentflow.events.codec import Event
    from agentflow.report.console import LiveDisplay


class Progress:
    """Hears a run and shows it.

    Parameters:
        view: is kept up here.
        quiet: show nothing on standard error.
        broken: is called when nobody reads standard output any more.

    Attributes:
        live: the display, where there is one.
        unwritten: why standard output took not all, where that was not its reader's wish.
        answered_here: the steps whose gates the person at this terminal has answered, and so need not be told about.
    """

    def __init__(self, view: RunView, output: Format, *, quiet: bool, broken: Callable[[], None]) -> None:
        self.view = view
        self.live: LiveDisplay | None = None
        self.unwritten: OSError | None = None
        self.answered_here: Container[str] = ()
        self._output = output
        self._quiet = quiet
        self._broken = broken
        self._stdout_gone = False
        # A resumed run tells its past first, which was shown when it happened.
        self._since = time.time()

    def observe(self, stream: str, event: "Event") -> None:
        """Hears an event that is on record."""
        self.view.apply(stream, event)
        if event.at < self._since:
            return
        if self._output == "stream-json":
            self.write(dumps(event_json(stream, event)))
        if self._quiet:
            return
        if self.live is not None:
            if isinstance(event, GateAnswered) and event.step not in self.answered_here:
                self.live.say(f"{event.step}: {answered(event)}")
        elif (text := line(self.view, stream, event)) is not None:
            self._note(text)

    def write(self, text: str) -> None:
        """A line on standard output, read by a program as soon as it is there."""
        if self._stdout_gone:
            return
        try:
            click.echo(text)
        except OSError as error:
            self._stdout_gone = True
            if not isinstance(error, BrokenPipeError):
                self.unwritten = error
            self._broken()

    def disk_full(self, full: bool) -> None:
        """Says that the run waits for room on the disk, or goes on."""
        text = "the disk is full; the run waits for room" if full else "there is room on the disk again"
        if self.live is not None:
            self.live.say(text)
        else:
            self._note(text)

    def _note(self, text: str) -> None:
        try:
            click.echo(text, err=True)
        except OSError:
            # Nobody reads it any more; the run goes on without.
            self._quiet = True

    @contextmanager
    def shown(self, cost_cap: float | None) -> Iterator[None]:
        """Shows the live display inside, where standard error is a terminal that can."""
        if self._quiet or not can_draw(self._output):
            yield
            return
        from agentflow.report.console import LiveDisplay

        self.live = LiveDisplay(self.view, sys.stderr, cost_cap, asyncio.get_running_loop())
        self.live.open()
        try:
            yield
        finally:
            self.live.close()

    def paused(self) -> AbstractContextManager[None] | None:
        """Gives the terminal over while it lasts; None where nothing is drawn."""
        return None if self.live is None else self.live.paused()


def can_draw(output: Format) -> bool:
    """Whether standard error is a terminal that a display can be drawn on, with nothing else written there."""
    if not sys.stderr.isatty() or os.environ.get("TERM", "dumb") in ("dumb", ""):
        return False
    return output != "stream-json" or not sys.stdout.isatty()
