"""Steps that end as they did in an older run, without being run again.

What an older run left is taken up as the run begins (`StepKept`), and used as each step comes up to begin: so blocks
open as ever, a loop keeps its order and its bounds, and a crash in between loses nothing. It counts once: an attempt
after the first, or a resume that runs a step again, finds nothing kept.
"""

from msgspec.structs import replace

from agentflow.events.run_events import StepFinished, StepKept
from agentflow.plan.model import Plan
from agentflow.run.state import FinishStep, RunState, StepState


def as_it_was(kept: StepKept) -> FinishStep:
    """Ends a step as it ended in the older run."""
    return FinishStep(
        step=kept.step,
        status=kept.status,
        output=kept.output,
        failure=kept.failure,
        reason=kept.reason,
        errors=kept.errors,
        approved=kept.approved,
        converged=kept.converged,
        exit_code=kept.exit_code,
        reused=True,
    )


def keep(_plan: Plan, state: RunState, event: StepKept) -> RunState:
    """Takes up what a step came to in the older run."""
    return replace(state, kept=state.kept.insert(event.step, event))


def used_up(state: RunState, event: StepFinished, before: StepState) -> tuple[RunState, StepState]:
    """The run with a step's kept end taken, and the step as it was before it ended, with its session.

    Raises ValueError where nothing was kept of it, or it has begun.
    """
    kept = state.kept.get(event.step)
    if kept is None or before.status != "waiting":
        raise ValueError(f"nothing was kept of {event.step}")
    state = replace(state, kept=state.kept.remove(event.step))
    if kept.session is None:
        return state, before
    # Another session of this step, should there be one, must not take this one's stream.
    state = replace(state, sessions=state.sessions.insert(event.step, kept.attempt))
    return state, replace(before, session=kept.session, attempt=kept.attempt)


def not_kept_inside(state: RunState, path: str) -> RunState:
    """The run as another attempt at a block finds it: all that is inside is run."""
    for inner in [name for name in state.kept if name.startswith((f"{path}.", f"{path}["))]:
        state = replace(state, kept=state.kept.remove(inner))
    return state
