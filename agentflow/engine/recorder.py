"""From what has happened to what is on record, and only then to what follows from it."""

import asyncio
from collections.abc import Callable

from agentflow.errors import JournalFullError
from agentflow.events.codec import Event
from agentflow.journal.port import Entry, Journal, Lease

SECONDS_BETWEEN_TRIES_WHEN_FULL = 1.0


class Recorder:
    """Records everything of one tick together, then starts what was waiting for it to be on record.

    Parameters:
        observe: hears every event once it is on record.
        full: hears when the disk has no room (True) and when it has again (False).
    """

    def __init__(
        self,
        journal: Journal,
        lease: Lease,
        observe: Callable[[str, Event], None],
        full: Callable[[bool], None],
    ) -> None:
        self._journal = journal
        self._lease = lease
        self._observe = observe
        self._full = full
        self._entries: list[Entry] = []
        self._starts: list[Callable[[], None]] = []
        self._durable = False
        self._wake = asyncio.Event()
        self._recording = False

    @property
    def idle(self) -> bool:
        """Nothing is waiting to be recorded or started."""
        return not self._entries and not self._starts and not self._recording

    def add(self, stream: str, event: Event, *, durable: bool = False) -> None:
        """Takes an event up for the next record; `durable` has it synced to disk before anything follows."""
        self._entries.append(Entry(stream, event))
        self._durable = self._durable or durable
        self._wake.set()

    def then(self, start: Callable[[], None]) -> None:
        """Calls `start` when everything added so far is on record."""
        self._starts.append(start)
        self._wake.set()

    async def run(self, recorded: Callable[[], None]) -> None:
        """Records until cancelled; calls `recorded` after each round. Raises what the journal raises."""
        while True:
            await self._wake.wait()
            await self.flush()
            recorded()

    async def flush(self) -> None:
        """Records what is there now and starts what waits for it."""
        self._wake.clear()
        entries, starts, durable = self._entries, self._starts, self._durable
        self._entries, self._starts, self._durable = [], [], False
        self._recording = True
        try:
            if entries:
                await self._append(entries, durable)
            for entry in entries:
                self._observe(entry.stream, entry.event)
            for start in starts:
                start()
        finally:
            self._recording = False

    async def _append(self, entries: list[Entry], durable: bool) -> None:
        """Appends, and waits for room where the disk has none: nothing was recorded, so nothing has followed."""
        told = False
        while True:
            try:
                await self._journal.append(self._lease, entries, durable=durable)
            except JournalFullError:
                if not told:
                    self._full(True)
                told = True
                await asyncio.sleep(SECONDS_BETWEEN_TRIES_WHEN_FULL)
            else:
                if told:
                    self._full(False)
                return
