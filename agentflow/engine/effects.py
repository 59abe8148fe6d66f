"""The effects of steps: commands, functions, tools. Each is announced on record, does its work, and tells its end."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from agentflow.engine.perform import run_step
from agentflow.engine.port import Loop
from agentflow.events.run_events import CommandCalled, FunctionCalled, StepFinished, StepStarted, ToolStepCalled
from agentflow.events.values import Failure, FailureKind
from agentflow.journal.port import RUN_STREAM
from agentflow.plan.expressions import ExpressionError
from agentflow.plan.model import Effects
from agentflow.run.starting import effect_of
from agentflow.run.state import StartCall, StartCommand, StartEffect, StartTool
from agentflow.spec.contracts import Contract
from agentflow.tools.port import ToolContext


class Prepared(Struct, frozen=True):
    """An effect that may begin.

    Attributes:
        intent: what is on record before it does.
        work: does it.
    """

    intent: CommandCalled | FunctionCalled | ToolStepCalled
    effects: Effects
    work: Callable[[], Coroutine[Any, Any, StepFinished]]


def start_effect(loop: Loop, action: StartEffect) -> None:
    """Starts a step that acts by itself; what it does begins when a slot is free."""
    loop.happen(RUN_STREAM, StepStarted(loop.now(), action.step, action.attempt, workspace=action.workspace))
    want_effect(loop, action.step)


def want_effect(loop: Loop, path: str) -> None:
    """Has the effect of a step that has started begin when a slot is free."""

    def failed(failure: Failure) -> StepFinished:
        return StepFinished(loop.now(), path, "failed", failure=replace(failure, step=path))

    def begin() -> bool:
        # The key is the same however often it is tried: who gets it can tell that a repeat is one.
        key = f"{loop.live.run.id}/{path}"
        try:
            action = effect_of(loop.live.plan, loop.live.run, path)
            prepared = _PREPARE[type(action)](loop, action, key)
        except ExpressionError as error:
            prepared = Failure("expression", str(error))
        if isinstance(prepared, Failure):
            loop.happen(RUN_STREAM, failed(prepared))
            return False
        loop.happen(RUN_STREAM, prepared.intent, durable=prepared.effects != "none")
        loop.perform(RUN_STREAM, lambda: loop.workspaces.within(action.workspace, prepared.work, failed), path)
        return True

    loop.slots.request(RUN_STREAM, path, begin)


def _command(loop: Loop, action: StartCommand, key: str) -> Prepared | Failure:
    if not loop.live.plan.sandbox_off:
        return _no_sandbox()
    intent = CommandCalled(loop.now(), action.step, action.argv)
    action = replace(action, env={**action.env, **loop.workspaces.env(action.workspace)})
    root = loop.workspaces.root(action.workspace)
    return Prepared(intent, action.effects, lambda: run_step(action, root, key, loop.now))


def _call(loop: Loop, action: StartCall, key: str) -> Prepared | Failure:
    plan = action.plan
    intent = FunctionCalled(loop.now(), action.step, f"{plan.file}:{plan.function}", action.arguments)
    return Prepared(intent, plan.effects, lambda: _call_function(loop, action, key))


async def _call_function(loop: Loop, action: StartCall, key: str) -> StepFinished:
    from agentflow.tools.functions import FunctionCall, FunctionFailed, call_function
    from agentflow.tools.shell import KEY_VARIABLE

    def failed(kind: FailureKind, message: str) -> StepFinished:
        return StepFinished(loop.now(), action.step, "failed", failure=Failure(kind, message, step=action.step))

    plan = action.plan
    # The folder that module names start from: `lib.stats` of `flows/lib/stats.py` starts from `flows`.
    above = plan.file.removesuffix(".py").removesuffix(plan.module.replace(".", "/"))
    file = plan.file.removeprefix(above)
    call = FunctionCall(
        folder=(loop.around.project / loop.live.run.folder / above).resolve(),
        file=file,
        module=plan.module,
        function=plan.function,
        text=plan.text,
        arguments=action.arguments,
        env={**action.env, **loop.workspaces.env(action.workspace), KEY_VARIABLE: key},
        cwd=loop.workspaces.root(action.workspace),
        timeout=plan.timeout,
    )
    try:
        value = await call_function(call)
    except FunctionFailed as error:
        return failed("timeout" if error.timed_out else "call_failed", error.message)
    problems = [] if plan.output is None else Contract(plan.output).problems(value)
    if problems:
        told = "; ".join(problems)
        message = f"what `{file}:{plan.function}` returned does not meet the step's `output`: {told}"
        return failed("output_invalid", message)
    return StepFinished(loop.now(), action.step, "done", value)


def _tool(loop: Loop, action: StartTool, key: str) -> Prepared | Failure:
    tool, live = action.tool, loop.live
    if not live.plan.sandbox_off and (tool.name == "Bash" or tool.name in live.plan.tools):
        return _no_sandbox()
    if (wrong := wrong_input(action)) is not None:
        return wrong
    env = {**action.env, **loop.workspaces.env(action.workspace)}
    context = ToolContext(loop.workspaces.root(action.workspace), (), env, key, live.plan.sandbox_off)

    async def work() -> StepFinished:
        output = await loop.tools.run(tool.name, action.input, context)
        if not output.is_error:
            return StepFinished(loop.now(), action.step, "done", output.content)
        failure = Failure("tool_failed", f"`{tool.name}`: {output.content}", step=action.step)
        return StepFinished(loop.now(), action.step, "failed", failure=failure)

    return Prepared(ToolStepCalled(loop.now(), action.step, tool.name, action.input), tool.effects, work)


def wrong_input(action: StartTool) -> Failure | None:
    """Why a tool does not take what its step gives it, or None."""
    problems = Contract(action.tool.input_schema).problems(action.input)
    if not problems:
        return None
    return Failure("tool_failed", f"`{action.tool.name}` does not take this input: {'; '.join(problems)}")


def _no_sandbox() -> Failure:
    return Failure("sandbox", "commands run only under `sandbox: off`, until there is a sandbox")


_PREPARE: Mapping[type[Any], Callable[[Loop, Any, str], Prepared | Failure]] = {
    StartCommand: _command,
    StartCall: _call,
    StartTool: _tool,
}
EFFECTS: Mapping[type[Any], Callable[[Loop, Any], None]] = dict.fromkeys(_PREPARE, start_effect)
"""The actions of the run decider that are done here."""
