"""How blocks, gates and cut-off commands end, and the run."""

from collections.abc import Callable, Mapping
from typing import Any

from agentflow.events.values import Failure
from agentflow.plan.expressions import ExpressionError
from agentflow.plan.model import ApproveStepPlan, ForEachStepPlan, GroupStepPlan, Plan, RunStepPlan, StepPlan
from agentflow.run.halts import halted
from agentflow.run.names import names_for
from agentflow.run.starting import start_command
from agentflow.run.state import (
    ROOT,
    Action,
    FinishRun,
    FinishStep,
    OpenGate,
    RunState,
    ScopeState,
    item_of,
)


def finish_scope(state: RunState, path: str) -> Action:
    """A group or an item all of whose steps have ended."""
    scope = state.scopes[path]
    if scope.failing is not None:
        return FinishStep(path, "failed", failure=scope.failing)
    if scope.above is not None:
        reason = halted(state, state.scopes[scope.above], state.scopes[scope.above].block.steps[scope.holder])
        if (item := item_of(path)) is not None and (failing := state.loops[item[0]].failing) is not None:
            reason = f"not finished: step `{failing.step}` failed"
        if reason is not None and any(step.status == "skipped" for step in scope.steps.values()):
            return FinishStep(path, "skipped", reason=reason)
    output = scope.block.output
    if output is None:
        return FinishStep(path, "done")
    try:
        return FinishStep(path, "done", output.evaluate(names_for(state, scope, output)))
    except ExpressionError as error:
        return FinishStep(path, "failed", failure=Failure("expression", str(error), step=path))


def finish_run(plan: Plan, state: RunState) -> Action:
    root = state.scopes[ROOT]
    if root.failing is not None:
        return FinishRun("failed", None, root.failing)
    outputs = {}
    for name, expression in plan.outputs.items():
        try:
            outputs[name] = expression.evaluate(names_for(state, root, expression))
        except ExpressionError as error:
            return FinishRun("failed", None, Failure("expression", f"outputs.{name}: {error}"))
    return FinishRun("done", outputs, None)


def _finish_group(_plan: Plan, state: RunState, _scope: ScopeState, _step: GroupStepPlan, path: str) -> Action:
    return finish_scope(state, path)


def _finish_loop(_plan: Plan, state: RunState, scope: ScopeState, step: ForEachStepPlan, path: str) -> Action:
    loop = state.loops[path]
    if loop.failing is not None:
        return FinishStep(path, "failed", failure=loop.failing)
    results = [loop.results[index] for index in range(loop.begun)]
    cut = any(result.status == "skipped" for result in results) or loop.begun < len(loop.items)
    if cut and (reason := halted(state, scope, step)) is not None:
        return FinishStep(path, "skipped", reason=reason)
    if not step.collects:
        return FinishStep(path, "done", [result.output for result in results])
    errors = [
        {"index": index, "kind": result.failure.kind, "message": result.failure.message}
        for index, result in enumerate(results)
        if result.failure is not None
    ]
    return FinishStep(path, "done", [result.output for result in results if result.status == "done"], errors=errors)


def _answered(_plan: Plan, _state: RunState, scope: ScopeState, step: ApproveStepPlan, path: str) -> Action:
    answer = scope.steps[step.id].answer
    if answer is None:
        raise ValueError(f"{path} has no answer")
    output = {"by": answer.by, "at": answer.at, "comment": answer.comment}
    if answer.approved:
        return FinishStep(path, "done", output, approved=True)
    if answer.expired and step.on_timeout == "fail":
        return FinishStep(path, "failed", failure=Failure("timeout", "nobody answered in time", step=path))
    reason = "nobody answered in time" if answer.expired else f"{answer.by} said no"
    return FinishStep(path, "rejected", output, reason=reason, approved=False)


def _after_crash(plan: Plan, state: RunState, scope: ScopeState, step: RunStepPlan, path: str) -> Action:
    """A command whose end a crash swallowed: it may have had its effect, so it is never repeated silently."""
    step_state = scope.steps[step.id]
    cut_off = Failure(
        "outcome_unknown", "a crash cut the command off; whether it took effect cannot be told", step=path
    )
    if step.on_unknown == "fail":
        return FinishStep(path, "failed", failure=cut_off)
    if step.on_unknown == "ask" and step_state.answer is None:
        message = f"{cut_off.message}. Run `{path}` again? A no fails the step."
        return OpenGate(path, message, None, "unknown", None)
    if step_state.answer is not None and not step_state.answer.approved:
        return FinishStep(path, "failed", failure=cut_off)
    return start_command(plan, state, scope, step, path)


_GoOn = Callable[[Plan, RunState, ScopeState, Any, str], Action]
GO_ON: Mapping[type[StepPlan], _GoOn] = {
    GroupStepPlan: _finish_group,
    ForEachStepPlan: _finish_loop,
    ApproveStepPlan: _answered,
    RunStepPlan: _after_crash,
}
"""What is decided on a step at work: its block is through, a person answered, a crash hit it."""
