"""What is to happen at a time: retries, expiries, bounds of the clock. An entry each, never a task."""

import asyncio
from collections.abc import Callable


class Timers:
    """Timers by stream and name; setting one again moves it.

    Parameters:
        failed: hears what an act raised: nobody else waits for it.
    """

    def __init__(self, failed: Callable[[BaseException], None]) -> None:
        self._failed = failed
        self._handles: dict[tuple[str, str], asyncio.TimerHandle] = {}

    def set(self, stream: str, name: str, seconds: float, act: Callable[[], None]) -> None:
        """Calls `act` once, that many seconds from now."""
        key = (stream, name)

        def fire() -> None:
            del self._handles[key]
            try:
                act()
            except Exception as error:
                self._failed(error)

        if (earlier := self._handles.pop(key, None)) is not None:
            earlier.cancel()
        self._handles[key] = asyncio.get_running_loop().call_later(max(0.0, seconds), fire)

    def any_named(self, name: str) -> bool:
        """Whether a timer of that name is set in any stream."""
        return any(key[1] == name for key in self._handles)

    def forget(self, stream: str, name: str | None = None) -> None:
        """Unsets a stream's timer of that name, or all of its timers."""
        for key in [key for key in self._handles if key[0] == stream and name in (None, key[1])]:
            self._handles.pop(key).cancel()

    def clear(self) -> None:
        """Unsets every timer."""
        for handle in self._handles.values():
            handle.cancel()
        self._handles.clear()
