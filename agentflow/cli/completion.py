"""What a shell may complete of arguments: files, ids of runs, steps at which a person is asked.

What goes wrong on the way completes nothing and says nothing: the shell has nowhere to say it.
"""

from contextlib import closing
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from agentflow.journal.port import Journal

_OFFERED = 50
_LOOKED_AT = 500


def files(_ctx: click.Context, _parameter: click.Parameter, begun: str) -> "list[CompletionItem]":
    """Leaves it to the shell, which knows its files."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(begun, type="file")]


def run_ids(ctx: click.Context, _parameter: click.Parameter, begun: str) -> "list[CompletionItem]":
    """The newest runs of the project whose id begins so, each with its workflow and status."""
    from click.shell_completion import CompletionItem

    from agentflow.errors import AgentflowError

    try:
        with closing(_journal(ctx)) as journal:
            found = journal.runs(_LOOKED_AT)
    except AgentflowError:
        return []
    fitting = [one for one in found if one.run.startswith(begun)][:_OFFERED]
    return [CompletionItem(one.run, help=_plain(f"{one.workflow}, {one.status}")) for one in fitting]


def waiting_steps(ctx: click.Context, _parameter: click.Parameter, begun: str) -> "list[CompletionItem]":
    """The steps of the run at which a person is asked, each with its question."""
    from click.shell_completion import CompletionItem

    from agentflow.errors import AgentflowError

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
    from agentflow.cli.options import project_folder

    return api.open_journal(project_folder(ctx.params.get("project")))


def _plain(text: str) -> str:
    from agentflow.report.inert import inert_line

    # zsh parts an item from its help by a colon.
    return inert_line(text, 60).replace(":", " ")
