"""One HTTP request over a connection to an address that was checked, bounded in every direction. The door of h11."""

import asyncio
import ssl
import zlib
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from typing import Any

import h11
from msgspec import Struct

from agentflow.guard.addresses import AddressPolicy
from agentflow.tools.failures import ToolError, shortened
from agentflow.tools.web_url import WebUrl

Resolve = Callable[[str, int], Coroutine[Any, Any, Sequence[str]]]
"""The addresses of a host: asked once for each request, and what it says is what is connected to."""

USER_AGENT = "agentflow WebFetch"
_PIECE = 64 << 10
_MAX_ADDRESSES = 32
_TRIED_ADDRESSES = 4
_CODINGS = {"": None, "identity": None, "gzip": 31, "x-gzip": 31, "deflate": 15}
_BROKEN = (h11.RemoteProtocolError, OSError, EOFError, zlib.error)


class WebLimits(Struct, frozen=True):
    """Bounds of a fetch: times in seconds, sizes in bytes.

    Attributes:
        total: for everything, redirects included.
        progress: the longest wait for the next bytes.
        body: what comes over the wire, and the same after it was decompressed.
    """

    total: float = 45.0
    connect: float = 10.0
    progress: float = 15.0
    headers: int = 64 << 10
    body: int = 8 << 20
    redirects: int = 5


