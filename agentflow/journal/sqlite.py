"""The journal in one SQLite file."""

import asyncio
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from concurrent.futures import Future
from contextlib import closing, suppress
from pathlib import Path
from typing import Literal, TypeVar

import apsw

from agentflow.errors import JournalError
from agentflow.events.run_events import RunStarted
from agentflow.events.values import JSON
from agentflow.guard.money import Granted, Refused, Want, Whose
from agentflow.journal import accounts, cancelling, gates, leases, rates, reading, retention, tranches
from agentflow.journal.connection import as_journal_error, open_reader
from agentflow.journal.following import SqliteFollower
from agentflow.journal.group_commit import Call, GroupCommit, Outcome
from agentflow.journal.owner import Owner
from agentflow.journal.port import RUN_STREAM, By, Cancellation, Entry, Gate, Lease, Recorded, RunSummary, Spending
from agentflow.journal.private_files import check_private, make_private
from agentflow.journal.reading import Spend
from agentflow.journal.recording import Head, is_recorded, lost, record
from agentflow.journal.rows import NO_ROW, storable, to_row
from agentflow.journal.spending import read as read_spending
from agentflow.journal.writer import Writer

Result = TypeVar("Result")


def open_journal(
    path: Path,
    clock: Callable[[], float] = time.time,
    durability: Literal["process", "power"] = "process",
    *,
    access: Literal["create", "write", "read"] = "create",
    vfs: str | None = None,
) -> "SqliteJournal":
    """Opens the journal in a file, `.agentflow/journal.db` of a project.

    Parameters:
        path: the file; it and its folder are made, private to their user, where they are missing.
        clock: the time in seconds since the epoch, for leases.
        durability: `power`: each event is on the disk before `append` returns, not only those that ask for it.
        access: `write` makes nothing that is not there; `read` writes nothing.
        vfs: the name of SQLite's layer above the operating system; None: its own.

    Raises:
        JournalError: it cannot be made or opened, is not private, not a journal, or a newer one.
    """
    path = Path(os.path.abspath(path))
    if access == "create":
        make_private(path)
    else:
        check_private(path)
    path = path.parent.resolve() / path.name
    writer = None if access == "read" else Writer(path, sync_all=durability == "power", vfs=vfs)
    return SqliteJournal(path, clock, writer, sync_all=durability == "power", vfs=vfs)


