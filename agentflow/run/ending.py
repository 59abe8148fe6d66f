"""How blocks, gates and cut-off effects end, and the run."""

from collections.abc import Callable, Mapping
from typing import Any

from agentflow.events.run_events import GateAnswered
from agentflow.events.values import Failure, StepStatus
from agentflow.plan.expressions import ExpressionError
from agentflow.plan.model import (
    ApproveStepPlan,
    AskStepPlan,
    CallStepPlan,
    ChooseStepPlan,
    EffectStepPlan,
    ForEachStepPlan,
    GroupStepPlan,
    Plan,
    RepeatStepPlan,
    RunStepPlan,
    StepPlan,
    ToolStepPlan,
    WorkflowStepPlan,
)
from agentflow.run.files import outputs_of
from agentflow.run.halts import halted
from agentflow.run.names import became, names_for, readable, succeeded
from agentflow.run.starting import holds, start_effect
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
    """A group, an item or a round all of whose steps have ended."""
    scope = state.scopes[path]
    if scope.failing is not None:
        return FinishStep(path, "failed", failure=scope.failing)
    if scope.above is not None:
        above = state.scopes[scope.above]
        reason = halted(state, above, above.block.steps[scope.holder])
        if (overdue := above.steps[scope.holder].overdue) is not None:
            reason = f"not finished: step `{overdue.step}` timed out"
        if (item := item_of(path)) is not None and (failing := state.loops[item[0]].failing) is not None:
            reason = f"not finished: step `{failing.step}` failed"
        if reason is not None and any(step.status == "skipped" for step in scope.steps.values()):
            return FinishStep(path, "skipped", reason=reason)
    output = scope.block.output
    try:
        value = None if output is None else output.evaluate(names_for(state, scope, output))
        return FinishStep(path, "done", value, converged=_converged(state, scope))
    except ExpressionError as error:
        return FinishStep(path, "failed", failure=Failure("expression", str(error), step=path))


def _converged(state: RunState, scope: ScopeState) -> bool | None:
    """Whether a round is the one that its loop was after; None for what is no round."""
    item = item_of(scope.path)
    step = None if item is None else state.loops[item[0]].step
    return holds(state, scope, step.until, "until") if isinstance(step, RepeatStepPlan) else None


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


def _finish_choice(_plan: Plan, state: RunState, scope: ScopeState, step: ChooseStepPlan, path: str) -> Action:
    """A choice comes to what its case came to."""
    chosen = state.scopes[path]
    if chosen.failing is not None:
        return FinishStep(path, "failed", failure=chosen.failing)
    ((name, end),) = chosen.steps.items()
    case = step.body.steps[name]
    # What nobody let begin has no value of its own to stand in for it.
    reason = halted(state, scope, step) if end.status == "skipped" else None
    if reason is not None:
        return FinishStep(path, "skipped", reason=reason)
    if readable(case, end):
        return FinishStep(path, "done", end.output if succeeded(case, end) else case.if_skipped)
    status: StepStatus = "rejected" if end.status == "rejected" else "skipped"
    return FinishStep(path, status, reason=end.reason or f"its case `{name}` {became(end)}")


def _finish_repeat(_plan: Plan, state: RunState, scope: ScopeState, step: RepeatStepPlan, path: str) -> Action:
    loop = state.loops[path]
    if loop.failing is not None:
        return FinishStep(path, "failed", failure=loop.failing)
    last = loop.results.get(loop.begun - 1)
    through = loop.converged or loop.begun == len(loop.items)
    if last is None or last.status != "done" or not through:
        return FinishStep(path, "skipped", reason=halted(state, scope, step))
    if loop.converged or step.accepts:
        return FinishStep(path, "done", last.output, converged=loop.converged)
    message = (
        f"after {loop.begun} rounds `until: {step.until.source}` does not hold; raise `max`, or accept it by `at_max`"
    )
    return FinishStep(path, "failed", failure=Failure("max_rounds", message, step=path), converged=False)


def _finish_workflow(_plan: Plan, state: RunState, _scope: ScopeState, step: WorkflowStepPlan, path: str) -> Action:
    ended = finish_scope(state, path)
    if not isinstance(ended, FinishStep) or ended.status != "done":
        return ended
    return FinishStep(path, "done", outputs_of(state, path, step))


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


def _replied(_plan: Plan, _state: RunState, scope: ScopeState, step: AskStepPlan, path: str) -> Action:
    answer = scope.steps[step.id].answer
    if answer is None:
        raise ValueError(f"{path} has no answer")
    if answer.expired:
        return FinishStep(path, "failed", failure=Failure("timeout", "nobody answered in time", step=path))
    return FinishStep(path, "done", answer.answers)


def _after_crash(plan: Plan, state: RunState, scope: ScopeState, step: EffectStepPlan, path: str) -> Action:
    """An effect whose end a crash swallowed: it may have happened, so it is never repeated silently."""
    step_state = scope.steps[step.id]
    message = f"a crash cut the {_EFFECT_WORDS[type(step)]} off; whether it took effect cannot be told"
    cut_off = Failure("outcome_unknown", message, step=path)
    if step_state.gate is not None and step_state.gate.about == "call" and step_state.answer is not None:
        return _judged(plan, state, scope, step, path, step_state.answer)
    if step.on_unknown == "fail":
        return FinishStep(path, "failed", failure=cut_off)
    if step.on_unknown == "ask" and step_state.answer is None:
        message = f"{cut_off.message}. Run `{path}` again? A no fails the step."
        return OpenGate(path, message, None, "unknown", None)
    if step_state.answer is not None and not step_state.answer.approved:
        return FinishStep(path, "failed", failure=cut_off)
    return start_effect(plan, state, scope, step, path)


def _judged(
    plan: Plan, state: RunState, scope: ScopeState, step: EffectStepPlan, path: str, answer: GateAnswered
) -> Action:
    """The call of a step, which a person has said yes or no to."""
    if answer.approved:
        return start_effect(plan, state, scope, step, path)
    said = f"{answer.by} said no to its call" + (f": {answer.comment}" if answer.comment else "")
    return FinishStep(path, "failed", failure=Failure("denied", said, step=path))


_EFFECT_WORDS: Mapping[type[StepPlan], str] = {
    RunStepPlan: "command",
    CallStepPlan: "function",
    ToolStepPlan: "tool",
}

_GoOn = Callable[[Plan, RunState, ScopeState, Any, str], Action]
GO_ON: Mapping[type[StepPlan], _GoOn] = {
    GroupStepPlan: _finish_group,
    RepeatStepPlan: _finish_repeat,
    ChooseStepPlan: _finish_choice,
    WorkflowStepPlan: _finish_workflow,
    ForEachStepPlan: _finish_loop,
    ApproveStepPlan: _answered,
    AskStepPlan: _replied,
    RunStepPlan: _after_crash,
    CallStepPlan: _after_crash,
    ToolStepPlan: _after_crash,
}
"""What is decided on a step at work: its block is through, a person answered, a crash hit it."""
