"""What a process knows of the model's service, and who waits for it.

A call that may not go out now is an entry here, with a timer, never a task: the model is held after several failures,
its limits must fill up, or a person has to act first.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from msgspec import Struct

from agentflow.engine.port import Loop
from agentflow.events.run_events import ModelFreed, ModelHeld
from agentflow.events.session_events import Compacted, CompactionFailed, ModelFailed, ModelReplied
from agentflow.events.values import Failure
from agentflow.guard import breaker as breakers
from agentflow.guard import pace as paces
from agentflow.guard.breaker import Breaker
from agentflow.guard.pace import Pace, RateLimits
from agentflow.journal.port import RUN_STREAM

Came = ModelReplied | ModelFailed | Compacted | CompactionFailed
"""What comes of a call to a model."""

HOLD = "retry"
"""The name of the timer of what is held, as of every wait that ends by itself."""

LONG_WAIT_SECONDS = 60.0
"""A longer wait for the service is nobody's work: clocks stand still for it, and a run may be let go for it."""


class Waiting(Struct, frozen=True):
    """A session that waits for the service.

    Attributes:
        until: in seconds since the epoch; None: until a person has acted.
    """

    until: float | None
    failure: Failure


class Out(Struct, frozen=True):
    """A call that is out: to which model, since when, with how many others."""

    model: str
    since: float
    beside: int


