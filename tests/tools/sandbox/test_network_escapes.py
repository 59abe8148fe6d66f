"""Ways out of a sandbox's network that were tried, by name, through the sandbox that runs use. None leads anywhere."""

import asyncio
import contextlib
import os
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from agentflow.plan.sandbox_plan import SandboxPlan
from agentflow.tools.command import Command, CommandResult, run_command
from agentflow.tools.sandbox.bubblewrap import Bubblewrap
from agentflow.tools.sandbox.choice import candidates
from agentflow.tools.sandbox.gateway import PORT, GatewayServer
from agentflow.tools.sandbox.port import Bounds, Confinement, Gateway, Sandbox
from tests.tools.sandbox.namespaces import needs_namespaces
from tests.tools.sandbox.proxied import Proxied, proxied
from tests.tools.web_server import Names, response

pytestmark = needs_namespaces

HELPERS = f"""
import array, ctypes, os, socket, struct, subprocess, sys, time
def proxy():
    s = socket.create_connection(("127.0.0.1", {PORT}), 10)
    s.settimeout(10)
    return s
def say(*pieces):
    s = proxy()
    for piece in pieces:
        s.sendall(piece)
    said = b""
    while True:
        try:
            data = s.recv(65536)
        except ConnectionResetError:
            return said
        if not data:
            return said
        said += data
def status(*pieces):
    return say(*pieces).split(b" ")[1].decode()
def get(url, host, *more):
    lines = [f"GET {{url}} HTTP/1.1", f"Host: {{host}}", *more, "", ""]
    return status("\\r\\n".join(lines).encode())
def connect(authority, first=b""):
    return status(f"CONNECT {{authority}} HTTP/1.1\\r\\nHost: {{authority}}\\r\\n\\r\\n".encode(), first)
def refused(work):
    try:
        work()
    except (OSError, AttributeError) as error:
        return f"refused: {{error}}"
    return "got out"
def tcp(address, port, family=socket.AF_INET):
    def work():
        with socket.socket(family, socket.SOCK_STREAM) as s:
            s.settimeout(5)
            s.connect((address, port))
    return refused(work)
def udp(address, port):
    def work():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(b"x", (address, port))
    return refused(work)
def unix(name):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(name)
def call(number, *arguments):
    def work():
        if ctypes.CDLL(None).syscall(number, *arguments) < 0:
            raise OSError("no")
    return refused(work)
def make(family, kind, protocol=0):
    return refused(lambda: socket.socket(family, kind, protocol))
"""


@pytest.fixture
def project() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="agentflow-test-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def bubblewrap() -> Sandbox:
    found = next((one for one in candidates(Path("/nowhere")) if isinstance(one, Bubblewrap)), None)
    if found is None:
        pytest.skip("there is no bubblewrap here")
    return found


@dataclass
class There:
    """A sandbox with one granted host, and this machine around it.

    Attributes:
        port: of a server on this machine's own loopback.
        unix: the path of a Unix socket that a server of this machine listens on.
        abstract: the name of an abstract one.
    """

    outside: Proxied
    gateway: Gateway
    sandbox: Sandbox
    project: Path
    port: int
    unix: Path
    abstract: str

    async def run(self, *argv: str) -> CommandResult:
        bounds = Bounds(self.project, SandboxPlan(network=("x.org", "*.y.org")), (), self.project)
        within = Confinement(self.sandbox, bounds, self.gateway)
        env = {
            "MACHINE_PORT": str(self.port),
            "UNIX": str(self.unix),
            "ABSTRACT": self.abstract,
            "HOST": str(os.getpid()),
        }
        return await run_command(Command(argv, b"", env, self.project, 60.0, 100_000, within))

    async def python(self, script: str) -> str:
        """What a script prints."""
        done = await self.run("/usr/bin/python3", "-I", "-S", "-c", f"{HELPERS}\n{script}")
        assert done.exit_code == 0, done.stderr
        return done.stdout


