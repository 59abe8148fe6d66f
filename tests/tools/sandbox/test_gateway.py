import asyncio
import os
import shutil
import socket
import ssl
from pathlib import Path

import pytest
import trustme

from agentflow.tools.sandbox.gateway import PORT, proxy_variables
from agentflow.tools.sandbox.port import Gateway
from tests.tools.sandbox.namespaces import inside, needs_namespaces
from tests.tools.sandbox.proxied import proxied, until
from tests.tools.web_server import response

pytestmark = needs_namespaces


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("x.org").configure_cert(context)
    return context


def program(name: str) -> str:
    """A program of the system's, which a sandbox sees; the test is skipped without."""
    path = shutil.which(name, path=os.defpath)
    if path is None:
        pytest.skip(f"there is no {name} here")
    return path


async def test_curl_reaches_a_granted_host_over_tls_and_no_other(authority, trusted):
    curl = program("curl")
    async with proxied(tls=server_tls(authority)) as outside, inside(outside, trusted) as there:
        outside.world.site.answers["/"] = response(b"safe")
        got = await there.run(curl, "-sS", "--cacert", str(trusted), "https://x.org/")
        assert got == (0, "safe", "")
        code, out, err = await there.run(curl, "-sS", "https://evil.org/")
        assert (code, out) == (56, "")
        assert "403" in err
    assert [one.host for one in outside.told] == ["evil.org"]


async def test_curl_follows_a_redirect_no_further_than_what_is_granted(authority, trusted):
    curl = program("curl")
    async with proxied() as outside, inside(outside) as there:
        outside.world.site.answers["/"] = response(status=302, Location="http://169.254.169.254/latest/")
        code, out, _ = await there.run(curl, "-sSL", "http://x.org/")
    assert code == 0
    assert "The sandbox's proxy refused: `169.254.169.254` is an address" in out


async def test_python_reaches_a_granted_host_over_tls(authority, trusted):
    script = (
        "import ssl, urllib.request as u\n"
        f"context = ssl.create_default_context(cafile={str(trusted)!r})\n"
        "print(u.urlopen('https://x.org/', context=context).read().decode())"
    )
    async with proxied(tls=server_tls(authority)) as outside, inside(outside, trusted) as there:
        outside.world.site.answers["/"] = response(b"safe")
        assert await there.python(script) == (0, "safe\n", "")


async def test_wget_reaches_a_granted_host(authority, trusted):
    wget = program("wget")
    async with proxied(tls=server_tls(authority)) as outside, inside(outside, trusted) as there:
        outside.world.site.answers["/"] = response(b"safe")
        code, out, err = await there.run(wget, "-qO-", f"--ca-certificate={trusted}", "https://x.org/")
        assert (code, out) == (0, "safe"), err
        assert (await there.run(wget, "-qO-", "http://evil.org/"))[0] == 8  # the server issued an error response


async def test_git_reaches_a_granted_host(authority, trusted):
    git = program("git")
    ref = b"a" * 40 + b" refs/heads/main\0agent=a\n"
    head = b"001e# service=git-upload-pack\n0000" + f"{len(ref) + 4:04x}".encode() + ref + b"0000"
    async with proxied(tls=server_tls(authority)) as outside, inside(outside, trusted) as there:
        kind = "application/x-git-upload-pack-advertisement"
        outside.world.site.answers["/a.git/info/refs?service=git-upload-pack"] = response(head, kind=kind)
        asked = ("-c", f"http.sslCAInfo={trusted}", "-c", "protocol.version=0", "ls-remote", "https://x.org/a.git")
        code, out, err = await there.run(git, *asked)
        assert (code, out) == (0, f"{'a' * 40}\trefs/heads/main\n"), err
        code, _, err = await there.run(git, "ls-remote", "https://evil.org/a.git")
        assert code == 128
        assert "403" in err


async def test_pip_asks_its_index_through_the_proxy(authority, trusted):
    page = b'<!doctype html><a href="https://x.org/a-1.0-py3-none-any.whl">a</a>'
    python = program("python3")
    async with proxied(tls=server_tls(authority)) as outside, inside(outside, trusted) as there:
        if (await there.run(python, "-m", "pip", "--version"))[0] != 0:
            pytest.skip("this Python has no pip")
        outside.world.site.answers["/simple/a/"] = response(page, kind="text/html")
        words = ("-m", "pip", "download", "--isolated", "--no-cache-dir", "--retries=0", f"--cert={trusted}", "a")
        await there.run(python, *words, "--index-url", "https://x.org/simple")
        assert outside.world.site.heard[0].startswith("GET /simple/a/ ")


