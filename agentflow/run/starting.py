"""How a step of each kind starts, once it may."""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace

from agentflow.events.values import Failure
from agentflow.plan.arguments import rendered, templates_in
from agentflow.plan.expressions import Expression, ExpressionError
from agentflow.plan.model import (
    AgentStepPlan,
    ApproveStepPlan,
    AskStepPlan,
    BoundPlan,
    CallStepPlan,
    ChooseStepPlan,
    EffectStepPlan,
    FailStepPlan,
    ForEachStepPlan,
    GroupStepPlan,
    Plan,
    RepeatStepPlan,
    RunStepPlan,
    StepPlan,
    ToolStepPlan,
    ValueStepPlan,
    WorkflowStepPlan,
)
from agentflow.plan.secrets import environment_text
from agentflow.run.files import InputsRefusedError, inputs_at, inputs_for, plan_at
from agentflow.run.names import carried_on, names_for
from agentflow.run.state import (
    Action,
    FinishStep,
    OpenGate,
    RunState,
    ScopeState,
    StartBlock,
    StartCall,
    StartCommand,
    StartEffect,
    StartSession,
    StartTool,
    split,
)
from agentflow.run.workspaces import workspace_of, workspace_of_session

JSON = Any


def effect_of(plan: Plan, state: RunState, path: str) -> StartEffect:
    """What a step that has started does. Raises ExpressionError where it cannot be rendered."""
    scope_path, name = split(path)
    scope = state.scopes[scope_path]
    step = scope.block.steps[name]
    if not isinstance(step, EffectStepPlan):
        raise ValueError(f"{path} does nothing by itself")
    return _EFFECTS[type(step)](plan, state, scope, step, path, scope.steps[name].attempt)


def _start_agent(_plan: Plan, state: RunState, scope: ScopeState, step: AgentStepPlan, path: str) -> Action:
    prompt = step.prompt.render(names_for(state, scope, step.prompt))
    if not prompt.strip():
        raise ExpressionError("the prompt came out empty; look at what it reads")
    instructions = step.agent.instructions
    continued = None if step.continues_session is None else carried_on(state, scope, step.continues_session)
    began = state.sessions.get(path) or 0
    return StartSession(
        step=path,
        attempt=began + 1,
        session=path if began == 0 else f"{path}#{began + 1}",
        agent=step.agent,
        prompt=prompt,
        instructions=None if instructions is None else instructions.render(names_for(state, scope, instructions)),
        continues=None if continued is None else continued.session,
        workspace=workspace_of_session(state, path),
    )


def start_effect(plan: Plan, state: RunState, scope: ScopeState, step: EffectStepPlan, path: str) -> Action:
    """Runs a command, function or tool, anew where it ran before."""
    return _EFFECTS[type(step)](plan, state, scope, step, path, scope.steps[step.id].attempt + 1)


def _command(
    plan: Plan, state: RunState, scope: ScopeState, step: RunStepPlan, path: str, attempt: int
) -> StartCommand:
    env = {**plan_at(plan, state, scope).env, **step.env}
    names = names_for(state, scope, *step.argv, step.stdin, *env.values())
    script = () if step.script is None else ("bash", "-euo", "pipefail", "-c", step.script)
    return StartCommand(
        step=path,
        attempt=attempt,
        argv=script or tuple(word.render(names) for word in step.argv),
        stdin="" if step.stdin is None else step.stdin.render(names),
        env={name: environment_text(value, names) for name, value in env.items()},
        cwd=step.cwd,
        timeout=step.timeout,
        effects=step.effects,
        parse=step.parse,
        exit_codes=step.exit_codes,
        workspace=workspace_of(state, path),
    )


def _call(plan: Plan, state: RunState, scope: ScopeState, step: CallStepPlan, path: str, attempt: int) -> StartCall:
    env = plan_at(plan, state, scope).env
    names = names_for(state, scope, *templates_in(step.arguments), *env.values())
    return StartCall(
        step=path,
        attempt=attempt,
        plan=step,
        arguments=rendered(step.arguments, names),
        env={name: environment_text(value, names) for name, value in env.items()},
        workspace=workspace_of(state, path),
    )


def _tool(plan: Plan, state: RunState, scope: ScopeState, step: ToolStepPlan, path: str, attempt: int) -> StartTool:
    env = plan_at(plan, state, scope).env
    names = names_for(state, scope, *templates_in(step.input), *env.values())
    return StartTool(
        step=path,
        attempt=attempt,
        tool=step.tool,
        input=rendered(step.input, names),
        env={name: environment_text(value, names) for name, value in env.items()},
        workspace=workspace_of(state, path),
    )


_Effect = Callable[[Plan, RunState, ScopeState, Any, str, int], StartEffect]
_EFFECTS: Mapping[type[StepPlan], _Effect] = {RunStepPlan: _command, CallStepPlan: _call, ToolStepPlan: _tool}


