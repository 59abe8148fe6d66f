"""How a step of each kind starts, once it may."""

from collections.abc import Callable, Mapping
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
from agentflow.run.names import find, names_for
from agentflow.run.state import (
    Action,
    FinishStep,
    OpenGate,
    RunState,
    ScopeState,
    StartBlock,
    StartCommand,
    StartSession,
    split,
)

JSON = Any


def command_of(plan: Plan, state: RunState, path: str) -> StartCommand:
    """The command of a step that has started. Raises ExpressionError where it cannot be rendered."""
    scope_path, name = split(path)
    scope = state.scopes[scope_path]
    step = scope.block.steps[name]
    if not isinstance(step, RunStepPlan):
        raise ValueError(f"{path} is not a command")
    return _command(plan, state, scope, step, path, scope.steps[name].attempt)


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


def start_command(plan: Plan, state: RunState, scope: ScopeState, step: RunStepPlan, path: str) -> Action:
    """Runs a command, anew where it ran before."""
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
START: Mapping[type[StepPlan], _Start] = {
    AgentStepPlan: _start_agent,
    RunStepPlan: start_command,
    ValueStepPlan: _start_value,
    ApproveStepPlan: _start_approve,
    ForEachStepPlan: _start_for_each,
    GroupStepPlan: _start_group,
}


def items_of(state: RunState, scope: ScopeState, step: ForEachStepPlan) -> list[JSON]:
    """The list a loop runs over. Raises ExpressionError where it is none."""
    items = step.items.evaluate(names_for(state, scope, step.items))
    if not isinstance(items, list):
        raise ExpressionError(f"`for_each: {step.items.source}` gave {word_for(items)}, not a list")
    return items


def bound(state: RunState, value: BoundPlan) -> int:
    """What a bound comes to in this run."""
    return value.value if value.value is not None else int(state.inputs[str(value.input)])


def word_for(value: JSON) -> str:
    """What a value is, in the words of the language."""
    names = {type(None): "null", bool: "a boolean", int: "a number", float: "a number", str: "a text", list: "a list"}
    return names.get(type(value), "a mapping")
