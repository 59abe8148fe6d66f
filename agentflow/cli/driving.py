"""Drives a run from the command line: signals, gates, what is shown, and what the result becomes."""

import asyncio
import gc
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import nullcontext, suppress
from pathlib import Path

import click
from msgspec import Struct

from agentflow import api
from agentflow.cli import exits
from agentflow.cli.asking import TerminalAsker
from agentflow.cli.charge_options import Given
from agentflow.cli.next_move import answers_to, command, with_more
from agentflow.cli.options import Durability, Format
from agentflow.cli.progress import Progress
from agentflow.cli.secrets import SecretPrompt, tell_secrets
from agentflow.cli.told import say, tell_unwritten, told_as
from agentflow.engine.charge import acting_user
from agentflow.errors import UsageError
from agentflow.journal.port import Gate
from agentflow.models.port import Model
from agentflow.report.inert import inert_line
from agentflow.report.json_out import dumps, result_json
from agentflow.report.kept import kept_text, workspaces_of
from agentflow.report.outline import Outline
from agentflow.report.service_wait import may_go_on, wait_text
from agentflow.report.style import Paint
from agentflow.report.summary import summary_of, summary_text
from agentflow.report.text import gate_text, outputs_text, totals
from agentflow.report.view import RunView


class Driving(Struct, frozen=True):
    """How a run is to be driven, as the command line says it.

    Attributes:
        script: the file that holds the model's words; None: the Claude API.
        pace: seconds before each scripted reply.
        record: the file that every request and reply goes to.
        replay: the recording that the model's words come from.
        stays: as in `api.RunOptions`.
        durability: as in `api.RunOptions`.
        project: the folder whose journal holds the run.
        outline: of the file's plan, where it is known.
        words: show what agents write.
        secrets: the values that were given, by name.
        given: who runs it, under which policy.
    """

    output: Format
    quiet: bool
    yes: bool
    script: str | None
    project: Path
    outline: Outline = Outline()
    words: bool = False
    pace: float = 0.0
    durability: Durability = "process"
    secrets: Mapping[str, str] = {}
    record: str | None = None
    replay: str | None = None
    stays: bool = False
    given: Given = Given()

    @property
    def model_options(self) -> tuple[str, ...]:
        """The options by which a command goes on with the same model, and as the same user."""
        given = (("--scripted", self.script), ("--record", self.record), ("--replay", self.replay))
        model = tuple(word for option, file in given if file is not None for word in (option, file))
        return (*self.given.words, *model)


def drive(driving: Driving, work: Callable[[api.RunOptions], Awaitable[api.RunResult]]) -> int:
    """Drives a run until it ends, pauses or is interrupted; tells how, and returns the exit code."""
    with told_as(driving.output):
        return asyncio.run(_drive(driving, work))


async def _drive(driving: Driving, work: Callable[[api.RunOptions], Awaitable[api.RunResult]]) -> int:
    interrupt = asyncio.Event()
    view = RunView()
    view.planned(driving.outline)
    progress = Progress(view, driving.output, quiet=driving.quiet, broken=interrupt.set, words=driving.words)
    charge = driving.given.charge()
    asker = TerminalAsker(lambda: progress.paused() or nullcontext(), interrupt.set, acting_user(charge.user))
    in_terminal = sys.stdin.isatty() and sys.stderr.isatty()
    progress.answered_here = asker.answered
    options = api.RunOptions(
        model=model_of(driving),
        record=None if driving.record is None else Path(driving.record),
        journal=driving.project / api.JOURNAL,
        durability=driving.durability,
        yes=driving.yes,
        ask=asker.ask if in_terminal else None,
        secrets=driving.secrets,
        ask_secret=SecretPrompt(lambda: progress.paused() or nullcontext(), asker.turn).ask if in_terminal else None,
        observe=progress.observe,
        hear=progress.hear,
        disk_full=progress.disk_full,
        stays=driving.stays,
        charge=charge,
        interrupt=interrupt,
        told=tell_secrets,
    )
    if driving.script is not None:
        say(f"the model's words are scripted, from {driving.script}")
    if driving.replay is not None:
        say(f"the model's words are replayed, from {driving.replay}")
    _handle_signals(interrupt, progress)
    # Everything that starting has made stays: the collector need not look at it again.
    gc.freeze()
    gc.enable()
    with progress.shown():
        result = await work(options)
    with suppress(OSError):  # the exit code tells it too
        _tell(driving, progress, result)
    code = exits.exit_code(result)
    if progress.unwritten is not None:
        return code or tell_unwritten(progress.unwritten, command(driving.project, "show", result.run))
    return code


