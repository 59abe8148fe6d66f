"""The bound on calls in flight: `parallel` slots, and a line of calls that wait for one.

A waiting call is an entry here, never a task.
"""

from collections import deque
from collections.abc import Callable, Mapping
from typing import NamedTuple

Bounds = Mapping[str, int]


class _Entry(NamedTuple):
    """A place in the line; `let_in_by`: the bound that had held it back."""

    stream: str
    call: str
    let_in_by: str | None = None


class Slots:
    """Hands out slots in the order in which they were asked for.

    Parameters:
        count: how many calls may be in flight.
        bounds_of: of a call, by its stream and its own name, what else bounds it: names, each with how many calls that
            name allows at once.

    Attributes:
        beginning: the names that bound the call that is beginning.
    """

    def __init__(self, count: int, bounds_of: Callable[[str, str], Bounds] = lambda _stream, _call: {}) -> None:
        self._free = count
        self._bounds_of = bounds_of
        self._out: dict[str, int] = {}
        self._held: dict[str, deque[_Entry]] = {}
        self.beginning: tuple[str, ...] = ()
        self._line: deque[_Entry] = deque()
        self._begin: dict[str, dict[str, Callable[[], bool]]] = {}

    @property
    def idle(self) -> bool:
        """Nothing waits here."""
        return not self._begin

    def request(self, stream: str, call: str, begin: Callable[[], bool]) -> None:
        """Puts a call in line, once. `begin` is asked when its turn comes; false gives the slot back at once."""
        waiting = self._begin.setdefault(stream, {})
        if call not in waiting:
            self._line.append(_Entry(stream, call))
            waiting[call] = begin

    def waits(self, stream: str) -> bool:
        """Whether a stream has a call in line."""
        return stream in self._begin

    def widened(self, name: str, most: int) -> None:
        """Lets in what a bound need not hold back any more, now that it allows `most` calls at once."""
        for _ in range(min(most - self._out.get(name, 0), len(self._held.get(name, ())))):
            self._let_one_in(name)

    def forget(self, stream: str, call: str | None = None) -> None:
        """Takes a stream's calls out of the line, or one of them."""
        waiting = self._begin.get(stream, {})
        if call is not None:
            waiting.pop(call, None)
        if call is None or not waiting:
            self._begin.pop(stream, None)

    def release(self, bounds: tuple[str, ...] = ()) -> None:
        """Gives a slot back.

        Parameters:
            bounds: the names that bounded the call, as `beginning` had them.
        """
        self._free += 1
        for name in bounds:
            self._out[name] -= 1
            if not self._out[name]:
                del self._out[name]
            self._let_one_in(name)

    def fill(self) -> bool:
        """Lets waiting calls begin while slots are free. Returns whether any did."""
        began = False
        while self._free > 0 and self._line:
            begin = self._next()
            if begin is None:
                continue
            bounds = self.beginning
            self._free -= 1
            for name in bounds:
                self._out[name] = self._out.get(name, 0) + 1
            if begin():
                began = True
            else:
                self.release(bounds)
        return began

    def _let_one_in(self, name: str | None) -> None:
        """Puts the first call that a bound held back at the head of the line."""
        held = self._held.get(name) if name is not None else None
        if held:
            first = held.popleft()
            self._line.appendleft(_Entry(first.stream, first.call, name))
            if not held:
                del self._held[str(name)]

    def _next(self) -> Callable[[], bool] | None:
        """The first call in line; None where it was forgotten since, or must wait for one that shares a bound."""
        entry = self._line.popleft()
        stream, call = entry.stream, entry.call
        waiting = self._begin.get(stream, {})
        if call not in waiting:
            self._let_one_in(entry.let_in_by)
            return None
        bounds = self._bounds_of(stream, call)
        for name, most in bounds.items():
            if self._out.get(name, 0) >= most:
                held = self._held.setdefault(name, deque())
                if entry.let_in_by == name:
                    # The bound was lowered since: it keeps its place before those that came later.
                    held.appendleft(_Entry(stream, call))
                else:
                    held.append(_Entry(stream, call))
                    self._let_one_in(entry.let_in_by)
                return None
        self.beginning = tuple(bounds)
        begin = waiting.pop(call, None)
        if begin is not None and not waiting:
            del self._begin[stream]
        return begin
