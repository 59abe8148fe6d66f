"""ClientHellos: a real one of OpenSSL's, and ones put together by hand."""

import ssl


def real_hello(name: str | None) -> bytes:
    """What OpenSSL sends first when it asks for a host."""
    context = ssl.create_default_context()
    context.check_hostname = name is not None
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    connection = context.wrap_bio(incoming, outgoing, server_hostname=name)
    try:
        connection.do_handshake()
    except ssl.SSLWantReadError:
        return outgoing.read()
    raise AssertionError("a handshake without a server")


def hello(*extensions: tuple[int, bytes], after: bytes = b"") -> bytes:
    """A handshake message with these extensions."""
    listed = b"".join(kind.to_bytes(2, "big") + vector(2, body) for kind, body in extensions)
    body = b"\x03\x03" + bytes(32) + vector(1, b"") + vector(2, b"\x13\x01") + vector(1, b"\0")
    return b"\x01" + vector(3, body + vector(2, listed) + after)


def names(*entries: tuple[int, bytes]) -> tuple[int, bytes]:
    """The extension server_name."""
    return 0, vector(2, b"".join(bytes([kind]) + vector(2, name) for kind, name in entries))


def record(data: bytes, kind: int = 22) -> bytes:
    """A TLS record."""
    return bytes([kind, 3, 1]) + vector(2, data)


def vector(size: int, data: bytes) -> bytes:
    """Data behind its length."""
    return len(data).to_bytes(size, "big") + data
