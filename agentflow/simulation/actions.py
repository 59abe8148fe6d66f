"""What stands in for the world: one function for each kind of action of the run decider."""

from collections.abc import Callable, Mapping
from typing import Any

from agentflow.engine import run_actions, session_actions
from agentflow.engine.retries import retry_step
from agentflow.events.run_events import StepFinished
from agentflow.events.values import StepStatus
from agentflow.guard.ledger import Exhausted
from agentflow.journal.port import RUN_STREAM
from agentflow.plan.model import ForEachStepPlan, RepeatStepPlan
from agentflow.run.moves import scope_of
from agentflow.run.state import FinishRun, FinishStep, OpenGate, RetryStep, StartBlock, StartSession, item_of
from agentflow.session.state import End
from agentflow.simulation.effects import DRY_EFFECTS
from agentflow.simulation.loop import DryLoop
from agentflow.simulation.outcomes import comes_to, fails, skipped

JSON = Any


def start_session(loop: DryLoop, action: StartSession) -> None:
    """An agent's step: its stub, or its recorded session, or an output that meets its schema."""
    if (exhausted := loop.live.ledger.no_more_agents()) is not None:
        loop.exhausted[action.step] = Exhausted(exhausted)
        return
    stub = loop.book.take(action.step)
    if skipped(loop, action.step, stub):
        return
    replayed = stub is None and loop.recording is not None
    if not replayed:
        loop.silent.add(action.session)
    run_actions.start_session(loop, action)
    entry = loop.tracer.last(action.step)
    entry.asked = {
        "agent": action.agent.name,
        "model": action.agent.model,
        "instructions": action.instructions,
        "prompt": action.prompt,
    }
    if replayed:
        entry.stubbed = "recorded"
        return
    output, failure = comes_to(loop, action.step, stub)
    end = End("done" if failure is None else failure.kind, output, failure)
    loop.in_a_slot(action.session, "model", lambda: session_actions.end(loop, action.session, end))


def start_block(loop: DryLoop, action: StartBlock) -> None:
    """A block runs its steps, unless a stub stands for the whole of it."""
    stub = loop.book.take(action.step)
    if skipped(loop, action.step, stub):
        return
    if stub is None:
        run_actions.start_block(loop, action)
        return
    output, failure = comes_to(loop, action.step, stub)
    step = loop.step(action.step)
    collects = isinstance(step, ForEachStepPlan) and step.collects and failure is None
    status: StepStatus = "done" if failure is None else "failed"
    converged = True if isinstance(step, RepeatStepPlan) and failure is None else None
    errors: JSON = [] if collects else None
    end = StepFinished(loop.now(), action.step, status, output, failure, errors=errors, converged=converged)
    loop.happen(RUN_STREAM, end)


def open_gate(loop: DryLoop, action: OpenGate) -> None:
    """A gate asks, and its stub answers; without one the answer is yes, or the smallest that meets the form."""
    stub = loop.book.take(action.step)
    if skipped(loop, action.step, stub):
        return
    if fails(stub):
        _, failure = comes_to(loop, action.step, stub)
        loop.happen(RUN_STREAM, StepFinished(loop.now(), action.step, "failed", failure=failure))
        return
    loop.people.stubs[action.step] = stub
    run_actions.open_gate(loop, action)
    form = {} if action.form is None else {"form": action.form}
    loop.tracer.last(action.step).asked = {"message": action.message, "show": action.show, **form}


def rest(loop: DryLoop, action: RetryStep) -> None:
    """As in a real run, but that the rest takes no time; the next attempt takes the next stub of a list."""
    retry_step(loop, action)


def finish_step(loop: DryLoop, action: FinishStep) -> None:
    """As in a real run: nothing is asked of the world."""
    if _gives_up(loop, action.step):
        loop.tracer.reopen(action.step)
    run_actions.finish_step(loop, action)


def finish_run(loop: DryLoop, action: FinishRun) -> None:
    """As in a real run: nothing is asked of the world."""
    run_actions.finish_run(loop, action)


DRY_ACTIONS: Mapping[type[Any], Callable[[DryLoop, Any], None]] = {
    StartSession: start_session,
    **DRY_EFFECTS,
    StartBlock: start_block,
    OpenGate: open_gate,
    RetryStep: rest,
    FinishStep: finish_step,
    FinishRun: finish_run,
}


def _gives_up(loop: DryLoop, path: str) -> bool:
    """Whether a step that failed, and was to be tried again, is not after all: it ends as its last attempt did."""
    if item_of(path) is not None:
        return False
    scope, name = scope_of(loop.live.run, path)
    step = scope.steps[name]
    return step.status == "retrying" and (step.retry_at is None or path in loop.live.run.retrying)
