"""`agentflow show`, `runs` and `prune`: what is in the journal."""

import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agentflow.cli import exits
from agentflow.cli.completion import run_ids
from agentflow.cli.options import project, project_folder, text_or_json
from agentflow.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agentflow.events.run_events import RunPaused
    from agentflow.journal.port import Gate, Journal, RunSummary
    from agentflow.report.view import RunView

_EVERY = 1 << 31
_SECONDS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}


@click.command(short_help="Show a run.")
@click.argument("run", shell_complete=run_ids)
@click.option("--events", is_flag=True, help="List the events instead, one a line.")
@text_or_json
@project
def show(run: str, events: bool, output_format: str, project: str | None) -> int:
    """Show a run: its steps and agents, why something failed or was skipped, what it waits for, its outputs."""
    from agentflow import api
    from agentflow.cli.progress import stored_outline
    from agentflow.events.run_events import RunStarted
    from agentflow.report.json_out import dumps, event_json
    from agentflow.report.lines import line
    from agentflow.report.view import RunView

    folder = project_folder(project)
    journal = api.open_journal(folder)
    try:
        run = journal.find(run)
        view = RunView()
        for entry in journal.read(run):
            if isinstance(entry.event, RunStarted) and not events:
                view.planned(stored_outline(entry.event))
            view.apply(entry.stream, entry.event)
            if not events:
                continue
            if output_format == "json":
                click.echo(dumps(event_json(entry.stream, entry.event)))
            elif (text := line(view, entry.stream, entry.event)) is not None:
                click.echo(text)
        if events:
            return exits.DONE
        summary = journal.summary(run)
        waiting = [gate for gate in journal.gates(run) if gate.approved is None]
    finally:
        journal.close()
    if output_format == "json":
        _show_json(summary, view, waiting)
    else:
        _show_text(summary, view, waiting, folder)
    return exits.DONE


def _show_json(summary: "RunSummary", view: "RunView", waiting: list["Gate"]) -> None:
    from agentflow.report.json_out import dumps, node_json, result_json
    from agentflow.report.lineage import lineage_json

    finished = view.finished
    outputs, failure = (None, None) if finished is None else (finished.outputs, finished.failure)
    body = result_json(summary.run, summary.status, outputs, failure, view, waiting)
    body |= {
        "type": "run",
        "workflow": summary.workflow,
        "path": summary.path,
        "project": summary.project,
        "started_at": summary.started_at,
        "updated_at": summary.updated_at,
        "inputs": None if view.started is None else dict(view.started.inputs),
        "lineage": None if view.started is None else lineage_json(view.started.lineage),
        "steps": [node_json(node) for node in view.root.inner.values()],
    }
    click.echo(dumps(body, indent=2))


def _show_text(summary: "RunSummary", view: "RunView", waiting: list["Gate"], project: Path) -> None:
    from agentflow.cli.next_move import answers_to, command, held_text
    from agentflow.report.inert import inert, inert_line
    from agentflow.report.lineage import lineage_text
    from agentflow.report.service_wait import may_go_on, paused_text
    from agentflow.report.style import Paint
    from agentflow.report.summary import summary_of, summary_text
    from agentflow.report.text import COLOURS, gate_text, outputs_text, totals, tree

    paint = Paint.for_stream(sys.stdout)
    now = time.time() if summary.status == "running" else summary.updated_at
    status = paint(summary.status, "bold", *COLOURS[summary.status])
    click.echo(f"{paint(inert_line(summary.workflow), 'bold')}  {status}  run {summary.run}")
    started = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(summary.started_at))
    click.echo(f"{inert_line(summary.path)}, started {started}, {totals(view)}")
    if view.started is not None and view.started.lineage is not None:
        click.echo(lineage_text(view.started.lineage))
    click.echo()
    for row in tree(view.root, paint, now, running=summary.status == "running"):
        click.echo(row)
    for gate in waiting:
        click.echo(f"\nwaiting for a person at {inert_line(gate.step)}:\n{gate_text(gate)}")
        for line in answers_to(gate, project):
            click.echo(f"  {line}")
    if view.paused is not None and (waits := paused_text(view.paused, time.time())) is not None:
        click.echo(f"\n{waits}")
        click.echo(f"{may_go_on(view.paused.until, time.time())}: {command(project, 'resume', summary.run)}")
    if view.finished is not None and view.finished.failure is not None:
        failure = view.finished.failure
        click.echo(f"\n{paint('failed', 'bold', 'red')} ({failure.kind}): {inert(failure.message)}")
    if view.finished is not None and view.finished.outputs:
        click.echo(f"\n{paint('outputs', 'bold')}\n{outputs_text(view.finished.outputs)}")
    if text := summary_text(summary_of(view), paint):
        click.echo(f"\n{paint('in all', 'bold')}\n{text}")
    if summary.status in ("interrupted", "crashed"):
        click.echo(f"\ngo on with it: {command(project, 'resume', summary.run)}")
    elif view.finished is not None and view.finished.held:
        click.echo(f"\n{held_text(view.finished, summary.run, project)}")
    elif summary.status == "failed":
        click.echo(f"\na new run from there: {command(project, 'fork', summary.run)}")


