import asyncio
import gzip
import ssl
import zlib
from ipaddress import ip_network

import pytest
import trustme

from agentflow.guard.addresses import AddressPolicy
from agentflow.tools.failures import ToolError
from agentflow.tools.web_exchange import Exchange, WebLimits
from agentflow.tools.web_url import read_url
from tests.tools.web_server import LOOPBACK, Names, exchange_of, redirect, response, site

SMALL = WebLimits(body=10_000, headers=4_096)


def url_of(exchange, text):
    return read_url(text, exchange.policy)


async def get(exchange, text):
    return await exchange.get(url_of(exchange, text))


async def test_a_page_is_asked_for_by_its_hosts_name_and_nothing_else_is_sent(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1/")
    async with site() as here:
        here.answers["/a?b=1"] = response(b"hello")
        exchange = exchange_of(here.port)
        found = await get(exchange, f"http://X.org:{here.port}/a?b=1")
    assert (found.status, found.body) == (200, b"hello")
    [head] = here.heard
    assert head.startswith(f"GET /a?b=1 HTTP/1.1\r\nHost: x.org:{here.port}\r\n")
    assert not {"cookie", "authorization", "referer"} & {line.partition(":")[0].lower() for line in head.splitlines()}


@pytest.mark.parametrize(
    "addresses",
    [["10.0.0.1"], ["127.0.0.1"], ["::1"], ["169.254.169.254"], ["::ffff:127.0.0.1"], ["64:ff9b::7f00:1"],
     ["1.1.1.1", "10.0.0.1"], ["10.0.0.1", "1.1.1.1"], ["fd00::1", "1.1.1.1"], [], ["1.1.1.1"] * 40, ["fe80::1%eth0"]],
    ids=str,
)  # fmt: skip
async def test_one_address_that_is_not_public_spoils_the_host(addresses):
    exchange = Exchange(AddressPolicy(), Names(x__org=[addresses]))
    with pytest.raises(ToolError, match=r"`x\.org`") as refused:
        await get(exchange, "https://x.org/")
    assert not any(address in refused.value.message for address in addresses)


async def test_a_name_is_looked_up_once_so_that_it_cannot_change_after_the_check():
    async with site() as here, site() as inside:
        inside.answers["/"] = response(b"secret")
        here.answers["/"] = response(b"public")
        names = Names(x__org=[["127.0.0.1"], ["127.0.0.2"], ["10.0.0.1"]])
        exchange = exchange_of(here.port, names=names)
        assert (await get(exchange, f"http://x.org:{here.port}/")).body == b"public"
        assert names.asked == ["x.org"]
        with pytest.raises(ToolError, match="loopback"):
            await get(exchange, f"http://x.org:{here.port}/")
        with pytest.raises(ToolError, match="private"):
            await get(exchange, f"http://x.org:{here.port}/")
    assert len(here.heard) == 1


async def test_a_host_that_nobody_knows_is_told():
    async def unknown(host, port):
        raise OSError("no such host")

    with pytest.raises(ToolError, match=r"There is no host `x\.org`"):
        await get(Exchange(resolve=unknown), "https://x.org/")


async def test_a_resolver_that_never_answers_is_not_waited_for():
    async def silent(host, port):
        await asyncio.Event().wait()

    with pytest.raises(ToolError, match="There is no host"):
        await get(Exchange(resolve=silent, limits=WebLimits(connect=0.01)), "https://x.org/")


async def test_a_port_where_nobody_listens_is_told():
    async with site() as here:
        port = here.port
    with pytest.raises(ToolError, match="refuses connections"):
        await get(exchange_of(port), f"http://x.org:{port}/")


async def drip(writer):
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    await asyncio.Event().wait()


async def test_a_server_that_falls_silent_is_left():
    async with site() as here:
        here.answers["/"] = drip
        with pytest.raises(ToolError, match="did not go on sending"):
            await get(exchange_of(here.port, limits=WebLimits(progress=0.05)), f"http://x.org:{here.port}/")


def packed(data: bytes, bits: int) -> bytes:
    stream = zlib.compressobj(9, zlib.DEFLATED, bits)
    return stream.compress(data) + stream.flush()


@pytest.mark.parametrize(
    ("coding", "body"),
    [("gzip", gzip.compress(b"hi", mtime=0)), ("deflate", zlib.compress(b"hi")), ("identity", b"hi")],
    ids=["gzip", "deflate", "identity"],
)
async def test_what_comes_compressed_is_unpacked(coding, body):
    async with site() as here:
        here.answers["/"] = response(body, Content_Encoding=coding)
        assert (await get(exchange_of(here.port), f"http://x.org:{here.port}/")).body == b"hi"


HUGE = b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n"
BROKEN = {
    "a gzip bomb": (response(gzip.compress(b"0" * 50_000_000), Content_Encoding="gzip"), "longer than"),
    "a deflate bomb": (response(packed(b"0" * 50_000_000, 15), Content_Encoding="deflate"), "longer than"),
    "a long body": (response(b"a" * 20_000), "longer than"),
    "a chunked body without end": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"400\r\n" + b"a" * 1024 + b"\r\n", "closed"),
    "more chunks than are taken": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + (b"400\r\n" + b"a" * 1024 + b"\r\n") * 20, "longer"),
    "a header without end": (HUGE, "gave no whole answer"),
    "many headers": (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 10_000 + b"\r\n", "gave no whole answer"),
    "half a gzip": (response(gzip.compress(b"hi" * 99)[:20], Content_Encoding="gzip"), "cut off"),
    "no gzip": (response(b"no gzip", Content_Encoding="gzip"), "gave no whole answer"),
    "brotli": (response(b"x", Content_Encoding="br"), "not asked for"),
    "zstd": (response(b"x", Content_Encoding="zstd"), "not asked for"),
    "several codings": (response(b"x", Content_Encoding="gzip, gzip"), "not asked for"),
    "two lengths": (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "gave no whole answer"),
    "a length and chunks": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "gave no whole answer"),
    "a short body": (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab", "gave no whole answer"),
    "nothing": (b"", "gave no whole answer"),
    "no HTTP": (b"SSH-2.0-OpenSSH_9.9\r\n", "gave no whole answer"),
    "a status without a number": (b"HTTP/1.1 abc OK\r\n\r\n", "gave no whole answer"),
}  # fmt: skip


