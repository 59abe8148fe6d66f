"""What a run does next. Pure: the same state gives the same actions."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from agentflow.events.values import Failure
from agentflow.plan.expressions import ExpressionError
from agentflow.plan.model import (
    AgentStepPlan,
    ApproveStepPlan,
    BoundPlan,
    ForEachStepPlan,
    GroupStepPlan,
    Plan,
    RunStepPlan,
    StepPlan,
    ValueStepPlan,
)
from agentflow.run.names import find, names_for, readable, succeeded
from agentflow.run.state import (
    ROOT,
    Action,
    FinishRun,
    FinishStep,
    OpenGate,
    RunState,
    ScopeState,
    StartBlock,
    StartCommand,
    StartSession,
    StepState,
    item_of,
    split,
)

JSON = Any


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
    return (*actions, *_pointless_gates(state)) if state.failing and state.gates else actions


def command_of(plan: Plan, state: RunState, path: str) -> StartCommand:
    """The command of a step that has started. Raises ExpressionError where it cannot be rendered."""
    scope_path, name = split(path)
    scope = state.scopes[scope_path]
    step = scope.block.steps[name]
    if not isinstance(step, RunStepPlan):
        raise ValueError(f"{path} is not a command")
    return _command(plan, state, scope, step, path, scope.steps[name].attempt)


def _pointless_gates(state: RunState) -> Iterator[FinishStep]:
    """Gates that nobody need answer any more, because something around them has failed."""
    for path in sorted(state.gates):
        scope_path, name = split(path)
        scope = state.scopes[scope_path]
        reason = halted(state, scope, scope.block.steps[name])
        if reason is not None:
            yield FinishStep(path, "skipped", reason=reason.replace("not started", "not asked any more", 1))


def _decide_path(plan: Plan, state: RunState, path: str) -> Action:
    if path == ROOT:
        return _finish_run(plan, state)
    if item_of(path) is not None:
        return _finish_scope(state, path)
    scope_path, name = split(path)
    scope = state.scopes[scope_path]
    step, step_state = scope.block.steps[name], scope.steps[name]
    try:
        if step_state.status == "waiting":
            return _begin(plan, state, scope, step, path)
        return _go_on(plan, state, scope, step, step_state, path)
    except ExpressionError as error:
        return FinishStep(path, "failed", failure=Failure("expression", str(error), step=path))


def _begin(plan: Plan, state: RunState, scope: ScopeState, step: StepPlan, path: str) -> Action:
    """A step that waits for nothing more: skip it, or start it."""
    reason = halted(state, scope, step) or _unmet_need(scope, step) or _unreadable(state, scope, step)
    if reason is not None:
        return FinishStep(path, "skipped", reason=reason)
    if step.when is not None:
        holds = step.when.evaluate(names_for(state, scope, step.when))
        if not isinstance(holds, bool):
            raise ExpressionError(f"`when: {step.when.source}` gave {_kind(holds)}, not true or false; compare it")
        if not holds:
            return FinishStep(path, "skipped", reason=f"its `when` is false: {step.when.source}")
    return _START[type(step)](plan, state, scope, step, path)


def _go_on(plan: Plan, state: RunState, scope: ScopeState, step: StepPlan, step_state: StepState, path: str) -> Action:
    """A step that is at work and has something to decide: its block is through, a person answered, a crash hit it."""
    if isinstance(step, GroupStepPlan):
        return _finish_scope(state, path)
    if isinstance(step, ForEachStepPlan):
        return _finish_loop(state, scope, step, path)
    if isinstance(step, ApproveStepPlan):
        return _answered(step, step_state, path)
    if isinstance(step, RunStepPlan):
        return _after_crash(plan, state, scope, step, step_state, path)
    raise ValueError(f"nothing to decide on {path}")


# Whether a step may start


def halted(state: RunState, scope: ScopeState, step: StepPlan) -> str | None:
    """Why nothing new starts here, or None. A step that joins on `done` runs after a failure beside it all the same."""
    here, holder = scope, step
    while True:
        if here.failing is not None and holder.join != "done":
            return f"not started: step `{here.failing.step}` failed"
        if (item := item_of(here.path)) is not None and (failing := state.loops[item[0]].failing) is not None:
            return f"not started: step `{failing.step}` failed"
        if here.above is None:
            return None
        above = state.scopes[here.above]
        here, holder = above, above.block.steps[here.holder]


def _unmet_need(scope: ScopeState, step: StepPlan) -> str | None:
    """Why `join` is not met by what became of `needs`."""
    if not step.needs or step.join == "done":
        return None
    unmet = [name for name in step.needs if not succeeded(scope.block.steps[name], scope.steps[name])]
    if not unmet or (step.join == "any" and len(unmet) < len(step.needs)):
        return None
    if step.join == "any":
        return f"none of the steps it needs is done: {', '.join(unmet)}"
    return f"it needs `{unmet[0]}`, which {_became(scope.steps[unmet[0]])}"


def _unreadable(state: RunState, scope: ScopeState, step: StepPlan) -> str | None:
    for name in step.reads:
        read, read_state = find(state, scope, name)
        if not readable(read, read_state):
            return f"it reads `{name}`, which {_became(read_state)}"
    return None


def _became(state: StepState) -> str:
    return {"failed": "failed", "skipped": "was skipped", "rejected": "was rejected"}.get(state.status, "has no output")


# How each kind starts


def _start_agent(_plan: Plan, state: RunState, scope: ScopeState, step: AgentStepPlan, path: str) -> Action:
    prompt = step.prompt.render(names_for(state, scope, step.prompt))
    if not prompt.strip():
        raise ExpressionError("the prompt came out empty; look at what it reads")
    instructions = step.agent.instructions
    continued = None if step.continues_session is None else find(state, scope, step.continues_session)[1].session
    began = state.sessions.get(path) or 0
    return StartSession(
        step=path,
        attempt=began + 1,
        session=path if began == 0 else f"{path}#{began + 1}",
        agent=step.agent,
        prompt=prompt,
        instructions=None if instructions is None else instructions.render(names_for(state, scope, instructions)),
        continues=continued,
    )


def _start_command(plan: Plan, state: RunState, scope: ScopeState, step: RunStepPlan, path: str) -> Action:
    return _command(plan, state, scope, step, path, scope.steps[step.id].attempt + 1)


def _command(
    plan: Plan, state: RunState, scope: ScopeState, step: RunStepPlan, path: str, attempt: int
) -> StartCommand:
    env = {**plan.env, **step.env}
    names = names_for(state, scope, *step.argv, step.stdin, *env.values())
    script = () if step.script is None else ("bash", "-euo", "pipefail", "-c", step.script)
    return StartCommand(
        step=path,
        attempt=attempt,
        argv=script or tuple(word.render(names) for word in step.argv),
        stdin="" if step.stdin is None else step.stdin.render(names),
        env={name: value.render(names) for name, value in env.items()},
        cwd=step.cwd,
        timeout=step.timeout,
        effects=step.effects,
        parse=step.parse,
        exit_codes=step.exit_codes,
    )


def _start_value(_plan: Plan, state: RunState, scope: ScopeState, step: ValueStepPlan, path: str) -> Action:
    return FinishStep(path, "done", step.value.evaluate(names_for(state, scope, step.value)))


def _start_approve(_plan: Plan, state: RunState, scope: ScopeState, step: ApproveStepPlan, path: str) -> Action:
    names = names_for(state, scope, step.message, step.show)
    show = None if step.show is None else step.show.render(names)
    return OpenGate(path, step.message.render(names), show, "approve", step.timeout)


def _start_for_each(_plan: Plan, state: RunState, scope: ScopeState, step: ForEachStepPlan, path: str) -> Action:
    items = items_of(state, scope, step)
    most = bound(state, step.max)
    if len(items) > most:
        message = f"`for_each` got {len(items)} items and may take {most}; raise `max`, or shorten the list"
        return FinishStep(path, "failed", failure=Failure("max_items", message, step=path))
    return StartBlock(path, len(items))


def _start_group(_plan: Plan, _state: RunState, _scope: ScopeState, _step: GroupStepPlan, path: str) -> Action:
    return StartBlock(path, None)


_Start = Callable[[Plan, RunState, ScopeState, Any, str], Action]
_START: Mapping[type[StepPlan], _Start] = {
    AgentStepPlan: _start_agent,
    RunStepPlan: _start_command,
    ValueStepPlan: _start_value,
    ApproveStepPlan: _start_approve,
    ForEachStepPlan: _start_for_each,
    GroupStepPlan: _start_group,
}


def items_of(state: RunState, scope: ScopeState, step: ForEachStepPlan) -> list[JSON]:
    """The list a loop runs over. Raises ExpressionError where it is none."""
    items = step.items.evaluate(names_for(state, scope, step.items))
    if not isinstance(items, list):
        raise ExpressionError(f"`for_each: {step.items.source}` gave {_kind(items)}, not a list")
    return items


def bound(state: RunState, value: BoundPlan) -> int:
    """What a bound comes to in this run."""
    return value.value if value.value is not None else int(state.inputs[str(value.input)])


# How blocks, gates and cut-off commands end


def _finish_scope(state: RunState, path: str) -> Action:
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


def _finish_loop(state: RunState, scope: ScopeState, step: ForEachStepPlan, path: str) -> Action:
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


def _answered(step: ApproveStepPlan, state: StepState, path: str) -> Action:
    answer = state.answer
    if answer is None:
        raise ValueError(f"{path} has no answer")
    output = {"by": answer.by, "at": answer.at, "comment": answer.comment}
    if answer.approved:
        return FinishStep(path, "done", output, approved=True)
    if answer.expired and step.on_timeout == "fail":
        return FinishStep(path, "failed", failure=Failure("timeout", "nobody answered in time", step=path))
    reason = "nobody answered in time" if answer.expired else f"{answer.by} said no"
    return FinishStep(path, "rejected", output, reason=reason, approved=False)


def _after_crash(
    plan: Plan, state: RunState, scope: ScopeState, step: RunStepPlan, step_state: StepState, path: str
) -> Action:
    """A command whose end a crash swallowed: it may have had its effect, so it is never repeated silently."""
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
    return _start_command(plan, state, scope, step, path)


def _finish_run(plan: Plan, state: RunState) -> Action:
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


def _kind(value: JSON) -> str:
    """What a value is, in the words of the language."""
    names = {type(None): "null", bool: "a boolean", int: "a number", float: "a number", str: "a text", list: "a list"}
    return names.get(type(value), "a mapping")
