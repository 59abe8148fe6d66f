"""The time at work of steps that have a bound on it. It stands still while what is inside only waits for people."""

from msgspec.structs import replace

from agentflow.run.state import RunState, StepClock


def started(state: RunState, path: str) -> RunState:
    """The clock of a step begins."""
    return replace(state, clocks=state.clocks.insert(path, StepClock(0.0, state.last_at)))


def stopped(state: RunState, path: str) -> RunState:
    """Nobody asks any more how long a step has worked."""
    return replace(state, clocks=state.clocks.remove(path)) if path in state.clocks else state


def clocked(state: RunState, path: str, busy: int, asking: int) -> RunState:
    """Counts what is busy and who is asked inside a step; its clock stands still where nothing is left but people."""
    clock = state.clocks.get(path)
    if clock is None:
        return state
    busy, asking = clock.busy + busy, clock.asking + asking
    stands = busy == 0 and asking > 0
    worked, since = clock.worked, clock.since
    if stands and since is not None:
        worked, since = clock.seconds(state.last_at), None
    elif not stands and since is None:
        since = state.last_at
    return replace(state, clocks=state.clocks.insert(path, StepClock(worked, since, busy, asking)))


def taken_up(state: RunState, worked_until: float) -> RunState:
    """The run goes on now: the time since `worked_until` was nobody's work."""
    clocks = state.clocks
    for path, clock in clocks.items():
        if clock.since is not None:
            clocks = clocks.insert(path, replace(clock, worked=clock.seconds(worked_until), since=state.last_at))
    return replace(state, clocks=clocks)
