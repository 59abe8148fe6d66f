"""Whose files a step or session works on: the project's, or a copy or worktree of its own or of a block around it.

Pure: the same run and the same path give the same folder, so that a resume finds it again.
"""

import hashlib
import re

from agentflow.events.values import Workspace
from agentflow.plan.agent_plan import WorkspaceKind
from agentflow.plan.model import AgentStepPlan, ForEachStepPlan
from agentflow.run.names import carried_on
from agentflow.run.state import RunState, ScopeState, split, step_path

WORKSPACES = ".agentflow/workspaces"
"""Where they are, seen from the project; one folder for each run."""

_UNSAFE = re.compile(r"[^a-z0-9_]+")
_LONGEST = 100


def workspace_of(state: RunState, path: str) -> Workspace | None:
    """What a step works on: its own workspace, or the nearest of those that the blocks around it have.

    An item of a `for_each` that has one works on its own; a group's steps share theirs.
    """
    scope_path, name = split(path)
    scope = state.scopes[scope_path]
    own = _own(state, scope.block.steps[name].workspace, path)
    return own if own is not None else _around(state, scope)


def workspace_of_session(state: RunState, path: str) -> Workspace | None:
    """As `workspace_of`, for an agent's step: what the agent says comes after what its step says.

    A session that carries another on stays where that one worked, unless the step itself says otherwise.
    """
    scope_path, name = split(path)
    scope = state.scopes[scope_path]
    step = scope.block.steps[name]
    if not isinstance(step, AgentStepPlan):
        raise ValueError(f"{path} is not an agent's step")
    if step.workspace is None and step.continues_session is not None:
        before = carried_on(state, scope, step.continues_session)
        if before is not None and before.session is not None:
            return before.workspace
    kind = step.agent.workspace if step.workspace is None else step.workspace
    own = _own(state, kind, path)
    return own if own is not None else _around(state, scope)


def workspace_named(run: str, kind: WorkspaceKind, key: str) -> Workspace | None:
    """The workspace of that kind for what goes by `key` in a run: a path of a step, or a session's stream."""
    if kind == "shared":
        return None
    name = _UNSAFE.sub("-", key.lower()).strip("-")[:_LONGEST]
    # Paths of steps are made of safe signs, apart from what parts them; of all others the name alone would not do.
    if not re.fullmatch(r"[a-z0-9_.\[\]]+", key) or len(key) > _LONGEST:
        name += f"-{hashlib.sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()[:10]}"
    branch = f"agentflow/{run}/{name}" if kind == "worktree" else None
    return Workspace(kind, f"{WORKSPACES}/{run}/{name}", branch)


def _own(state: RunState, kind: WorkspaceKind | None, path: str) -> Workspace | None:
    return None if kind is None else workspace_named(state.id, kind, path)


def _around(state: RunState, scope: ScopeState) -> Workspace | None:
    here = scope
    while here.above is not None:
        above = state.scopes[here.above]
        holder = above.block.steps[here.holder]
        path = here.path if isinstance(holder, ForEachStepPlan) else step_path(above.path, here.holder)
        if (own := _own(state, holder.workspace, path)) is not None:
            return own
        here = above
    return None
