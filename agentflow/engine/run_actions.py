"""What the run decider wants, done: one function for each kind of action."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from agentflow.engine.live import commands_at_work
from agentflow.engine.perform import run_step
from agentflow.engine.session_actions import watch_the_clock
from agentflow.events.run_events import (
    CommandCalled,
    GateOpened,
    RunFinished,
    StepFinished,
    StepStarted,
)
from agentflow.events.session_events import LimitReached, SessionStarted
from agentflow.events.values import Failure
from agentflow.journal.port import RUN_STREAM
from agentflow.plan.expressions import ExpressionError
from agentflow.run.decide import command_of
from agentflow.run.state import (
    FinishRun,
    FinishStep,
    OpenGate,
    StartBlock,
    StartCommand,
    StartSession,
)

if TYPE_CHECKING:
    from agentflow.engine.local import LocalEngine


def start_session(engine: "LocalEngine", action: StartSession) -> None:
    """Starts an agent step's session, unless the run has used up its agents."""
    failure = engine.live.ledger.no_more_agents()
    if failure is not None:
        engine.happen(RUN_STREAM, StepFinished(engine.now(), action.step, "failed", failure=failure))
        return
    now = engine.now()
    engine.happen(RUN_STREAM, StepStarted(now, action.step, action.attempt, session=action.session))
    engine.happen(
        action.session,
        SessionStarted(
            at=now,
            agent=action.agent.name,
            step=action.step,
            prompt=action.prompt,
            instructions=action.instructions,
            continues=action.continues,
        ),
    )
    watch_the_clock(engine, action.session)


def start_command(engine: "LocalEngine", action: StartCommand) -> None:
    """Starts a command's step; the command runs when a slot is free."""
    engine.happen(RUN_STREAM, StepStarted(engine.now(), action.step, action.attempt))
    want_command(engine, action.step)


def want_command(engine: "LocalEngine", path: str) -> None:
    """Has the command of a step that has started run when a slot is free."""

    def begin() -> bool:
        try:
            action = command_of(engine.live.plan, engine.live.run, path)
        except ExpressionError as error:
            failure = Failure("expression", str(error), step=path)
            engine.happen(RUN_STREAM, StepFinished(engine.now(), path, "failed", failure=failure))
            return False
        if not engine.live.plan.sandbox_off:
            failure = Failure("sandbox", "commands run only under `sandbox: off`, until there is a sandbox", step=path)
            engine.happen(RUN_STREAM, StepFinished(engine.now(), path, "failed", failure=failure))
            return False
        called = CommandCalled(engine.now(), path, action.argv)
        engine.happen(RUN_STREAM, called, durable=action.effects != "none")
        key = f"{engine.live.run.id}/{path}/{action.attempt}"
        engine.perform(RUN_STREAM, lambda: run_step(action, engine.around.project, key, engine.now))
        return True

    engine.slots.request(RUN_STREAM, path, begin)


def start_block(engine: "LocalEngine", action: StartBlock) -> None:
    """Opens a group or a loop."""
    engine.happen(RUN_STREAM, StepStarted(engine.now(), action.step, items=action.items))


def open_gate(engine: "LocalEngine", action: OpenGate) -> None:
    """Asks a person."""
    now = engine.now()
    expires_at = None if action.timeout is None else now + action.timeout
    gate = GateOpened(now, action.step, action.message, action.show, action.about, expires_at)
    engine.happen(RUN_STREAM, gate, durable=True)
    engine.recorder.then(lambda: engine.gate_opened(action.step))


def finish_step(engine: "LocalEngine", action: FinishStep) -> None:
    """Ends a step or an item."""
    engine.happen(
        RUN_STREAM,
        StepFinished(
            at=engine.now(),
            step=action.step,
            status=action.status,
            output=action.output,
            failure=action.failure,
            reason=action.reason,
            errors=action.errors,
            approved=action.approved,
        ),
    )
    engine.gate_closed(action.step)


def finish_run(engine: "LocalEngine", action: FinishRun) -> None:
    """Ends the run; sessions and commands that are still at work are cancelled first, and say so."""
    cancelled = Failure("cancelled", "the run ended before this did")
    for stream, state in list(engine.live.sessions.items()):
        if state.parent is None:
            engine.happen(stream, LimitReached(engine.now(), cancelled))
            engine.decide(stream)
    for path, _, _ in commands_at_work(engine.live.run):
        failure = replace(cancelled, step=path)
        engine.happen(RUN_STREAM, StepFinished(engine.now(), path, "failed", failure=failure))
    engine.cancel(RUN_STREAM)
    status, spent = action.status, engine.live.spent()
    engine.run_finished(RunFinished(engine.now(), status, action.outputs, action.failure, spent))


RUN_ACTIONS: Mapping[type[Any], Callable[["LocalEngine", Any], None]] = {
    StartSession: start_session,
    StartCommand: start_command,
    StartBlock: start_block,
    OpenGate: open_gate,
    FinishStep: finish_step,
    FinishRun: finish_run,
}
