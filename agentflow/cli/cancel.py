"""`agentflow cancel`: ends a run for good, also one that another process is at work on."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agentflow.cli import exits
from agentflow.cli.options import project, project_folder
from agentflow.errors import JournalError, LeaseHeldError

if TYPE_CHECKING:
    from agentflow.journal.port import Journal, RunSummary

_SECONDS_BETWEEN_LOOKS = 0.1
_ENDED = ("done", "failed")


@click.command(short_help="End a run for good.")
@click.argument("run")
@click.option("--reason", help="Why, as the journal is to keep it.")
@click.option(
    "--wait",
    type=click.FloatRange(0, 3600),
    default=30.0,
    show_default=True,
    help="Seconds to wait for the process that is at work on the run to stop.",
)
@project
def cancel(run: str, reason: str | None, wait: float, project: str | None) -> int:
    """End a run for good: what is at work is stopped, and the run cannot be resumed.

    RUN is its id, or the beginning of it. A process that is at work on the run is asked through the journal, and stops
    within a second. To stop a run so that it can go on, interrupt it there with Ctrl-C.
    """
    from agentflow import api
    from agentflow.cli.asking import user_name
    from agentflow.cli.told import say

    folder = project_folder(project)
    journal = api.open_journal(folder, access="write")
    try:
        run = journal.find(run)
        journal.cancel(run, by=user_name(), reason=reason, at=time.time())
        if not _ended_here(journal, run):
            say("a process is at work on the run; it is asked to stop")
            _wait_for_end(journal, run, wait)
        return _tell(journal.summary(run), folder)
    finally:
        journal.close()


def _ended_here(journal: "Journal", run: str) -> bool:
    """Ends a run that nobody is at work on, unless it ended this moment; False where somebody is at work on it."""
    import asyncio

    from agentflow import api
    from agentflow.engine.drive import end_cancelled
    from agentflow.events.run_events import RunStarted

    status = journal.summary(run).status
    if status in ("running", *_ENDED):
        return status != "running"
    started = next(journal.read(run, "")).event
    if not isinstance(started, RunStarted):
        raise JournalError(f"run {run} does not begin as a run does", "the journal is damaged")
    try:
        asyncio.run(end_cancelled(journal, run, api.stored_plan(started), Path(started.project)))
    except LeaseHeldError:  # it was taken up this moment, by a process that finds the wish itself
        return False
    except JournalError:
        if journal.summary(run).status not in _ENDED:
            raise
    return True


def _wait_for_end(journal: "Journal", run: str, seconds: float) -> None:
    until = time.monotonic() + seconds
    while journal.summary(run).status == "running" and time.monotonic() < until:
        time.sleep(_SECONDS_BETWEEN_LOOKS)


def _tell(summary: "RunSummary", folder: Path) -> int:
    from agentflow.cli.next_move import command
    from agentflow.cli.told import say

    if summary.failure_kind == "cancelled":
        say(f"cancelled: run {summary.run}", f"{command(folder, 'show', summary.run)} tells how far it came")
        return exits.DONE
    if summary.status in _ENDED:
        say(f"error: run {summary.run} ended before it could be cancelled: {summary.status}")
    elif summary.status == "running":
        again = command(folder, "watch", summary.run)
        say(f"error: run {summary.run} has not stopped yet; it does as soon as it looks", f"{again} tells when")
    else:
        again = command(folder, "cancel", summary.run)
        say(f"error: the process let run {summary.run} go before it saw that it is cancelled", f"again: {again}")
    return exits.FAILED
