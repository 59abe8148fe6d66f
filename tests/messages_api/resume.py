"""Knows a long conversation again, so that its next turn costs what is new in it.

A client sends the whole history with each turn. When the bytes of a request begin as those of an earlier one did up to
its last few messages, what was parsed and checked then still holds, and only the rest is parsed and checked. What is
answered is the same with and without; requests must not be changed by scripts, as their messages are shared.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json

from .history import HistoryState
from .prefix import Hashed, Prefix

# Shorter requests are parsed sooner than looked up.
MIN_BYTES = 8 * 1024
MAX_BYTES = 128 * 1024 * 1024
# A client may move the cache marks of its last two user messages, so these are read anew.
TAIL_MESSAGES = 4
# Objects inside tool inputs can look like the beginning of a message; so many are passed over.
MAX_LOOKALIKES = 32
_START_BYTES = 256
_OPENING = b'{"messages":['
_FIRST_MESSAGE = re.compile(rb'"messages":\s*\[\s*(\{\s*"(?:role|content)":\s*")')


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is known after the bytes `raw`, which end where the message numbered `len(messages)` begins.

    `setting` is the API version and the model that the messages were checked for.
    """

    raw: bytes
    fields: dict[str, Any]
    messages: list[Any]
    state: HistoryState
    setting: tuple[str, str]
    raw_hash: "hashlib.blake2b"
    hashed: Hashed | None
    known: dict[int, tuple[bytes, int]]


@dataclass(frozen=True, slots=True)
class Parsed:
    """A request body, the snapshot it begins with (if any), and a digest of its bytes."""

    body: dict[str, Any]
    begins_with: Snapshot | None
    raw_hash: "hashlib.blake2b"


class Memory:
    """Snapshots of the conversations seen last; forgets all when they take more than `MAX_BYTES`."""

    def __init__(self) -> None:
        self._by_start: dict[bytes, list[Snapshot]] = {}
        self._bytes = 0

    def parse(self, raw: bytes) -> Parsed | None:
        """The body parsed with the help of a snapshot; None when none fits."""
        for snapshot in reversed(self._by_start.get(raw[:_START_BYTES], ())):
            if raw.startswith(snapshot.raw):
                rest = raw[len(snapshot.raw) :]
                parsed = _parse_tail(rest)
                if parsed is None or not isinstance(parsed["messages"], list):
                    return None
                messages = [*snapshot.messages, *parsed["messages"]]
                raw_hash = snapshot.raw_hash.copy()
                raw_hash.update(rest)
                return Parsed({**snapshot.fields, **parsed, "messages": messages}, snapshot, raw_hash)
        return None

    def remember(self, raw: bytes, parsed: Parsed, state: HistoryState, version: str, prefix: Prefix) -> None:
        """Keep a snapshot of a request that was found good; `state` is that before its last messages."""
        body, before = parsed.body, parsed.begins_with
        count = len(body["messages"]) - TAIL_MESSAGES
        found = _start_of_tail(raw, body["messages"][count:])
        if found is None:
            return
        end, tail = found
        if before is None:
            raw_hash = new_hash(raw[:end])
        elif end >= len(before.raw):
            raw_hash = before.raw_hash.copy()
            raw_hash.update(raw[len(before.raw) : end])
        else:
            return
        fields = {key: value for key, value in body.items() if key not in tail}
        hashed, known = prefix.up_to(len(state.chunks))
        snapshot = Snapshot(
            raw[:end], fields, body["messages"][:count], state, (version, body["model"]), raw_hash, hashed, known
        )
        self._replace(before, snapshot)

    def _replace(self, before: Snapshot | None, snapshot: Snapshot) -> None:
        if self._bytes > MAX_BYTES:
            self._by_start.clear()
            self._bytes = 0
        bucket = self._by_start.setdefault(snapshot.raw[:_START_BYTES], [])
        for index, other in enumerate(bucket):
            if other is before:
                del bucket[index]
                self._bytes -= len(other.raw)
                break
        bucket.append(snapshot)
        self._bytes += len(snapshot.raw)


def new_hash(raw: bytes) -> "hashlib.blake2b":
    """A hash of a request's bytes that can be continued."""
    return hashlib.blake2b(raw, digest_size=16)


def _start_of_tail(raw: bytes, tail: list[Any]) -> tuple[int, dict[str, Any]] | None:
    """Where the last messages begin in `raw`, and what follows; None when that cannot be told with certainty."""
    opening = _FIRST_MESSAGE.search(raw)
    if opening is None:
        return None
    end = len(raw)
    for number in range(len(tail) + MAX_LOOKALIKES):
        end = raw.rfind(opening[1], 0, end)
        if end <= opening.start(1):
            return None
        if number + 1 >= len(tail):
            parsed = _parse_tail(raw[end:])
            if parsed is not None and parsed.get("messages") == tail:
                return end, parsed
    return None


def _parse_tail(rest: bytes) -> dict[str, Any] | None:
    try:
        parsed: dict[str, Any] = from_json(_OPENING + rest, allow_inf_nan=False)
    except ValueError:
        return None
    return parsed