@pytest.fixture
async def there(project: Path, bubblewrap: Sandbox) -> AsyncIterator[There]:
    names = Names(x__org="93.184.215.14", a__y__org=[["93.184.215.14"], ["169.254.169.254"]], b__y__org="10.0.0.1")
    async with proxied(rules=("x.org", "*.y.org"), names=names) as outside:
        outside.world.site.answers["/"] = response(b"granted")
        outside.world.site.answers["/away"] = response(status=302, Location="http://10.0.0.1/")
        server = GatewayServer(outside.proxy)
        gateway = server.start()
        with contextlib.ExitStack() as held:
            machine = held.enter_context(socket.create_server(("127.0.0.1", 0)))
            unix = project / "socket"
            listening = held.enter_context(socket.socket(socket.AF_UNIX))
            listening.bind(str(unix))
            unix.chmod(0o777)
            listening.listen()
            abstract = f"agentflow-test-{os.getpid()}"
            hidden = held.enter_context(socket.socket(socket.AF_UNIX))
            hidden.bind(f"\0{abstract}")
            hidden.listen()
            port = machine.getsockname()[1]
            yield There(outside, gateway, bubblewrap, project, port, unix, abstract)
        await server.close()


async def test_what_is_granted_is_reached(there):
    assert await there.python("print(get('http://x.org/', 'x.org'))") == "200\n"


