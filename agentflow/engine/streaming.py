"""What happens in a run, as it happens, for whoever iterates over it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from agentflow.events.codec import Event

Result = TypeVar("Result")
Observe = Callable[[str, Event], None]


async def streamed(
    begin: Callable[[Observe], Awaitable[Result]], interrupt: asyncio.Event
) -> AsyncIterator[tuple[str, Event] | Result]:
    """Every event with its stream as it is observed, and the result last.

    Parameters:
        begin: starts what is observed; it is handed who hears the events.
        interrupt: is set where the iteration is left early.
    """
    heard: asyncio.Queue[tuple[str, Event]] = asyncio.Queue()
    running = asyncio.ensure_future(begin(lambda name, event: heard.put_nowait((name, event))))
    try:
        while not (running.done() and heard.empty()):
            getting = asyncio.ensure_future(heard.get())
            await asyncio.wait((getting, running), return_when=asyncio.FIRST_COMPLETED)
            if getting.done():
                yield getting.result()
            else:
                getting.cancel()
        yield running.result()
    finally:
        if not running.done():
            interrupt.set()
        await asyncio.gather(running, return_exceptions=True)
