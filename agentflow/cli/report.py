"""`agentflow report`: a whole run on one page, for a browser, a comment or a program."""

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from agentflow.cli import exits
from agentflow.cli.completion import run_ids
from agentflow.cli.options import project, project_folder
from agentflow.errors import AgentflowError, UsageError

if TYPE_CHECKING:
    from agentflow.events.run_events import RunPaused
    from agentflow.journal.port import Gate, RunSummary
    from agentflow.plan.model import Plan
    from agentflow.report.page.report_json import Gathered

Kind = Literal["html", "md", "json"]


@click.command(short_help="Make a page of a run.")
@click.argument("run", shell_complete=run_ids)
@click.option(
    "--format",
    "kind",
    type=click.Choice(["html", "md", "json"]),
    default="html",
    show_default=True,
    help="html: one file for a browser. md: for a comment on a change. json: all of it, for programs.",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="Where it goes; - is standard output. Default: standard output, for html a file named after the run.",
)
@click.option("--full", is_flag=True, help="Leave nothing out of html or md, however large it becomes.")
@project
def report(run: str, kind: Kind, output: str | None, full: bool, project: str | None) -> int:
    """Make a page of a run: its graph, timeline, conversations, costs, failures, inputs and outputs.

    The page is one file that asks the network for nothing. It holds what the agents were asked and said: whoever gets
    it can read it.
    """
    from agentflow import api
    from agentflow.report.page.report_json import Gathered

    folder = project_folder(project)
    journal = api.open_journal(folder)
    try:
        run = journal.find(run)
        gathered = Gathered()
        for entry in journal.read(run):
            gathered.apply(entry.stream, entry.event)
        summary = journal.summary(run)
        waiting = [gate for gate in journal.gates(run) if gate.approved is None]
    finally:
        journal.close()
    text = _made(gathered, summary, waiting, folder, kind, full)
    if output is None and kind == "html":
        output = f"agentflow-{run}.html"
    if output in (None, "-"):
        sys.stdout.write(text)
    else:
        _write(Path(str(output)), text)
        click.echo(f"wrote {output}", err=True)
    return exits.DONE


def _made(
    gathered: "Gathered", summary: "RunSummary", waiting: "list[Gate]", folder: Path, kind: Kind, full: bool
) -> str:
    from importlib.metadata import version

    from agentflow.cli.next_move import command
    from agentflow.report.json_out import dumps
    from agentflow.report.page.bounds import bounded
    from agentflow.report.page.html import html
    from agentflow.report.page.markdown import markdown
    from agentflow.report.page.report_json import Around

    around = Around(
        summary=summary,
        plan=_plan(gathered),
        waiting=waiting,
        next=_next_moves(summary, waiting, folder, gathered.view.paused),
        made_by=version("agentflow"),
        now=time.time(),
    )
    body = gathered.report(around)
    if kind == "json":
        return dumps(body, indent=2) + "\n"
    if kind == "md":
        return markdown(body, full=full)
    return html(body if full else bounded(body, f"{command(folder, 'report', summary.run)} --full"))


def _plan(gathered: "Gathered") -> "Plan | None":
    """The plan that the run was started with, where this version still makes the same of its file."""
    from agentflow import api

    started = gathered.view.started
    try:
        return None if started is None else api.stored_plan(started)
    except AgentflowError:
        return None


def _next_moves(
    summary: "RunSummary", waiting: "list[Gate]", folder: Path, paused: "RunPaused | None"
) -> list[tuple[str, str]]:
    from agentflow.cli.next_move import answers_to, command
    from agentflow.report.service_wait import may_go_on

    moves = [("answer", line) for gate in waiting for line in answers_to(gate, folder)]
    if summary.status in ("interrupted", "crashed"):
        moves.append(("go on with it", command(folder, "resume", summary.run)))
    if summary.status == "waiting" and paused is not None and paused.service is not None:
        moves.append((may_go_on(paused.until, time.time()), command(folder, "resume", summary.run)))
    if summary.status == "failed":
        moves.append(("the whole story", command(folder, "show", summary.run)))
    return moves


def _write(path: Path, text: str) -> None:
    """Writes a file that only its owner can read, as the journal is; one that is there keeps its mode."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(
            f"'{path}' cannot be written: {error.strerror}", "name a file in a folder that is there"
        ) from None
