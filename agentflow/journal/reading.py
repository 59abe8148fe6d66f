"""Reads a run's events, and verifies each; reads the rows that were derived from them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import apsw

from agentflow.errors import JournalError
from agentflow.events.codec import approvers_of
from agentflow.journal import blobs
from agentflow.journal.connection import as_journal_error
from agentflow.journal.leases import is_free
from agentflow.journal.owner import Owner
from agentflow.journal.port import RUN_STREAM, Gate, Recorded, RunSummary
from agentflow.journal.recording import Head
from agentflow.journal.rows import (
    NO_ROW,
    StoredRow,
    checksum,
    escaped,
    to_event,
    unescaped,
    unescaped_or_none,
)

_SELECT = "SELECT stream, seq, type, version, body, refs, checksum FROM events"
_ALL = f"{_SELECT} WHERE position IN (SELECT position FROM events WHERE run = ?) ORDER BY position"
_ONE = f"{_SELECT} WHERE run = ? AND stream = ? ORDER BY seq"

DAMAGED = (apsw.Error, UnicodeDecodeError, ValueError, TypeError)
"""What a damaged database may raise when it is read."""


class Spend(NamedTuple):
    """What a run has used, in US dollars and model calls; `reserved_usd` by calls that have not come back."""

    leased_usd: float
    reserved_usd: float
    settled_usd: float
    written_off_usd: float
    turns: int


def heads_of(connection: apsw.Connection, run: str, stream: str | None) -> dict[str, Head]:
    """The heads of a run's streams, or of one. Raises JournalError where there is no such run or stream."""
    where = "run = ?" if stream is None else "run = ? AND stream = ?"
    names = (run,) if stream is None else (run, stream)
    heads = {
        row[0]: Head(row[1], row[2])
        for row in connection.execute(f"SELECT stream, seq, checksum FROM streams WHERE {where}", names)
    }
    if not heads:
        what = f"run {run}" if not stream else f"stream {stream} of run {run}"
        raise JournalError(f"there is no {what}", "`agentflow runs` lists the runs that are there")
    return heads


def verified(connection: apsw.Connection, run: str, stream: str | None, path: Path) -> Iterator[Recorded]:
    """The events, each verified before it is given, in the order in which they were recorded.

    Raises:
        JournalError: a row is missing, changed or cannot be read; the message names the stream and the seq.
    """
    last = RUN_STREAM if stream is None else stream
    found: dict[str, Head] = {}
    try:
        heads = heads_of(connection, run, stream)
        rows = connection.execute(*((_ALL, (run,)) if stream is None else (_ONE, (run, stream))))
        for values in rows:
            row = StoredRow(*values)
            if row.stream not in heads:
                raise damage(path, run, row.stream, row.seq, "its stream is not known")
            last = row.stream
            before = found.get(last, Head(0, NO_ROW))
            found[last] = verify(run, row, before, path)
            yield Recorded(last, row.seq, event_of(connection, run, row, path))
    except DAMAGED as error:
        seq = found.get(last, Head(0, NO_ROW)).seq + 1
        raise damage(path, run, last, seq, str(as_journal_error(error, path))) from error
    for name, head in heads.items():
        if found.get(name, Head(0, NO_ROW)) != head:
            seq = found.get(name, Head(0, NO_ROW)).seq + 1
            raise damage(path, run, name, seq, f"it is missing, or is not the one of {head.seq} that was recorded")


def verify(run: str, row: StoredRow, before: Head, path: Path) -> Head:
    """The head that a row makes after the one before it. Raises JournalError where it does not follow that one."""
    seq = before.seq + 1
    if row.seq != seq:
        raise damage(path, run, row.stream, seq, f"it is missing; after it comes seq {row.seq!a}")
    if not isinstance(row.body, str) or not isinstance(row.refs, str | None):
        raise damage(path, run, row.stream, seq, "it is no text")
    expected = checksum(before.checksum, run, row.stream, seq, row.kind, row.version, row.body, row.refs)
    if row.checksum != expected:
        raise damage(path, run, row.stream, seq, "its checksum is wrong")
    return Head(seq, expected)


def event_of(connection: apsw.Connection, run: str, row: StoredRow, path: Path) -> Any:
    """The event that a row holds, with the values that stand elsewhere. Raises JournalError."""
    if row.refs is None:
        return to_event(row, {})
    try:
        values = blobs.fetch(connection, json.loads(row.refs))
    except JournalError as error:
        raise damage(path, run, row.stream, row.seq, error.message) from error
    return to_event(row, values)


