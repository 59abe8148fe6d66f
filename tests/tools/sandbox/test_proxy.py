import asyncio
import ssl

import pytest
import trustme

from agentflow.tools.sandbox.gateway import GatewayServer
from agentflow.tools.sandbox.proxy import ProxyLimits
from tests.tools.sandbox.hellos import hello, names, real_hello, record
from tests.tools.sandbox.proxied import Proxied, proxied, until
from tests.tools.web_server import Names, response

QUICK = ProxyLimits(header_seconds=0.2, idle=0.3)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def server_tls(authority: trustme.CA, *hosts: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*hosts).configure_cert(context)
    return context


async def through(here: Proxied, authority: trustme.CA, host: str) -> bytes:
    """What the site says over TLS through a tunnel."""
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    reader, writer = await asyncio.open_connection("127.0.0.1", here.port)
    try:
        writer.write(f"CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\n\r\n".encode())
        assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
        await writer.start_tls(trusting, server_hostname=host)
        writer.write(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        return await reader.read(1 << 16)
    finally:
        writer.transport.abort()


async def test_tls_passes_through_untouched_to_a_host_that_is_granted(authority):
    async with proxied(tls=server_tls(authority, "x.org")) as here:
        here.world.site.answers["/"] = response(b"safe")
        assert (await through(here, authority, "x.org")).endswith(b"safe")
        assert here.world.connected == [("93.184.215.14", 443)]
        assert here.proxy.sent > 500
        assert here.proxy.received > 500
        assert here.told == []


async def test_a_plain_request_is_forwarded_and_its_answer_comes_back():
    async with proxied() as here:
        here.world.site.answers["/a?b=c"] = response(b"plain", X_Own="1")
        found = await here.get("http://x.org/a?b=c", "x.org", "Accept: */*")
    assert found.startswith(b"HTTP/1.1 200 X\r\n")
    assert b"x-own: 1" in found.lower()
    assert found.endswith(b"\r\n\r\nplain")
    assert here.world.connected == [("93.184.215.14", 80)]


async def test_a_host_that_is_not_granted_is_refused_with_the_next_move():
    async with proxied() as here:
        found = await here.get("http://y.org/", "y.org")
        assert found.startswith(b"HTTP/1.1 403 Not in sandbox.network\r\n")
        assert b"`y.org` is not granted; add `y.org` to `sandbox.network`" in found
        assert [one.host for one in here.told] == ["y.org"]
        assert here.world.connected == []
        assert here.world.names.asked == []  # not even its name goes out


async def test_a_refusal_is_told_once():
    async with proxied() as here:
        for _ in range(3):
            assert b" 403 " in await here.get("http://y.org/", "y.org")
    assert len(here.told) == 1
    assert here.told == here.proxy.refusals


async def test_without_a_rule_nothing_is_reached():
    async with proxied(rules=()) as here:
        assert b" 403 " in await here.get("http://x.org/", "x.org")


@pytest.mark.parametrize("host", ["X.ORG", "x.org.", "ｘ.org"])
async def test_a_granted_host_is_known_however_it_is_written(host):
    async with proxied() as here:
        here.world.site.answers["/"] = response(b"found")
        answer = await here.say(f"GET http://{host}/ HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    if host.isascii():
        assert answer.endswith(b"found")
        assert "host: x.org\r\n" in here.world.site.heard[0].lower()
    else:  # in HTTP a name stands in punycode
        assert b" 400 " in answer


async def test_a_body_goes_on_and_what_is_for_one_hop_does_not():
    async with proxied() as here:
        found = asyncio.get_running_loop().create_future()

        async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            found.set_result((await reader.readuntil(b"\r\n\r\n"), await reader.readexactly(4)))
            writer.write(response(b"taken"))
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(take, "127.0.0.1", 0)
        here.world.site.port = server.sockets[0].getsockname()[1]
        async with server:
            answer = await here.say(
                b"POST http://x.org/ HTTP/1.1\r\nHost: x.org\r\nContent-Length: 4\r\n"
                b"Proxy-Authorization: Basic c2VjcmV0\r\nConnection: X-Hop, close\r\nX-Hop: 1\r\n"
                b"TE: trailers\r\nUpgrade: websocket\r\nX-End: 2\r\n\r\nbody"
            )
        head, body = await found
    assert answer.endswith(b"taken")
    assert body == b"body"
    assert b"x-end: 2" in head.lower()
    for gone in (b"c2VjcmV0", b"x-hop", b"te:", b"upgrade", b"keep-alive"):
        assert gone not in head.lower()


async def test_a_client_that_waits_to_be_told_to_go_on_is_told():
    async with proxied() as here:
        here.world.site.answers["/"] = response(b"done")
        reader, writer = await asyncio.open_connection("127.0.0.1", here.port)
        writer.write(b"PUT http://x.org/ HTTP/1.1\r\nHost: x.org\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        first = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"hi")
        rest = await reader.read()
        writer.transport.abort()
    assert first.startswith((b"HTTP/1.1 100 ", b"HTTP/1.1 200 "))
    assert rest.endswith(b"done")


MALFORMED = {
    "a target without a host": b"GET / HTTP/1.1\r\nHost: x.org\r\n\r\n",
    "a star": b"OPTIONS * HTTP/1.1\r\nHost: x.org\r\n\r\n",
    "https in clear": b"GET https://x.org/ HTTP/1.1\r\nHost: x.org\r\n\r\n",
    "ftp": b"GET ftp://x.org/ HTTP/1.1\r\nHost: x.org\r\n\r\n",
    "a file": b"GET file:///etc/passwd HTTP/1.1\r\nHost: x.org\r\n\r\n",
    "a user name": b"GET http://x.org@evil.org/ HTTP/1.1\r\nHost: x.org\r\n\r\n",
    "a password": b"GET http://me:secret@x.org/ HTTP/1.1\r\nHost: x.org\r\n\r\n",
    "a user name in a tunnel": b"CONNECT x.org@evil.org:443 HTTP/1.1\r\nHost: x.org\r\n\r\n",
    "a backslash": b"GET http://x.org\\@evil.org/ HTTP/1.1\r\nHost: x.org\r\n\r\n",
    "an escaped host": b"GET http://x%2eorg/ HTTP/1.1\r\nHost: x.org\r\n\r\n",
    "a fragment": b"GET http://x.org/#a HTTP/1.1\r\nHost: x.org\r\n\r\n",
    "no host": b"GET http:///path HTTP/1.1\r\nHost: x.org\r\n\r\n",
    "a tunnel without a port": b"CONNECT x.org HTTP/1.1\r\nHost: x.org\r\n\r\n",
    "a tunnel to a URL": b"CONNECT https://x.org:443 HTTP/1.1\r\nHost: x.org\r\n\r\n",
    "a tunnel with a body": b"CONNECT x.org:443 HTTP/1.1\r\nHost: x.org:443\r\nContent-Length: 4\r\n\r\nbody",
    "no Host": b"GET http://x.org/ HTTP/1.1\r\n\r\n",
    "two Hosts": b"GET http://x.org/ HTTP/1.1\r\nHost: x.org\r\nHost: evil.org\r\n\r\n",
    "two lengths": b"POST http://x.org/ HTTP/1.1\r\nHost: x.org\r\nContent-Length: 1\r\nContent-Length: 5\r\n\r\nabcde",
    "a length and chunks": b"POST http://x.org/ HTTP/1.1\r\nHost: x.org\r\nContent-Length: 4\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "another encoding": b"POST http://x.org/ HTTP/1.1\r\nHost: x.org\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
    "an encoding twice": b"POST http://x.org/ HTTP/1.1\r\nHost: x.org\r\nTransfer-Encoding: chunked\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "an encoding with a space": b"POST http://x.org/ HTTP/1.1\r\nHost: x.org\r\nTransfer-Encoding : chunked\r\n\r\n",
    "chunks of HTTP/1.0": b"POST http://x.org/ HTTP/1.0\r\nHost: x.org\r\nTransfer-Encoding: chunked\r\n\r\n",
    "a bare line feed in a header": b"GET http://x.org/ HTTP/1.1\r\nHost: x.org\r\nA: b\rGET http://y.org/\r\n\r\n",
    "a NUL": b"GET http://x.org/ HTTP/1.1\r\nHost: x.org\r\nA: b\0c\r\n\r\n",
    "TRACE": b"TRACE http://x.org/ HTTP/1.1\r\nHost: x.org\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS to the proxy": real_hello("x.org"),
    "SOCKS 5": b"\x05\x01\x00\r\n\r\n",
    "a name of bytes": b"GET http://x.org\xff/ HTTP/1.1\r\nHost: x.org\r\n\r\n",
    "a dropped length": b"POST http://x.org/ HTTP/1.1\r\nHost: x.org\r\nConnection: content-length\r\n"
    b"Content-Length: 1\r\n\r\na",
}  # fmt: skip


@pytest.mark.parametrize("request_bytes", MALFORMED.values(), ids=MALFORMED)
async def test_an_ambiguous_request_reaches_nobody(request_bytes):
    async with proxied() as here:
        answer = await here.say(request_bytes, ends=True)
    assert answer[9:12] in (b"400", b"403", b"405", b"501", b"505"), answer
    assert here.world.connected == []


HOSTS = {
    "Host differs from the URL": b"GET http://x.org/ HTTP/1.1\r\nHost: evil.org\r\n\r\n",
    "Host has another port": b"GET http://x.org/ HTTP/1.1\r\nHost: x.org:8080\r\n\r\n",
    "Host differs from the tunnel": b"CONNECT x.org:443 HTTP/1.1\r\nHost: evil.org:443\r\n\r\n",
    "an address": b"GET http://93.184.215.14/ HTTP/1.1\r\nHost: 93.184.215.14\r\n\r\n",
    "an address as one number": b"GET http://1572395278/ HTTP/1.1\r\nHost: 1572395278\r\n\r\n",
    "an address in hexadecimal": b"GET http://0x5db8d70e/ HTTP/1.1\r\nHost: 0x5db8d70e\r\n\r\n",
    "a tunnel to an address": b"CONNECT 93.184.215.14:443 HTTP/1.1\r\nHost: 93.184.215.14:443\r\n\r\n",
    "a tunnel to an IPv6 address": b"CONNECT [2606:2800::1]:443 HTTP/1.1\r\nHost: [2606:2800::1]:443\r\n\r\n",
    "a mapped address": b"GET http://[::ffff:127.0.0.1]/ HTTP/1.1\r\nHost: [::ffff:127.0.0.1]\r\n\r\n",
    "the metadata service": b"GET http://169.254.169.254/latest/ HTTP/1.1\r\nHost: 169.254.169.254\r\n\r\n",
    "the metadata service by name": b"GET http://metadata.google.internal/ HTTP/1.1\r\n"
    b"Host: metadata.google.internal\r\n\r\n",
    "localhost": b"GET http://localhost:8080/ HTTP/1.1\r\nHost: localhost:8080\r\n\r\n",
    "SSH": b"CONNECT x.org:22 HTTP/1.1\r\nHost: x.org:22\r\n\r\n",
    "mail": b"CONNECT x.org:25 HTTP/1.1\r\nHost: x.org:25\r\n\r\n",
    "another port": b"GET http://x.org:8080/ HTTP/1.1\r\nHost: x.org:8080\r\n\r\n",
    "a tunnel to port 80": b"CONNECT x.org:80 HTTP/1.1\r\nHost: x.org:80\r\n\r\n",
    "a host below": b"GET http://a.x.org/ HTTP/1.1\r\nHost: a.x.org\r\n\r\n",
    "a name that ends alike": b"GET http://evilx.org/ HTTP/1.1\r\nHost: evilx.org\r\n\r\n",
    "a name that begins alike": b"GET http://x.org.evil.org/ HTTP/1.1\r\nHost: x.org.evil.org\r\n\r\n",
}  # fmt: skip


@pytest.mark.parametrize("request_bytes", HOSTS.values(), ids=HOSTS)
async def test_what_is_not_granted_is_refused_recorded_and_reaches_nobody(request_bytes):
    async with proxied() as here:
        answer = await here.say(request_bytes, ends=True)
    assert answer.startswith(b"HTTP/1.1 403 "), answer
    assert len(here.told) == 1
    assert here.told[0].host
    assert here.told[0].hint
    assert (here.world.connected, here.world.names.asked) == ([], [])


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fd00::1", "64:ff9b::7f00:1", "::ffff:10.0.0.1"]
)
async def test_a_granted_name_that_leads_inside_is_not_followed(address):
    async with proxied(names=Names(x__org=[["93.184.215.14", address]])) as here:
        answer = await here.get("http://x.org/", "x.org")
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert address.encode() not in answer
    assert here.world.connected == []


async def test_a_name_that_changes_its_address_after_the_check_is_not_asked_again():
    async with proxied(names=Names(x__org=[["93.184.215.14"], ["127.0.0.1"]])) as here:
        here.world.site.answers["/"] = response(b"first")
        assert (await here.get("http://x.org/", "x.org")).endswith(b"first")
        assert here.world.connected == [("93.184.215.14", 80)]
        assert here.world.names.asked == ["x.org"]
        assert b" 403 " in await here.get("http://x.org/", "x.org")
        assert here.world.connected == [("93.184.215.14", 80)]


HELLOS = {
    "another host": real_hello("evil.org"),
    "a host below": real_hello("a.x.org"),
    "no host": real_hello(None),
    "a hidden host": record(hello(names((0, b"x.org")), (0xFE0D, b"\0" * 40))),
    "two hosts": record(hello(names((0, b"x.org"), (0, b"evil.org")))),
    "HTTP": b"GET / HTTP/1.1\r\nHost: x.org\r\n\r\n",
    "a websocket": b"GET / HTTP/1.1\r\nHost: x.org\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    "SSH": b"SSH-2.0-OpenSSH_9.6\r\n",
}  # fmt: skip


@pytest.mark.parametrize("first", HELLOS.values(), ids=HELLOS)
async def test_a_tunnel_carries_nothing_but_tls_to_its_own_host(first):
    async with proxied() as here:
        head, rest = await here.tunnel("x.org:443", first)
    assert b" 200 " in head
    assert rest == bytes([21, 3, 3, 0, 2, 2, 49])  # an alert: access denied
    assert here.world.site.heard == []
    assert [one.host for one in here.told] == ["x.org"]


async def test_tls_in_the_same_breath_as_connect_is_judged_too():
    async with proxied() as here:
        answer = await here.say(b"CONNECT x.org:443 HTTP/1.1\r\nHost: x.org:443\r\n\r\n" + real_hello("evil.org"))
    assert answer.endswith(bytes([21, 3, 3, 0, 2, 2, 49]))


async def test_on_a_port_that_is_named_anything_passes_but_tls_to_another_host():
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hello\r\n")  # the server speaks first
        writer.write(await reader.read(100))
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server, proxied(rules=["x.org:2222"]) as here:
        here.world.site.port = server.sockets[0].getsockname()[1]
        assert (await here.tunnel("x.org:2222", b"hi"))[1] == b"220 hello\r\nhi"
        answer = (await here.tunnel("x.org:2222", real_hello("evil.org")))[1]
        assert answer.endswith(bytes([21, 3, 3, 0, 2, 2, 49]))
        assert b" 403 " in await here.say(b"CONNECT x.org:443 HTTP/1.1\r\nHost: x.org:443\r\n\r\n")


async def test_of_requests_sent_together_only_the_first_is_served():
    async with proxied(rules=["x.org"]) as here:
        here.world.site.answers["/"] = response(b"one")
        first = b"GET http://x.org/ HTTP/1.1\r\nHost: x.org\r\n\r\n"
        answer = await here.say(first + b"GET http://evil.org/ HTTP/1.1\r\nHost: evil.org\r\n\r\n" + first)
    assert answer.count(b"HTTP/1.1 ") == 1
    assert len(here.world.site.heard) == 1
    assert b"connection: close" in answer.lower()


async def test_a_redirect_is_the_commands_own_and_comes_through_here_again():
    async with proxied() as here:
        here.world.site.answers["/"] = response(status=302, Location="http://169.254.169.254/")
        answer = await here.get("http://x.org/", "x.org")
        assert b"location: http://169.254.169.254/" in answer.lower()
        assert b" 403 " in await here.get("http://169.254.169.254/", "169.254.169.254")


async def test_a_server_that_switches_protocols_is_not_believed():
    async with proxied() as here:
        here.world.site.answers["/"] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\nraw"
        answer = await here.get("http://x.org/", "x.org", "Upgrade: websocket", "Connection: Upgrade")
    assert answer.startswith(b"HTTP/1.1 502 ")
    assert "upgrade" not in here.world.site.heard[0].lower()


async def test_a_granted_host_that_is_not_reached_is_named_and_no_other():
    async with proxied(names=Names(x__org=[[]])) as here:
        assert b" 403 " in await here.get("http://evil.org/", "evil.org")
        assert b" 502 " in await here.get("http://x.org/", "x.org")
        explain = GatewayServer(here.proxy).start().explain
        told = explain("curl: (56) CONNECT tunnel failed, response 502")
        assert "did not get through, in this run: `x.org` has 0 addresses, use another host." in told
        assert "evil.org" not in told
        assert "evil.org" in explain("curl: (56) CONNECT tunnel failed, response 403")
        assert explain("curl: (7) something else") == ""


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nConnection: content-length\r\nContent-Length: 1\r\n\r\na",
        b"HTTP/1.1 200 OK\r\nA: " + b"a" * 70_000 + b"\r\n\r\n",
        b"",
    ],
)
async def test_an_answer_that_is_no_sound_http_is_not_passed_on(answer):
    async with proxied() as here:
        here.world.site.answers["/"] = answer
        found = await here.get("http://x.org/", "x.org")
    assert found.startswith(b"HTTP/1.1 502 ")


