"""A server on loopback that answers as it is told, and a resolver that says which address a name has."""

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from agentflow.guard.addresses import AddressPolicy
from agentflow.tools.web_exchange import Exchange, WebLimits

LOOPBACK = ipaddress.ip_network("127.0.0.1/32")
Answer = bytes | Callable[[asyncio.StreamWriter], Awaitable[None]]


def response(body: bytes = b"", status: int = 200, kind: str = "text/plain; charset=utf-8", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", f"Content-Type: {kind}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def redirect(location: str, status: int = 302) -> bytes:
    return response(status=status, Location=location)


@dataclass
class Site:
    """What runs on one port of loopback.

    Attributes:
        answers: by target (`/a?b`); what is not there is a 404.
        heard: the head of each request.
        names: of each time a connection came, the name that TLS was asked for.
    """

    port: int = 0
    answers: dict[str, Answer] = field(default_factory=dict)
    heard: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            self.heard.append(head)
            answer = self.answers.get(head.split()[1], response(status=404))
            if isinstance(answer, bytes):
                writer.write(answer)
                await writer.drain()
            else:
                await answer(writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            return  # the client has seen enough
        finally:
            writer.transport.abort() if writer.transport.is_closing() else writer.close()


@asynccontextmanager
async def site(tls: ssl.SSLContext | None = None) -> AsyncIterator[Site]:
    """A site that is there for as long as the block lasts."""
    made = Site()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0, ssl=tls)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()


class Names:
    """A resolver: each name has a list of answers, one for each time it is asked; the last one stays."""

    def __init__(self, **names: list[list[str]] | str) -> None:
        self.asked: list[str] = []
        self._names = {name.replace("__", "."): value for name, value in names.items()}

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        found = self._names.get(host, "127.0.0.1")
        if isinstance(found, str):
            return [found]
        return found.pop(0) if len(found) > 1 else found[0]


def exchange_of(
    *ports: int, names: Names | None = None, limits: WebLimits | None = None, tls: ssl.SSLContext | None = None
) -> Exchange:
    """An exchange that may reach 127.0.0.1 on these ports besides the public internet; names lead there."""
    policy = AddressPolicy(allowed=(LOOPBACK,), ports=frozenset({80, 443, *ports}))
    return Exchange(policy, names or Names(), limits, tls)
