"""What a run does next. Pure: the same state gives the same actions."""

from collections.abc import Iterator

from agentflow.events.values import Failure
from agentflow.plan.expressions import ExpressionError
from agentflow.plan.model import FailStepPlan, Plan, StepPlan
from agentflow.run.ending import GO_ON, finish_run, finish_scope
from agentflow.run.halts import halted
from agentflow.run.kept import as_it_was
from agentflow.run.names import became, find, readable, succeeded
from agentflow.run.retries import decide_retry, pointless_retries
from agentflow.run.starting import holds, start
from agentflow.run.state import ROOT, Action, FinishRun, FinishStep, RunState, ScopeState, item_of, split


def decide(plan: Plan, state: RunState) -> tuple[Action, ...]:
    """Everything the run wants done now, in the order in which it became due.

    Where `state.failing` rises while these are done, decide anew: what was to start may not start any more.
    """
    if state.finished is not None:
        return ()
    if state.limit is not None:
        return (FinishRun("failed", None, state.limit),)
    due = sorted(state.todo.items(), key=lambda entry: entry[1])
    actions = tuple(_decide_path(plan, state, path) for path, _ in due)
    if state.failing and (state.gates or state.retrying):
        return (*actions, *_pointless_gates(state), *pointless_retries(state))
    return actions


def _pointless_gates(state: RunState) -> Iterator[FinishStep]:
    """Gates that nobody need answer any more, because something around them has failed."""
    for path, gate in sorted(state.gates.items()):
        if gate.session is not None:  # its agent is at work, and what runs is let finish
            continue
        scope_path, name = split(path)
        scope = state.scopes[scope_path]
        reason = halted(state, scope, scope.block.steps[name])
        if reason is not None:
            yield FinishStep(path, "skipped", reason=reason.replace("not started", "not asked any more", 1))


def _decide_path(plan: Plan, state: RunState, path: str) -> Action:
    if path == ROOT:
        return finish_run(plan, state)
    if item_of(path) is not None:
        return finish_scope(state, path)
    scope_path, name = split(path)
    scope = state.scopes[scope_path]
    step = scope.block.steps[name]
    try:
        if scope.steps[name].status == "waiting":
            return _begin(plan, state, scope, step, path)
        if scope.steps[name].status == "retrying":
            return decide_retry(plan, state, scope, step, path)
        if (overdue := scope.steps[name].overdue) is not None:
            return FinishStep(path, "failed", failure=overdue)
        return GO_ON[type(step)](plan, state, scope, step, path)
    except ExpressionError as error:
        return FinishStep(path, "failed", failure=Failure("expression", str(error), step=path))


def _begin(plan: Plan, state: RunState, scope: ScopeState, step: StepPlan, path: str) -> Action:
    """A step that waits for nothing more: end it as it did in an older run, skip it, or start it."""
    if path in state.kept:
        return as_it_was(state.kept[path])
    reason = halted(state, scope, step) or _unmet_need(scope, step) or _unreadable(state, scope, step)
    if reason is not None:
        return FinishStep(path, "skipped", reason=reason)
    # A case was chosen by its `when` already.
    if step.when is not None and not scope.block.cases and not holds(state, scope, step.when):
        if isinstance(step, FailStepPlan):
            return FinishStep(path, "done")
        return FinishStep(path, "skipped", reason=f"its `when` is false: {step.when.source}")
    return start(plan, state, scope, step, path)


def _unmet_need(scope: ScopeState, step: StepPlan) -> str | None:
    """Why `join` is not met by what became of `needs`."""
    if not step.needs or step.join == "done":
        return None
    unmet = [name for name in step.needs if not succeeded(scope.block.steps[name], scope.steps[name])]
    if not unmet or (step.join == "any" and len(unmet) < len(step.needs)):
        return None
    if step.join == "any":
        return f"none of the steps it needs is done: {', '.join(unmet)}"
    return f"it needs `{unmet[0]}`, which {became(scope.steps[unmet[0]])}"


def _unreadable(state: RunState, scope: ScopeState, step: StepPlan) -> str | None:
    for name in step.reads:
        read, read_state = find(state, scope, name)
        if not readable(read, read_state):
            return f"it reads `{name}`, which {became(read_state)}"
    return None
