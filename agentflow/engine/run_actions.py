"""What the run decider wants, done: one function for each kind of action."""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace

from agentflow.engine.live import commands_at_work
from agentflow.engine.perform import run_step
from agentflow.engine.port import Loop
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
from agentflow.run.starting import command_of
from agentflow.run.state import (
    FinishRun,
    FinishStep,
    OpenGate,
    StartBlock,
    StartCommand,
    StartSession,
)


def start_session(loop: Loop, action: StartSession) -> None:
    """Starts an agent step's session, unless the run has used up its agents."""
    failure = loop.live.ledger.no_more_agents()
    if failure is not None:
        loop.exhausted[action.step] = failure
        return
    now = loop.now()
    loop.happen(RUN_STREAM, StepStarted(now, action.step, action.attempt, session=action.session))
    loop.happen(
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
    watch_the_clock(loop, action.session)


def start_command(loop: Loop, action: StartCommand) -> None:
    """Starts a command's step; the command runs when a slot is free."""
    loop.happen(RUN_STREAM, StepStarted(loop.now(), action.step, action.attempt))
    want_command(loop, action.step)


def want_command(loop: Loop, path: str) -> None:
    """Has the command of a step that has started run when a slot is free."""

    def begin() -> bool:
        try:
            action = command_of(loop.live.plan, loop.live.run, path)
        except ExpressionError as error:
            failure = Failure("expression", str(error), step=path)
            loop.happen(RUN_STREAM, StepFinished(loop.now(), path, "failed", failure=failure))
            return False
        if not loop.live.plan.sandbox_off:
            failure = Failure("sandbox", "commands run only under `sandbox: off`, until there is a sandbox", step=path)
            loop.happen(RUN_STREAM, StepFinished(loop.now(), path, "failed", failure=failure))
            return False
        called = CommandCalled(loop.now(), path, action.argv)
        loop.happen(RUN_STREAM, called, durable=action.effects != "none")
        # The same however often it is tried: who gets it can tell that a repeat is one.
        key = f"{loop.live.run.id}/{path}"
        loop.perform(RUN_STREAM, lambda: run_step(action, loop.around.project, key, loop.now))
        return True

    loop.slots.request(RUN_STREAM, path, begin)


def start_block(loop: Loop, action: StartBlock) -> None:
    """Opens a group or a loop."""
    loop.happen(RUN_STREAM, StepStarted(loop.now(), action.step, items=action.items))


def open_gate(loop: Loop, action: OpenGate) -> None:
    """Asks a person."""
    now = loop.now()
    expires_at = None if action.timeout is None else now + action.timeout
    gate = GateOpened(now, action.step, action.message, action.show, action.about, expires_at)
    loop.happen(RUN_STREAM, gate, durable=True)
    loop.recorder.then(lambda: loop.people.opened(action.step))


def finish_step(loop: Loop, action: FinishStep) -> None:
    """Ends a step or an item."""
    loop.happen(
        RUN_STREAM,
        StepFinished(
            at=loop.now(),
            step=action.step,
            status=action.status,
            output=action.output,
            failure=action.failure,
            reason=action.reason,
            errors=action.errors,
            approved=action.approved,
        ),
    )
    loop.people.closed(action.step)
    loop.exhausted.pop(action.step, None)


def finish_run(loop: Loop, action: FinishRun) -> None:
    """Ends the run; sessions and commands that are still at work are ended first, and say why."""
    cancelled = Failure("cancelled", "the run ended before this did")
    for stream, state in list(loop.live.sessions.items()):
        if state.parent is None:
            loop.happen(stream, LimitReached(loop.now(), loop.live.run.limit or cancelled))
            loop.decide(stream)
    for path, _, _ in commands_at_work(loop.live.run):
        failure = replace(cancelled, step=path)
        loop.happen(RUN_STREAM, StepFinished(loop.now(), path, "failed", failure=failure))
    loop.cancel(RUN_STREAM)
    status, spent = action.status, loop.live.spent()
    loop.run_finished(RunFinished(loop.now(), status, action.outputs, action.failure, spent))


RUN_ACTIONS: Mapping[type[Any], Callable[[Loop, Any], None]] = {
    StartSession: start_session,
    StartCommand: start_command,
    StartBlock: start_block,
    OpenGate: open_gate,
    FinishStep: finish_step,
    FinishRun: finish_run,
}