def _start_value(_plan: Plan, state: RunState, scope: ScopeState, step: ValueStepPlan, path: str) -> Action:
    return FinishStep(path, "done", step.value.evaluate(names_for(state, scope, step.value)))


def _start_approve(_plan: Plan, state: RunState, scope: ScopeState, step: ApproveStepPlan, path: str) -> Action:
    names = names_for(state, scope, step.message, step.show)
    show = None if step.show is None else step.show.render(names)
    who = (step.roles, step.escalate_after, step.escalate_to)
    return OpenGate(path, step.message.render(names), show, "approve", step.timeout, None, *who)


def _start_for_each(_plan: Plan, state: RunState, scope: ScopeState, step: ForEachStepPlan, path: str) -> Action:
    items = items_of(state, scope, step)
    most = bound(state, scope, step.max)
    if len(items) > most:
        message = f"`for_each` got {len(items)} items and may take {most}; raise `max`, or shorten the list"
        return FinishStep(path, "failed", failure=Failure("max_items", message, step=path))
    return StartBlock(path, items=len(items))


def _start_repeat(_plan: Plan, state: RunState, scope: ScopeState, step: RepeatStepPlan, path: str) -> Action:
    return StartBlock(path, rounds=bound(state, scope, step.max))


def _start_choose(_plan: Plan, state: RunState, scope: ScopeState, step: ChooseStepPlan, path: str) -> Action:
    for name, case in step.body.steps.items():
        if case.when is None or holds(state, scope, case.when):
            return StartBlock(path, choice=name)
    return FinishStep(path, "skipped", reason="none of its cases holds")


def _start_fail(_plan: Plan, state: RunState, scope: ScopeState, step: FailStepPlan, path: str) -> Action:
    message = step.message.render(names_for(state, scope, step.message)).strip()
    return FinishStep(path, "failed", failure=Failure("failed", message or f"step `{path}` says so", step=path))


def _start_group(_plan: Plan, _state: RunState, _scope: ScopeState, _step: GroupStepPlan, path: str) -> Action:
    return StartBlock(path)


def _start_ask(_plan: Plan, state: RunState, scope: ScopeState, step: AskStepPlan, path: str) -> Action:
    names = names_for(state, scope, step.message, step.show)
    show = None if step.show is None else step.show.render(names)
    return OpenGate(path, step.message.render(names), show, "ask", step.timeout, step.form)


def _start_workflow(_plan: Plan, state: RunState, scope: ScopeState, step: WorkflowStepPlan, path: str) -> Action:
    try:
        inputs_for(state, scope, step)
    except InputsRefusedError as error:
        return FinishStep(path, "failed", failure=Failure("input_invalid", str(error), step=path))
    return StartBlock(path)


_Start = Callable[[Plan, RunState, ScopeState, Any, str], Action]
START: Mapping[type[StepPlan], _Start] = {
    AgentStepPlan: _start_agent,
    RunStepPlan: start_effect,
    CallStepPlan: start_effect,
    ToolStepPlan: start_effect,
    ValueStepPlan: _start_value,
    ApproveStepPlan: _start_approve,
    AskStepPlan: _start_ask,
    WorkflowStepPlan: _start_workflow,
    ForEachStepPlan: _start_for_each,
    RepeatStepPlan: _start_repeat,
    ChooseStepPlan: _start_choose,
    FailStepPlan: _start_fail,
    GroupStepPlan: _start_group,
}


def holds(state: RunState, scope: ScopeState, condition: Expression, key: str = "when") -> bool:
    """Whether a condition holds in a scope. Raises ExpressionError where it is neither true nor false."""
    found = condition.evaluate(names_for(state, scope, condition))
    if not isinstance(found, bool):
        raise ExpressionError(f"`{key}: {condition.source}` gave {word_for(found)}, not true or false; compare it")
    return found


def start(plan: Plan, state: RunState, scope: ScopeState, step: StepPlan, path: str) -> Action:
    """Starts a step, whatever its kind. Raises ExpressionError where what it reads does not do."""
    action = START[type(step)](plan, state, scope, step, path)
    if isinstance(action, StartBlock):
        return replace(action, attempt=scope.steps[step.id].attempt + 1)
    return action


def items_of(state: RunState, scope: ScopeState, step: ForEachStepPlan) -> list[JSON]:
    """The list a loop runs over. Raises ExpressionError where it is none."""
    items = step.items.evaluate(names_for(state, scope, step.items))
    if not isinstance(items, list):
        raise ExpressionError(f"`for_each: {step.items.source}` gave {word_for(items)}, not a list")
    return items


def bound(state: RunState, scope: ScopeState, value: BoundPlan) -> int:
    """What a bound that stands in a scope comes to in this run."""
    return value.value if value.value is not None else int(inputs_at(state, scope)[str(value.input)])


def word_for(value: JSON) -> str:
    """What a value is, in the words of the language."""
    names = {type(None): "null", bool: "a boolean", int: "a number", float: "a number", str: "a text", list: "a list"}
    return names.get(type(value), "a mapping")
