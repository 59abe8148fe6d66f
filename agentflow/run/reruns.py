"""Steps that a resume runs again (`on_resume: rerun`), since what they gave may have gone stale.

A step that is done is run again as long as nothing has used its output: something in its scope waits for it, and
nothing that does has begun. Then all of its readers see the new output, and no work that was done is thrown away.
"""

from msgspec.structs import replace

from agentflow.events.run_events import StepReset
from agentflow.plan.model import Plan
from agentflow.run.halts import halted
from agentflow.run.moves import due, scope_of, taken, with_step
from agentflow.run.state import RunState, ScopeState, StepState, step_path


def stale_steps(state: RunState) -> tuple[str, ...]:
    """The steps to run again now that the run is resumed, each before those that it waits for."""
    return tuple(path for scope in state.scopes.values() for path in _stale_in(state, scope))


def _stale_in(state: RunState, scope: ScopeState) -> list[str]:
    found: dict[str, None] = {}
    # Backwards: what only feeds a step that runs again is not used either.
    for name in reversed(scope.block.order):
        step = scope.block.steps[name]
        if step.reruns and scope.steps[name].status == "done" and halted(state, scope, step) is None:
            followers = tuple(scope.block.graph.successors(name))
            if followers and all(other in found or scope.steps[other].status == "waiting" for other in followers):
                found[name] = None
    return [step_path(scope.path, name) for name in found]


def reset(_plan: Plan, state: RunState, event: StepReset) -> RunState:
    """The step is as if it had not run, and those that wait for it wait again."""
    scope, name = scope_of(state, event.step)
    before = scope.steps[name]
    if before.status != "done" or not scope.block.steps[name].reruns:
        raise ValueError(f"{event.step} is not to run again")
    waits = scope.waits
    for follower in scope.block.graph.successors(name):
        path = step_path(scope.path, follower)
        if scope.steps[follower].status != "waiting":
            raise ValueError(f"{path} has begun, and reads {event.step}")
        if path in state.todo:
            state = taken(state, path)
        waits = waits.insert(follower, waits[follower] + 1)
    fresh = StepState(attempt=before.attempt, session=before.session)
    state = with_step(state, scope, name, fresh)
    here = replace(state.scopes[scope.path], waits=waits, open=scope.open + 1)
    state = replace(state, scopes=state.scopes.insert(scope.path, here))
    # Before this, another step that runs again may have been put before it.
    return due(state, event.step) if here.waits[name] == 0 else state
