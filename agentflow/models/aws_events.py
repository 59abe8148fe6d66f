"""Bytes of an AWS event stream, in which Bedrock wraps a reply, become events of the Messages API. Pure.

Source: the Amazon event stream encoding (vnd.amazon.eventstream) of the AWS SDK specifications, and the Bedrock
Runtime API, InvokeModelWithResponseStream. A message is: its length and its headers' length (4 bytes each, big endian),
the CRC-32 of these 8 bytes, headers, payload, the CRC-32 of all before it. The payload of a `chunk` is JSON whose
`bytes` is an event of the Messages API in base64; an exception's payload has a `message`.
"""

import base64
import binascii
import json
import re
import struct
from typing import Any

from agentflow.models.stream import BrokenStreamError

JSON = Any

CONTENT_TYPE = "application/vnd.amazon.eventstream"
LONGEST_MESSAGE = 24 * 1024 * 1024
"""Bytes; the specification's bound."""

_PRELUDE = struct.Struct(">III")
_CRC = struct.Struct(">I")
_SIZES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""Bytes of a header's value, by its type, where that alone says it."""

_BYTES, _TEXT = 6, 7

_ERROR_TYPES = {
    "throttling": "rate_limit_error",
    "modelTimeout": "timeout_error",
    "serviceUnavailable": "overloaded_error",
    "validation": "invalid_request_error",
    "modelStreamError": "api_error",
    "internalServer": "api_error",
}
"""The exceptions of Bedrock's stream, without the ending `Exception`, as the Messages API calls the like."""


class AwsEventDecoder:
    """Takes the bytes of a stream as they come; keeps what is not yet a whole message."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, chunk: bytes) -> list[tuple[str, str]]:
        """Returns the events, name and data, that `chunk` completes; one that the stream's end cuts off never comes.

        Raises:
            BrokenStreamError: the bytes are no messages of such a stream, or were damaged.
        """
        self._rest += chunk
        events = []
        while len(self._rest) >= _PRELUDE.size:
            total, headers_length, crc = _PRELUDE.unpack_from(self._rest)
            if binascii.crc32(self._rest[: _PRELUDE.size - _CRC.size]) != crc:
                raise BrokenStreamError("the event stream is damaged, or none")
            if not _PRELUDE.size + headers_length + _CRC.size <= total <= LONGEST_MESSAGE:
                raise BrokenStreamError("the event stream has a message of an impossible length")
            if len(self._rest) < total:
                break
            message = bytes(self._rest[:total])
            del self._rest[:total]
            event = _event(message, headers_length)
            if event is not None:
                events.append(event)
        return events


def _event(message: bytes, headers_length: int) -> tuple[str, str] | None:
    if binascii.crc32(message[: -_CRC.size]) != _CRC.unpack(message[-_CRC.size :])[0]:
        raise BrokenStreamError("the event stream is damaged")
    end = _PRELUDE.size + headers_length
    try:
        headers = _headers(message[_PRELUDE.size : end])
        payload = message[end : -_CRC.size].decode()
    except (KeyError, IndexError, struct.error, UnicodeDecodeError):
        raise BrokenStreamError("the event stream has a message that cannot be read") from None
    kind = headers.get(":message-type", "")
    if kind != "event":
        name = headers.get(":exception-type") or headers.get(":error-code") or kind
        return "error", _error(name, _parsed(payload), headers.get(":error-message", ""))
    if headers.get(":event-type") != "chunk":
        return None
    written = _parsed(payload).get("bytes")
    if not isinstance(written, str):
        raise BrokenStreamError("the event stream has a chunk without bytes")
    try:
        data = base64.b64decode(written, validate=True).decode()
    except (ValueError, UnicodeDecodeError):
        raise BrokenStreamError("the event stream has a chunk that cannot be read") from None
    return "", data


def _headers(written: bytes) -> dict[str, str]:
    """The headers whose values are texts."""
    headers, at = {}, 0
    while at < len(written):
        length = written[at]
        name = written[at + 1 : at + 1 + length].decode()
        at += 1 + length
        kind = written[at]
        at += 1
        if kind in (_BYTES, _TEXT):
            (size,) = struct.unpack_from(">H", written, at)
            at += 2
        else:
            size = _SIZES[kind]
        if at + size > len(written):
            raise IndexError("a header is cut off")
        if kind == _TEXT:
            headers[name] = written[at : at + size].decode()
        at += size
    return headers


def _parsed(payload: str) -> dict[str, JSON]:
    try:
        value = json.loads(payload)
    except (ValueError, RecursionError):
        raise BrokenStreamError("the event stream has a message that is not JSON") from None
    return value if isinstance(value, dict) else {}


def _error(name: str, payload: dict[str, JSON], said: str) -> str:
    short = re.sub(r"Exception$", "", name)
    message = payload.get("message") or said or name
    kind = _ERROR_TYPES.get(short, "api_error")
    return json.dumps({"type": "error", "error": {"type": kind, "message": f"{name}: {message}"}})
