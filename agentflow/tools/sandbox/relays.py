"""What passes through the proxy once a host is connected to: a tunnel, or one plain request and its answer."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from agentflow.plan.hosts import HostError, canonical_host
from agentflow.tools.failures import shortened
from agentflow.tools.sandbox.client_hello import NoClientHelloError, read_client_hello
from agentflow.tools.sandbox.http_side import BROKEN, NO_HTTP, Side, nothing, request_to, response_to
from agentflow.tools.sandbox.proxy_request import Headers, RefusedRequestError, Wanted, forwarded

HTTPS = 443
_HANDSHAKE = b"\x16"
_ACCESS_DENIED = bytes([21, 3, 3, 0, 2, 2, 49])
"""TLS's own way of refusing: a fatal alert."""
_MOST_READS = 256  # each reads the beginning anew


async def tunnel(wanted: Wanted, client: Side, host: Side, *, hello_seconds: float, idle: float) -> None:
    """Passes bytes both ways until both sides are done.

    On port 443 nothing passes before a ClientHello has asked for the very host; on a port that the file names anything
    passes, but TLS only to that host.

    Raises:
        RefusedRequestError: the ClientHello asks for another host, for none, or hides which.
        TimeoutError: no ClientHello came in time, or nothing passed for too long.
    """
    begun = await client.become_tunnel()
    async with _until_idle(idle, client, host):
        if wanted.port == HTTPS:
            async with asyncio.timeout(hello_seconds):
                begun = await _hello_for(wanted, client, begun)
        await _both(_upwards(wanted, client, host, begun), _downwards(client, host))


async def _upwards(wanted: Wanted, client: Side, host: Side, begun: bytes) -> None:
    data = begun or await client.read()
    if wanted.port != HTTPS and data[:1] == _HANDSHAKE:
        data = await _hello_for(wanted, client, data)
    while data:
        await host.write(data)
        data = await client.read()
    host.end_writing()


async def _downwards(client: Side, host: Side) -> None:
    while data := await host.read():
        await client.write(data)
    client.end_writing()


async def _hello_for(wanted: Wanted, client: Side, data: bytes) -> bytes:
    """The bytes of a ClientHello that asks for the host; what does not is answered with an alert."""
    try:
        for _ in range(_MOST_READS):
            if (hello := read_client_hello(data)) is not None:
                break
            data += (more := await client.read())
            if not more:
                raise NoClientHelloError("ends before it has said for which host it is")
        else:
            raise NoClientHelloError("sends its ClientHello in too many pieces")
        if hello.hides:
            raise NoClientHelloError("hides its host (Encrypted Client Hello)")
        if hello.server_name is None:
            raise NoClientHelloError("names no host in its ClientHello")
        if _canonical(hello.server_name) != wanted.host:
            raise NoClientHelloError(f"asks for `{shortened(hello.server_name)}`")
    except NoClientHelloError as error:
        await client.write(_ACCESS_DENIED)
        why = f"the tunnel to `{wanted.host}` {error}"
        raise RefusedRequestError(403, wanted.host, why, "speak TLS to the host that the tunnel is for") from None
    return data


def _canonical(name: str) -> str | None:
    try:
        return canonical_host(name)
    except HostError:
        return None


async def forward(request: Any, wanted: Wanted, headers: Headers, client: Side, host: Side, *, idle: float) -> None:
    """Passes one plain request on, and its answer back; both are taken apart and put together again.

    Raises:
        RefusedRequestError: the host gives no answer that is HTTP.
        TimeoutError: nothing passed for too long.
    """
    asked = request_to(request, wanted.target or "/", [(b"host", wanted.authority.encode()), *headers])
    async with _until_idle(idle, client, host):
        sending = asyncio.create_task(_send(asked, client, host))
        try:
            await _answered(wanted, client, host, sending)
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)


async def _send(asked: Any, client: Side, host: Side) -> None:
    await host.send(asked)
    await client.go_on()
    await client.relay(host)


async def _answered(wanted: Wanted, client: Side, host: Side, sending: "asyncio.Task[None]") -> None:
    receiving = asyncio.create_task(host.response())
    try:
        await asyncio.wait({receiving, sending}, return_when=asyncio.FIRST_COMPLETED)
        if not receiving.done() and isinstance(sending.exception(), NO_HTTP):
            sending.result()  # the command broke off amid its body: the host would wait for the rest
        try:
            response = await receiving
            passed_on = forwarded([(bytes(name), bytes(value)) for name, value in response.headers])
        except (*BROKEN, RefusedRequestError):
            why = f"`{wanted.host}` gave no answer that is HTTP"
            raise RefusedRequestError(502, wanted.host, why, "try later") from None
    finally:
        receiving.cancel()
    await client.send(response_to(response, passed_on))
    await host.relay(client)


async def _both(*works: Coroutine[Any, Any, None]) -> None:
    """Waits for all of them; the first failure ends the others."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in tasks:
            if task.done():
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def _until_idle(seconds: float, *sides: Side) -> AsyncIterator[None]:
    """Raises TimeoutError once nothing came from any side for so long."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(seconds) as clock:

        def moved() -> None:
            if not clock.expired():
                clock.reschedule(loop.time() + seconds)

        for side in sides:
            side.moved = moved
        try:
            yield
        finally:
            for side in sides:
                side.moved = nothing
