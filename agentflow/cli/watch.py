"""`agentflow watch`: follows a run that another process is at work on."""

import asyncio
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agentflow.cli import exits
from agentflow.cli.options import Format, output_format, project, project_folder, stream
from agentflow.errors import JournalEmptyError, JournalError

if TYPE_CHECKING:
    from agentflow.cli.following import Watcher
    from agentflow.journal.port import Journal

_SECONDS_BETWEEN_LOOKS = 0.2


@click.command(short_help="Follow a run from another terminal.")
@click.argument("run", required=False)
@click.option("--next", "wait", is_flag=True, help="Wait for the next run that begins, also where there is none yet.")
@stream
@output_format
@project
def watch(run: str | None, wait: bool, stream: bool, output_format: Format, project: str | None) -> int:
    """Follow a run as it goes on, and end with it; nothing is changed.

    RUN is its id, or the beginning of it; without it, the newest run that a process is at work on. On a terminal its
    tree is shown, else one line for each thing that happens, from the run's beginning on. The exit code is that of the
    run, as `agentflow run` would give it; 1 where its process is gone. Ctrl-C ends the watching, not the run.
    """
    folder = project_folder(project)
    since = time.time()
    return asyncio.run(_watch(run, wait, since, stream, output_format, folder))


async def _watch(run: str | None, wait: bool, since: float, words: bool, output: Format, folder: Path) -> int:
    from agentflow.cli.following import Watcher

    left = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, left.set)
    journal, run = await _found(run, wait, since, folder, left)
    if journal is None:
        return exits.INTERRUPTED
    watcher = Watcher(journal, run, folder, output, left.set, words=words)
    try:
        with watcher.progress.shown():
            await _follow(watcher, left)
        return watcher.tell()
    finally:
        watcher.close()
        journal.close()


async def _follow(watcher: "Watcher", left: asyncio.Event) -> None:
    while not left.is_set() and watcher.look():
        await _rest(left)


async def _found(
    run: str | None, wait: bool, since: float, folder: Path, left: asyncio.Event
) -> "tuple[Journal | None, str]":
    """The journal and the run that is meant, once it is there; None where the wait was ended.

    Raises:
        JournalError: there is no such run, or none is at work.
    """
    from agentflow.cli.told import say

    if wait:
        say("waiting for a run to begin")
    while not left.is_set():
        try:
            found = _found_now(run, wait, since, folder)
        except JournalEmptyError:  # its first run is only just beginning
            found = None
            if not wait:
                raise
        if found is not None:
            return found
        if not wait:
            raise JournalError(
                "no run is at work", "`agentflow watch --next` waits for one; `agentflow runs` lists those that were"
            )
        await _rest(left)
    return None, ""


def _found_now(run: str | None, wait: bool, since: float, folder: Path) -> "tuple[Journal, str] | None":
    from agentflow import api

    if wait and not api.journal_of(folder).exists():
        return None
    journal = api.open_journal(folder)
    try:
        found = journal.find(run) if run is not None and not wait else _newest(journal, since if wait else None)
    except BaseException:
        journal.close()
        raise
    if found is None:
        journal.close()
        return None
    return journal, found


def _newest(journal: "Journal", since: float | None) -> str | None:
    """The newest run at work, or the first that began since."""
    runs = journal.runs(50)
    if since is not None:
        return next((found.run for found in reversed(runs) if found.started_at >= since), None)
    return next((found.run for found in runs if found.status == "running"), None)


async def _rest(left: asyncio.Event) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(left.wait(), _SECONDS_BETWEEN_LOOKS)