async def test_an_answer_that_is_cut_off_is_cut_off_here_too():
    async with proxied() as here:
        here.world.site.answers["/"] = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"
        found = await here.get("http://x.org/", "x.org")
    assert found.endswith(b"half") or found == b""


async def test_a_header_too_large_is_refused():
    async with proxied() as here:
        answer = await here.get("http://x.org/", "x.org", "A: " + "a" * 40_000)
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert here.world.connected == []


async def test_a_request_that_trickles_in_is_given_up():
    async with proxied(limits=QUICK) as here:
        assert (await here.say(b"GET http://x.org/ HTTP/1.1\r\n", b"Host: ")).startswith(b"HTTP/1.1 408 ")


async def test_a_tunnel_in_which_no_tls_begins_is_given_up():
    async with proxied(limits=QUICK) as here:
        head, rest = await here.tunnel("x.org:443", real_hello("x.org")[:20])
    assert (b" 200 " in head, rest) == (True, b"")
    assert here.world.site.heard == []


async def test_a_tunnel_in_which_nothing_passes_is_given_up():
    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened.append(writer)

    opened: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with server, proxied(limits=QUICK) as here:
        here.world.site.port = server.sockets[0].getsockname()[1]
        assert (await here.tunnel("x.org:443", real_hello("x.org")))[1] == b""
        opened[0].transport.abort()