@pytest.mark.parametrize(("answer", "said"), BROKEN.values(), ids=BROKEN)
async def test_an_answer_that_is_broken_or_too_large_is_no_page(answer, said):
    async with site() as here:
        here.answers["/"] = answer
        with pytest.raises(ToolError, match=said):
            await get(exchange_of(here.port, limits=SMALL), f"http://x.org:{here.port}/")


async def test_of_a_redirect_or_an_error_the_body_is_not_read():
    async with site() as here:
        here.answers["/"] = redirect("/b") + b"a" * 50_000
        found = await get(exchange_of(here.port, limits=SMALL), f"http://x.org:{here.port}/")
    assert (found.status, found.headers["location"], found.body) == (302, "/b", b"")


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


def server_tls(authority, *names):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


def client_tls(authority):
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


async def test_a_server_proves_that_it_is_the_host_that_was_asked_for(authority):
    async with site(server_tls(authority, "x.org")) as here:
        here.answers["/"] = response(b"safe")
        exchange = exchange_of(here.port, tls=client_tls(authority))
        assert (await get(exchange, f"https://x.org:{here.port}/")).body == b"safe"


async def test_a_certificate_of_another_name_is_refused(authority):
    async with site(server_tls(authority, "y.org", "127.0.0.1")) as here:
        exchange = exchange_of(here.port, tls=client_tls(authority))
        with pytest.raises(ToolError, match="does not prove that it is that host"):
            await get(exchange, f"https://x.org:{here.port}/")
    assert here.heard == []


async def test_a_certificate_that_nobody_vouches_for_is_refused(authority):
    async with site(server_tls(authority, "x.org")) as here:
        with pytest.raises(ToolError, match="does not prove that it is that host"):
            await get(exchange_of(here.port), f"https://x.org:{here.port}/")
    assert here.heard == []


async def test_a_server_without_tls_is_not_spoken_to_in_clear():
    async def plain(reader, writer):
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(plain, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(ToolError, match="no TLS"):
        await get(exchange_of(port), f"https://x.org:{port}/")
    server.close()


async def test_the_next_address_is_tried_where_the_first_does_not_answer():
    async with site() as here:
        here.answers["/"] = response(b"second")
        policy = AddressPolicy(allowed=(LOOPBACK, ip_network("127.0.0.9/32")), ports=frozenset({here.port}))
        exchange = Exchange(policy, Names(x__org=[["127.0.0.9", "127.0.0.1"]]))
        assert (await get(exchange, f"http://x.org:{here.port}/")).body == b"second"


async def test_a_cancelled_request_leaves_no_connection():
    reached = asyncio.Event()
    ended = asyncio.Event()

    async def hold(writer):
        reached.set()
        try:
            while True:
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                await writer.drain()
                await asyncio.sleep(0)
        finally:
            ended.set()

    async with site() as here:
        here.answers["/"] = hold
        task = asyncio.create_task(get(exchange_of(here.port), f"http://x.org:{here.port}/"))
        await reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await ended.wait()
