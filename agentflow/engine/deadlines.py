"""The `timeout` of steps: when one has been at work for so long, what is inside it is ended, and it fails."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from msgspec.structs import replace

from agentflow.engine.port import Loop
from agentflow.engine.retries import timed
from agentflow.events.run_events import StepFinished, StepTimedOut
from agentflow.events.session_events import LimitReached
from agentflow.events.values import Failure
from agentflow.journal.port import RUN_STREAM
from agentflow.run.moves import scope_of
from agentflow.run.state import RunState, StepClock, split, step_path


@dataclass(slots=True)
class Deadlines:
    """Keeps a timer for each step at work that has a bound on its time.

    Attributes:
        _set: the clock that each timer was set by.
    """

    loop: Loop
    _set: dict[str, StepClock] = field(default_factory=dict)

    def follow(self, path: str) -> None:
        """Moves the timers of a step and of the blocks around it, after something has happened to it."""
        clocks = self.loop.live.run.clocks
        if not clocks and not self._set:
            return
        for around in (path, *holders_of(path)):
            if around in clocks or around in self._set:
                self._move(around, clocks.get(around))

    def follow_all(self) -> None:
        """Moves every timer."""
        for path, clock in self.loop.live.run.clocks.items():
            self._move(path, clock)

    def _move(self, path: str, clock: StepClock | None) -> None:
        before = self._set.get(path)
        if clock is None or clock.since is None:
            self._set.pop(path, None)
            if before is not None:
                self.loop.timers.forget(timed(path), "deadline")
        elif before is None or (before.worked, before.since) != (clock.worked, clock.since):
            self._set[path] = clock
            self._wait(path, clock)

    def _wait(self, path: str, clock: StepClock) -> None:
        left = _limit(self.loop.live.run, path) - clock.seconds(self.loop.now())
        self.loop.timers.set(timed(path), "deadline", max(left, 0.0), lambda: self._over(path))

    def _over(self, path: str) -> None:
        run = self.loop.live.run
        clock = run.clocks[path]
        limit = _limit(run, path)
        # The loop's own clock may be ahead of the one that events are dated by.
        if limit - clock.seconds(self.loop.now()) > 0.001:
            self._wait(path, clock)
            return
        self._set.pop(path, None)
        message = f"the step has been at work for its {limit:g} s; raise its `timeout`, or give it less to do"
        _time_out(self.loop, path, Failure("timeout", message, step=path))
        self.loop.settle()


def _limit(run: RunState, path: str) -> float:
    scope, name = scope_of(run, path)
    limit = scope.block.steps[name].time_limit
    assert limit is not None
    return limit


def holders_of(path: str) -> Iterator[str]:
    """The steps that a step is inside of, the innermost first."""
    while scope := split(path)[0]:
        path = scope.rpartition("[")[0] if scope.endswith("]") else scope
        yield path


def _time_out(loop: Loop, path: str, failure: Failure) -> None:
    scope, name = scope_of(loop.live.run, path)
    session = scope.steps[name].session
    if session in loop.live.sessions:
        loop.happen(session, LimitReached(loop.now(), failure))
        loop.decide(session)
    elif path in loop.live.run.scopes or path in loop.live.run.loops:
        loop.happen(RUN_STREAM, StepTimedOut(loop.now(), path, failure))
        end_inside(loop, path, _cut_off(path))
    else:
        loop.cancel(RUN_STREAM, path)
        loop.happen(RUN_STREAM, StepFinished(loop.now(), path, "failed", failure=failure))


def end_overdue(loop: Loop) -> None:
    """Ends what is still inside blocks that had timed out when their process ended."""
    for scope in list(loop.live.run.scopes.values()):
        for name, step in scope.steps.items():
            if step.overdue is not None:
                path = step_path(scope.path, name)
                end_inside(loop, path, _cut_off(path))


def _cut_off(path: str) -> Failure:
    return Failure("cancelled", f"step `{path}` timed out before this ended")


def end_inside(loop: Loop, path: str, failure: Failure) -> None:
    """Ends every session and every effect inside a block by a failure; the decider ends the rest."""
    for stream, state in list(loop.live.sessions.items()):
        if state.parent is None and path in holders_of(state.step) and stream in loop.live.sessions:
            loop.happen(stream, LimitReached(loop.now(), replace(failure, step=state.step)))
            loop.decide(stream)
    for inner in _leaves_at_work(loop.live.run, path):
        loop.cancel(RUN_STREAM, inner)
        loop.happen(RUN_STREAM, StepFinished(loop.now(), inner, "failed", failure=replace(failure, step=inner)))


def _leaves_at_work(run: RunState, path: str) -> list[str]:
    """The steps inside a block that run: no blocks, which end of themselves, and none that wait for a decision."""
    return [
        inner
        for scope in run.scopes.values()
        for name, step in scope.steps.items()
        if step.status == "running"
        if path in holders_of(inner := step_path(scope.path, name))
        if not (inner in run.scopes or inner in run.loops or inner in run.gates or inner in run.todo)
    ]
