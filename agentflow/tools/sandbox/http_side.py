"""One end of a proxied connection: h11 over a stream, counted. The door of h11 for the sandbox."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import h11

from agentflow.tools.sandbox.proxy_request import Headers

PIECE = 64 << 10
BROKEN = (h11.RemoteProtocolError, h11.LocalProtocolError, OSError, EOFError)
NO_HTTP = (h11.RemoteProtocolError, h11.LocalProtocolError)
_LINGER_SECONDS = 1.0


def nothing() -> None:
    """Nobody waits for it."""


class Side:
    """HTTP with one peer, and after a CONNECT plain bytes.

    Parameters:
        serves: the peer asks; else it answers.
        max_header: bytes that a message's head may have.
        passed: is told how many bytes came; raises where they were too many.

    Attributes:
        has_answered: the head of an answer went out.
        moved: is called whenever something came.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        serves: bool,
        max_header: int,
        passed: Callable[[int], None],
    ) -> None:
        self.has_answered = False
        self.moved: Callable[[], None] = nothing
        self._passed = passed
        self._reader, self._writer = reader, writer
        self._http = h11.Connection(h11.SERVER if serves else h11.CLIENT, max_incomplete_event_size=max_header)

    async def read(self) -> bytes:
        """What comes next; empty at the end."""
        data = await self._reader.read(PIECE)
        self._passed(len(data))
        self.moved()
        return data

    async def write(self, data: bytes) -> None:
        """Sends bytes, and waits until the peer has taken enough of them."""
        self._writer.write(data)
        await self._writer.drain()

    def end_writing(self) -> None:
        """Nothing more goes out."""
        with suppress(OSError):  # the peer has gone
            self._writer.write_eof()

    def abort(self) -> None:
        """Ends the connection at once: `close` would wait for the peer, for as long as it likes."""
        self._writer.transport.abort()

    async def event(self) -> Any:
        """What the peer says next. Raises one of `BROKEN` where that is no HTTP."""
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._http.receive_data(await self.read())
        if event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
            raise EOFError("the connection ended too early")
        return event

    async def send(self, event: Any) -> None:
        """Sends an event."""
        self.has_answered = self.has_answered or isinstance(event, h11.Response)
        if data := self._http.send(event):
            await self.write(data)

    async def response(self) -> h11.Response:
        """The head of the answer; what comes before it (1xx) is for this hop alone."""
        while not isinstance(event := await self.event(), h11.Response):
            pass
        return event

    async def go_on(self) -> None:
        """Tells a client that waits for it to send its body (RFC 9110, 10.1.1)."""
        if self._http.they_are_waiting_for_100_continue:
            await self.send(h11.InformationalResponse(status_code=100, headers=[]))

    async def relay(self, to: "Side") -> None:
        """Passes the body that comes on to the other side; trailers end here."""
        while isinstance(event := await self.event(), h11.Data):
            await to.send(h11.Data(data=bytes(event.data)))
        await to.send(h11.EndOfMessage())

    async def become_tunnel(self) -> bytes:
        """Answers a CONNECT; gives what came behind it in the same breath."""
        self.has_answered = True
        await self.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        return self._http.trailing_data[0]

    async def refuse(self, status: int, reason: str, text: str) -> None:
        """Answers a request with a text of ours, unless an answer has begun, and waits a moment until it is read."""
        if self.has_answered:
            return
        # By hand: after what was no HTTP, h11 has no state in which it would send anything.
        body = f"{text}\n".encode()
        head = f"HTTP/1.1 {status} {reason}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n"
        await self.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        self.end_writing()
        with suppress(TimeoutError):
            async with asyncio.timeout(_LINGER_SECONDS):
                # What is not read resets the connection at its end, and the answer with it.
                while await self.read():
                    pass


def response_to(event: h11.Response, headers: Headers) -> h11.Response:
    """A response as it is passed on, with other headers."""
    ends = (b"connection", b"close")
    return h11.Response(status_code=event.status_code, headers=[*headers, ends], reason=event.reason)


def request_to(event: h11.Request, target: str, headers: Headers) -> h11.Request:
    """A request as it is passed on, with another target and other headers."""
    return h11.Request(method=event.method, target=target, headers=[*headers, (b"connection", b"close")])
