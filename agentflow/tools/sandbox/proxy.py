"""The proxy through which sandboxed commands reach the hosts that their file grants, and no others.

A tunnel (`CONNECT host:443`) passes TLS on untouched, once its ClientHello has asked for that very host; plain HTTP is
taken apart and put together again. Names are resolved here, every address of them is judged, and what was judged is
what is connected to. No credential of this process ever goes with anything.
"""

import asyncio
import socket
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any

from msgspec import Struct

from agentflow.guard.addresses import AddressPolicy
from agentflow.plan.network_rules import USUAL_PORTS, reaches
from agentflow.tools.failures import shortened
from agentflow.tools.sandbox.http_side import BROKEN, NO_HTTP, PIECE, Side
from agentflow.tools.sandbox.proxy_request import RefusedRequestError, Wanted, forwarded, read_request
from agentflow.tools.sandbox.relays import forward, tunnel
from agentflow.tools.web_exchange import Resolve, system_resolve

Connect = Callable[[str, int], Coroutine[Any, Any, tuple[asyncio.StreamReader, asyncio.StreamWriter]]]
"""Opens a connection to an address and port. Raises OSError."""

_HTTP = 80
_MAX_ADDRESSES, _TRIED_ADDRESSES = 32, 4
_MAX_REFUSALS = 100
_REASONS = {
    403: "Not in sandbox.network", 405: "Method Not Allowed", 408: "Request Timeout", 429: "Too Many Connections",
    431: "Header Too Large", 502: "Bad Gateway", 503: "Too Many Connections", 504: "Gateway Timeout",
}  # fmt: skip


class ProxyLimits(Struct, frozen=True):
    """Bounds of a proxy: times in seconds, sizes in bytes.

    Attributes:
        header: that a request's head may have.
        header_seconds: until a request's head, or a ClientHello, is there.
        idle: the longest time in which nothing passes.
        total: of one connection.
        connections: at once; one more is refused.
        accepted: connections over all; then each is refused.
        passed: bytes over all, both ways together; then each connection is cut.
    """

    header: int = 32 << 10
    header_seconds: float = 10.0
    connect: float = 10.0
    idle: float = 300.0
    total: float = 6 * 3600.0
    connections: int = 128
    accepted: int = 100_000
    passed: int = 16 << 30


