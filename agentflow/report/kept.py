"""The workspaces that a run has left: where its steps and agents worked on files of their own."""

from collections.abc import Iterator

from agentflow.events.values import Workspace
from agentflow.report.inert import inert_line
from agentflow.report.node import Node
from agentflow.report.view import RunView


def workspaces_of(view: RunView) -> list[Workspace]:
    """Each once, in the order in which they came up."""
    return list({workspace.folder: workspace for workspace in _in(view.root)}.values())


def _in(node: Node) -> Iterator[Workspace]:
    waiting = [node]
    while waiting:
        here = waiting.pop()
        # One that could not be made is not there to be looked at.
        if here.workspace is not None and (here.failure is None or here.failure.kind != "workspace"):
            yield here.workspace
        waiting += reversed(here.inner.values())


def kept_text(workspace: Workspace) -> str:
    """A workspace and how to get at what is in it, on one line."""
    branch = f" (branch {inert_line(workspace.branch)})" if workspace.branch is not None else ""
    return f"{workspace.kind} {inert_line(workspace.folder)}{branch}"