@dataclass(slots=True)
class Service:
    """Keeps one breaker and one pace for each model.

    Parameters:
        most: calls in flight that are never passed.
        at_first: how many may be before anything is known of the service; None: `most`.

    Attributes:
        waiting: the sessions that wait longer than a moment, or for a person.
        barred: why nothing is asked any more until a person has acted.
        has_answered: the service has answered something, if only by an error.
        asks: the model that each session's next call goes to.
    """

    most: int
    at_first: int | None = None
    waiting: dict[str, Waiting] = field(default_factory=dict)
    barred: Failure | None = None
    has_answered: bool = False
    asks: dict[str, str] = field(default_factory=dict)
    _breakers: dict[str, Breaker] = field(default_factory=dict)
    _paces: dict[str, Pace] = field(default_factory=dict)
    _out: dict[str, Out] = field(default_factory=dict)
    _beside: Counter[str] = field(default_factory=Counter)
    _held: dict[str, dict[str, Callable[[], None]]] = field(default_factory=dict)
    _why: dict[str, Failure] = field(default_factory=dict)
    _wakes: dict[str, float] = field(default_factory=dict)

    def allowed(self, model: str) -> int:
        """How many calls to a model may be in flight."""
        return self._pace(model).allowed

    def is_open(self, model: str, now: float) -> bool:
        """Whether a call to a model may go out, as far as its failures tell."""
        return breakers.held_until(self._breakers.get(model, Breaker()), now) is None

    def may_go_at(self, model: str, tokens: int, now: float) -> float | None:
        """When a call may go out; None: when the one that tries has come back."""
        until = breakers.held_until(self._breakers.get(model, Breaker()), now)
        if until is not None and until <= now:
            return None
        return max(until or now, paces.may_go_at(self._pace(model), tokens, now))

    def hold(self, loop: Loop, stream: str, model: str, until: float | None, again: Callable[[], None]) -> None:
        """Keeps a call back, and has it asked for again in time."""
        held = self._held.setdefault(model, {})
        held[stream] = again
        if until is None:
            return
        failure = self._why.get(model)
        if failure is not None and until - loop.now() >= LONG_WAIT_SECONDS:
            for each in held:
                self.waiting[each] = Waiting(until, failure)
        if not loop.timers.is_set(_timed(model), HOLD) or until < self._wakes[model]:
            self._wake_at(loop, model, until)

    def going(self, stream: str, model: str, tokens: int, now: float) -> None:
        """A call goes out."""
        self.waiting.pop(stream, None)
        self.asks.pop(stream, None)
        self._breakers[model] = breakers.going(self._breakers.get(model, Breaker()))
        self._paces[model] = paces.sent(self._pace(model), tokens)
        self._beside[model] += 1
        self._out[stream] = Out(model, now, self._beside[model])

    def told(self, model: str, limits: RateLimits | None, now: float) -> None:
        """The service said what is left of its limits."""
        if limits is not None:
            self._paces[model] = paces.told(self._pace(model), limits, now)

    def came(self, loop: Loop, stream: str, event: Came) -> None:
        """Something came of a call, or its session ended before."""
        out = self._out.pop(stream, None)
        if out is None:
            return
        self._beside[out.model] -= 1
        known = self._breakers.get(out.model, Breaker())
        if isinstance(event, ModelReplied | Compacted):
            self._paces[out.model] = paces.replied(self._pace(out.model))
            self._answered(loop, out.model)
            loop.slots.widened(bound(out.model), self.allowed(out.model))
        elif event.parked and not event.outage:
            self.barred = event.failure
            self._breakers[out.model] = breakers.probe_gone(known)
            self._wake(loop, out.model)
        elif event.overloaded or event.outage:
            self._refused(loop, out, event, known)
        elif event.request_id is not None:
            self._answered(loop, out.model)
        else:
            self._breakers[out.model] = breakers.probe_gone(known)
            self._wake(loop, out.model)
        if event.request_id is not None or isinstance(event, ModelReplied | Compacted):
            self.has_answered = True
        if isinstance(event, ModelFailed | CompactionFailed) and event.parked:
            self.waiting[stream] = Waiting(None, event.failure)

    def is_long(self, timed: str) -> bool:
        """Whether what a timer is set for, by its stream, is a long wait for the service, and nothing else."""
        if timed in self.waiting:
            return True
        held = next((held for model, held in self._held.items() if _timed(model) == timed), None)
        return held is not None and all(stream in self.waiting for stream in held)

    def forget(self, stream: str) -> None:
        """A session has ended, or what it waited for has come."""
        self.waiting.pop(stream, None)
        self.asks.pop(stream, None)
        for held in self._held.values():
            held.pop(stream, None)

    def _refused(self, loop: Loop, out: Out, event: ModelFailed | CompactionFailed, known: Breaker) -> None:
        now = loop.now()
        wait = None if event.retry_at is None or event.fault != "rate_limited" else event.retry_at - now
        if event.overloaded:
            self._paces[out.model] = paces.refused(self._pace(out.model), out.since, out.beside, now, wait)
        if event.fault == "rate_limited":
            # The service is there, and has no room: that is the pace's to answer.
            self._breakers[out.model] = breakers.probe_gone(known)
            self._wake(loop, out.model)
            return
        after = breakers.failed(known, now, loop.around.chance())
        self._breakers[out.model] = after
        if after.until is not None and after.until != known.until:
            self._why[out.model] = event.failure
            loop.happen(RUN_STREAM, ModelHeld(now, out.model, after.until, event.failure))
            self._wake_at(loop, out.model, after.until)
            if after.until - now >= LONG_WAIT_SECONDS:
                for stream in self._held.get(out.model, ()):
                    self.waiting[stream] = Waiting(after.until, event.failure)

    def _answered(self, loop: Loop, model: str) -> None:
        known = self._breakers.pop(model, Breaker())
        if known.until is not None:
            self._why.pop(model, None)
            loop.happen(RUN_STREAM, ModelFreed(loop.now(), model))
            self._wake(loop, model)

    def _wake_at(self, loop: Loop, model: str, until: float) -> None:
        def due() -> None:
            self._wake(loop, model)
            loop.settle()

        self._wakes[model] = until
        loop.timers.set(_timed(model), HOLD, until - loop.now(), due)

    def _wake(self, loop: Loop, model: str) -> None:
        """Has everything that was held asked for again; what may not go yet is held anew."""
        loop.timers.forget(_timed(model), HOLD)
        held = self._held.pop(model, {})
        for stream, again in held.items():
            self.waiting.pop(stream, None)
            again()

    def _pace(self, model: str) -> Pace:
        known = self._paces.get(model)
        return paces.pace(self.most, self.at_first) if known is None else known


def bound(model: str) -> str:
    """The name by which the line of calls knows a model's bound; no path of a step is one."""
    return f"model {model}"


def _timed(model: str) -> str:
    """The name of a model's timer, which no session and no step has."""
    return f"model {model}"