@click.command(short_help="List the runs.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="The newest so many.")
@text_or_json
@project
def runs(limit: int, output_format: str, project: str | None) -> int:
    """List the runs of the project, the newest first."""
    from agentflow import api
    from agentflow.report.json_out import dumps, summary_json
    from agentflow.report.text import runs_table

    folder = project_folder(project)
    journal = api.open_journal(folder)
    try:
        found = journal.runs(limit)
        waiting = [one.run for one in found if one.status == "waiting"]
        asked = [gate for run in waiting for gate in journal.gates(run)]
        paused = {run: event for run in waiting if (event := _last_pause(journal, run)) is not None}
    finally:
        journal.close()
    if output_format == "json":
        click.echo(dumps([summary_json(summary) for summary in found], indent=2))
    else:
        click.echo(runs_table(found, time.time()) if found else "no runs yet")
        _tell_questions([gate for gate in asked if gate.approved is None], folder)
        _tell_waits(paused, folder)
    return exits.DONE


def _last_pause(journal: "Journal", run: str) -> "RunPaused | None":
    from agentflow.events.run_events import RunPaused

    last = None
    for entry in journal.read(run, ""):
        last = entry.event
    return last if isinstance(last, RunPaused) else None


def _tell_waits(paused: "Mapping[str, RunPaused]", project: Path) -> None:
    """Which runs wait for the model's service, and how to go on; beside the table, too."""
    from agentflow.cli.next_move import command
    from agentflow.report.service_wait import may_go_on, paused_text

    now = time.time()
    for run, event in paused.items():
        if (waits := paused_text(event, now)) is not None:
            going_on = f"{may_go_on(event.until, now)}: {command(project, 'resume', run)}"
            click.echo(f"\n{run} is {waits}\n  {going_on}", err=True)


def _tell_questions(gates: list["Gate"], project: Path) -> None:
    """What runs wait for, and how to answer; beside the table, which programs read line by line."""
    from agentflow.cli.next_move import answers_to
    from agentflow.report.inert import inert_line

    for gate in gates:
        click.echo(
            f"\n{gate.run} waits for a person at {inert_line(gate.step)}: {inert_line(gate.message, 200)}", err=True
        )
        for line in answers_to(gate, project):
            click.echo(f"  {line}", err=True)


@click.command(short_help="Delete runs that ended long ago.")
@click.option("--older-than", required=True, metavar="AGE", help="As 30d, 12h or 90m, counted from a run's end.")
@project
def prune(older_than: str, project: str | None) -> int:
    """Delete the runs that ended before then, with the workspaces and results they left. Runs that can go on are kept.

    Branches of worktrees are kept where they hold commits that no other branch has.
    """
    import asyncio

    from agentflow import api
    from agentflow.report.style import count
    from agentflow.tools.kept_results import remove_kept
    from agentflow.tools.workspaces import remove_workspaces

    age = _seconds(older_than)
    folder = project_folder(project)
    journal = api.open_journal(folder, access="write")
    try:
        before = {summary.run for summary in journal.runs(_EVERY)}
        deleted = journal.prune(time.time() - age)
        gone = before - {summary.run for summary in journal.runs(_EVERY)}
    finally:
        journal.close()
    for run in sorted(gone):
        asyncio.run(remove_workspaces(folder, run))
        remove_kept(folder, run)
    click.echo(f"{count(deleted, 'run')} deleted")
    return exits.DONE


def _seconds(age: str) -> float:
    found = re.fullmatch(r"([0-9]{1,9})([dhms])", age)
    if found is None:
        raise UsageError(f"`--older-than {age}` is no age", "write a number and d, h, m or s, as `30d`")
    return int(found[1]) * _SECONDS[found[2]]