# Each prints what came of it; what it must be stands beside it.
ESCAPES = {
    "a direct connection to an address": ("print(tcp('93.184.215.14', 443))", "refused"),
    "a direct connection over IPv6": ("print(tcp('2606:2800:21f:cb07::1', 443, socket.AF_INET6))", "refused"),
    "a name that is looked up inside": ("print(refused(lambda: socket.getaddrinfo('x.org', 443)))", "refused"),
    "DNS over UDP": ("print(udp('8.8.8.8', 53))", "refused"),
    "DNS over UDP to this machine": ("print(udp('192.168.0.1', 53))", "refused"),
    "the metadata service directly": ("print(tcp('169.254.169.254', 80))", "refused"),
    "this machine's loopback": ("print(tcp('127.0.0.1', int(os.environ['MACHINE_PORT'])))", "refused"),
    "this machine's loopback over IPv6": (
        "print(tcp('::ffff:127.0.0.1', int(os.environ['MACHINE_PORT']), socket.AF_INET6))", "refused"),
    "another address of loopback": ("print(tcp('127.0.0.2', int(os.environ['MACHINE_PORT'])))", "refused"),
    "the unspecified address": ("print(tcp('0.0.0.0', int(os.environ['MACHINE_PORT'])))", "refused"),
    "multicast": ("print(udp('224.0.0.251', 5353))", "refused"),
    "broadcast": ("print(udp('255.255.255.255', 67))", "refused"),
    "a raw socket": ("print(make(socket.AF_INET, socket.SOCK_RAW, 1))", "refused"),
    "packets of the link": ("print(make(17, socket.SOCK_RAW, 0x300))", "refused"),
    "a socket to the machine's host": ("print(make(40, socket.SOCK_STREAM))", "refused"),
    "netlink's other families": ("print(make(16, socket.SOCK_RAW, 12), make(16, socket.SOCK_RAW, 15))", "refused"),
    "Bluetooth": ("print(make(31, socket.SOCK_RAW, 1))", "refused"),
    "the kernel's ciphers": ("print(make(38, socket.SOCK_SEQPACKET))", "refused"),
    "XDP": ("print(make(44, socket.SOCK_RAW))", "refused"),
    "a host of one's own in a tunnel": ("print(connect('evil.org:443'))", "403"),
    "a tunnel to an address": ("print(connect('93.184.215.14:443'))", "403"),
    "a tunnel to an address of IPv6": ("print(connect('[2606:2800:21f:cb07::1]:443'))", "403"),
    "a tunnel to an address in one number": ("print(connect('1572395278:443'))", "403"),
    "a tunnel to the metadata service": ("print(connect('169.254.169.254:80'))", "403"),
    "a tunnel to this machine": ("print(connect('localhost:' + os.environ['MACHINE_PORT']))", "403"),
    "a tunnel to port 22": ("print(connect('x.org:22'))", "403"),
    "a tunnel to port 80": ("print(connect('x.org:80'))", "403"),
    "a tunnel to the proxy itself": (f"print(connect('127.0.0.1:{PORT}'))", "403"),
    "a user name before the host": ("print(get('http://x.org@evil.org/', 'x.org'))", "400"),
    "a Host of another": ("print(get('http://x.org/', 'evil.org'))", "403"),
    "a name within a wildcard's end": ("print(get('http://evily.org/', 'evily.org'))", "403"),
    "a wildcard's own host": ("print(get('http://y.org/', 'y.org'))", "403"),
    "a granted name with an address inside": ("print(get('http://b.y.org/', 'b.y.org'))", "403"),
    "a name that is bound anew after the check": (
        "print(get('http://a.y.org/', 'a.y.org'), get('http://a.y.org/', 'a.y.org'))", "200 403"),
    "a redirect inside": (
        "print(get('http://x.org/away', 'x.org'), get('http://10.0.0.1/', '10.0.0.1'))", "302 403"),
    "a second request in the same breath": (
        "a = b'GET http://x.org/ HTTP/1.1\\r\\nHost: x.org\\r\\n\\r\\n'\n"
        "b = b'GET http://evil.org/ HTTP/1.1\\r\\nHost: evil.org\\r\\n\\r\\n'\n"
        "print(say(a + b).count(b'HTTP/1.1 '))", "1"),
    "a request in the body of another": (
        "inner = b'GET / HTTP/1.1\\r\\nHost: evil.org\\r\\n\\r\\n'\n"
        "print(status(b'POST http://x.org/ HTTP/1.1\\r\\nHost: x.org\\r\\nContent-Length: 3\\r\\n'\n"
        "  b'Transfer-Encoding: chunked\\r\\n\\r\\n0\\r\\n\\r\\n' + inner))", "400"),
    "a websocket": ("print(get('ws://x.org/', 'x.org', 'Upgrade: websocket', 'Connection: Upgrade'))", "400"),
    "a header that never ends": (
        "print(status(b'GET http://x.org/ HTTP/1.1\\r\\nHost: x.org\\r\\nA: ' + b'a' * 100000 + b'\\r\\n\\r\\n'))",
        "431"),
    "another protocol in a tunnel": (
        "s = proxy()\ns.sendall(b'CONNECT x.org:443 HTTP/1.1\\r\\nHost: x.org:443\\r\\n\\r\\n')\n"
        "s.recv(999)\ns.sendall(b'SSH-2.0-x\\r\\n')\nprint(s.recv(99)[:1] == b'\\x15', s.recv(99))", "True b''"),
    "TLS to another host in a tunnel": (
        "import ssl\ns = proxy()\ns.sendall(b'CONNECT x.org:443 HTTP/1.1\\r\\nHost: x.org:443\\r\\n\\r\\n')\n"
        "s.recv(999)\nc = ssl._create_unverified_context()\n"
        "print(refused(lambda: c.wrap_socket(s, server_hostname='evil.org')))", "refused"),
    "TLS to no host in a tunnel": (
        "import ssl\ns = proxy()\ns.sendall(b'CONNECT x.org:443 HTTP/1.1\\r\\nHost: x.org:443\\r\\n\\r\\n')\n"
        "s.recv(999)\nc = ssl._create_unverified_context()\nprint(refused(lambda: c.wrap_socket(s)))", "refused"),
    "a Unix socket of this machine's, in the project": (
        "print(refused(lambda: unix(os.environ['UNIX'])))", "refused"),
    "the Docker socket": ("print(refused(lambda: unix('/var/run/docker.sock')))", "refused"),
    "an abstract socket of this machine's": ("print(refused(lambda: unix('\\0' + os.environ['ABSTRACT'])))", "refused"),
    "a datagram from a pair to a name": (
        "a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
        "print(refused(lambda: a.sendto(b'x', os.environ['UNIX'])))", "refused"),
    "the proxy's folder, or what there is of one": (
        "print(os.path.lexists('/run/agentflow'), [n for n in os.listdir('/run')])", "False []"),
    "a descriptor that leads to the proxy": (
        "def reach(fd):\n  s = socket.socket(fileno=fd)\n  s.send(b'L')\n  return s.recv(1)\n"
        "print([fd for fd in range(3, 1024) if not refused(lambda: reach(fd)).startswith('refused')])", "[]"),
    "a descriptor of the sandbox's first process": (
        "print(refused(lambda: socket.socket(fileno=os.open('/proc/1/fd/3', os.O_RDWR))))", "refused"),
    "taking the proxy's port": (
        "def work():\n  s = socket.socket()\n  s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)\n"
        f"  s.bind(('127.0.0.1', {PORT}))\nprint(refused(work))", "refused"),
    "taking up an interface": (
        "import fcntl\ndef work():\n  s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "  fcntl.ioctl(s, 0x8914, struct.pack('16sh14x', b'lo', 0))\nprint(refused(work))", "refused"),
    "a network namespace of one's own": ("print(call(272, 0x40000000), call(272, 0x50000000))", "refused"),
    "the first process's network namespace": (
        "fd = os.pidfd_open(1)\nprint(call(308, fd, 0x40000000))", "refused"),
    "a socket of another process": ("print(call(438, os.pidfd_open(1), 3, 0))", "refused"),
    "a socket through io_uring": ("print(call(425, 8, bytes(120)))", "refused"),
    "a process to kill in the proxy's stead": (
        "pids = [int(p) for p in os.listdir('/proc') if p.isdigit()]\n"
        "print(sorted(p for p in pids if p not in (1, os.getpid())))", "[]"),
}  # fmt: skip


@pytest.mark.parametrize(("script", "wanted"), ESCAPES.values(), ids=ESCAPES)
async def test_no_way_out_leads_anywhere(there, script, wanted):
    said = (await there.python(script)).strip()
    assert said.startswith(wanted), said
    assert "got out" not in said or wanted.startswith("got out"), said
    reached = {address for address, _ in there.outside.world.connected}
    assert reached <= {"93.184.215.14"}
    assert all("evil" not in head for head in there.outside.world.site.heard)


async def test_a_slow_reader_and_many_half_requests_keep_nobody_else_out(there):
    script = """
held = [proxy() for _ in range(60)]
for s in held:
    s.sendall(b"GET http://x.org/ HTTP/1.1\\r\\n")
print(get("http://x.org/", "x.org"))
"""
    assert await there.python(script) == "200\n"


async def test_no_variable_of_the_sandbox_can_turn_the_proxy_off(there):
    done = await there.run(
        "sh",
        "-c",
        "env -i /usr/bin/python3 -I -S -c 'import socket; socket.create_connection((\"93.184.215.14\", 80), 5)'",
    )
    assert done.exit_code != 0
    assert there.outside.world.connected == []


async def test_a_command_that_was_refused_a_host_is_told_so_whatever_it_shows(there):
    curl = shutil.which("curl", path=os.defpath)
    if curl is None:
        pytest.skip("there is no curl here")
    done = await there.run(curl, "-sS", "https://evil.org/")
    bounds = Bounds(there.project, SandboxPlan(network=("x.org",)), (), there.project)
    told = Confinement(there.sandbox, bounds, there.gateway).explained(done.stderr)
    assert "`evil.org` is not granted, add `evil.org` to `sandbox.network`" in told


async def test_two_sandboxes_do_not_see_each_other(there):
    serve = "s = socket.create_server(('127.0.0.1', 4001))\ns.settimeout(20)\nprint(s.accept())"
    script = "time.sleep(0.3)\nprint(tcp('127.0.0.1', 4001))"
    serving = asyncio.create_task(there.run("/usr/bin/python3", "-I", "-S", "-c", f"{HELPERS}\n{serve}"))
    assert (await there.python(script)).startswith("refused")
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


async def test_without_a_grant_there_is_no_proxy(project, bubblewrap):
    within = Confinement(bubblewrap, Bounds(project, SandboxPlan(), (), project))
    script = f"{HELPERS}\nprint(tcp('127.0.0.1', {PORT}), os.path.lexists('/run/agentflow'))"
    command = Command(("/usr/bin/python3", "-I", "-S", "-c", script), b"", {}, project, 60.0, 10_000, within)
    said = (await run_command(command)).stdout
    assert said.startswith("refused")
    assert said.endswith("False\n")
