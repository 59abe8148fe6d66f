"""What the rooms above want of a journal; `sqlite.py` is one."""

from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Literal, Protocol, get_args

from msgspec import Struct

from agentflow.events.codec import Event
from agentflow.events.run_events import RunStarted
from agentflow.events.values import JSON, Approvers
from agentflow.guard.money import Granted, Refused, Want, Whose

RUN_STREAM = ""
"""The name of a run's own stream; every other stream is a session's."""

LEASE_SECONDS = 30.0
"""How long a lease holds without being renewed."""


By = Literal["run", "day", "agent", "model", "user", "tenant"]
WAYS: tuple[By, ...] = get_args(By)
"""How spending can be told apart."""


class Entry(Struct, frozen=True):
    """An event and the stream it belongs to."""

    stream: str
    event: Event


class Recorded(Struct, frozen=True):
    """An event as the journal holds it; `seq` counts from 1 in its stream, without gaps."""

    stream: str
    seq: int
    event: Event


class Lease(Struct, frozen=True):
    """The right to write the streams of a run.

    Attributes:
        epoch: rises with every new owner; a write under an older one is refused.
        survived: the machine has not restarted since the last owner wrote, so nothing it wrote can be missing.
    """

    run: str
    epoch: int
    owner: str
    survived: bool


class RunSummary(Struct, frozen=True):
    """A run as lists show it. Times in seconds since the epoch, money in US dollars.

    Attributes:
        status: `running` while a live process holds it, `crashed` where its owner is gone without a word.
        goes_on_from: the older run that it took up; it need not be there any more.
    """

    run: str
    workflow: str
    path: str
    project: str
    started_at: float
    updated_at: float
    status: Literal["running", "waiting", "interrupted", "crashed", "done", "failed"]
    failure_kind: str | None
    cost_usd: float
    turns: int
    goes_on_from: str | None = None


class Gate(Struct, frozen=True):
    """A question to a person, and the answer where there is one already.

    Attributes:
        form: of an `ask`, the JSON Schema of its `answers`.
        approvers: who may answer; None: anybody.
    """

    run: str
    step: str
    about: Literal["approve", "ask", "unknown", "call"]
    message: str
    show: str | None
    opened_at: float
    expires_at: float | None
    approved: bool | None = None
    by: str | None = None
    comment: str | None = None
    form: Mapping[str, JSON] | None = None
    answers: JSON = None
    approvers: Approvers | None = None


class Cancellation(Struct, frozen=True):
    """A wish that a run ends for good, until the run's owner has recorded it."""

    run: str
    by: str
    reason: str | None
    asked_at: float


class Spending(Struct, frozen=True):
    """What something has cost.

    Attributes:
        of: what each of the wanted ways says of it, as `{"user": "ada", "day": "2026-11-21"}`; '' where nobody said.
        calls: that have ended, with a reply or without.
        input_tokens: cached ones too.
    """

    of: Mapping[str, str]
    cost_usd: float
    calls: int
    input_tokens: int
    output_tokens: int


class Follower(Protocol):
    """Reads on in the events of one run."""

    def more(self) -> list[Recorded]:
        """What was recorded since the last call, each verified, in the order in which it was recorded.

        Raises:
            JournalError: the run is gone, or what is there is damaged.
        """

    def close(self) -> None:
        """Reads no more."""


