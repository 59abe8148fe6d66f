"""Large values, stored once under the digest of their JSON text; an event's row refers to them."""

import json
from collections.abc import Mapping
from hashlib import sha256

import apsw

from agentflow.errors import JournalError
from agentflow.events.codec import dumps
from agentflow.events.values import JSON

LARGE = 8 * 1024
"""A field whose JSON text is longer than this, in bytes, is a value of its own."""

Blob = tuple[str, bytes]
"""A digest (SHA-256, in hexadecimal) and what has it."""


def large_values_out(fields: dict[str, JSON], body: str) -> tuple[str, str | None, tuple[Blob, ...]]:
    """Takes the large values out of an event's body.

    Parameters:
        fields: the event's fields.
        body: their JSON text.

    Returns:
        The body without the large values; JSON text that maps their fields to digests, if any; the values.
    """
    if len(body) <= LARGE:
        return body, None, ()
    large = {name: text.encode("ascii") for name, value in fields.items() if len(text := dumps(value)) > LARGE}
    if not large:
        return body, None, ()
    digests: dict[str, JSON] = {name: sha256(content).hexdigest() for name, content in large.items()}
    rest = {name: value for name, value in fields.items() if name not in large}
    return dumps(rest), dumps(digests), tuple((digests[name], content) for name, content in large.items())


def store(connection: apsw.Connection, blobs: tuple[Blob, ...]) -> None:
    """Stores the values that are not there yet."""
    for blob in blobs:
        connection.execute("INSERT INTO blobs (digest, content) VALUES (?, ?) ON CONFLICT DO NOTHING", blob)


def fetch(connection: apsw.Connection, refs: Mapping[str, str]) -> dict[str, JSON]:
    """The values that a row's fields refer to.

    Raises:
        JournalError: one is missing, or is not what its digest says.
    """
    values = {}
    for name, digest in refs.items():
        content = connection.execute("SELECT content FROM blobs WHERE digest = ?", (digest,)).get
        if content is None:
            raise JournalError(f"the value of `{name}` is missing")
        if not isinstance(content, bytes) or sha256(content).hexdigest() != digest:
            raise JournalError(f"the value of `{name}` is not what was stored")
        values[name] = json.loads(content)
    return values


def drop_unused(connection: apsw.Connection) -> None:
    """Deletes the values that no event refers to."""
    connection.execute(
        "DELETE FROM blobs WHERE digest NOT IN (SELECT uses.value FROM events, json_each(events.refs) AS uses"
        " WHERE events.refs IS NOT NULL)"
    )
