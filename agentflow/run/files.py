"""Files that run as steps: whose plan a scope is under, what they are given, and how they end."""

from pathlib import PurePath
from typing import Any

from msgspec.structs import replace

from agentflow.errors import UsageError
from agentflow.events.values import Failure
from agentflow.plan.arguments import rendered, templates_in
from agentflow.plan.expressions import ExpressionError
from agentflow.plan.inputs import resolve_inputs
from agentflow.plan.model import Plan, WorkflowStepPlan
from agentflow.run.names import names_for
from agentflow.run.state import RunState, ScopeState, split

JSON = Any


class InputsRefusedError(Exception):
    """The values that a file was given do not fit its inputs; the message says which and why."""


def file_of(state: RunState, scope: ScopeState) -> ScopeState | None:
    """The scope of the innermost file around a scope, itself included; None where that is the run's own file."""
    here: ScopeState | None = scope
    while here is not None and here.file is None:
        here = state.scopes[here.above] if here.above is not None else None
    return here


def files_around(state: RunState, path: str) -> list[ScopeState]:
    """The files that a step runs in, innermost first, without the run's own."""
    found = []
    scope: ScopeState | None = state.scopes.get(split(path)[0])
    while scope is not None:
        if scope.file is not None:
            found.append(scope)
        scope = state.scopes[scope.above] if scope.above is not None else None
    return found


def folder_of(state: RunState, path: str) -> PurePath:
    """The folder of the file that a step stands in, seen from the project."""
    around = (scope.file for scope in reversed(files_around(state, path)))
    return PurePath(state.folder).joinpath(*(PurePath(file.file).parent for file in around if file is not None))


def plan_at(plan: Plan, state: RunState, scope: ScopeState) -> Plan:
    """The plan of the file that a scope belongs to.

    Parameters:
        plan: the run's own.
    """
    found = file_of(state, scope)
    return plan if found is None or found.file is None else found.file.plan


def inputs_at(state: RunState, scope: ScopeState) -> JSON:
    """The inputs of the file that a scope belongs to."""
    return scope.names.get("inputs", state.inputs)


def inputs_for(state: RunState, scope: ScopeState, step: WorkflowStepPlan) -> JSON:
    """What a file is given, defaults filled in.

    Raises:
        ExpressionError: a value cannot be had.
        InputsRefusedError: the values do not fit the file's inputs.
    """
    given = rendered(step.arguments, names_for(state, scope, *templates_in(step.arguments)))
    try:
        return resolve_inputs(step.plan, given, PurePath(str(state.run["dir"])))
    except UsageError as error:
        raise InputsRefusedError(f"`{step.file}`: {error.message}; {error.hint}") from None


def outputs_of(state: RunState, path: str, step: WorkflowStepPlan) -> JSON:
    """What a file gives whose steps have ended. Raises ExpressionError."""
    scope = state.scopes[path]
    found = {}
    for name, expression in step.plan.outputs.items():
        try:
            found[name] = expression.evaluate(names_for(state, scope, expression))
        except ExpressionError as error:
            raise ExpressionError(f"outputs.{name} of `{step.file}`: {error.message}") from None
    return found


def limited(state: RunState, path: str, failure: Failure) -> RunState:
    """A bound of a file's own is reached: nothing new starts in it, and it ends by that name."""
    scope = state.scopes.get(path)
    if scope is None or scope.file is None:
        raise ValueError(f"no file runs at {path}")
    if scope.failing is not None:
        return state
    scope = replace(scope, failing=replace(failure, step=path))
    return replace(state, scopes=state.scopes.insert(path, scope), failing=state.failing + 1)


def clocked(before: ScopeState, after: ScopeState, now: float) -> ScopeState:
    """A file whose clock starts or stops, as it begins or ceases to be at work."""
    if before.file is None or (before.busy > 0) == (after.busy > 0):
        return after
    if after.busy > 0:
        return replace(after, since=now)
    return replace(after, worked=after.worked + (now - (now if before.since is None else before.since)), since=None)


def worked(scope: ScopeState, now: float) -> float:
    """How long a file has been at work, in seconds, waits for people not counted."""
    return scope.worked + (0.0 if scope.since is None else max(0.0, now - scope.since))


def woken(state: RunState, worked_until: float, now: float) -> RunState:
    """With the time that no process worked taken off the clocks of files."""
    for path, scope in state.scopes.items():
        if scope.file is not None and scope.since is not None:
            done = max(0.0, worked_until - scope.since)
            state = replace(
                state, scopes=state.scopes.insert(path, replace(scope, worked=scope.worked + done, since=now))
            )
    return state
