"""What expressions and templates see of a run."""

from collections.abc import Iterable, Mapping
from typing import Any

from agentflow.plan.arrange import PREVIOUS
from agentflow.plan.expressions import Expression, Reference, Template
from agentflow.plan.model import ApproveStepPlan, RepeatStepPlan, StepPlan
from agentflow.run.state import RunState, ScopeState, StepState, item_of

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
        if name in here.block.steps and not here.block.cases:
            return here.block.steps[name], here.steps[name]
        here = state.scopes[here.above] if here.above is not None and here.file is None else None
    raise KeyError(name)


def last_round(state: RunState, scope: ScopeState) -> ScopeState | None:
    """The round before the one that a scope is in, of the nearest `repeat` around; None in the first."""
    here: ScopeState | None = scope
    while here is not None:
        if (item := item_of(here.path)) is not None:
            loop = state.loops[item[0]]
            if isinstance(loop.step, RepeatStepPlan):
                return loop.last
        here = state.scopes[here.above] if here.above is not None and here.file is None else None
    return None


def carried_on(state: RunState, scope: ScopeState, name: str) -> StepState | None:
    """The step whose session one in `scope` carries on: `previous.x` is of the last round, and None in the first."""
    if not name.startswith(PREVIOUS):
        return find(state, scope, name)[1]
    last = last_round(state, scope)
    return None if last is None else last.steps[name.removeprefix(PREVIOUS)]


def views_of(scope: ScopeState) -> dict[str, JSON]:
    """What can be read of the steps of a scope, by their ids."""
    return {name: _view(scope.block.steps[name], step) for name, step in scope.steps.items()}


def readable(step: StepPlan, state: StepState) -> bool:
    """Whether readers see an output: its own, or what stands in for it."""
    return succeeded(step, state) or (step.has_if_skipped and state.status != "waiting")


def succeeded(step: StepPlan, state: StepState) -> bool:
    """Done, or answered with a no that the author wants to go on with."""
    if state.status == "done":
        return True
    return state.status == "rejected" and isinstance(step, ApproveStepPlan) and step.on_reject == "continue"


def became(state: StepState) -> str:
    """What became of a step that readers cannot read, in words."""
    return {"failed": "failed", "skipped": "was skipped", "rejected": "was rejected"}.get(state.status, "has no output")


def _steps_read(references: Iterable[Reference]) -> Iterable[str]:
    return (str(reference.path[0]) for reference in references if reference.root == "steps" and reference.path)


def _view(step: StepPlan, state: StepState) -> Mapping[str, JSON]:
    view = {
        "status": state.status,
        "error": None if state.failure is None else {"kind": state.failure.kind, "message": state.failure.message},
        "exit_code": state.exit_code,
        "errors": state.errors,
        "approved": state.approved,
        "converged": state.converged,
    }
    if succeeded(step, state):
        view["output"] = state.output
    elif readable(step, state):
        view["output"] = step.if_skipped
    return view