class Response(Struct, frozen=True):
    """The answer to a request.

    Attributes:
        headers: names in lower case; of several of a name the last.
        body: decompressed; of a redirect or an error nothing.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


async def system_resolve(host: str, port: int) -> list[str]:
    """The addresses that this machine's resolver gives. Raises OSError where it knows none."""
    import socket

    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Exchange:
    """Makes requests.

    Parameters:
        policy: what may be connected to.
        resolve: gives the addresses of a host.
        tls: how servers prove who they are; None: by the certificates that this machine trusts.
    """

    def __init__(
        self,
        policy: AddressPolicy | None = None,
        resolve: Resolve = system_resolve,
        limits: WebLimits | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.policy = policy or AddressPolicy()
        self.limits = limits or WebLimits()
        self._resolve = resolve
        self._tls = tls

    async def get(self, url: WebUrl) -> Response:
        """Asks for a URL; neither cookies nor credentials go with it, and no proxy is used.

        Raises:
            ToolError: the host has no address, or one that is not public; it cannot be reached, cannot prove who it is,
                breaks HTTP, or sends too much or too slowly.
        """
        addresses = await self._checked(url)
        reader, writer = await self._connected(url, addresses)
        try:
            return await self._asked(url, reader, writer)
        except TimeoutError:
            raise ToolError(f"{url} did not go on sending for {self.limits.progress:g} seconds.", _LATER) from None
        except _BROKEN as error:
            raise ToolError(f"{url} gave no whole answer: {shortened(str(error))}.", _LATER) from None
        finally:
            # Not `close`: that would wait for the other side, for as long as it likes.
            writer.transport.abort()

    async def _checked(self, url: WebUrl) -> list[str]:
        """The addresses of a host, all of which may be connected to: one that may not spoils the others."""
        try:
            async with asyncio.timeout(self.limits.connect):
                found = list(await self._resolve(url.host, url.port))
        except (OSError, UnicodeError):
            message = f"There is no host `{url.host}`, or it cannot be looked up now."
            raise ToolError(message, "Check how it is spelt, or use another source.") from None
        if not found or len(found) > _MAX_ADDRESSES:
            message = f"`{url.host}` has {len(found)} addresses, so it cannot be reached."
            raise ToolError(message, "Use another source.")
        for address in found:
            if (refusal := self.policy.refusal(address)) is not None:
                # Which address it is would tell of the network that this runs in.
                raise ToolError(f"`{url.host}` cannot be fetched from: it has an address that is {refusal}.", _NEVER)
        return found

    async def _connected(
        self, url: WebUrl, addresses: Sequence[str]
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        tls = None
        if url.scheme == "https":
            self._tls = tls = self._tls or ssl.create_default_context()
        problem = "it does not answer"
        try:
            async with asyncio.timeout(self.limits.connect):
                for address in addresses[:_TRIED_ADDRESSES]:
                    try:
                        # The address and not the name: nothing is looked up a second time.
                        return await asyncio.open_connection(
                            address, url.port, ssl=tls, server_hostname=url.host if tls else None, limit=_PIECE
                        )
                    except ssl.SSLCertVerificationError as error:
                        raise ToolError(
                            f"`{url.host}` does not prove that it is that host: {error.verify_message}.", _NEVER
                        ) from None
                    except OSError as error:
                        problem = "it speaks no TLS" if isinstance(error, ssl.SSLError) else "it refuses connections"
        except TimeoutError:
            pass  # told below, like the other ways of not getting there
        raise ToolError(f"`{url.authority}` cannot be reached: {problem}.", _LATER)

    async def _asked(self, url: WebUrl, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Response:
        connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=self.limits.headers)
        request = h11.Request(method="GET", target=url.target, headers=_headers(url))
        writer.write((connection.send(request) or b"") + (connection.send(h11.EndOfMessage()) or b""))
        async with asyncio.timeout(self.limits.progress):
            await writer.drain()
        status, headers, body = 0, dict[str, str](), bytearray()
        inflate: _Inflate | None = None
        async for event in self._events(connection, reader):
            if isinstance(event, h11.Response):
                status = event.status_code
                headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in event.headers}
                if not 200 <= status < 300:
                    return Response(status, headers, b"")
                inflate = _Inflate(url, headers.get("content-encoding", ""), self.limits.body)
            elif inflate is not None and isinstance(event, h11.Data):
                body += inflate.take(bytes(event.data), self.limits.body - len(body))
        if inflate is not None:
            inflate.end()
        return Response(status, headers, bytes(body))

    async def _events(self, connection: h11.Connection, reader: asyncio.StreamReader) -> AsyncIterator[Any]:
        received = 0
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                if received > self.limits.body + self.limits.headers:
                    raise EOFError(_too_long(self.limits.body))
                async with asyncio.timeout(self.limits.progress):
                    data = await reader.read(_PIECE)
                received += len(data)
                connection.receive_data(data)
            elif event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
                return
            else:
                yield event
                if isinstance(event, h11.EndOfMessage):
                    return


class _Inflate:
    """Undoes one content coding, and never makes more than it is allowed to."""

    def __init__(self, url: WebUrl, coding: str, limit: int) -> None:
        coding = coding.strip().lower()
        if coding not in _CODINGS:
            raise ToolError(f"{url} came compressed in a way that was not asked for (`{shortened(coding)}`).", _NEVER)
        bits = _CODINGS[coding]
        self._limit = limit
        self._stream = None if bits is None else zlib.decompressobj(bits)

    def take(self, data: bytes, room: int) -> bytes:
        """What a piece comes to. Raises EOFError where that is over `room` bytes, zlib.error where it is garbage."""
        made = data if self._stream is None else self._stream.decompress(data, room + 1)
        if len(made) > room:
            raise EOFError(_too_long(self._limit))
        return made

    def end(self) -> None:
        """The data is over. Raises EOFError where more would have to come."""
        if self._stream is not None and not self._stream.eof:
            raise EOFError("it was cut off")


def _too_long(limit: int) -> str:
    return f"it is longer than {limit >> 20} MiB" if limit >> 20 else f"it is longer than {limit:,} bytes"


def _headers(url: WebUrl) -> list[tuple[str, str]]:
    return [
        ("Host", url.authority),
        ("User-Agent", USER_AGENT),
        ("Accept", "text/html, application/xhtml+xml, text/*;q=0.9, application/json;q=0.9, */*;q=0.1"),
        ("Accept-Language", "en, *;q=0.5"),
        ("Accept-Encoding", "gzip, deflate"),
        ("Connection", "close"),
    ]


_LATER = "Try once more later, or look for the same elsewhere."
_NEVER = "Do not try it again; look for the same elsewhere."
