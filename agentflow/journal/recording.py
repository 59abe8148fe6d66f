"""Adds rows to streams, under a lease."""

from collections.abc import Sequence
from typing import NamedTuple

import apsw

from agentflow.errors import LeaseLostError
from agentflow.journal import blobs
from agentflow.journal.port import RUN_STREAM, Lease
from agentflow.journal.projections import PROJECTIONS
from agentflow.journal.rows import NO_ROW, Row, checksum


class Head(NamedTuple):
    """The last row of a stream."""

    seq: int
    checksum: bytes


def record(connection: apsw.Connection, lease: Lease, rows: Sequence[Row]) -> dict[str, Head]:
    """Adds rows to their streams, in order; returns the heads that this gives.

    Raises:
        LeaseLostError: another owner has a stream, or the run is gone; what was written is to be undone.
    """
    run = lease.run
    heads: dict[str, Head] = {}
    for row in rows:
        stream = row.stream
        head = heads.get(stream)
        if head is None:
            head = _head(connection, lease, stream)
        seq = head.seq + 1
        digest = checksum(head.checksum, run, stream, seq, row.kind, row.version, row.body, row.refs)
        connection.execute(
            "INSERT INTO events (run, stream, seq, at, type, version, body, refs, checksum)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (run, stream, seq, row.event.at, row.kind, row.version, row.body, row.refs, digest),
        )
        if row.blobs:
            blobs.store(connection, row.blobs)
        project = PROJECTIONS[type(row.event)]
        if project is not None:
            project(connection, run, stream, row.event)
        heads[stream] = Head(seq, digest)
    at = rows[-1].event.at
    for stream, head in heads.items():
        connection.execute(
            "UPDATE streams SET seq = ?, checksum = ?, updated_at = ? WHERE run = ? AND stream = ? AND epoch = ?",
            (head.seq, head.checksum, at, run, stream, lease.epoch),
        )
        if connection.changes() != 1:
            raise lost(lease)
    return heads


def is_recorded(connection: apsw.Connection, run: str, heads: dict[str, Head]) -> bool:
    """Whether the rows that gave these heads are there."""
    return all(
        connection.execute(
            "SELECT checksum FROM events WHERE run = ? AND stream = ? AND seq = ?", (run, stream, head.seq)
        ).get
        == head.checksum
        for stream, head in heads.items()
    )


def lost(lease: Lease) -> LeaseLostError:
    """What to raise where a lease does not hold any more."""
    return LeaseLostError(
        f"this process does not own run {lease.run} any more", "another has taken it over; see how it stands there"
    )


def _head(connection: apsw.Connection, lease: Lease, stream: str) -> Head:
    row: tuple[int, bytes] | None = connection.execute(
        "SELECT seq, checksum FROM streams WHERE run = ? AND stream = ? AND epoch = ? AND owner = ? AND expires_at > 0",
        (lease.run, stream, lease.epoch, lease.owner),
    ).get
    if row is not None:
        return Head(*row)
    # A new stream comes under the lease of its run; one that is there already belongs to somebody else.
    connection.execute(
        "INSERT INTO streams (run, stream, epoch, owner, expires_at, seq, checksum, updated_at)"
        " SELECT run, ?, epoch, owner, expires_at, 0, ?, updated_at FROM streams"
        " WHERE run = ? AND stream = ? AND epoch = ? AND owner = ? AND expires_at > 0 ON CONFLICT DO NOTHING",
        (stream, NO_ROW, lease.run, RUN_STREAM, lease.epoch, lease.owner),
    )
    if connection.changes() != 1:
        raise lost(lease)
    return Head(0, NO_ROW)
