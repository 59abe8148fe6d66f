"""Blocking work beside the event loop, which ends before its caller does."""

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


class WorkCancelledError(Exception):
    """The call this work was for was cancelled."""


class Stop:
    """Asked now and then by blocking work, so that it ends soon after its call was cancelled."""

    __slots__ = ("_event",)

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """From now on `check` raises."""
        self._event.set()

    def check(self) -> None:
        """Raises `WorkCancelledError` once the call was cancelled."""
        if self._event.is_set():
            raise WorkCancelledError


async def in_thread(work: Callable[[Stop], Result]) -> Result:
    """Runs blocking work in the loop's thread pool.

    A cancelled call returns only when the work has come to an end: what a tool does never outlives it.

    Raises: what `work` raises.
    """
    stop = Stop()

    def guarded() -> Result:
        stop.check()
        return work(stop)

    future = asyncio.get_running_loop().run_in_executor(None, guarded)
    cancelled = False
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError:  # the work has to end first, however often we are asked
            cancelled = True
            stop.set()
    if cancelled:
        future.exception()  # the call is gone, so nobody is left to be told of a failure
        raise asyncio.CancelledError
    return future.result()
