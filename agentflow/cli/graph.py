"""`agentflow graph`: a picture of a file's steps, or of how they fared in a run."""

from collections import Counter
from typing import TYPE_CHECKING

import click

from agentflow.cli import exits
from agentflow.cli.completion import files
from agentflow.cli.options import project_of_file
from agentflow.errors import JournalError, UsageError

if TYPE_CHECKING:
    from agentflow.plan.model import Plan


@click.command(short_help="Draw a file's steps, as Mermaid or dot.")
@click.argument("file", shell_complete=files)
@click.option("--format", "language", type=click.Choice(["mermaid", "dot"]), default="mermaid", show_default=True)
@click.option("--run", metavar="RUN", help="Colour each step by what became of it in this run.")
def graph(file: str, language: str, run: str | None) -> int:
    """Draw a file's steps: blocks as boxes, and an edge from each step to those that read or need it.

    With --run the steps are those that the run was started with, the items of loops counted together.
    """
    from agentflow import api
    from agentflow.report.dot import dot
    from agentflow.report.drawing import picture
    from agentflow.report.mermaid import mermaid

    plan = api.plan(file)
    states = None
    if run is not None:
        plan, states = _of_run(plan, file, run)
    drawn = picture(plan, states)
    click.echo(mermaid(drawn) if language == "mermaid" else dot(drawn, plan.name))
    return exits.DONE


def _of_run(plan: "Plan", file: str, run: str) -> tuple["Plan", dict[str, Counter[str]]]:
    """The plan that a run was started with, and the states of its steps."""
    from agentflow import api
    from agentflow.cli.told import say
    from agentflow.report.drawing import states_of
    from agentflow.report.view import RunView

    journal = api.open_journal(project_of_file(file))
    try:
        run = journal.find(run)
        view = RunView()
        for entry in journal.read(run):
            view.apply(entry.stream, entry.event)
        at_work = journal.summary(run).status == "running"
    finally:
        journal.close()
    if view.started is None:
        raise JournalError(f"run {run} does not begin as a run does", "the journal is damaged")
    if view.started.workflow != plan.name:
        raise UsageError(
            f"run {run} is of the workflow `{view.started.workflow}`, and '{file}' holds `{plan.name}`",
            f"draw it from its own file, {view.started.path}",
        )
    if view.started.plan_digest != plan.digest:
        say(f"'{file}' has changed since run {run} was started; this is what the run was started with")
        plan = api.stored_plan(view.started)
    return plan, states_of(view, at_work=at_work)
