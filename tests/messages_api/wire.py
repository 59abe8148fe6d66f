"""HTTP/1.1 by hand, as little as a loopback client needs: one request at a time, keep-alive, chunked answers.

Comes in: an asyncio stream. Goes out: `HttpRequest` values, and functions to answer, cut or reset the connection.
"""

import asyncio
import socket
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

MAX_HEAD_BYTES = 64 * 1024
MAX_KEPT_BYTES = 33 * 1024 * 1024
FLUSH_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request; header names are lower case; `body` is cut after 33 MiB (the rest is read and thrown away)."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


async def read_request(reader: asyncio.StreamReader) -> HttpRequest | None:
    """The next request, or None when the client is gone or does not speak HTTP."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers: dict[str, str] = {}
        for line in lines[:-2]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        body = await _read_body(reader, headers)
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, ValueError):
        return None
    return HttpRequest(method, target.partition("?")[0], headers, body)


async def _read_body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return await _read_chunks(reader)
    length = int(headers.get("content-length", "0"))
    if length <= MAX_KEPT_BYTES:
        return await reader.readexactly(length) if length else b""
    # Read to the end all the same: closing early would reset the connection before the client sees the 413.
    kept = await reader.readexactly(MAX_KEPT_BYTES)
    left = length - MAX_KEPT_BYTES
    while left:
        left -= len(await reader.readexactly(min(left, 1 << 20)))
    return kept


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    parts: list[bytes] = []
    kept = 0
    while True:
        size = int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16)
        data = await reader.readexactly(size + 2)
        if size == 0:
            return b"".join(parts)
        if kept <= MAX_KEPT_BYTES:
            parts.append(data[:-2])
            kept += size


def head(status: int, headers: Mapping[str, str]) -> bytes:
    """Status line and headers."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Overloaded"
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} {phrase}\r\n{lines}\r\n".encode("latin-1")


def chunked(pieces: Iterable[bytes]) -> bytes:
    """Each piece as one chunk of a chunked body; empty pieces are left out, as an empty chunk would end it."""
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces if piece)


LAST_CHUNK = b"0\r\n\r\n"


async def reset(writer: asyncio.StreamWriter) -> None:
    """Close the connection with a TCP reset, after what was written had time to arrive."""
    await writer.drain()
    # A reset discards what the peer has not read yet; without this pause the cut would fall at a random byte.
    await asyncio.sleep(FLUSH_SECONDS)
    connection: socket.socket | None = writer.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
