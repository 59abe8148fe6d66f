"""The effects of steps: commands, functions, tools. Each is announced on record, does its work, and tells its end."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from agentflow.engine.admission import Wanted
from agentflow.engine.checkpoints import keep_for
from agentflow.engine.contents import ONLY_FOR_AGENTS, redacted_content, text_of
from agentflow.engine.leave import step_may
from agentflow.engine.needed_secrets import has_secrets
from agentflow.engine.perform import run_step
from agentflow.engine.permits import closed_of_step
from agentflow.engine.port import Loop
from agentflow.engine.sandboxes import confinement_of
from agentflow.engine.secrets import missing
from agentflow.events.run_events import CommandCalled, FunctionCalled, StepFinished, StepStarted, ToolStepCalled
from agentflow.events.values import Failure, FailureKind
from agentflow.journal.port import RUN_STREAM
from agentflow.plan.agent_plan import Effects, FunctionToolPlan
from agentflow.plan.expressions import ExpressionError
from agentflow.plan.secrets import SecretMissingError
from agentflow.run.files import folder_of
from agentflow.run.starting import effect_of
from agentflow.run.state import StartCall, StartCommand, StartEffect, StartTool
from agentflow.spec.contracts import Contract
from agentflow.tools.port import ToolContext
from agentflow.tools.sandbox.port import SandboxError

Env = Mapping[str, str]
"""Variables with the secrets in their places."""


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
    """Starts a step that acts by itself, once its secrets are there; what it does begins when a slot is free."""
    if not has_secrets(loop, action.step):
        return
    if isinstance(action, StartTool) and not step_may(loop, action):
        return
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
            env = {**loop.secrets.filled(action.env), **loop.workspaces.env(action.workspace)}
            prepared = _PREPARE[type(action)](loop, action, env, key)
        except ExpressionError as error:
            prepared = Failure("expression", str(error))
        except SecretMissingError as error:
            prepared = missing(error)
        except SandboxError as error:
            prepared = Failure("sandbox", f"{error.message}; {error.hint}" if error.hint else error.message)
        if not isinstance(prepared, Failure) and isinstance(action, StartTool):
            caller = loop.live.caller_of_step(path)
            if loop.admission.holds(Wanted(caller, action.tool, action.input, ask, give)):
                return False
        if isinstance(prepared, Failure):
            loop.happen(RUN_STREAM, failed(prepared))
            return False
        loop.happen(RUN_STREAM, prepared.intent, durable=prepared.effects != "none")
        loop.perform(RUN_STREAM, lambda: loop.workspaces.within(action.workspace, prepared.work, failed), path)
        return True

    def give(value: Any) -> None:
        loop.happen(RUN_STREAM, StepFinished(loop.now(), path, "done", value))

    def ask() -> None:
        loop.slots.request(RUN_STREAM, path, begin)

    ask()


def _command(loop: Loop, action: StartCommand, env: Env, key: str) -> Prepared | Failure:
    plan = loop.live.plan_of(action.step)
    within = confinement_of(loop, plan, action.step, action.workspace)
    if within is None and not plan.sandbox_off:
        return _no_sandbox()
    intent = CommandCalled(loop.now(), action.step, action.argv)
    root = loop.workspaces.root(action.workspace)
    return Prepared(intent, action.effects, lambda: run_step(action, env, loop.secrets, root, key, loop.now, within))


def _call(loop: Loop, action: StartCall, env: Env, key: str) -> Prepared | Failure:
    plan = action.plan
    intent = FunctionCalled(loop.now(), action.step, f"{plan.file}:{plan.function}", action.arguments)
    return Prepared(intent, plan.effects, lambda: _call_function(loop, action, env, key))


async def _call_function(loop: Loop, action: StartCall, env: Env, key: str) -> StepFinished:
    from agentflow.tools.functions import FunctionCall, FunctionFailed, call_function, place_of
    from agentflow.tools.shell import KEY_VARIABLE

    def failed(kind: FailureKind, message: str) -> StepFinished:
        failure = Failure(kind, loop.secrets.redacted(message), step=action.step)
        return StepFinished(loop.now(), action.step, "failed", failure=failure)

    plan = action.plan
    home = loop.around.project / folder_of(loop.live.run, action.step)
    folder, file = place_of(home, plan.file, plan.module)
    call = FunctionCall(
        folder=folder,
        file=file,
        module=plan.module,
        function=plan.function,
        text=plan.text,
        arguments=action.arguments,
        env={**env, KEY_VARIABLE: key},
        cwd=loop.workspaces.root(action.workspace),
        timeout=plan.timeout,
    )
    try:
        value = loop.secrets.redacted_data(await call_function(call))
    except FunctionFailed as error:
        return failed("timeout" if error.timed_out else "call_failed", error.message)
    problems = [] if plan.output is None else Contract(plan.output).problems(value)
    if problems:
        told = "; ".join(problems)
        message = f"what `{file}:{plan.function}` returned does not meet the step's `output`: {told}"
        return failed("output_invalid", message)
    return StepFinished(loop.now(), action.step, "done", value)


def _tool(loop: Loop, action: StartTool, env: Env, key: str) -> Prepared | Failure:
    tool, plan = action.tool, loop.live.plan_of(action.step)
    own = plan.tools.get(tool.name)
    runs = tool.name == "Bash" or own is not None
    within = confinement_of(loop, plan, action.step, action.workspace) if runs else None
    if runs and within is None and not plan.sandbox_off and not isinstance(own, FunctionToolPlan):
        return _no_sandbox()
    if (wrong := wrong_input(action)) is not None:
        return wrong
    given = (env, loop.secrets.values) if runs else ({}, {})
    root = loop.workspaces.root(action.workspace)
    home = (loop.around.project / folder_of(loop.live.run, action.step)).resolve()
    context = ToolContext(root, (), given[0], key, plan.sandbox_off, given[1], own, home=home, confinement=within)
    keep = keep_for(loop, RUN_STREAM, tool.name, action.step, action.workspace)
    context = replace(context, sealed=loop.live.own_files, keep=keep, closed=closed_of_step(loop, action))

    async def work() -> StepFinished:
        output = await loop.tools.run(tool.name, action.input, context)
        content = text_of(redacted_content(loop.secrets, output.content))
        if content is None:
            message = f"`{tool.name}`: {ONLY_FOR_AGENTS}"
            failure = Failure("tool_failed", message, step=action.step)
            return StepFinished(loop.now(), action.step, "failed", failure=failure)
        if not output.is_error:
            value = loop.secrets.redacted_data(output.value) if output.is_checked else content
            return StepFinished(loop.now(), action.step, "done", value)
        kind: FailureKind = "timeout" if output.failure == "timeout" else "tool_failed"
        said = loop.secrets.redacted(output.detail) or content
        failure = Failure(kind, f"`{tool.name}`: {said}", step=action.step)
        return StepFinished(loop.now(), action.step, "failed", failure=failure)

    return Prepared(ToolStepCalled(loop.now(), action.step, tool.name, action.input), tool.effects, work)


def wrong_input(action: StartTool) -> Failure | None:
    """Why a tool does not take what its step gives it, or None."""
    problems = Contract(action.tool.input_schema).problems(action.input)
    if not problems:
        return None
    return Failure("tool_failed", f"`{action.tool.name}` does not take this input: {'; '.join(problems)}")


def _no_sandbox() -> Failure:
    return Failure("sandbox", "there is no sandbox for commands here, and the file does not say `sandbox: off`")


_PREPARE: Mapping[type[Any], Callable[[Loop, Any, Env, str], Prepared | Failure]] = {
    StartCommand: _command,
    StartCall: _call,
    StartTool: _tool,
}
EFFECTS: Mapping[type[Any], Callable[[Loop, Any], None]] = dict.fromkeys(_PREPARE, start_effect)
"""The actions of the run decider that are done here."""