async def connect_to(address: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Opens a connection over TCP. An address is never looked up."""
    return await asyncio.open_connection(address, port, limit=PIECE)


class Refusal(Struct, frozen=True):
    """What a command was not let through to.

    Attributes:
        host: as it was asked for, fit for showing; empty where the request named none.
        why: a sentence without its full stop, that names it.
        hint: the next move.
    """

    host: str
    why: str
    hint: str

    def __str__(self) -> str:
        return f"The sandbox's proxy refused: {self.why}; {self.hint}."


class Proxy:
    """Serves the sandboxes of one file.

    Parameters:
        rules: of `sandbox.network`, sound ones; none: everything is refused.
        refused: is told of each refusal that is new, for the log.
        policy: which addresses may be connected to; its ports play no part, the rules name them.
        resolve: gives the addresses of a host.
        connect: connects to one of them.

    Attributes:
        refusals: each once, in order; the first hundred.
        failures: what went wrong on the way to granted hosts, likewise.
        sent, received: bytes, as the commands see them.
        accepted: connections.
    """

    def __init__(
        self,
        rules: Sequence[str],
        refused: Callable[[Refusal], None] | None = None,
        *,
        policy: AddressPolicy | None = None,
        resolve: Resolve = system_resolve,
        connect: Connect = connect_to,
        limits: ProxyLimits | None = None,
    ) -> None:
        self.rules = tuple(rules)
        self.limits = limits or ProxyLimits()
        self.refusals: list[Refusal] = []
        self.failures: list[Refusal] = []
        self.sent = self.received = self.accepted = 0
        self._refused, self._policy = refused, policy or AddressPolicy()
        self._resolve, self._connect = resolve, connect
        self._servers: set[asyncio.Server] = set()
        self._connections: set[asyncio.Task[Any]] = set()

    async def serve(self, listening: socket.socket) -> asyncio.Server:
        """Accepts from a socket, which it takes over, until `end` or `close`."""
        server = await asyncio.start_server(self._accept, sock=listening, limit=PIECE)
        self._servers.add(server)
        return server

    def end(self, server: asyncio.Server) -> None:
        """Accepts no more from there; what is open goes on."""
        server.close()
        self._servers.discard(server)

    async def close(self) -> None:
        """Ends every connection, and waits until it is over."""
        for server in list(self._servers):
            self.end(server)
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = Side(reader, writer, serves=True, max_header=self.limits.header, passed=self._sent)
        task = asyncio.create_task(self._serve(client))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _serve(self, client: Side) -> None:
        self.accepted += 1
        try:
            # Either side may break off or be too slow; what had begun is then cut short, which `abort` tells the other.
            with suppress(*BROKEN):
                async with asyncio.timeout(self.limits.total):
                    await self._serve_or_refuse(client)
        finally:
            client.abort()

    async def _serve_or_refuse(self, client: Side) -> None:
        try:
            if self.accepted > self.limits.accepted:
                raise RefusedRequestError(429, "", "too many connections were made", "make fewer")
            if len(self._connections) > self.limits.connections:
                raise RefusedRequestError(503, "", "too many connections are open", "use fewer at once")
            await self._pass(client, await self._request(client))
        except RefusedRequestError as error:
            refusal = Refusal(error.host, error.why, error.hint)
            if error.status < 500:
                self._record(refusal)
            elif refusal not in self.failures and len(self.failures) < _MAX_REFUSALS:
                self.failures.append(refusal)  # the host's fault, or the moment's
            await client.refuse(error.status, _REASONS.get(error.status, "Bad Request"), str(refusal))

    async def _request(self, client: Side) -> Any:
        try:
            async with asyncio.timeout(self.limits.header_seconds):
                request = await client.event()
        except TimeoutError:
            raise RefusedRequestError(408, "", "no whole request came in time", "send it at once") from None
        except NO_HTTP as error:
            why = f"no request that can be read ({shortened(str(error))})"
            raise RefusedRequestError(getattr(error, "error_status_hint", 400), "", why, "correct it") from None
        # What comes in one piece h11 takes at any size.
        if len(request.target) + sum(len(name) + len(value) for name, value in request.headers) > self.limits.header:
            raise RefusedRequestError(431, "", "a header that is too large", "send less in it")
        return request

    async def _pass(self, client: Side, request: Any) -> None:
        headers = [(bytes(name), bytes(value)) for name, value in request.headers]
        method, target = request.method.decode("ascii"), request.target.decode("ascii")
        wanted = read_request(method, target, bytes(request.http_version), headers)
        passed_on = forwarded(headers)
        self._require_granted(wanted)
        host = await self._connected(wanted, await self._addresses(wanted))
        try:
            if wanted.target is None:
                seconds = self.limits.header_seconds
                await tunnel(wanted, client, host, hello_seconds=seconds, idle=self.limits.idle)
            else:
                await forward(request, wanted, passed_on, client, host, idle=self.limits.idle)
        finally:
            host.abort()

    def _require_granted(self, wanted: Wanted) -> None:
        shown = wanted.host if wanted.port in USUAL_PORTS else f"{wanted.host}:{wanted.port}"
        if not reaches(self.rules, wanted.host, wanted.port):
            raise RefusedRequestError(403, shown, f"`{shown}` is not granted", f"add `{shown}` to `sandbox.network`")
        if wanted.target is None and wanted.port == _HTTP:
            why = f"no tunnel leads to port 80 of `{shown}`"
            raise RefusedRequestError(403, shown, why, "ask the proxy for http://host/path, or use https")

    async def _addresses(self, wanted: Wanted) -> list[str]:
        """The addresses of a host, all of which may be connected to: one that may not spoils the others."""
        host = wanted.host
        try:
            async with asyncio.timeout(self.limits.connect):
                found = list(await self._resolve(host, wanted.port))
        except (OSError, UnicodeError):  # a timeout is an OSError, too
            raise RefusedRequestError(502, host, f"`{host}` cannot be looked up", "check how it is spelt") from None
        if not 0 < len(found) <= _MAX_ADDRESSES:
            raise RefusedRequestError(502, host, f"`{host}` has {len(found)} addresses", "use another host")
        for address in found:
            if (refusal := self._policy.refusal(address)) is not None:
                # Which address it is would tell of the network that this runs in.
                raise RefusedRequestError(403, host, f"`{host}` has an address that is {refusal}", "do without it")
        return found

    async def _connected(self, wanted: Wanted, addresses: Sequence[str]) -> Side:
        host = f"`{wanted.host}`"
        try:
            async with asyncio.timeout(self.limits.connect):
                for address in addresses[:_TRIED_ADDRESSES]:
                    with suppress(OSError):
                        # The address and not the name: nothing is looked up a second time.
                        reader, writer = await self._connect(address, wanted.port)
                        return Side(reader, writer, serves=False, max_header=self.limits.header, passed=self._received)
        except TimeoutError:
            raise RefusedRequestError(504, wanted.host, f"{host} does not answer", "try again later") from None
        raise RefusedRequestError(502, wanted.host, f"{host} refuses connections", "try again later")

    def _record(self, refusal: Refusal) -> None:
        if refusal in self.refusals or len(self.refusals) >= _MAX_REFUSALS:
            return
        self.refusals.append(refusal)
        if self._refused is not None:
            self._refused(refusal)

    def _sent(self, count: int) -> None:
        self.sent += count
        self._bound()

    def _received(self, count: int) -> None:
        self.received += count
        self._bound()

    def _bound(self) -> None:
        if self.sent + self.received > self.limits.passed:
            self._record(Refusal("", f"more than {self.limits.passed:,} bytes passed", "fetch less"))
            raise EOFError("too much passed")
