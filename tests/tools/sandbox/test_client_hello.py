from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.tools.sandbox.client_hello import MAX_BYTES, ClientHello, NoClientHelloError, read_client_hello
from tests.tools.sandbox.hellos import hello, names, real_hello, record

SOUND = hello(names((0, b"x.org")))


@pytest.mark.parametrize("name", ["x.org", "a.very-long-name.x.org"])
def test_the_host_that_openssl_asks_for_is_read(name):
    assert read_client_hello(real_hello(name)) == ClientHello(name, hides=False)


def test_a_hello_without_a_name_is_told_apart():
    assert read_client_hello(real_hello(None)) == ClientHello(None, hides=False)
    assert read_client_hello(record(hello())) == ClientHello(None, hides=False)


@pytest.mark.parametrize("size", [3, 7, 50])
def test_a_hello_in_pieces_is_put_together(size):
    pieces = b"".join(record(SOUND[at : at + size]) for at in range(0, len(SOUND), size))
    assert read_client_hello(pieces) == ClientHello("x.org", hides=False)


def test_until_the_whole_hello_is_there_nothing_is_said():
    whole = real_hello("x.org")
    assert [read_client_hello(whole[:end]) for end in range(len(whole))] == [None] * len(whole)


@pytest.mark.parametrize("kind", [0xFE0D, 0xFFCE])
def test_an_encrypted_hello_is_seen(kind):
    found = read_client_hello(record(hello(names((0, b"x.org")), (kind, b"\0" * 40))))
    assert found is not None
    assert found.hides


BROKEN = {
    "HTTP": b"GET / HTTP/1.1\r\n\r\n",
    "SSH": b"SSH-2.0-OpenSSH_9.6\r\n",
    "SSLv2": b"\x80\x2e\x01\x00\x02",
    "an alert": record(b"\x02\x28", kind=21),
    "application data": record(b"x", kind=23),
    "another version": b"\x16\x04\x00\x00\x05hello",
    "a server's hello": record(b"\x02" + SOUND[1:]),
    "an empty record": record(b""),
    "too long a record": b"\x16\x03\x01\x40\x01",
    "too long a message": record(b"\x01\xff\xff\xff"),
    "two messages in a record": record(SOUND + SOUND),
    "a byte more in the record": record(SOUND + b"\0"),
    "a byte more in the message": record(hello(names((0, b"x.org")), after=b"\0")),
    "two names": record(hello(names((0, b"x.org"), (0, b"evil.org")))),
    "two lists of names": record(hello(names((0, b"x.org")), names((0, b"evil.org")))),
    "a name of no kind": record(hello(names((1, b"x.org")))),
    "an empty list of names": record(hello((0, b"\0\0"))),
    "no list of names": record(hello((0, b""))),
    "a name longer than its list": record(hello((0, b"\x00\x03\x00\xff\xff"))),
    "bytes behind the list of names": record(hello((0, names((0, b"x.org"))[1] + b"\0"))),
    "a name of other characters": record(hello(names((0, "bücher.de".encode())))),
    "nothing but a length": record(b"\x01\x00\x00\x00"),
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_what_is_no_sound_hello_is_refused(data):
    with pytest.raises(NoClientHelloError):
        read_client_hello(data)


def test_a_hello_that_never_ends_is_refused():
    data = record(b"\x01\x00\x3f\xf0") + record(b"\0" * 16_000) * 5
    for end in range(0, len(data), 1_000):
        if end > MAX_BYTES:
            with pytest.raises(NoClientHelloError):
                read_client_hello(data[:end])
    with pytest.raises(NoClientHelloError, match="too long"):
        read_client_hello(record(b"\x01\x00\x40\x01"))


def test_a_hello_in_very_many_pieces_is_refused():
    with pytest.raises(NoClientHelloError, match="too many pieces"):
        read_client_hello(b"".join(record(bytes([byte])) for byte in SOUND))


@given(st.binary(max_size=200))
def test_nothing_breaks_the_reader(data):
    for begun in (data, record(SOUND)[: len(data)] + data, record(b"\x01" + data) if data else b""):
        with suppress(NoClientHelloError):
            assert read_client_hello(begun) in (None, ClientHello("x.org", hides=False), ClientHello(None, hides=False))
