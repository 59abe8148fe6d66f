"""The sandboxes of a run: which one holds its commands, proven before anything starts, and their ways out."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from agentflow.plan.agent_plan import CommandToolPlan
from agentflow.plan.model import AgentStepPlan, Plan, RunStepPlan, ToolStepPlan, WorkflowStepPlan, every_step
from agentflow.plan.sandbox_plan import SandboxPlan
from agentflow.tools.sandbox.port import Bounds, Confinement, Gateway, Sandbox, SandboxError

if TYPE_CHECKING:
    from agentflow.engine.port import Loop
    from agentflow.events.run_events import RunStarted
    from agentflow.events.values import Workspace
    from agentflow.source.diagnostics import Diagnostic
    from agentflow.spec.sources import Source
    from agentflow.tools.sandbox.gateway import GatewayServer

_BASH = "Bash"
_log = logging.getLogger(__name__)


class Sandboxes:
    """Bounds the commands of one run.

    Parameters:
        project: its real path.
        own: paths relative to the project of the files that the run is made of.
    """

    def __init__(self, sandbox: Sandbox, project: Path, own: tuple[str, ...]) -> None:
        self.sandbox = sandbox
        self._project = project
        self._own = own
        self._ways: dict[tuple[str, ...], tuple[GatewayServer, Gateway]] = {}

    def confinement(self, plan: SandboxPlan, root: Path) -> Confinement:
        """What holds the commands of a file in a workspace; on the running event loop.

        Raises:
            SandboxError: the way to the granted hosts cannot be made.
        """
        bounds = Bounds(root, plan, self._own, self._project)
        return Confinement(self.sandbox, bounds, self._way_out(plan.network) if plan.network else None)

    async def close(self) -> None:
        """Closes the ways out."""
        while self._ways:
            _, (server, _) = self._ways.popitem()
            await server.close()
        self.sandbox.close()

    def _way_out(self, hosts: tuple[str, ...]) -> Gateway:
        if hosts not in self._ways:
            from agentflow.tools.sandbox.gateway import GatewayServer
            from agentflow.tools.sandbox.proxy import Proxy

            proxy = Proxy(hosts, lambda refused: _log.info("sandbox: %s; %s", refused.why, refused.hint))
            server = GatewayServer(proxy)
            self._ways[hosts] = server, server.start()
        return self._ways[hosts][1]


def confinement_of(loop: "Loop", plan: Plan, step: str, workspace: "Workspace | None") -> Confinement | None:
    """What holds a command of a step, or None where its file does without, or nothing is to be had."""
    sandboxes = loop.around.sandboxes
    if plan.sandbox.is_off or sandboxes is None:
        return None
    return sandboxes.confinement(plan.sandbox, loop.workspaces.root(workspace))


async def sandboxes_for(plan: Plan, started: "RunStarted") -> Sandboxes | None:
    """The sandboxes of a run, or None where no command of it needs one.

    Raises:
        SandboxError: none holds here.
    """
    from agentflow.tools.sandbox.canary import prove
    from agentflow.tools.sandbox.choice import HINT, candidates

    if not needs_sandbox(plan):
        return None
    project = Path(started.project)
    own = tuple(own_files(started))
    reasons = []
    for sandbox in candidates(project):
        if not sandbox.has_namespaces and any(one.sandbox.network for one in _files(plan)):
            reasons.append(f"{sandbox.name} holds, but `sandbox.network` grants hosts, which takes namespaces")
            continue
        try:
            await prove(sandbox, Bounds(project, SandboxPlan(), own, project))
        except SandboxError as error:
            _log.warning("sandbox: %s", error.message)
            reasons.append(error.message)
            sandbox.close()
            continue
        _log.info("sandbox: %s holds", sandbox.name)
        return Sandboxes(sandbox, project, own)
    message = "there is no sandbox on this machine that holds" + "".join(f"; {reason}" for reason in reasons)
    raise SandboxError(message, HINT)


def refusals(source: "Source | None", plan: Plan | None) -> "list[Diagnostic]":
    """The commands of a file that nothing on this machine would hold; of one that has no plan none is told."""
    from agentflow.plan.sandbox import run_refusals
    from agentflow.source.project import Project
    from agentflow.tools.sandbox.choice import HINT, candidates

    if source is None or plan is None or not needs_sandbox(plan):
        return []
    if next(candidates(Project.of(Path(source.document.path)).root), None) is not None:
        return []
    return run_refusals(source, HINT)


def needs_sandbox(plan: Plan) -> bool:
    """Whether a command of a file, or of one that its steps run, is to be held."""
    return any(not one.sandbox.is_off and _runs_commands(one) for one in _files(plan))


def _files(plan: Plan) -> Iterator[Plan]:
    yield plan
    for step in every_step(plan.root, into_files=False):
        if isinstance(step, WorkflowStepPlan):
            yield from _files(step.plan)


def _runs_commands(plan: Plan) -> bool:
    """Whether a file has a command, a tool that is one, or an agent that may give one; without those it runs."""
    if any(isinstance(tool, CommandToolPlan) for tool in plan.tools.values()):
        return True
    agents = [*plan.agents.values()]
    for step in every_step(plan.root, into_files=False):
        if isinstance(step, RunStepPlan) or (isinstance(step, ToolStepPlan) and step.tool.name == _BASH):
            return True
        if isinstance(step, AgentStepPlan):
            agents.append(step.agent)
    return any(grant.tool.name == _BASH for agent in agents for grant in agent.grants)


def own_files(started: "RunStarted") -> Iterator[str]:
    """The files that a run is made of, relative to the project."""
    beside = os.path.dirname(started.path)
    for path in dict.fromkeys([started.path, *started.sources]):
        # Both are named from the folder that the run was started in, which need not be the current one any more.
        name = os.path.normpath(os.path.join(started.folder, os.path.relpath(path, beside or os.curdir)))
        if not name.startswith("../"):
            yield name
