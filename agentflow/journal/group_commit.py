"""Calls that wait together share one commit."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

from msgspec import Struct

from agentflow.errors import AgentflowError, JournalError
from agentflow.journal.port import Lease
from agentflow.journal.rows import Row
from agentflow.journal.writer import BusyNowError

_INLINE_CALLS = 64
_INLINE_BYTES = 256 * 1024
"""Up to so much is committed in the event loop itself, which takes less time than going to a thread and back."""


class Call(Struct, frozen=True, eq=False):
    """An `append` that waits."""

    lease: Lease
    rows: Sequence[Row]
    durable: bool
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[None]


Outcome = Exception | None
"""Why a call was refused; None: it is recorded."""

Commit = Callable[[Sequence[Call], bool, bool], list[Outcome]]
"""Commits calls; takes them, whether to wait for the disk, whether to wait for other writers (else BusyNowError)."""


class GroupCommit:
    """Gathers the calls of one turn of the event loop, and commits them at its end.

    Where one of them wants the disk, or the database is in use, a thread commits them; what comes meanwhile is its next
    batch.

    Parameters:
        commit: does it.
        sync_all: each commit waits for the disk.
    """

    def __init__(self, commit: Commit, *, sync_all: bool) -> None:
        self._commit = commit
        self._sync_all = sync_all
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="agentflow-journal")
        self._lock = threading.Lock()
        self._waiting: list[Call] = []
        self._draining = False
        self._flush_in: asyncio.AbstractEventLoop | None = None
        self._closed = False

    async def append(self, lease: Lease, rows: Sequence[Row], *, durable: bool) -> None:
        """Returns once the rows are recorded. A call that is cancelled while it waits is recorded all the same."""
        loop = asyncio.get_running_loop()
        call = Call(lease, rows, durable, loop, loop.create_future())
        with self._lock:
            if self._closed:
                raise JournalError("the journal is closed")
            self._waiting.append(call)
            if not self._draining and self._flush_in is not loop:
                self._flush_in = loop
                loop.call_soon(self._flush)
        await call.done

    def in_thread(self, work: Callable[[], None]) -> Future[None]:
        """Runs something between two batches, off the event loop."""
        return self._thread.submit(work)

    def close(self) -> None:
        """Commits what waits, and ends the thread."""
        with self._lock:
            self._closed = True
        self._thread.shutdown(wait=True)
        while calls := self._next():
            self._commit_waiting(calls)

    def _flush(self) -> None:
        with self._lock:
            self._flush_in = None
            if self._draining or self._closed:
                return
            calls, self._waiting = self._waiting, []
        if not calls:
            return
        if not self._is_quick(calls) or not self._try_now(calls):
            with self._lock:
                self._draining = True
            self._thread.submit(self._drain, calls)

    def _try_now(self, calls: list[Call]) -> bool:
        try:
            outcomes = self._commit(calls, False, False)
        except BusyNowError:
            return False
        except Exception as error:  # whatever it is, each caller must hear of it rather than wait for ever
            outcomes = [error] * len(calls)
        _deliver(calls, outcomes, asyncio.get_running_loop())
        return True

    def _is_quick(self, calls: Sequence[Call]) -> bool:
        if self._sync_all or len(calls) > _INLINE_CALLS:
            return False
        size = 0
        for call in calls:
            if call.durable:
                return False
            for row in call.rows:
                size += len(row.body)
                if row.blobs:
                    size += sum(len(content) for _, content in row.blobs)
        return size <= _INLINE_BYTES

    def _drain(self, calls: list[Call]) -> None:
        while calls:
            self._commit_waiting(calls)
            calls = self._next()

    def _next(self) -> list[Call]:
        with self._lock:
            calls, self._waiting = self._waiting, []
            self._draining = bool(calls)
        return calls

    def _commit_waiting(self, calls: list[Call]) -> None:
        synced = self._sync_all or any(call.durable for call in calls)
        try:
            outcomes = self._commit(calls, synced, True)
        except Exception as error:  # as in `_try_now`
            outcomes = [error] * len(calls)
        _deliver(calls, outcomes, None)


def _deliver(calls: Sequence[Call], outcomes: Sequence[Outcome], here: asyncio.AbstractEventLoop | None) -> None:
    settled = list(zip(calls, outcomes, strict=True))
    for loop in {call.loop for call in calls}:
        ours = [pair for pair in settled if pair[0].loop is loop]
        if loop is here:
            _settle(ours)
        else:
            with suppress(RuntimeError):  # the loop is closed: nobody waits there any more
                loop.call_soon_threadsafe(_settle, ours)


def _settle(settled: Sequence[tuple[Call, Outcome]]) -> None:
    for call, outcome in settled:
        if call.done.done():
            continue
        if outcome is None:
            call.done.set_result(None)
        elif isinstance(outcome, AgentflowError):
            # Each caller gets one of its own: an exception that several raise would mix up their tracebacks.
            call.done.set_exception(type(outcome)(outcome.message, outcome.hint))
        else:
            call.done.set_exception(outcome)
