"""Trying a failed step again: whether, when, and what that makes of the run."""

from collections.abc import Iterator

from msgspec.structs import replace

from agentflow.events.run_events import RetryDue, StepFinished, StepRetried
from agentflow.events.values import Failure
from agentflow.plan.agent_plan import ToolRetryPlan
from agentflow.plan.model import Plan, RetryPlan, StepPlan
from agentflow.run.halts import halted
from agentflow.run.moves import counted, due, scope_of, taken, with_step
from agentflow.run.starting import start
from agentflow.run.state import Action, FinishStep, RetryStep, RunState, ScopeState, StepState, split, step_path

LONGEST_REST = 600.0
"""Seconds. Doubling ends here, unless the file's own `backoff` is longer."""


def rest(retry: RetryPlan | ToolRetryPlan, attempt: int, chance: float) -> float:
    """Seconds to wait before an attempt, from the second.

    The bound doubles from one attempt to the next; of it at least half is waited, so that a `backoff` is a rest, and
    the other half is jitter, so that steps which failed together do not come back together.

    Parameters:
        chance: a number from 0 to 1.
    """
    longest = min(retry.backoff * 2.0 ** (attempt - 2), max(LONGEST_REST, retry.backoff))
    return longest * (0.5 + 0.5 * chance)


def has_another(state: RunState, scope: ScopeState, step: StepPlan, failure: Failure | None) -> bool:
    """Whether a step that has just failed gets another attempt: nothing new starts where something else has failed."""
    retry = step.retry
    if retry is None or failure is None or state.limit is not None or failure.kind not in retry.on:
        return False
    if scope.steps[step.id].failed_attempts + 1 >= retry.attempts:
        return False
    return halted(state, scope, step) is None


def check_end(state: RunState, scope: ScopeState, step: StepPlan, event: StepFinished) -> None:
    """Raises ValueError where a step that awaits another attempt is ended, and nothing keeps it from that."""
    before = scope.steps[step.id]
    if before.status != "retrying" or (before.retry_at is not None and event.step not in state.retrying):
        return
    if event.status != "failed" or halted(state, scope, step) is None:
        raise ValueError(f"{event.step} has an attempt left")


def set_aside(state: RunState, scope: ScopeState, name: str, failure: Failure | None) -> RunState:
    """An attempt has failed, and when the next one begins is to be decided."""
    before = state.scopes[scope.path].steps[name]
    after = StepState(
        status="retrying",
        failure=failure,
        attempt=before.attempt,
        session=before.session,
        workspace=before.workspace,
        failed_attempts=before.failed_attempts + 1,
    )
    return due(with_step(state, scope, name, after), step_path(scope.path, name))


def decide_retry(plan: Plan, state: RunState, scope: ScopeState, step: StepPlan, path: str) -> Action:
    """What becomes of a step between two attempts: it rests, begins anew, or stays failed."""
    before = scope.steps[step.id]
    if before.failure is None or step.retry is None:
        raise ValueError(f"{path} is between two attempts and has not failed")
    if halted(state, scope, step) is not None:
        return FinishStep(path, "failed", failure=before.failure)
    if before.retry_at is None:
        return RetryStep(path, before.failed_attempts + 1, before.failure, step.retry)
    return start(plan, state, scope, step, path)


def pointless_retries(state: RunState) -> Iterator[FinishStep]:
    """Steps at rest that get no other attempt any more, because something around them has failed."""
    for path in sorted(state.retrying):
        scope, name = scope_of(state, path)
        if halted(state, scope, scope.block.steps[name]) is not None:
            yield FinishStep(path, "failed", failure=scope.steps[name].failure)


def retried(_plan: Plan, state: RunState, event: StepRetried) -> RunState:
    """The step rests until its next attempt; it keeps its place in the loops around it."""
    scope, name = scope_of(state, event.step)
    before = scope.steps[name]
    if before.status != "retrying" or before.retry_at is not None:
        raise ValueError(f"{event.step} has not failed")
    state = with_step(taken(state, event.step), scope, name, replace(before, retry_at=event.next_at))
    state = replace(state, retrying=state.retrying.insert(event.step, event.next_at))
    return counted(state, scope.path, busy=1)


def rested(_plan: Plan, state: RunState, event: RetryDue) -> RunState:
    """The next attempt may begin."""
    if event.step not in state.retrying:
        raise ValueError(f"{event.step} does not rest")
    return due(no_rest(state, event.step), event.step)


def no_rest(state: RunState, path: str) -> RunState:
    """Takes a step out of those that rest."""
    return counted(replace(state, retrying=state.retrying.remove(path)), split(path)[0], busy=-1)
