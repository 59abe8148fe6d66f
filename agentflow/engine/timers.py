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
        self._handles: dict[str, dict[str, asyncio.TimerHandle]] = {}

    def set(self, stream: str, name: str, seconds: float, act: Callable[[], None]) -> None:
        """Calls `act` once, that many seconds from now."""
        self.forget(stream, name)

        def fire() -> None:
            self.forget(stream, name)
            try:
                act()
            except Exception as error:
                self._failed(error)

        self._handles.setdefault(stream, {})[name] = asyncio.get_running_loop().call_later(max(0.0, seconds), fire)

    def any_named(self, name: str) -> bool:
        """Whether a timer of that name is set in any stream."""
        return any(name in handles for handles in self._handles.values())

    def is_set(self, stream: str, name: str) -> bool:
        """Whether a stream has a timer of that name."""
        return name in self._handles.get(stream, {})

    def streams_with(self, name: str) -> list[str]:
        """The streams that have a timer of that name."""
        return [stream for stream, handles in self._handles.items() if name in handles]

    def forget(self, stream: str, name: str | None = None) -> None:
        """Unsets a stream's timer of that name, or all of its timers."""
        handles = self._handles.get(stream, {})
        for key in [name] if name in handles else list(handles) if name is None else ():
            handles.pop(key).cancel()
        if not handles:
            self._handles.pop(stream, None)

    def clear(self) -> None:
        """Unsets every timer."""
        for stream in list(self._handles):
            self.forget(stream)
