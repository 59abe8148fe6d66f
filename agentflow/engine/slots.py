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
        self._begin: dict[tuple[str, str], Callable[[], bool]] = {}

    @property
    def idle(self) -> bool:
        """Nothing waits here."""
        return not self._begin

    def request(self, stream: str, call: str, begin: Callable[[], bool]) -> None:
        """Puts a call in line, once. `begin` is asked when its turn comes; false gives the slot back at once."""
        key = (stream, call)
        if key not in self._begin:
            self._line.append(key)
            self._begin[key] = begin

    def forget(self, stream: str) -> None:
        """Takes a stream's calls out of the line."""
        for key in [key for key in self._begin if key[0] == stream]:
            del self._begin[key]

    def release(self) -> None:
        """Gives a slot back."""
        self._free += 1

    def fill(self) -> bool:
        """Lets waiting calls begin while slots are free. Returns whether any did."""
        began = False
        while self._free > 0 and self._line:
            begin = self._begin.pop(self._line.popleft(), None)
            if begin is None:
                continue
            self._free -= 1
            if begin():
                began = True
            else:
                self._free += 1
        return began
