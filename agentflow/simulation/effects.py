"""What stands in for commands, functions and tools of steps: their stubs, or outputs that count as done."""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from agentflow.engine.effects import wrong_input
from agentflow.events.run_events import CommandCalled, FunctionCalled, StepFinished, StepStarted, ToolStepCalled
from agentflow.events.values import Failure, StepStatus
from agentflow.journal.port import RUN_STREAM
from agentflow.run.state import StartCall, StartCommand, StartEffect, StartTool
from agentflow.simulation.loop import DryLoop
from agentflow.simulation.outcomes import comes_to, failing, fails, skipped
from agentflow.spec.stubs import Stub

JSON = Any


class Effect(Struct, frozen=True):
    """An effect that nothing is done about.

    Attributes:
        asked: what would be asked of the world.
        intent: what a run has on record before it begins; None: it does not begin.
    """

    asked: Mapping[str, JSON]
    intent: CommandCalled | FunctionCalled | ToolStepCalled | None
    output: JSON
    failure: Failure | None
    exit_code: int | None = None


def start_effect(loop: DryLoop, action: StartEffect) -> None:
    """A step that acts by itself comes to what its stub says, once a slot has been free for it."""
    path = action.step
    stub = loop.book.take(path)
    if skipped(loop, path, stub):
        return
    loop.happen(RUN_STREAM, StepStarted(loop.now(), path, action.attempt, workspace=action.workspace))
    effect = _EFFECTS[type(action)](loop, action, stub)
    loop.tracer.last(path).asked = effect.asked

    def ended() -> None:
        status: StepStatus = "done" if effect.failure is None else "failed"
        end = StepFinished(loop.now(), path, status, effect.output, effect.failure, exit_code=effect.exit_code)
        loop.happen(RUN_STREAM, end)

    loop.in_a_slot(RUN_STREAM, path, ended, effect.intent)


def _command(loop: DryLoop, action: StartCommand, stub: Stub | None) -> Effect:
    """Without a stub it ends with the first exit code that counts as done."""
    asked = {"argv": list(action.argv), "stdin": action.stdin, "cwd": action.cwd}
    intent = CommandCalled(loop.now(), action.step, action.argv)
    code = None if stub is None else stub.exit_code
    if stub is not None and code is not None and code not in action.exit_codes:
        message = f"`{action.argv[0]}` exited with {code}"
        return Effect(asked, intent, None, failing(loop, action.step, stub, "command_failed", message), code)
    output, failure = comes_to(loop, action.step, stub)
    return Effect(asked, intent, output, failure, action.exit_codes[0] if code is None and failure is None else code)


def _call(loop: DryLoop, action: StartCall, stub: Stub | None) -> Effect:
    plan = action.plan
    asked = {"function": f"{plan.module}:{plan.function}", "arguments": action.arguments}
    intent = FunctionCalled(loop.now(), action.step, f"{plan.file}:{plan.function}", action.arguments)
    return Effect(asked, intent, *comes_to(loop, action.step, stub))


def _tool(loop: DryLoop, action: StartTool, stub: Stub | None) -> Effect:
    """An input that the tool would not take fails the step, whatever its stub says that the tool gives."""
    asked = {"tool": action.tool.name, "input": action.input}
    wrong = wrong_input(action)
    if wrong is not None and not fails(stub):
        return Effect(asked, None, None, replace(wrong, step=action.step))
    intent = ToolStepCalled(loop.now(), action.step, action.tool.name, action.input)
    return Effect(asked, intent, *comes_to(loop, action.step, stub))


_EFFECTS: Mapping[type[Any], Callable[[DryLoop, Any, Stub | None], Effect]] = {
    StartCommand: _command,
    StartCall: _call,
    StartTool: _tool,
}
DRY_EFFECTS: Mapping[type[Any], Callable[[DryLoop, Any], None]] = dict.fromkeys(_EFFECTS, start_effect)
"""The actions of the run decider that are stood in for here."""
