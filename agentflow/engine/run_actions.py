"""What the run decider wants, done: one function for each kind of action."""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace

from agentflow.engine.effects import EFFECTS
from agentflow.engine.file_limits import FILE_CLOCK, reach_limit, watch_file
from agentflow.engine.live import effects_at_work
from agentflow.engine.needed_secrets import has_secrets
from agentflow.engine.port import Loop
from agentflow.engine.retries import forget, retry_step
from agentflow.engine.session_clock import watch_the_clock
from agentflow.events.run_events import (
    GateOpened,
    RunFinished,
    StepFinished,
    StepStarted,
)
from agentflow.events.session_events import LimitReached, SessionStarted
from agentflow.events.values import Approvers, Failure
from agentflow.guard.ledger import Exhausted
from agentflow.journal.port import RUN_STREAM
from agentflow.run.state import (
    FinishRun,
    FinishStep,
    OpenGate,
    RetryStep,
    StartBlock,
    StartSession,
)


def start_session(loop: Loop, action: StartSession) -> None:
    """Starts an agent step's session, unless the run has used up its agents or a secret of its tools is missing."""
    if not has_secrets(loop, action.step):
        return
    failure = loop.live.ledger.no_more_agents()
    if failure is not None:
        loop.exhausted[action.step] = Exhausted(failure)
        return
    if (used_up := loop.live.no_more_agents_at(action.step)) is not None:
        reach_limit(loop, used_up.part, used_up.failure)
        return
    now = loop.now()
    loop.happen(RUN_STREAM, StepStarted(now, action.step, action.attempt, action.session, workspace=action.workspace))
    loop.happen(
        action.session,
        SessionStarted(
            at=now,
            agent=action.agent.name,
            step=action.step,
            prompt=action.prompt,
            instructions=action.instructions,
            continues=action.continues,
            workspace=action.workspace,
        ),
    )
    watch_the_clock(loop, action.session)


def start_block(loop: Loop, action: StartBlock) -> None:
    """Opens a group, a loop, a choice or a file."""
    loop.happen(
        RUN_STREAM,
        StepStarted(
            loop.now(),
            action.step,
            action.attempt,
            items=action.items,
            rounds=action.rounds,
            choice=action.choice,
        ),
    )
    watch_file(loop, action.step)


def open_gate(loop: Loop, action: OpenGate) -> None:
    """Asks a person."""
    now = loop.now()
    expires_at = None if action.timeout is None else now + action.timeout
    approvers = None
    if action.roles:
        after = None if action.escalate_after is None else now + action.escalate_after
        approvers = Approvers(action.roles, after, action.escalate_to)
    gate = GateOpened(
        now, action.step, action.message, action.show, action.about, expires_at, action.form, approvers=approvers
    )
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
            converged=action.converged,
            exit_code=action.exit_code,
            reused=action.reused,
        ),
    )
    loop.people.closed(action.step)
    forget(loop, action.step)
    loop.timers.forget(action.step, FILE_CLOCK)
    loop.exhausted.pop(action.step, None)


def finish_run(loop: Loop, action: FinishRun) -> None:
    """Ends the run; sessions and effects that are still at work are ended first, and say why."""
    cancelled = Failure("cancelled", "the run ended before this did")
    for stream, state in list(loop.live.sessions.items()):
        if state.parent is None:
            loop.happen(stream, LimitReached(loop.now(), loop.live.run.limit or cancelled))
            loop.decide(stream)
    for path, _, _ in effects_at_work(loop.live.run):
        failure = replace(cancelled, step=path)
        loop.happen(RUN_STREAM, StepFinished(loop.now(), path, "failed", failure=failure))
    loop.cancel(RUN_STREAM)
    status, spent = action.status, loop.live.spent()
    loop.run_finished(RunFinished(loop.now(), status, action.outputs, action.failure, spent))


RUN_ACTIONS: Mapping[type[Any], Callable[[Loop, Any], None]] = {
    StartSession: start_session,
    **EFFECTS,
    StartBlock: start_block,
    OpenGate: open_gate,
    RetryStep: retry_step,
    FinishStep: finish_step,
    FinishRun: finish_run,
}