async def test_npm_asks_its_registry_through_the_proxy(authority, trusted):
    npm = program("npm")
    async with proxied(tls=server_tls(authority)) as outside, inside(outside, trusted) as there:
        outside.world.site.answers["/a"] = response(b'{"name":"a","version":"1.2.3"}', kind="application/json")
        words = (
            npm,
            "view",
            "a",
            "version",
            "--registry",
            "https://x.org/",
            f"--cafile={trusted}",
            "--fetch-retries=0",
        )
        _, _, err = await there.run(*words)
        assert any(head.startswith("GET /a ") for head in outside.world.site.heard), err
        assert (await there.run(npm, "view", "a", "--registry", "https://evil.org/", "--fetch-retries=0"))[0] != 0


async def test_nothing_stays_behind_in_the_sandbox_beside_the_command():
    script = "import os; print(sorted(int(p) for p in os.listdir('/proc') if p.isdigit()), os.getpid())"
    async with proxied() as outside, inside(outside) as there:
        code, out, _ = await there.python(script)
        direct = await there.python(script, before=())
    assert (code, out) == (0, direct[1])


async def test_the_command_inherits_no_descriptor():
    async with proxied() as outside, inside(outside) as there:
        code, out, _ = await there.run("/bin/sh", "-c", "echo /proc/self/fd/*")
    assert code == 0
    assert [int(Path(name).name) for name in out.split()] in ([0, 1, 2], [0, 1, 2, 3])  # 3: the folder that is listed


async def test_the_command_has_the_signals_that_it_would_have():
    script = "grep -E '^Sig(Ign|Blk)' /proc/self/status"
    async with proxied() as outside, inside(outside) as there:
        through, direct = await there.run("/bin/sh", "-c", script), await there.run("/bin/sh", "-c", script, before=())
    assert through == direct


async def test_exit_codes_are_the_commands_own():
    async with proxied() as outside, inside(outside) as there:
        assert (await there.run("/bin/sh", "-c", "exit 7"))[0] == 7
        assert (await there.run("no-such-program"))[0] == 127
        assert (await there.run("/etc/passwd"))[0] == 126


async def test_a_sandbox_that_shares_the_machines_network_is_not_served():
    async with proxied() as outside, inside(outside) as there:
        code, _, err = await there.run("/bin/true", net=True)
    assert code == 125
    assert "no network in the sandbox" in err


async def test_without_a_proxy_the_command_does_not_start():
    async with proxied() as outside, inside(outside) as there:
        task = asyncio.create_task(there.run("/bin/echo", "started"))
        await until(lambda: bool(there.server._tasks))
        for serving in list(there.server._tasks):
            serving.cancel()
        code, out, err = await task
    assert (code, out) == (125, "")
    assert "no network in the sandbox" in err


async def test_several_sandboxes_are_served_at_once_each_with_its_own_loopback():
    async with proxied() as outside, inside(outside) as there:
        outside.world.site.answers["/"] = response(b"ok")
        script = "import urllib.request as u; print(u.urlopen('http://x.org/').read().decode())"
        found = await asyncio.gather(*(there.python(script) for _ in range(5)))
    assert [one[:2] for one in found] == [(0, "ok\n")] * 5


async def test_when_a_command_has_ended_its_loopback_is_served_no_more():
    async with proxied() as outside, inside(outside) as there:
        before = set(outside.proxy._servers)
        await there.run("/bin/true")
        await until(lambda: not there.server._tasks)
        assert outside.proxy._servers == before


def own_loopback() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def own_unix() -> socket.socket:
    listening = socket.socket(socket.AF_UNIX)
    listening.bind("\0agentflow-test")
    listening.listen()
    return listening


def own_udp() -> socket.socket:
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


@pytest.mark.parametrize("made", [own_loopback, own_unix, own_udp])
async def test_a_socket_of_this_machines_is_not_taken(made):
    async with proxied() as outside, inside(outside) as there:
        before = set(outside.proxy._servers)
        with made() as handed:
            assert await handing(there.gateway, handed.fileno()) == b""
        assert outside.proxy._servers == before


async def test_descriptors_that_are_thrown_at_it_are_closed():
    async with proxied() as outside, inside(outside) as there:
        open_before = len(os.listdir("/proc/self/fd"))
        for _ in range(20):
            assert await handing(there.gateway, 0, 1, 2) == b""
        await until(lambda: not there.server._tasks)
        assert len(os.listdir("/proc/self/fd")) <= open_before


async def handing(gateway: Gateway, *descriptors: int) -> bytes:
    """What comes back through a door for these descriptors."""
    with socket.socket(fileno=gateway.open().descriptor) as peer:
        peer.setblocking(False)
        socket.send_fds(peer, [b"L"], list(descriptors))
        try:
            return await asyncio.get_running_loop().sock_recv(peer, 1)
        except ConnectionResetError:
            return b""


def test_programs_are_told_of_the_proxy_in_both_cases():
    found = proxy_variables()
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        assert found[name] == found[name.lower()] == f"http://127.0.0.1:{PORT}"
    assert found["NO_PROXY"] == found["no_proxy"]
    assert "secret" not in str(found)
