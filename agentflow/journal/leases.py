"""Who may write a run's streams."""

import apsw

from agentflow.errors import JournalError, LeaseHeldError
from agentflow.journal.owner import Owner
from agentflow.journal.port import RUN_STREAM, Lease
from agentflow.journal.recording import lost

LEASE_SECONDS = 30.0
"""How long a lease holds that nobody renews."""

_RELEASED = 0.0


def grant(connection: apsw.Connection, run: str, owner: Owner, now: float, checksum: bytes) -> Lease:
    """Makes a run's own stream, empty, and its first lease. Raises JournalError where the run is there already."""
    connection.execute(
        "INSERT INTO streams (run, stream, epoch, owner, expires_at, seq, checksum, updated_at)"
        " VALUES (?, ?, 1, ?, ?, 0, ?, ?) ON CONFLICT DO NOTHING",
        (run, RUN_STREAM, str(owner), now + LEASE_SECONDS, checksum, now),
    )
    if connection.changes() != 1:
        raise JournalError(f"there is a run {run} already", "start it under another id, or resume it")
    return Lease(run, 1, str(owner), survived=True)


def take(connection: apsw.Connection, run: str, owner: Owner, now: float, *, ended: bool = False) -> Lease:
    """Makes `owner` the owner of all streams of a run; with `ended` also where the run has ended.

    Raises:
        LeaseHeldError: a live process owns it.
        JournalError: no such run, or it has ended.
    """
    row: tuple[int, str, float, str, bool] | None = connection.execute(
        "SELECT max(streams.epoch), last.owner, last.expires_at,"
        " iif(runs.failure_kind = 'cancelled', 'cancelled', runs.status), runs.ended_at IS NOT NULL AND NOT runs.held"
        " FROM runs JOIN streams AS last ON last.run = runs.run AND last.stream = ?"
        " JOIN streams ON streams.run = runs.run WHERE runs.run = ? GROUP BY runs.run",
        (RUN_STREAM, run),
    ).get
    if row is None:
        raise JournalError(f"there is no run {run}", "`agentflow runs` lists those that are there")
    epoch, text, expires_at, status, has_ended = row
    if has_ended and not ended:
        where = "" if status == "failed" else " --from STEP"
        move = f"`agentflow fork {run}{where}` begins a new run that keeps what this one has done"
        raise JournalError(f"run {run} has ended: {status}", move)
    last = Owner.parse(text)
    if ended and not has_ended and not last.same_boot(owner):
        # Who resumes must still see whose lease was lost with the machine: its money is written off by that.
        message = f"run {run} was cut off when the machine was restarted"
        raise JournalError(message, f"`agentflow resume {run}` or `agentflow cancel {run}` first")
    if not is_free(last, expires_at, owner, now):
        raise LeaseHeldError(
            f"run {run} is being run by process {last.pid} on {last.host}",
            "wait until it is done, or stop that process",
        )
    connection.execute(
        "UPDATE streams SET epoch = ?, owner = ?, expires_at = ? WHERE run = ?",
        (epoch + 1, str(owner), now + LEASE_SECONDS, run),
    )
    return Lease(run, epoch + 1, str(owner), survived=last.same_boot(owner))


def is_free(last: Owner, expires_at: float, seen_from: Owner, now: float) -> bool:
    """Whether a lease was released, has run out, or its owner is known to live no more."""
    return expires_at <= now or last.is_gone(seen_from)


def holds(connection: apsw.Connection, lease: Lease) -> bool:
    """Whether the lease is the run's present one."""
    found: int = connection.execute(
        "SELECT count(*) FROM streams WHERE run = ? AND stream = ? AND epoch = ? AND owner = ? AND expires_at > 0",
        (lease.run, RUN_STREAM, lease.epoch, lease.owner),
    ).get
    return found == 1


def renew(connection: apsw.Connection, lease: Lease, now: float) -> None:
    """Lets the lease hold for `LEASE_SECONDS` from now. Raises LeaseLostError."""
    if not _set_end(connection, lease, now + LEASE_SECONDS):
        raise lost(lease)


def release(connection: apsw.Connection, lease: Lease) -> None:
    """Ends the lease; its owner stays written there, for `Lease.survived`. Harmless where it was lost."""
    _set_end(connection, lease, _RELEASED)


def _set_end(connection: apsw.Connection, lease: Lease, expires_at: float) -> bool:
    connection.execute(
        "UPDATE streams SET expires_at = ? WHERE run = ? AND epoch = ? AND owner = ? AND expires_at > 0",
        (expires_at, lease.run, lease.epoch, lease.owner),
    )
    return connection.changes() > 0
