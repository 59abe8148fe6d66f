"""How sandboxes come by their proxy: each hands its own loopback over, through a door that is made for it alone."""

import asyncio
import os
import re
import socket
import sys
from contextlib import ExitStack, suppress
from pathlib import Path

from agentflow.tools.sandbox import bridge
from agentflow.tools.sandbox.port import Door, Gateway
from agentflow.tools.sandbox.proxy import Proxy

PORT = 3128
"""Of the proxy on a sandbox's loopback: its network namespace is new, so that nothing else can have it."""

_SYSTEM_PYTHON = "/usr/bin/python3"
_SO_NETNS_COOKIE = 71
_TOLD = 5
_FORBIDDEN = re.compile(r"\b403\b", re.ASCII)
_NOT_REACHED = re.compile(r"\b50[24]\b", re.ASCII)
_COMPLAINT = re.compile(r"\b403\b|[Pp]roxy|[Tt]unnel|tlsv1 alert access denied|SSL", re.ASCII)


def proxy_variables(port: int = PORT) -> dict[str, str]:
    """The environment that tells programs of a proxy on loopback, in the ways they look for it."""
    url, local = f"http://127.0.0.1:{port}", "localhost,127.0.0.1,::1"
    named = {"HTTP_PROXY": url, "HTTPS_PROXY": url, "ALL_PROXY": url, "NO_PROXY": local}
    return {
        **named,
        **{name.lower(): value for name, value in named.items()},
        "NODE_USE_ENV_PROXY": "1",  # Node 22.21 and 24.5 or later
        "npm_config_proxy": url,
        "npm_config_https_proxy": url,
        "npm_config_noproxy": local,
        "YARN_HTTP_PROXY": url,
        "YARN_HTTPS_PROXY": url,
        "PIP_PROXY": url,
        "CARGO_HTTP_PROXY": url,
        "GIT_TERMINAL_PROMPT": "0",  # nobody is there to be asked for a password
    }


class GatewayServer:
    """Takes the loopbacks of sandboxes, and has the proxy serve them."""

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> Gateway:
        """What sandboxes are told of it."""
        python, reads = _python()
        # As text: the package may stand in a home, which a sandbox does not see.
        source = Path(bridge.__file__).read_text(encoding="utf-8")

        def before(descriptor: int) -> tuple[str, ...]:
            return (python, "-I", "-S", "-c", source, str(descriptor), str(PORT))

        return Gateway(self._open, before, proxy_variables(), reads, self._explained)

    async def close(self) -> None:
        """Ends everything that goes through it."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.proxy.close()

    def _open(self) -> Door:
        """The door of one command, which is open until its `close`."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        task = asyncio.create_task(self._serve(ours))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # A task that is cancelled before it has begun closes nothing itself.
        task.add_done_callback(lambda _: ours.close())

        def close() -> None:
            task.cancel()

        return Door(theirs.detach(), close)

    async def _serve(self, peer: socket.socket) -> None:
        with ExitStack() as held, suppress(OSError):  # without our answer the command does not start
            peer.setblocking(False)
            server = await self.proxy.serve(await _handed_over(peer))
            held.callback(self.proxy.end, server)
            await asyncio.get_running_loop().sock_sendall(peer, b"+")
            # What else may have kept the other end finds nobody here.
            peer.close()
            await asyncio.Event().wait()

    def _explained(self, stderr: str) -> str:
        """Which hosts were refused or not reached, where a command complains of a proxy: few show what it answers."""
        if not _COMPLAINT.search(stderr) and not _NOT_REACHED.search(stderr):
            return ""
        what, found = "refused", self.proxy.refusals
        if _NOT_REACHED.search(stderr) and not _FORBIDDEN.search(stderr):
            what, found = "did not get through", self.proxy.failures
        told = "; ".join(f"{one.why}, {one.hint}" for one in [one for one in found if one.host][-_TOLD:])
        return f"(Sandbox: its proxy {what}, in this run: {told}.)" if told else ""


async def _handed_over(peer: socket.socket) -> socket.socket:
    """The one socket that comes over `peer`. Raises OSError where it is none that the proxy may serve."""
    await _readable(peer.fileno())
    _, descriptors, flags, _ = socket.recv_fds(peer, 1, 1, socket.MSG_CMSG_CLOEXEC)
    if flags & socket.MSG_CTRUNC or len(descriptors) != 1:
        for descriptor in descriptors:
            os.close(descriptor)
        raise OSError("no socket, or more than one, was handed over")
    handed = socket.socket(fileno=descriptors[0])
    try:
        _require_foreign_loopback(handed)
    except OSError:
        handed.close()
        raise
    handed.setblocking(False)
    return handed


def _require_foreign_loopback(handed: socket.socket) -> None:
    """Raises OSError for what does not listen on the loopback of another network namespace than ours."""
    listens = handed.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    if (handed.family, handed.type) != (socket.AF_INET, socket.SOCK_STREAM) or not listens:
        raise OSError("what was handed over is no listening socket")
    if handed.getsockname()[0] != "127.0.0.1":
        raise OSError("what was handed over does not listen on loopback")
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as own:
        if _namespace(own) == _namespace(handed):
            # The sandbox shares the machine's network: it holds nothing back, and must not look as if it did.
            raise OSError("what was handed over belongs to this machine's own network")


def _namespace(of: socket.socket) -> bytes:
    """Which network namespace a socket belongs to, as a number of the kernel's. Since Linux 5.14; else OSError."""
    return of.getsockopt(socket.SOL_SOCKET, _SO_NETNS_COOKIE, 8)


async def _readable(descriptor: int) -> None:
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(descriptor, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(descriptor)


def _python() -> tuple[str, tuple[Path, ...]]:
    """A Python for sandboxes, and what it needs to read there besides the system's folders."""
    if os.access(_SYSTEM_PYTHON, os.X_OK):
        return _SYSTEM_PYTHON, ()
    return os.path.realpath(sys.executable), (Path(sys.base_prefix),)
