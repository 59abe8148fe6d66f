"""The first message of a TLS connection: which host it asks for, and whether it hides another one.

Sources: RFC 8446 (records, ClientHello), RFC 6066 (server_name), RFC 9849 (Encrypted Client Hello, extension 0xfe0d).
"""

from collections.abc import Iterator

from msgspec import Struct

MAX_BYTES = 16 << 10
"""Of everything up to the end of the message. Real ones have one to four thousand."""
MAX_RECORDS = 32
_HANDSHAKE, _CLIENT_HELLO = 22, 1
_RECORD_HEADER, _MESSAGE_HEADER = 5, 4
_MAX_RECORD = 1 << 14
_SERVER_NAME, _HOST_NAME = 0, 0
# Drafts used 0xffce; what is sent only to look alike (GREASE) cannot be told from the real thing, and is refused too.
_HIDING = frozenset({0xFE0D, 0xFFCE})


class NoClientHelloError(ValueError):
    """What came is not the beginning of a TLS connection; the message says why, to stand after `it`."""


class ClientHello(Struct, frozen=True):
    """What a client says first.

    Attributes:
        server_name: the host that it asks for, as written; None where it asks for none.
        hides: it carries an encrypted ClientHello, whose host nobody but the server can read.
    """

    server_name: str | None
    hides: bool


def read_client_hello(data: bytes) -> ClientHello | None:
    """The ClientHello at the beginning of `data`, which may come in several records; None while more has to come.

    Raises:
        NoClientHelloError: it is no TLS, malformed, or longer or in more pieces than allowed.
    """
    message = b""
    for number, record in enumerate(_records(data)):
        message += record
        if number == MAX_RECORDS:
            raise NoClientHelloError("begins with a ClientHello in too many pieces")
        if message[:1] not in (b"", bytes([_CLIENT_HELLO])):
            raise NoClientHelloError("does not begin with a ClientHello")
        if len(message) >= _MESSAGE_HEADER:
            length = int.from_bytes(message[1:4], "big")
            if length > MAX_BYTES:
                raise NoClientHelloError("begins with too long a ClientHello")
            if len(message) >= _MESSAGE_HEADER + length:
                # What shares the last record with it would pass unread.
                if len(message) > _MESSAGE_HEADER + length:
                    raise NoClientHelloError("sends more in its first message than a ClientHello")
                return _hello(_Bytes(message[_MESSAGE_HEADER:]))
    if len(data) > MAX_BYTES:
        raise NoClientHelloError("begins with too long a ClientHello")
    return None


def _records(data: bytes) -> Iterator[bytes]:
    """The whole records at the beginning of `data`, all of the handshake."""
    while data:
        if data[0] != _HANDSHAKE or (len(data) > 1 and data[1] != 3):
            raise NoClientHelloError("speaks no TLS")
        if len(data) < _RECORD_HEADER:
            return
        length = int.from_bytes(data[3:5], "big")
        if not 0 < length <= _MAX_RECORD:
            raise NoClientHelloError("sends a record of no possible length")
        if len(data) < _RECORD_HEADER + length:
            return
        yield data[_RECORD_HEADER : _RECORD_HEADER + length]
        data = data[_RECORD_HEADER + length :]


class _Bytes:
    """Reads vectors with their lengths before them; every length is checked."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    @property
    def is_over(self) -> bool:
        return self._at == len(self._data)

    def take(self, count: int) -> bytes:
        if self._at + count > len(self._data):
            raise NoClientHelloError("sends a malformed ClientHello")
        self._at += count
        return self._data[self._at - count : self._at]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def rest(self) -> bytes:
        return self.take(len(self._data) - self._at)

    def vector(self, size: int) -> "_Bytes":
        return _Bytes(self.take(self.number(size)))


def _hello(body: _Bytes) -> ClientHello:
    body.take(2 + 32)  # version, random
    body.vector(1)  # session
    body.vector(2)  # cipher suites
    body.vector(1)  # compression
    extensions: dict[int, _Bytes] = {}
    if not body.is_over:
        listed = body.vector(2)
        while not listed.is_over:
            kind = listed.number(2)
            if kind in extensions:  # the server might heed the other one
                raise NoClientHelloError("repeats an extension in its ClientHello")
            extensions[kind] = listed.vector(2)
    if not body.is_over:
        raise NoClientHelloError("sends a malformed ClientHello")
    name = _server_name(extensions[_SERVER_NAME]) if _SERVER_NAME in extensions else None
    return ClientHello(name, bool(_HIDING & extensions.keys()))


def _server_name(extension: _Bytes) -> str:
    names = extension.vector(2)
    kind, name = names.number(1), names.vector(2)
    if kind != _HOST_NAME or not names.is_over or not extension.is_over:
        raise NoClientHelloError("asks for more than one host in its ClientHello")
    text = name.rest()
    try:
        return text.decode("ascii")
    except UnicodeDecodeError:
        raise NoClientHelloError("asks for a host whose name is no ASCII") from None
