"""What is seen of a run while it goes on: a live display, plain lines, JSON events, or nothing."""

import asyncio
import sys
import time
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

import click

from agentflow.cli.options import Format
from agentflow.errors import AgentflowError
from agentflow.events.operator_events import BudgetWarned, GateEscalated
from agentflow.events.run_events import GateAnswered, RunStarted
from agentflow.report.inert import inert_line
from agentflow.report.json_out import dumps, event_json
from agentflow.report.lines import answered, line
from agentflow.report.outline import Outline, outline_of
from agentflow.report.style import Paint, takes_drawing, terminal_size
from agentflow.report.view import RunView
from agentflow.report.words import Words

if TYPE_CHECKING:
    from agentflow.events.codec import Event
    from agentflow.report.console import LiveDisplay


class Progress:
    """Hears a run and shows it.

    Parameters:
        view: is kept up here.
        quiet: show nothing on standard error, but the words where these are asked for.
        words: show what agents write, as they write it.
        broken: is called when nobody reads standard output any more.
        past: tell also what happened before now; a resumed run tells it again, and it was shown when it happened.
        lines_out: the lines are what is wanted, and go to standard output.

    Attributes:
        live: the display, where there is one.
        unwritten: why standard output took not all, where that was not its reader's wish.
        answered_here: the steps whose gates the person at this terminal has answered, and so need not be told about.
    """

    def __init__(
        self,
        view: RunView,
        output: Format,
        *,
        quiet: bool,
        broken: Callable[[], None],
        words: bool = False,
        past: bool = False,
        lines_out: bool = False,
    ) -> None:
        self.view = view
        self.live: LiveDisplay | None = None
        self.unwritten: OSError | None = None
        self.answered_here: Container[str] = ()
        self._output = output
        self._quiet = quiet
        self._broken = broken
        self._words = Words(view, Paint.for_stream(sys.stderr), _columns()) if words else None
        self._stdout_gone = False
        self._stderr_gone = False
        self._lines_out = lines_out
        self._since = 0.0 if past else time.time()

    def observe(self, stream: str, event: "Event") -> None:
        """Hears an event that is on record."""
        if isinstance(event, RunStarted) and not self.view.outline.steps:
            self.view.planned(stored_outline(event))
        self.view.apply(stream, event)
        if event.at < self._since:
            return
        if self._output == "stream-json":
            self.write(dumps(event_json(stream, event)))
        if self._words is not None:
            self._say(self._words.take(stream, event))
        if self._quiet:
            return
        if self.live is not None:
            if isinstance(event, GateAnswered) and event.step not in self.answered_here:
                self.live.say(f"{inert_line(event.step)}: {answered(event)}")
            elif isinstance(event, BudgetWarned | GateEscalated) and (text := line(self.view, stream, event)):
                self.live.say(text.strip())
        elif (text := line(self.view, stream, event)) is not None:
            self._note(text)

    def hear(self, stream: str, text: str) -> None:
        """Hears what an agent writes."""
        self.view.hear(stream, text)
        if self._words is not None:
            self._say(self._words.hear(stream, text))

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
        self._say(["the disk is full; the run waits for room" if full else "there is room on the disk again"])

    def _say(self, lines: Iterable[str]) -> None:
        for text in lines:
            if self.live is not None:
                self.live.say(text)
            else:
                self._note(text)

    def _note(self, text: str) -> None:
        if self._lines_out:
            self.write(text)
            return
        if self._stderr_gone:
            return
        try:
            click.echo(text, err=True)
        except OSError:
            # Nobody reads it any more; the run goes on without.
            self._stderr_gone = True

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Shows the live display inside, where standard error is a terminal that can."""
        if self._quiet or self._lines_out or not can_draw(self._output):
            yield
            return
        from agentflow.report.console import LiveDisplay

        self.live = LiveDisplay(self.view, sys.stderr, asyncio.get_running_loop())
        self.live.open()
        try:
            yield
        finally:
            self.live.close()

    def paused(self) -> AbstractContextManager[None] | None:
        """Gives the terminal over while it lasts; None where nothing is drawn."""
        return None if self.live is None else self.live.paused()


def stored_outline(started: RunStarted) -> Outline:
    """The outline of a run, from the texts that were stored with it; an empty one where this version cannot tell."""
    from agentflow import api

    try:
        return outline_of(api.stored_plan(started))
    except AgentflowError:
        return Outline()


def can_draw(output: Format) -> bool:
    """Whether a display can be drawn on standard error, with nothing else written there."""
    return takes_drawing(sys.stderr) and (output != "stream-json" or not sys.stdout.isatty())


def _columns() -> int | None:
    """Where to break lines on standard error; None where it is no terminal."""
    return terminal_size(sys.stderr)[0] if sys.stderr.isatty() else None