class SqliteJournal:
    """A `Journal` in one SQLite file; see `open_journal`."""

    def __init__(
        self, path: Path, clock: Callable[[], float], writer: Writer | None, *, sync_all: bool, vfs: str | None
    ) -> None:
        self._path = path
        self._clock = clock
        self._vfs = vfs
        self._owner = Owner.current()
        self._writer_or_none = writer
        self._commits = GroupCommit(self._commit, sync_all=sync_all)
        self._checkpoint_done: Future[None] | None = None
        self._closed = False
        if writer is None:
            self._read(lambda connection: None)

    def create(self, started: RunStarted, entries: Sequence[Entry] = ()) -> Lease:
        """Makes a run and records its first event and `entries`, all or none, synced to disk.

        Raises:
            JournalError: its id is taken.
        """
        rows = [to_row(entry) for entry in (Entry(RUN_STREAM, started), *entries)]
        heads: dict[str, Head] = {}
        run = storable(started.run)

        def work(connection: apsw.Connection) -> Lease:
            lease = leases.grant(connection, run, self._owner, self._clock(), NO_ROW)
            heads.update(record(connection, lease, rows))
            return lease

        return self._writer.transact(work, synced=True, landed=lambda found: is_recorded(found, run, heads))

    def take(self, run: str, *, ended: bool = False) -> Lease:
        """Makes the caller the owner of a run's streams; with `ended` also where the run has ended.

        Raises:
            JournalError: no such run, it has ended, or a live process owns it (the message says which).
        """
        taken: list[Lease] = []

        def work(connection: apsw.Connection) -> Lease:
            taken.append(leases.take(connection, run, self._owner, self._clock(), ended=ended))
            return taken[0]

        return self._writer.transact(work, synced=True, landed=lambda found: leases.holds(found, taken[0]))

    def renew(self, lease: Lease) -> None:
        """Keeps the lease alive; to be called every `LEASE_SECONDS / 3`. Raises LeaseLostError."""
        self._writer.transact(lambda connection: leases.renew(connection, lease, self._clock()), synced=False)

    def release(self, lease: Lease) -> None:
        """Lets go of a lease, so that another may take it at once; harmless where it was lost."""
        self._writer.transact(lambda connection: leases.release(connection, lease), synced=False)

    async def append(self, lease: Lease, entries: Sequence[Entry], *, durable: bool = False) -> None:
        """Records entries, all or none, in order; returns once they survive the death of the process.

        With `durable` they survive loss of power too. Calls that wait together share one commit; one that is refused
        does not undo its neighbours. A call that is cancelled while it waits is recorded all the same. Without
        entries, `durable` waits until all that was recorded is on the disk.

        Raises:
            LeaseLostError: another owner has taken the stream.
            JournalFullError: there is no room on the disk; nothing was recorded, and the call may be made again.
            JournalError: the database cannot be written.
        """
        writer = self._writer
        rows = [to_row(entry) for entry in entries]
        if rows:
            await self._commits.append(lease, rows, durable=durable)
        elif durable:
            await asyncio.wrap_future(self._commits.in_thread(writer.flush))
        if writer.wants_checkpoint and (self._checkpoint_done is None or self._checkpoint_done.done()):
            self._checkpoint_done = self._commits.in_thread(self._checkpoint)

    def read(self, run: str, stream: str | None = None) -> Iterator[Recorded]:
        """A run's events, each verified: of one stream, or of all in the order they were recorded.

        Raises:
            JournalError: no such run, or what is there is damaged; the message names the stream and the seq.
        """
        self._read(lambda connection: reading.heads_of(connection, run, stream))
        return self._verified(run, stream)

    def find(self, prefix: str) -> str:
        """The one run whose id begins so. Raises JournalError where there is none, or more than one."""
        return self._read(lambda connection: reading.run_that_begins(connection, prefix))

    def runs(self, limit: int = 50) -> list[RunSummary]:
        """The newest runs first."""
        now = self._clock()
        return self._read(lambda connection: reading.newest_runs(connection, limit, self._owner, now))

    def summary(self, run: str) -> RunSummary:
        """One run. Raises JournalError where there is none of that id."""
        now = self._clock()
        found = self._read(lambda connection: reading.newest_runs(connection, 1, self._owner, now, run))
        if not found:
            raise JournalError(f"there is no run {run}", "`agentflow runs` lists those that are there")
        return found[0]

    def gates(self, run: str) -> list[Gate]:
        """The gates of a run that no `GateAnswered` has closed, answered or not."""
        return self._read(lambda connection: reading.open_gates(connection, run))

    def spend(self, run: str) -> Spend:
        """What a run has used. Raises JournalError where there is no such run."""
        return self._read(lambda connection: reading.spend_of(connection, run))

    def answer(
        self,
        run: str,
        step: str,
        *,
        approved: bool,
        by: str,
        comment: str | None,
        at: float,
        answers: JSON = None,
        roles: Set[str] = frozenset(),
    ) -> Gate:
        """Leaves an answer for the run's owner to record, synced to disk.

        Raises:
            JournalError: no such gate (the message names those that are open), it has timed out, has its answer, is
                for others to answer, or asks for something else.
        """
        given: list[Gate] = []

        def work(connection: apsw.Connection) -> Gate:
            said = gates.answer(
                connection, run, step, approved=approved, by=by, comment=comment, at=at, answers=answers, roles=roles
            )
            given.append(said)
            return said

        return self._writer.transact(
            work, synced=True, landed=lambda found: reading.open_gates(found, run, step) == given
        )

    def follow(self, run: str) -> SqliteFollower:
        """Reads a run's events from the first on, and on as they are recorded. Raises JournalError: no such run."""
        self._read(lambda connection: reading.heads_of(connection, run, RUN_STREAM))
        return SqliteFollower(self._path, self._vfs, run)

    def cancel(self, run: str, *, by: str, reason: str | None, at: float) -> Cancellation:
        """Leaves the wish that a run ends for its owner, synced to disk; one that is there already stays.

        Raises:
            JournalError: no such run, or it has ended.
        """
        wish = Cancellation(run, by, reason, at)
        return self._writer.transact(
            lambda connection: cancelling.leave(connection, wish),
            synced=True,
            landed=lambda found: cancelling.left(found, run) is not None,
        )

    def cancellation(self, run: str) -> Cancellation | None:
        """The wish that a run ends, where one was left that its owner has not recorded yet."""
        return self._read(lambda connection: cancelling.left(connection, run))

    def lease_money(self, lease: Lease, want: Want) -> Granted | Refused:
        """Has a run hold money of its user's and tenant's caps, all or none of them, synced to disk.

        Raises:
            LeaseLostError: another process owns the run.
        """
        return self._owned(
            lease, lambda connection: tranches.lease(connection, lease.run, want, self._owner, self._clock())
        )

    def give_back(self, lease: Lease, day: str, in_use: int) -> None:
        """Leaves a run what its calls of a day use, in nano-dollars. Raises LeaseLostError."""
        self._owned(lease, lambda connection: accounts.give_back(connection, lease.run, day, in_use), synced=False)

    def write_off(self, lease: Lease, day: str, in_use: int) -> None:
        """Charges for good what a run holds of a day and its events do not account for. Raises LeaseLostError."""
        self._owned(lease, lambda connection: accounts.write_off(connection, lease.run, day, in_use))

    def held_money(self, run: str) -> Mapping[str, int]:
        """What a run holds of the caps above it, by day, in nano-dollars."""
        return self._read(lambda connection: accounts.held(connection, run))

    def charged(self, whose: Whose, name: str, period: str) -> int:
        """What is charged to a user or tenant in a day or month, in nano-dollars: used, or held by runs."""
        return self._read(lambda connection: accounts.charged(connection, whose, name, period))

    def begin_call(self, user: str, tool: str, calls: int, seconds: float, now: float) -> float | None:
        """Counts a user's call of a tool that begins now; or tells when it may, where it would pass the rate."""
        return self._writer.transact(
            lambda connection: rates.begin(connection, user, tool, calls, seconds, now), synced=False
        )

    def spending(
        self, by: Sequence[By], *, since: str = "", until: str = "9999", only: Mapping[By, str] | None = None
    ) -> list[Spending]:
        """What models have cost, the dearest first."""
        return self._read(lambda connection: read_spending(connection, tuple(by), since=since, until=until, only=only))

    def ended_before(self, days: int | None, keep: int | None) -> float:
        """The time before which runs ended that need not be kept by their age in days, or because newer ones are."""
        return self._read(lambda connection: retention.ended_before(connection, days, keep, self._clock()))

    def prune(self, before: float, *, held: bool = True) -> int:
        """As of `Journal`."""
        return self._writer.transact(
            lambda connection: retention.prune(connection, before, self._owner, self._clock(), held=held), synced=True
        )

    def close(self) -> None:
        """Finishes what is being written and closes the database."""
        if self._closed:
            return
        self._closed = True
        self._commits.close()
        if self._writer_or_none is not None:
            self._writer_or_none.close()

    @property
    def _writer(self) -> Writer:
        if self._closed:
            raise JournalError(f"the journal {self._path} is closed")
        if self._writer_or_none is None:
            raise JournalError(f"the journal {self._path} is open for reading only")
        return self._writer_or_none

    def _owned(self, lease: Lease, work: Callable[[apsw.Connection], Result], *, synced: bool = True) -> Result:
        """Does some work for a run that this process owns. A commit in doubt counts as lost, which charges no less."""

        def owned(connection: apsw.Connection) -> Result:
            if not leases.holds(connection, lease):
                raise lost(lease)
            return work(connection)

        return self._writer.transact(owned, synced=synced)

    def _commit(self, calls: Sequence[Call], synced: bool, wait: bool) -> list[Outcome]:
        batch = _Batch(calls)
        writer = self._writer_or_none
        if writer is None:
            raise JournalError(f"the journal {self._path} is open for reading only")
        try:
            writer.transact(batch.record, synced=synced, landed=batch.is_recorded, wait=wait)
        except JournalError as error:
            return [refused or error for refused in batch.refused]
        return batch.refused

    def _checkpoint(self) -> None:
        writer = self._writer_or_none
        if writer is not None:
            with suppress(JournalError):  # the next commit meets it too, and has somebody to tell
                writer.checkpoint()

    def _read(self, query: Callable[[apsw.Connection], Result]) -> Result:
        if self._closed:
            raise JournalError(f"the journal {self._path} is closed")
        try:
            with closing(open_reader(self._path, self._vfs)) as connection:
                return query(connection)
        except reading.DAMAGED as error:
            raise as_journal_error(error, self._path) from error

    def _verified(self, run: str, stream: str | None) -> Iterator[Recorded]:
        try:
            connection = open_reader(self._path, self._vfs)
        except reading.DAMAGED as error:
            raise as_journal_error(error, self._path) from error
        with closing(connection):
            connection.execute("BEGIN")  # one view of the heads and the rows, whatever is written meanwhile
            yield from reading.verified(connection, run, stream, self._path)


class _Batch:
    """Calls that share a transaction.

    Attributes:
        refused: why, per call; None where it is recorded.
    """

    def __init__(self, calls: Sequence[Call]) -> None:
        self._calls = calls
        self._heads: list[dict[str, Head]] = []
        self.refused: list[Outcome] = [None] * len(calls)

    def record(self, connection: apsw.Connection) -> None:
        if len(self._calls) == 1:
            self._heads.append(record(connection, self._calls[0].lease, self._calls[0].rows))
            return
        for index, call in enumerate(self._calls):
            connection.execute("SAVEPOINT call")
            try:
                self._heads.append(record(connection, call.lease, call.rows))
            except Exception as error:
                if isinstance(error, apsw.Error) and not isinstance(error, apsw.ConstraintError | apsw.TooBigError):
                    raise
                connection.execute("ROLLBACK TO call")
                self._heads.append({})
                self.refused[index] = error
            connection.execute("RELEASE call")

    def is_recorded(self, connection: apsw.Connection) -> bool:
        recorded = [
            is_recorded(connection, call.lease.run, heads)
            for call, heads in zip(self._calls, self._heads, strict=True)
            if heads
        ]
        return bool(recorded) and all(recorded)
