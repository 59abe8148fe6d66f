"""The rest between two attempts at a step: an entry in the journal and a timer, never a task."""

from agentflow.engine.port import Loop
from agentflow.events.run_events import RetryDue, StepRetried
from agentflow.journal.port import RUN_STREAM
from agentflow.run.retries import rest
from agentflow.run.state import RetryStep


def retry_step(loop: Loop, action: RetryStep) -> None:
    """Settles when a failed step begins anew."""
    now = loop.now()
    next_at = now + rest(action.retry, action.attempt, loop.around.chance())
    loop.happen(RUN_STREAM, StepRetried(now, action.step, action.attempt, action.failure, next_at))
    wait(loop, action.step, next_at)


def wait(loop: Loop, path: str, next_at: float) -> None:
    """Has a step begin anew when its rest is over, however often the process was replaced meanwhile."""

    def over() -> None:
        if path in loop.live.run.retrying:
            loop.happen(RUN_STREAM, RetryDue(loop.now(), path))
            loop.settle()

    loop.timers.set(timed(path), "retry", next_at - loop.now(), over)


def forget(loop: Loop, path: str) -> None:
    """A step gets no other attempt any more, and nothing waits for its rest."""
    loop.timers.forget(timed(path), "retry")


def timed(path: str) -> str:
    """The name of a step's timers, which no session has."""
    return f"step {path}"