async def test_no_more_than_so_many_connections_are_open_at_once():
    async with proxied(limits=ProxyLimits(connections=2)) as here:
        held = [await asyncio.open_connection("127.0.0.1", here.port) for _ in range(2)]
        await until(lambda: here.proxy.accepted == 2)
        assert (await here.get("http://x.org/", "x.org")).startswith(b"HTTP/1.1 503 ")
        for _, writer in held:
            writer.transport.abort()


async def test_no_more_than_so_many_connections_are_made_over_all():
    async with proxied(limits=ProxyLimits(accepted=1)) as here:
        here.world.site.answers["/"] = response(b"first")
        assert (await here.get("http://x.org/", "x.org")).endswith(b"first")
        assert (await here.get("http://x.org/", "x.org")).startswith(b"HTTP/1.1 429 ")


async def test_no_more_than_so_many_bytes_pass():
    async with proxied(limits=ProxyLimits(passed=50_000)) as here:
        here.world.site.answers["/"] = response(b"a" * 200_000)
        assert len(await here.get("http://x.org/", "x.org")) < 120_000
    assert "50,000 bytes" in here.told[0].why


async def test_a_host_that_cannot_be_looked_up_or_reached_is_no_refusal():
    async def unknown(_host: str, _port: int) -> list[str]:
        raise OSError("no such host")

    async def closed(_address: str, _port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        raise ConnectionRefusedError

    async with proxied() as here:
        here.proxy._connect = closed
        assert b"refuses connections" in await here.get("http://x.org/", "x.org")
        here.proxy._resolve = unknown
        assert b"cannot be looked up" in await here.get("http://x.org/", "x.org")
    assert here.told == []


async def test_closing_ends_what_is_open():
    async with proxied() as here:
        _, writer = await asyncio.open_connection("127.0.0.1", here.port)
        writer.write(b"GET http://x.org/")
        await until(lambda: here.proxy.accepted == 1)
    assert not here.proxy._connections
    writer.transport.abort()
