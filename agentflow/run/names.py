"""What expressions and templates see of a run."""

from collections.abc import Iterable, Mapping
from typing import Any

from agentflow.plan.expressions import Expression, Reference, Template
from agentflow.plan.model import ApproveStepPlan, StepPlan
from agentflow.run.state import RunState, ScopeState, StepState

JSON = Any


def names_for(state: RunState, scope: ScopeState, *readers: Expression | Template | None) -> dict[str, JSON]:
    """The names that `readers`, standing in `scope`, may use; of the steps just those that they read."""
    names: dict[str, JSON] = {"inputs": state.inputs, "run": state.run, **scope.names}
    steps = {
        name: _view(*find(state, scope, name))
        for reader in readers
        if reader is not None
        for name in _steps_read(reader.references)
    }
    if steps:
        names["steps"] = steps
    return names


def find(state: RunState, scope: ScopeState, name: str) -> tuple[StepPlan, StepState]:
    """The step of that id, in this scope or the nearest enclosing one of its file that has it."""
    here: ScopeState | None = scope
    while here is not None:
        if name in here.block.steps:
            return here.block.steps[name], here.steps[name]
        here = state.scopes[here.above] if here.above is not None and here.file is None else None
    raise KeyError(name)


def readable(step: StepPlan, state: StepState) -> bool:
    """Whether readers see an output: its own, or what stands in for it."""
    return succeeded(step, state) or (step.has_if_skipped and state.status != "waiting")


def succeeded(step: StepPlan, state: StepState) -> bool:
    """Done, or answered with a no that the author wants to go on with."""
    if state.status == "done":
        return True
    return state.status == "rejected" and isinstance(step, ApproveStepPlan) and step.on_reject == "continue"


def _steps_read(references: Iterable[Reference]) -> Iterable[str]:
    return (str(reference.path[0]) for reference in references if reference.root == "steps" and reference.path)


def _view(step: StepPlan, state: StepState) -> Mapping[str, JSON]:
    view = {
        "status": state.status,
        "error": None if state.failure is None else {"kind": state.failure.kind, "message": state.failure.message},
        "exit_code": state.exit_code,
        "errors": state.errors,
        "approved": state.approved,
        "converged": None,
    }
    if succeeded(step, state):
        view["output"] = state.output
    elif readable(step, state):
        view["output"] = step.if_skipped
    return view
