"""Events to rows and back: the body, the large values it refers to, and the checksum that ties a row to the last."""

import json
from hashlib import blake2b
from typing import NamedTuple

from agentflow.errors import JournalError
from agentflow.events.codec import VERSIONS, Event, dumps, from_body, to_body
from agentflow.journal.blobs import Blob, large_values_out
from agentflow.journal.port import Entry

NO_ROW = bytes(16)
"""What stands for the checksum of the row before a stream's first."""


class Row(NamedTuple):
    """An event as a row will hold it, before its place in the stream is known."""

    stream: str
    event: Event
    kind: str
    version: int
    body: str
    refs: str | None
    blobs: tuple[Blob, ...]


class StoredRow(NamedTuple):
    """A row as it was read; a damaged database may give anything for any of them."""

    stream: str
    seq: int
    kind: str
    version: int
    body: str
    refs: str | None
    checksum: bytes


def to_row(entry: Entry) -> Row:
    """Raises JournalError where the stream's name is not text that can be stored."""
    event = entry.event
    storable(entry.stream)
    kind = type(event)
    fields = to_body(event)
    body, refs, blobs = large_values_out(fields, dumps(fields))
    return Row(entry.stream, event, kind.__name__, VERSIONS[kind], body, refs, blobs)


def storable(name: str) -> str:
    """The name, where UTF-8 can hold it. Raises JournalError otherwise."""
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise JournalError(f"{name!a} is not text that can name a run, stream or step") from error
    return name


def checksum(
    previous: bytes, run: str, stream: str, seq: int, kind: str, version: int, body: str, refs: str | None
) -> bytes:
    """16 bytes of BLAKE2b over the previous row's checksum and this row. The lengths keep the fields apart."""
    text = f"{len(run)} {len(stream)} {len(body)} {seq} {kind} {version} {run}{stream}{body}{refs or ''}"
    return blake2b(previous + text.encode(), digest_size=16).digest()


def to_event(row: StoredRow, values: dict[str, object]) -> Event:
    """The event of a row whose checksum was right, and whose large values are `values`."""
    fields = json.loads(row.body)
    fields.update(values)
    return from_body(row.kind, row.version, fields)


def escaped(text: str) -> str:
    """Text as a column can hold it, whatever it is: as it stands between the quotes of a JSON string in ASCII.

    A path or an answer may hold lone surrogates, which UTF-8, and so SQLite, cannot.
    """
    return dumps(text)[1:-1]


def unescaped(text: str) -> str:
    """The text that `escaped` was given."""
    original: str = json.loads(f'"{text}"')
    return original


def escaped_or_none(text: str | None) -> str | None:
    """Like `escaped`, for what may be missing."""
    return None if text is None else escaped(text)


def unescaped_or_none(text: str | None) -> str | None:
    """Like `unescaped`, for what may be missing."""
    return None if text is None else unescaped(text)
