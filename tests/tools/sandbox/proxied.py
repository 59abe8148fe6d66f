"""A proxy on loopback in front of a site that pretends to be any host, and a client that says anything to it."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from agentflow.guard.addresses import AddressPolicy
from agentflow.tools.sandbox.proxy import Proxy, ProxyLimits, Refusal, connect_to
from tests.tools.web_server import Names, Site, site

PATIENCE = 20.0


@dataclass
class World:
    """What the proxy sees of the world.

    Attributes:
        site: what answers on every address and port.
        names: the resolver.
        connected: each address and port that was connected to.
    """

    site: Site
    names: Names = field(default_factory=Names)
    connected: list[tuple[str, int]] = field(default_factory=list)

    async def connect(self, address: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        self.connected.append((address, port))
        return await connect_to("127.0.0.1", self.site.port)


@dataclass
class Proxied:
    """A proxy at work.

    Attributes:
        told: what its callback was told.
    """

    proxy: Proxy
    world: World
    port: int
    told: list[Refusal]

    async def say(self, *pieces: bytes, ends: bool = False) -> bytes:
        """Everything that is answered to these bytes until the proxy closes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            async with asyncio.timeout(PATIENCE):
                for piece in pieces:
                    writer.write(piece)
                    await writer.drain()
                if ends:
                    writer.write_eof()
                return await _everything(reader)
        finally:
            writer.transport.abort()

    async def get(self, url: str, host: str, *headers: str, method: str = "GET") -> bytes:
        """The answer to a plain request."""
        lines = [f"{method} {url} HTTP/1.1", f"Host: {host}", *headers, "", ""]
        return await self.say("\r\n".join(lines).encode())

    async def tunnel(self, authority: str, first: bytes, host: str | None = None) -> tuple[bytes, bytes]:
        """The answer to a CONNECT, and what comes back through it after `first`."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            async with asyncio.timeout(PATIENCE):
                writer.write(f"CONNECT {authority} HTTP/1.1\r\nHost: {host or authority}\r\n\r\n".encode())
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(first)
                await writer.drain()
                return head, await _everything(reader)
        finally:
            writer.transport.abort()


async def until(holds: Callable[[], bool]) -> None:
    """Lets the loop go on until something holds."""
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0)


async def _everything(reader: asyncio.StreamReader) -> bytes:
    found = b""
    while True:
        try:
            piece = await reader.read(1 << 16)
        except ConnectionResetError:  # it was cut, on purpose
            return found
        if not piece:
            return found
        found += piece


@asynccontextmanager
async def proxied(
    rules: Sequence[str] = ("x.org",),
    limits: ProxyLimits | None = None,
    policy: AddressPolicy | None = None,
    tls: ssl.SSLContext | None = None,
    names: Names | None = None,
) -> AsyncIterator[Proxied]:
    """A proxy that is there for as long as the block lasts; every name has a public address unless told otherwise."""
    told: list[Refusal] = []
    async with site(tls) as here:
        world = World(here, names or Names(x__org="93.184.215.14"))
        proxy = Proxy(rules, told.append, policy=policy, resolve=world.names, connect=world.connect, limits=limits)
        listening = socket.create_server(("127.0.0.1", 0))
        await proxy.serve(listening)
        try:
            yield Proxied(proxy, world, listening.getsockname()[1], told)
        finally:
            await proxy.close()
