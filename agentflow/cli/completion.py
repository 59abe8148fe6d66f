"""What a shell may complete: ids of runs and steps that wait. A slip here completes nothing and says nothing."""

from contextlib import closing
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from agentflow.cli.options import project_folder
from agentflow.errors import AgentflowError

if TYPE_CHECKING:
    from agentflow.journal.port import Journal

_OFFERED = 50


def run_ids(ctx: click.Context, _parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """The newest runs of the project whose id begins so, each with its workflow and status."""
    try:
        with closing(_journal(ctx)) as journal:
            found = journal.runs(500)
    except AgentflowError:
        return []
    fitting = [one for one in found if one.run.startswith(begun)][:_OFFERED]
    return [CompletionItem(one.run, help=f"{_plain(one.workflow)}, {one.status}") for one in fitting]


def waiting_steps(ctx: click.Context, _parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """The steps of the run at which a person is asked."""
    run = ctx.params.get("run")
    if not run:
        return []
    try:
        with closing(_journal(ctx)) as journal:
            gates = [gate for gate in journal.gates(journal.find(run)) if gate.approved is None]
    except AgentflowError:
        return []
    return [CompletionItem(gate.step, help=_plain(gate.message)) for gate in gates if gate.step.startswith(begun)]


def _journal(ctx: click.Context) -> "Journal":
    from agentflow import api

    return api.open_journal(project_folder(ctx.params.get("project")))


def _plain(text: str) -> str:
    from agentflow.report.inert import inert_line

    # The shells' scripts part an item's help from the next item by line ends, zsh's its name from its help by colons.
    return inert_line(text, 60).replace(":", " ")