def damage(path: Path, run: str, stream: object, seq: object, why: str) -> JournalError:
    """What a row that cannot be trusted means."""
    where = f"stream {stream!a}" if stream else "the run's own stream"
    return JournalError(
        f"the journal {path} is damaged: run {run}, {where}, seq {seq!a}: {why}",
        "nothing after it can be trusted; restore the journal from a copy, or start the run anew",
    )


def run_that_begins(connection: apsw.Connection, prefix: str) -> str:
    """The run of that id, or the one whose id begins so. Raises JournalError where it is none, or not one."""
    matches: list[str] = [
        row[0]
        for row in connection.execute(
            "SELECT run FROM runs WHERE substr(run, 1, length(?1)) = ?1"
            " ORDER BY run = ?1 DESC, started_at DESC LIMIT 6",
            (prefix,),
        )
    ]
    if not matches:
        raise JournalError(f"there is no run {prefix}", "`agentflow runs` lists those that are there")
    if len(matches) > 1 and matches[0] != prefix:
        more = ", …" if len(matches) > 5 else ""
        raise JournalError(f"more than one run begins with {prefix!r}", f"say which: {', '.join(matches[:5])}{more}")
    return matches[0]


def newest_runs(
    connection: apsw.Connection, limit: int, seen_from: Owner, now: float, run: str | None = None
) -> list[RunSummary]:
    """The newest runs first, or just one; one whose owner is gone without a word is `crashed`."""
    rows = connection.execute(
        "SELECT runs.run, workflow, path, project, started_at,"
        " (SELECT max(updated_at) FROM streams WHERE streams.run = runs.run),"
        " status, failure_kind, settled_usd, turns, owner, expires_at,"
        " (SELECT iif(json_valid(body), json_extract(body, '$.lineage.run'), NULL) FROM events"
        " WHERE events.run = runs.run AND events.stream = ?1 AND events.seq = 1)"
        " FROM runs JOIN spend USING (run) JOIN streams ON streams.run = runs.run AND streams.stream = ?1"
        " WHERE ?3 IS NULL OR runs.run = ?3 ORDER BY started_at DESC, runs.run DESC LIMIT ?2",
        (RUN_STREAM, limit, run),
    )
    return [_summary(row, seen_from, now) for row in rows]


def _summary(row: Any, seen_from: Owner, now: float) -> RunSummary:
    *described, status, failure_kind, cost_usd, turns, owner, expires_at, goes_on_from = row
    run, workflow, path, project, started_at, updated_at = described
    if status == "running" and is_free(Owner.parse(owner), expires_at, seen_from, now):
        status = "crashed"
    return RunSummary(
        run=run,
        workflow=unescaped(workflow),
        path=unescaped(path),
        project=unescaped(project),
        started_at=started_at,
        updated_at=updated_at,
        status=status,
        failure_kind=failure_kind,
        cost_usd=cost_usd,
        turns=turns,
        goes_on_from=goes_on_from if isinstance(goes_on_from, str) else None,
    )


def open_gates(connection: apsw.Connection, run: str, step: str | None = None) -> list[Gate]:
    """A run's gates that no `GateAnswered` has closed, the oldest first; or that of one step."""
    rows = connection.execute(
        "SELECT run, step, about, message, show, opened_at, expires_at, approved, by, comment, form, answers,"
        " approvers FROM gates"
        " WHERE run = ?1 AND (?2 IS NULL OR step = ?2) ORDER BY opened_at, step",
        (run, None if step is None else escaped(step)),
    )
    return [
        Gate(
            run=row[0],
            step=unescaped(row[1]),
            about=row[2],
            message=unescaped(row[3]),
            show=unescaped_or_none(row[4]),
            opened_at=row[5],
            expires_at=row[6],
            approved=None if row[7] is None else bool(row[7]),
            by=unescaped_or_none(row[8]),
            comment=unescaped_or_none(row[9]),
            form=None if row[10] is None else json.loads(row[10]),
            answers=None if row[11] is None else json.loads(row[11]),
            approvers=None if row[12] is None else approvers_of(json.loads(row[12])),
        )
        for row in rows
    ]


def spend_of(connection: apsw.Connection, run: str) -> Spend:
    """What a run has used. Raises JournalError where there is no such run."""
    row: tuple[float, float, float, float, int] | None = connection.execute(
        "SELECT leased_usd, (SELECT total(reserved_usd) FROM streams WHERE streams.run = spend.run), settled_usd,"
        " written_off_usd, turns FROM spend WHERE run = ?",
        (run,),
    ).get
    if row is None:
        raise JournalError(f"there is no run {run}", "`agentflow runs` lists those that are there")
    return Spend(*row)
