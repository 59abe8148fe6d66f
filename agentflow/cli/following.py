"""A run that somebody else is at work on, shown from the journal, and its end told."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import click

from agentflow.cli import exits
from agentflow.cli.next_move import answers_to, command, held_text
from agentflow.cli.options import Format
from agentflow.cli.progress import Progress
from agentflow.cli.told import say
from agentflow.events.values import LIMITS
from agentflow.journal.port import Journal, RunSummary
from agentflow.report.inert import inert_line
from agentflow.report.json_out import dumps, result_json
from agentflow.report.service_wait import may_go_on, wait_text
from agentflow.report.style import Paint
from agentflow.report.summary import summary_of, summary_text
from agentflow.report.text import totals
from agentflow.report.view import RunView

_SECONDS_BETWEEN_SUMMARIES = 1.0
"""How often is asked whether the run's process still lives; events that tell its end are seen at once."""


class Watcher:
    """Follows one run.

    Parameters:
        left: is called when nobody reads standard output any more.
        words: show what agents wrote, reply by reply.
    """

    def __init__(
        self, journal: Journal, run: str, project: Path, output: Format, left: Callable[[], None], *, words: bool
    ) -> None:
        self._journal = journal
        self._run = run
        self._project = project
        self._output = output
        # Who pipes it wants the lines; on a terminal they would be in the way of the tree.
        self._to_stdout = output == "text" and not (sys.stdout.isatty() and sys.stderr.isatty())
        self.progress = Progress(
            RunView(), output, quiet=output == "json", broken=left, words=words, past=True, lines_out=self._to_stdout
        )
        self._follower = journal.follow(run)
        self._summary: RunSummary | None = None
        self._asked_at = 0.0

    def look(self) -> bool:
        """Takes up what is new; False where nothing more will come."""
        self._take()
        if self._ended:
            return False
        now = time.monotonic()
        if self.progress.view.status == "running" and now - self._asked_at < _SECONDS_BETWEEN_SUMMARIES:
            return True
        self._asked_at = now
        self._summary = self._journal.summary(self._run)
        if self._summary.status == "running":
            return True
        # What was written between the last look and the end.
        self._take()
        return False

    def tell(self) -> int:
        """Says how the run ended, or why nobody is at work on it; returns the exit code."""
        view = self.progress.view
        self._summary = summary = self._journal.summary(self._run)
        waiting = [gate for gate in self._journal.gates(self._run) if gate.approved is None]
        if self._output != "text":
            finished = view.finished
            outputs, failure = (None, None) if finished is None else (finished.outputs, finished.failure)
            self.progress.write(dumps(result_json(self._run, summary.status, outputs, failure, view, waiting)))
        for gate in waiting if summary.status == "waiting" else ():
            self._print(f"\nwaiting for a person at {inert_line(gate.step)}: {inert_line(gate.message, 500)}")
            for line in answers_to(gate, self._project):
                self._print(f"  {line}")
        paused = view.paused
        if summary.status == "waiting" and paused is not None and paused.service is not None:
            now = time.time()
            self._print(f"\n{wait_text(paused.until, paused.service, now)}")
            self._print(f"{may_go_on(paused.until, now)}: {command(self._project, 'resume', self._run)}")
        if view.finished is not None:
            self._tell_end(view)
        if self._output == "text":
            self._print(f"{summary.status} · {totals(view)} · run {self._run}")
        return self._next_move(summary)

    def close(self) -> None:
        """Reads no more."""
        self._follower.close()

    @property
    def _ended(self) -> bool:
        return self.progress.view.finished is not None

    def _take(self) -> None:
        for entry in self._follower.more():
            self.progress.observe(entry.stream, entry.event)

    def _tell_end(self, view: RunView) -> None:
        finished = view.finished
        failure = None if finished is None else finished.failure
        if self._output == "text":
            stream = sys.stdout if self._to_stdout else sys.stderr
            if text := summary_text(summary_of(view), Paint.for_stream(stream), failure):
                self._print(text if self._to_stdout else f"\n{text}")
        if failure is not None:
            where = f"step {inert_line(failure.step)} failed: " if failure.step else ""
            say(f"error: {where}{failure.message} ({failure.kind})")
        if finished is not None and finished.held:
            say(held_text(finished, self._run, self._project))

    def _next_move(self, summary: RunSummary) -> int:
        match summary.status:
            case "running":
                say(f"left; run {self._run} goes on", f"{command(self._project, 'cancel', self._run)} ends it")
                return exits.INTERRUPTED
            case "crashed":
                say(
                    f"error: the process that was at work on run {self._run} is gone",
                    f"go on with it: {command(self._project, 'resume', self._run)}",
                )
                return exits.FAILED
            case "interrupted":
                say(f"interrupted; resume with: {command(self._project, 'resume', self._run)}")
                return exits.INTERRUPTED
            case "waiting":
                return exits.WAITING
            case "done":
                say(f"{command(self._project, 'show', self._run)} has its outputs")
                return exits.DONE
        return exits.LIMIT if summary.failure_kind in LIMITS else exits.FAILED

    def _print(self, text: str) -> None:
        click.echo(text, err=not self._to_stdout)
