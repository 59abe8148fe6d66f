"""What a tool call waits for before it begins: its next attempt, another call that will give the same, its tool's rate.

A call asks when a slot is free for it. One that has to wait gives the slot back at once, and asks for one again when
what it waits for is there; nothing of it is on record meanwhile, so that a crash leaves nothing unknown.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from agentflow.engine.tool_history import Caller, key_of
from agentflow.plan.agent_plan import Rate, ToolSpec

if TYPE_CHECKING:
    from agentflow.engine.port import Loop

JSON = Any
Id = tuple[str, str]

TIMER = "tool"


class Wanted(Struct, frozen=True):
    """A call that is about to begin.

    Attributes:
        again: has it ask for a slot again.
        give: gives it a result that another call has given.
        not_before: in seconds since the epoch.
    """

    caller: Caller
    tool: ToolSpec
    input: Mapping[str, JSON]
    again: Callable[[], None]
    give: Callable[[JSON], None]
    not_before: float = 0.0

    @property
    def id(self) -> Id:
        """What tells it from all others."""
        return self.caller.stream, self.caller.call


class Admission:
    """Holds calls back, each once, in the order in which they came.

    Parameters:
        loop: the engine's, of which it asks the time, timers and what has happened.
    """

    def __init__(self, loop: "Loop") -> None:
        self._loop = loop
        self._held: dict[Id, Wanted] = {}
        self._lines: dict[Id, dict[Id, Rate]] = {}
        self._followers: dict[str, list[Id]] = {}

    @property
    def idle(self) -> bool:
        """No call waits here."""
        return not self._held

    def waits(self, stream: str) -> bool:
        """Whether a call of a stream waits here."""
        return any(held[0] == stream for held in self._held)

    def holds(self, wanted: Wanted) -> bool:
        """Whether a call does not begin now: it waits here, or it was given what another one gave."""
        if wanted.id in self._held:
            return True
        now = self._loop.now()
        if wanted.not_before > now:
            self._hold_until(wanted, wanted.not_before)
            return True
        options = wanted.tool.options
        if options.cache and self._has_twin(wanted, now):
            return True
        if options.rate is not None and self._is_over(wanted, options.rate, now):
            return True
        # Last, since a call that this lets begin is counted.
        later = self._loop.quotas.may_begin_at(wanted.tool.name)
        if later is not None:
            self._hold_until(wanted, later)
        return later is not None

    def heard(self) -> None:
        """Takes up that calls have ended: those that wait for what they give ask again."""
        freed = self._loop.live.tools.freed
        while freed:
            for follower in self._followers.pop(freed.pop(0), ()):
                self._release(follower)

    def forget(self, stream: str, call: str | None = None) -> None:
        """Holds nothing of a stream any more, or one of its calls."""
        for held in [held for held in self._held if held[0] == stream and call in (None, held[1])]:
            del self._held[held]
            self._loop.timers.forget(_timer(held), TIMER)
        for key, line in self._lines.items():
            gone = [waiting for waiting in line if waiting[0] == stream and call in (None, waiting[1])]
            rates = [line.pop(waiting) for waiting in gone]
            if line and rates:
                self._open(key, rates[0])

    def _has_twin(self, wanted: Wanted, now: float) -> bool:
        """Whether another call gives what this one would: it has, and this one gets it; or it will."""
        key = key_of(wanted.caller, wanted.tool, wanted.input)
        history = self._loop.live.tools
        given = history.given(key, wanted.tool, now)
        if given is not None:
            self.forget(*wanted.id)
            wanted.give(given.content)
            return True
        if history.in_flight(key) in (None, wanted.id):
            return False
        self._held[wanted.id] = wanted
        self._followers.setdefault(key, []).append(wanted.id)
        return True

    def _is_over(self, wanted: Wanted, rate: Rate, now: float) -> bool:
        """Whether a call would be one too many now, or others came before it.

        A call keeps its place in the line until it begins, so that none overtakes it while it waits for a slot.
        """
        key = (wanted.caller.file, wanted.tool.name)
        line = self._lines.setdefault(key, {})
        is_first = next(iter(line), wanted.id) == wanted.id
        if is_first and self._loop.live.tools.next_start(*key, rate) <= now:
            line.pop(wanted.id, None)
        else:
            line[wanted.id] = rate
            self._held[wanted.id] = wanted
        if line:
            self._open(key, rate)
        return wanted.id in line

    def _open(self, key: Id, rate: Rate) -> None:
        """Has the first of a line ask for a slot when its rate allows it."""

        def open_now() -> None:
            line = self._lines[key]
            if line and self._loop.live.tools.next_start(*key, rate) > self._loop.now():
                self._open(key, rate)
            elif line:
                self._release(next(iter(line)))
                self._loop.settle()

        seconds = self._loop.live.tools.next_start(*key, rate) - self._loop.now()
        self._loop.timers.set(f"{TIMER} {key[0]} {key[1]}", TIMER, seconds, open_now)

    def _hold_until(self, wanted: Wanted, time: float) -> None:
        self._held[wanted.id] = wanted

        def over() -> None:
            self._release(wanted.id)
            self._loop.settle()

        self._loop.timers.set(_timer(wanted.id), TIMER, time - self._loop.now(), over)

    def _release(self, held: Id) -> None:
        wanted = self._held.pop(held, None)
        if wanted is not None:
            wanted.again()


def _timer(held: Id) -> str:
    return f"{TIMER} {held[0]} {held[1]}"