class Journal(Protocol):
    """A journal. Reading needs no lease; every method but `append` is quick enough to call as it is."""

    def create(self, started: RunStarted, entries: Sequence[Entry] = ()) -> Lease:
        """Makes a run and records its first event and what it takes over from another, all or none, synced to disk."""

    def take(self, run: str, *, ended: bool = False) -> Lease:
        """Makes the caller the owner of a run's streams.

        Parameters:
            ended: also where the run has ended, for what may still follow its end.

        Raises:
            LeaseHeldError: a live process owns it; the message says which.
            JournalError: no such run, or it has ended.
        """

    def renew(self, lease: Lease) -> None:
        """Keeps the lease alive; to be called every `LEASE_SECONDS / 3`. Raises LeaseLostError."""

    def release(self, lease: Lease) -> None:
        """Lets go of a lease, so that another may take it at once; harmless where it was lost."""

    async def append(self, lease: Lease, entries: Sequence[Entry], *, durable: bool = False) -> None:
        """Records entries, all or none, in order; returns once they survive the death of the process.

        With `durable` they survive loss of power too. Calls that wait together share one commit; one that is refused
        does not undo its neighbours.

        Raises:
            LeaseLostError: another owner has taken the stream.
            JournalFullError: there is no room on the disk; nothing was recorded, and the call may be made again.
            JournalError: the database cannot be written.
        """

    def read(self, run: str, stream: str | None = None) -> Iterator[Recorded]:
        """A run's events, each verified: of one stream, or of all in the order they were recorded.

        Raises:
            JournalError: no such run, or what is there is damaged; the message names the stream and the seq.
        """

    def find(self, prefix: str) -> str:
        """The one run whose id begins so. Raises JournalError where there is none, or more than one."""

    def runs(self, limit: int = 50) -> list[RunSummary]:
        """The newest runs first."""

    def summary(self, run: str) -> RunSummary:
        """One run. Raises JournalError where there is none of that id."""

    def gates(self, run: str) -> list[Gate]:
        """The gates of a run that no `GateAnswered` has closed, answered or not."""

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

        Parameters:
            answers: to an `ask`, what meets its form; None for every other question.
            roles: in which `by` may answer; a gate without approvers wants none.

        Raises:
            JournalError: no such gate (the message names those that are open), it has its answer, it is for others to
                answer, or it asks for answers and got a yes or no, or the other way round.
        """

    def follow(self, run: str) -> Follower:
        """Reads a run's events from the first on, and on as they are recorded. Raises JournalError: no such run."""

    def cancel(self, run: str, *, by: str, reason: str | None, at: float) -> Cancellation:
        """Leaves the wish that a run ends for its owner, synced to disk; one that is there already stays.

        Returns:
            The wish that stands: this one, or that of who came first.

        Raises:
            JournalError: no such run, or it has ended.
        """

    def cancellation(self, run: str) -> Cancellation | None:
        """The wish that a run ends, where one was left that its owner has not recorded yet."""

    def lease_money(self, lease: Lease, want: Want) -> Granted | Refused:
        """Has a run hold money of its user's and tenant's caps, all or none of them, synced to disk.

        Raises:
            LeaseLostError: another process owns the run.
        """

    def give_back(self, lease: Lease, day: str, in_use: int) -> None:
        """Leaves a run what its calls of a day use, in nano-dollars. Raises LeaseLostError."""

    def write_off(self, lease: Lease, day: str, in_use: int) -> None:
        """Charges for good what a run holds of a day and its events do not account for. Raises LeaseLostError."""

    def held_money(self, run: str) -> Mapping[str, int]:
        """What a run holds of the caps above it, by day, in nano-dollars."""

    def charged(self, whose: Whose, name: str, period: str) -> int:
        """What is charged to a user or tenant in a day or month, in nano-dollars: used, or held by runs."""

    def begin_call(self, user: str, tool: str, calls: int, seconds: float, now: float) -> float | None:
        """Counts a user's call of a tool that begins now; or tells when it may, where it would pass the rate."""

    def spending(
        self, by: Sequence[By], *, since: str = "", until: str = "9999", only: Mapping[By, str] | None = None
    ) -> list[Spending]:
        """What models have cost, the dearest first.

        Parameters:
            by: what to tell apart; none: one sum of all.
            since, until: the first and the last day, as `2026-11-21`.
            only: what else to keep to, as `{"tenant": "acme"}`.
        """

    def ended_before(self, days: int | None, keep: int | None) -> float:
        """The time before which runs ended that need not be kept by their age in days, or because newer ones are."""

    def prune(self, before: float, *, held: bool = True) -> int:
        """Deletes the runs that ended before then, with `held` those too that a used-up bound holds and that could go
        on, and what only they used; returns how many."""

    def close(self) -> None:
        """Finishes what is being written and closes the database."""
