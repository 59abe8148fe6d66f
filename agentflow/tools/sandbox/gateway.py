"""Where sandboxes find their proxy: a Unix socket in a private folder, at which each hands over its own loopback."""

import asyncio
import os
import re
import shutil
import socket
import struct
import sys
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from agentflow.tools.sandbox import bridge
from agentflow.tools.sandbox.port import Gateway, SandboxError
from agentflow.tools.sandbox.proxy import Proxy

INSIDE = "/run/agentflow/proxy"
"""Where the socket stands in a sandbox."""
PORT = 3128
"""Of the proxy on a sandbox's loopback: its network namespace is new, so that nothing else can have it."""

_SYSTEM_PYTHON = "/usr/bin/python3"
_HAND_OVER_SECONDS = 10.0
_MAX_SANDBOXES = 256
_MAX_SOCKET_PATH = 100  # of 107, less what follows the folder
_SO_NETNS_COOKIE = 71
_TOLD = 5
_COMPLAINT = re.compile(r"\b403\b|[Pp]roxy|[Tt]unnel|tlsv1 alert access denied|SSL", re.ASCII)
_PEER = struct.Struct("3i")


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
    """Takes the listening sockets of sandboxes, and has the proxy serve them."""

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy
        self._folder: Path | None = None
        self._socket: socket.socket | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._served = 0

    def start(self) -> Gateway:
        """Begins to listen; on the running event loop.

        Raises:
            SandboxError: the socket cannot be made.
        """
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            self._folder = _private_folder()
            path = self._folder / "proxy"
            listening.bind(str(path))
            # The folder is closed to others; in a sandbox the socket stands alone, and its command may be another user.
            path.chmod(0o666)
            listening.listen(64)
        except OSError as error:
            listening.close()
            self._remove()
            message = f"the sandbox's way to the network cannot be made: {error.strerror}"
            raise SandboxError(message, "see to the folder of temporary files (TMPDIR)") from error
        self._socket = listening
        self._start(self._accept_all(listening))
        before, reads = _bridge()
        return Gateway(
            socket=path, inside=INSIDE, before=before, env=proxy_variables(), reads=reads, explain=self._explained
        )

    def _explained(self, stderr: str) -> str:
        """Which hosts were refused, where a command complains of a proxy: few programs show what it answers."""
        refused = [one for one in self.proxy.refusals if one.host][-_TOLD:]
        if not refused or not _COMPLAINT.search(stderr):
            return ""
        return f"(Sandbox: its proxy refused, in this run: {'; '.join(f'{one.why}, {one.hint}' for one in refused)}.)"

    async def close(self) -> None:
        """Ends everything that goes through it, and removes its folder."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._socket is not None:
            self._socket.close()
        self._remove()
        await self.proxy.close()

    def _remove(self) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept_all(self, listening: socket.socket) -> None:
        while True:
            peer, _ = await asyncio.get_running_loop().sock_accept(listening)
            if self._served >= _MAX_SANDBOXES:
                peer.close()
            else:
                self._served += 1
                self._start(self._serve(peer))

    async def _serve(self, peer: socket.socket) -> None:
        """Serves one sandbox until the command that handed its loopback over has ended."""
        with ExitStack() as held:
            held.callback(self._left)
            held.enter_context(peer)
            with suppress(OSError):  # a timeout is one, too; without our answer the command does not start
                command = _command_behind(peer)
                held.callback(os.close, command)
                server = await self.proxy.serve(await _handed_over(peer))
                held.callback(self.proxy.end, server)
                await asyncio.get_running_loop().sock_sendall(peer, b"+")
                peer.close()
                await _readable(command)

    def _left(self) -> None:
        self._served -= 1


def _command_behind(peer: socket.socket) -> int:
    """A descriptor that becomes readable when the process at the other end, the command to be, has ended."""
    peer.setblocking(False)
    pid, _, _ = _PEER.unpack(peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
    return os.pidfd_open(pid)


async def _handed_over(peer: socket.socket) -> socket.socket:
    """The one socket that comes over `peer`. Raises OSError where it is none that the proxy may serve."""
    async with asyncio.timeout(_HAND_OVER_SECONDS):
        await _readable(peer.fileno())
    _, descriptors, flags, _ = socket.recv_fds(peer, 1, 1)
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


def _private_folder() -> Path:
    """A new folder that only its user can enter, whose name is short enough for a socket in it."""
    folder = tempfile.mkdtemp(prefix="agentflow-")  # mode 700
    if len(os.fsencode(folder)) > _MAX_SOCKET_PATH:
        os.rmdir(folder)
        folder = tempfile.mkdtemp(prefix="agentflow-", dir="/tmp")
    return Path(folder)


def _bridge() -> tuple[tuple[str, ...], tuple[Path, ...]]:
    """The words before a command that lead out of its sandbox, and what they need to read there."""
    is_there = os.access(_SYSTEM_PYTHON, os.X_OK)
    python = _SYSTEM_PYTHON if is_there else os.path.realpath(sys.executable)
    reads = () if is_there else (Path(sys.base_prefix),)
    # As text: the package may stand in a home, which a sandbox does not see.
    source = Path(bridge.__file__).read_text(encoding="utf-8")
    return (python, "-I", "-S", "-c", source, INSIDE, str(PORT)), reads