def model_of(driving: Driving) -> Model | None:
    """What stands in for the Claude API; None where nothing does.

    Raises:
        UsageError: the options exclude each other, or the file that they name is none.
    """
    if driving.script is not None and driving.replay is not None:
        raise UsageError("`--scripted` and `--replay` exclude each other", "the model's words come from one file")
    if driving.record is not None and driving.replay is not None:
        raise UsageError("`--record` and `--replay` exclude each other", "what is replayed is recorded already")
    if driving.replay is not None:
        return api.replayed(driving.replay)
    return None if driving.script is None else api.scripted(driving.script, driving.pace)


def _handle_signals(interrupt: asyncio.Event, progress: Progress) -> None:
    """The first signal lets the run stop cleanly; the second ends the process at once."""

    def stop() -> None:
        if interrupt.is_set():
            if progress.live is not None:
                progress.live.close(keep=False)
            os._exit(exits.INTERRUPTED)
        interrupt.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop)


def _tell(driving: Driving, progress: Progress, result: api.RunResult) -> None:
    view = progress.view
    if driving.output == "text":
        if result.outputs:
            if progress.live is not None and sys.stdout.isatty():
                click.echo(err=True)  # the tree stands above it
            progress.write(outputs_text(result.outputs))
    else:
        waiting = _waiting(driving, result.run) if result.status == "waiting" else []
        body = result_json(result.run, result.status, result.outputs, result.failure, view, waiting)
        progress.write(dumps(body))
    summary = "" if result.status not in ("done", "failed") or driving.quiet else _summary(view, result)
    if summary:
        click.echo(summary, err=True)
    match result.status:
        case "failed":
            failure = result.failure
            where = f"step {inert_line(failure.step)} failed: " if failure and failure.step else ""
            why = "" if failure is None else f"{where}{failure.message} ({failure.kind})"
            say(f"error: {why}", f"{command(driving.project, 'show', result.run)} tells the whole story")
            if failure is not None and (more := with_more(failure, result.until)) is not None:
                line = command(driving.project, "resume", result.run, None, driving.model_options, more)
                say(f"{may_go_on(result.until, time.time(), held=True)}: {line}")
        case "waiting":
            _tell_waiting(driving, result)
        case "interrupted":
            going_on = command(driving.project, "resume", result.run, model=driving.model_options)
            say(f"interrupted; resume with: {going_on}")
    if not driving.quiet:
        for workspace in workspaces_of(view):
            click.echo(f"left behind: {kept_text(workspace)}", err=True)
        click.echo(f"{result.status} · {totals(view)} · run {result.run}", err=True)


def _summary(view: RunView, result: api.RunResult) -> str:
    text = summary_text(summary_of(view), Paint.for_stream(sys.stderr), result.failure)
    # On a terminal it would run into the tree.
    return f"\n{text}" if text and sys.stderr.isatty() else text


def _tell_waiting(driving: Driving, result: api.RunResult) -> None:
    for gate in _waiting(driving, result.run):
        click.echo(f"\nwaiting for a person at {inert_line(gate.step)}:", err=True)
        click.echo(gate_text(gate), err=True)
        for line in answers_to(gate, driving.project, driving.model_options):
            click.echo(f"  {line}", err=True)
        if driving.yes and gate.form is not None:
            click.echo("  --yes cannot answer it: its form has no defaults for all that is asked", err=True)
    click.echo("", err=True)
    if result.service is not None:
        now = time.time()
        say(wait_text(result.until, result.service, now))
        going_on = command(driving.project, "resume", result.run, model=driving.model_options)
        stay = "" if result.until is None else " (`--wait` stays until then)"
        say(f"{may_go_on(result.until, now)}: {going_on}{stay}")


def _waiting(driving: Driving, run: str) -> list[Gate]:
    journal = api.open_journal(driving.project)
    try:
        return [gate for gate in journal.gates(run) if gate.approved is None]
    finally:
        journal.close()
