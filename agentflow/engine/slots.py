"""The bound on calls in flight: `parallel` slots, and a line of calls that wait for one.

A waiting call is an entry here, never a task.
"""

from collections import deque
from collections.abc import Callable


class Slots:
    """Hands out slots in the order in which they were asked for.

    Parameters:
        count: how many calls may be in flight.
    """

    def __init__(self, count: int) -> None:
        self._free = count
        self._line: deque[tuple[str, str]] = deque()
        self._begin: dict[str, dict[str, Callable[[], bool]]] = {}

    @property
    def idle(self) -> bool:
        """Nothing waits here."""
        return not self._begin

    def request(self, stream: str, call: str, begin: Callable[[], bool]) -> None:
        """Puts a call in line, once. `begin` is asked when its turn comes; false gives the slot back at once."""
        waiting = self._begin.setdefault(stream, {})
        if call not in waiting:
            self._line.append((stream, call))
            waiting[call] = begin

    def forget(self, stream: str, call: str | None = None) -> None:
        """Takes a stream's calls out of the line, or one of them."""
        waiting = self._begin.get(stream, {})
        if call is not None:
            waiting.pop(call, None)
        if call is None or not waiting:
            self._begin.pop(stream, None)

    def release(self) -> None:
        """Gives a slot back."""
        self._free += 1

    def fill(self) -> bool:
        """Lets waiting calls begin while slots are free. Returns whether any did."""
        began = False
        while self._free > 0 and self._line:
            begin = self._next()
            if begin is None:
                continue
            self._free -= 1
            if begin():
                began = True
            else:
                self._free += 1
        return began

    def _next(self) -> Callable[[], bool] | None:
        """The first call in line, or None where it was forgotten since."""
        stream, call = self._line.popleft()
        waiting = self._begin.get(stream, {})
        begin = waiting.pop(call, None)
        if begin is not None and not waiting:
            del self._begin[stream]
        return begin
