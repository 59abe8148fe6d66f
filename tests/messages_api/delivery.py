"""Sends one answer over a connection, with the faults of the attempt."""

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Any

from . import sse, wire
from .errors import ApiError
from .faults import Fault, Faults

HTML = b"<html><head><title>502 Bad Gateway</title></head><body>upstream</body></html>"


class Delivery:
    """One answer on one connection.

    `keep_alive` tells afterwards whether the connection can serve another request. All methods raise
    `ConnectionError` when the client has gone.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, headers: Mapping[str, str]) -> None:
        self._reader = reader
        self._writer = writer
        self._headers = dict(headers)
        self.keep_alive = True

    async def wait(self, awaitable: Awaitable[Any]) -> None:
        """Wait, unless the client goes away first."""
        work = asyncio.ensure_future(awaitable)
        gone = asyncio.ensure_future(self._reader.read(1))
        try:
            await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                raise ConnectionResetError("the client closed the connection")
        finally:
            work.cancel()
            gone.cancel()
            await asyncio.gather(work, gone, return_exceptions=True)

    async def pause(self, seconds: float) -> None:
        """Sleep, unless the client goes away first."""
        if seconds > 0:
            await self.wait(asyncio.sleep(seconds))

    async def json(self, status: int, body: Mapping[str, Any], faults: Faults | None = None) -> None:
        """A whole JSON answer; of the faults only `cut` applies here."""
        content = sse.dump(body)
        cut = faults.get("cut") if faults else None
        if cut is not None and cut.how == "end":
            content, cut = content[: cut.at], None
        await self._whole(status, "application/json", content, cut)

    async def error(self, error: ApiError, request_id: str) -> None:
        """An error answer."""
        self._headers.update(error.headers)
        await self.json(error.status, error.body(request_id))

    async def html(self) -> None:
        """A 200 with a page that is no JSON."""
        await self._whole(200, "text/html", HTML, None)

    async def _whole(self, status: int, kind: str, content: bytes, cut: Fault | None) -> None:
        headers = {**self._headers, "content-type": kind, "content-length": str(len(content))}
        shown = content if cut is None else content[: cut.at]
        self._writer.write(wire.head(status, headers) + shown)
        if cut is not None:
            await self._break(cut.how)
        await self._writer.drain()

    async def stream(self, events: list[bytes], faults: Faults) -> None:
        """A streamed answer: each event one chunk; without faults all in one write."""
        headers = {
            **self._headers,
            "content-type": "text/event-stream; charset=utf-8",
            "cache-control": "no-cache",
            "transfer-encoding": "chunked",
        }
        start = wire.head(200, headers)
        if not faults:
            self._writer.write(start + wire.chunked(events) + wire.LAST_CHUNK)
            await self._writer.drain()
            return
        self._writer.write(start)
        await self._pieces(_spoil(events, faults), faults)

    async def _pieces(self, pieces: list[bytes], faults: Faults) -> None:
        splice, hang = faults.get("splice"), faults.get("hang")
        if splice is not None:
            body = b"".join(pieces)
            pieces = [body[: splice.at] + splice.insert + body[splice.at + splice.drop :]]
        cut = faults.get("cut") or hang
        if cut is not None:
            pieces = _first_bytes(pieces, cut.at)
        dribble = faults.get("dribble")
        if dribble is not None:
            body = b"".join(pieces)
            pieces = [body[start : start + dribble.bytes] for start in range(0, len(body), dribble.bytes)]
        slow = faults.get("slow")
        if slow is None:
            self._writer.write(wire.chunked(pieces))
            await self._writer.drain()
        else:
            for piece in pieces:
                self._writer.write(wire.chunked([piece]))
                await self._writer.drain()
                await self.pause(slow.seconds)
        pings = faults.get("pings")
        while pings is not None:
            self._writer.write(wire.chunked([sse.PING]))
            await self._writer.drain()
            await self.pause(pings.seconds)
        if faults.get("open_after_stop") is not None or hang is not None:
            await self.wait(asyncio.Event().wait())
        if cut is not None and cut.how != "end":
            await self._break(cut.how)
            return
        self._writer.write(wire.LAST_CHUNK)
        await self._writer.drain()

    async def _break(self, how: str) -> None:
        self.keep_alive = False
        if how == "reset":
            await wire.reset(self._writer)
        else:
            await self._writer.drain()
            self._writer.close()

    async def drop(self, how: str) -> None:
        """End the connection without an answer: `reset` or `close`."""
        await self._break(how)


def _first_bytes(pieces: list[bytes], count: int) -> list[bytes]:
    kept: list[bytes] = []
    for piece in pieces:
        kept.append(piece[:count])
        count -= len(piece)
        if count <= 0:
            break
    return kept


def _spoil(events: list[bytes], faults: Faults) -> list[bytes]:
    """The events with those faults applied that change what is said, not how it is sent."""
    if faults.get("empty_stream") is not None:
        return []
    spoilt = list(events)
    inserted = (
        ("bad_index", _BAD_INDEX),
        ("bad_utf8", _BAD_UTF8),
        ("unknown_event", _UNKNOWN),
    )
    for kind, extra in inserted:
        fault = faults.get(kind)
        if fault is not None:
            spoilt.insert(fault.after, extra)
    ended = faults.get("error_event")
    if ended is not None:
        message = "Overloaded" if ended.error == "overloaded_error" else "Internal server error"
        spoilt = [*spoilt[: ended.after], sse.error_event(ended.error, message)]
    pings = faults.get("pings")
    if pings is not None:
        spoilt = spoilt[: pings.after]
    return spoilt


_BAD_INDEX = sse.event({"type": "content_block_delta", "index": 99, "delta": {"type": "text_delta", "text": "nowhere"}})
_BAD_UTF8 = (
    b"event: content_block_delta\n"
    b'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"\xff\xfe"}}\n\n'
)
_UNKNOWN = sse.event({"type": "event_of_the_future", "detail": {"depth": 1}})
