"""What a sandboxed command asks of the proxy: read strictly, so that what was checked is what is asked for.

Sources: RFC 9110 (7.6.1 hop-by-hop fields, 9.3.6 CONNECT), RFC 9112 (3.2 forms of the target, 6 framing).
"""

import re
from collections.abc import Sequence
from typing import NoReturn

from msgspec import Struct

from agentflow.plan.hosts import HostError, canonical_host
from agentflow.tools.failures import shortened

Headers = Sequence[tuple[bytes, bytes]]
"""Names in lower case."""

_HTTP_PORT = 80
_ABSOLUTE = re.compile(r"(?i:http)://(?P<authority>[^/?#]*)(?P<target>[^#]*)")
_AUTHORITY = re.compile(r"(?P<host>[^:@\[\]\\%/]+)(?::(?P<port>[0-9]{1,5}))?")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_HOP_BY_HOP = frozenset({
    b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection", b"te",
    b"trailer", b"transfer-encoding", b"upgrade", b"http2-settings", b"expect", b"host",
})  # fmt: skip
# A client that names one of these as hop-by-hop wants it gone on the way, which changes what the request means.
_KEPT = frozenset({b"host", b"content-length", b"transfer-encoding", b"authorization", b"cookie", b"via"})


class RefusedRequestError(Exception):
    """A request that is not passed on.

    Parameters:
        status: of the answer.
        host: what it wanted to reach, fit for showing; empty where that cannot be told.
        why: a sentence that names it.
        hint: the next move.
    """

    def __init__(self, status: int, host: str, why: str, hint: str) -> None:
        super().__init__(why)
        self.status, self.host, self.why, self.hint = status, host, why, hint


class Wanted(Struct, frozen=True):
    """What a request wants to reach.

    Attributes:
        host: its canonical name.
        target: path and query; None for a tunnel (CONNECT).
    """

    host: str
    port: int
    target: str | None

    @property
    def authority(self) -> str:
        """As it stands in `Host`."""
        return self.host if self.port == _HTTP_PORT and self.target is not None else f"{self.host}:{self.port}"


def read_request(method: str, target: str, version: bytes, headers: Headers) -> Wanted:
    """What a request wants, checked as far as that goes without rules and a resolver.

    Raises:
        RefusedRequestError: it is malformed or ambiguous, or of a form that no proxy is asked in.
    """
    _require_one_framing(version, headers)
    if method == "CONNECT":
        host, port = _authority(target, None)
        if any(name in (b"content-length", b"transfer-encoding") for name, _ in headers):
            _malformed("a CONNECT with a body")
        wanted = Wanted(host, port, None)
    elif method == "TRACE":
        _malformed("TRACE is not forwarded", 405)
    else:
        wanted = _absolute(target)
    _require_same_host(wanted, headers)
    return wanted


def forwarded(headers: Headers) -> list[tuple[bytes, bytes]]:
    """The headers that go on to the other side: without those that are for one hop, and without `Host`.

    Raises:
        RefusedRequestError: `Connection` names one that must not be dropped.
    """
    named = {option.strip().lower() for name, value in headers if name == b"connection" for option in value.split(b",")}
    if named & _KEPT:
        _malformed("`Connection` names a header that cannot be left out")
    return [(name, value) for name, value in headers if name not in _HOP_BY_HOP and name not in named]


def _require_one_framing(version: bytes, headers: Headers) -> None:
    """Two ways of telling where a request ends are two requests, to somebody."""
    lengths = sum(name == b"content-length" for name, _ in headers)
    encodings = [value.strip().lower() for name, value in headers if name == b"transfer-encoding"]
    if lengths > 1 or (lengths and encodings) or encodings not in ([], [b"chunked"]):
        _malformed("its end is told in more than one way")
    if encodings and version == b"1.0":
        _malformed("HTTP/1.0 has no chunks")


def _absolute(target: str) -> Wanted:
    match = _ABSOLUTE.fullmatch(target)
    if match is None:
        if _SCHEME.match(target) and not target.lower().startswith("http://"):
            _malformed(f"`{shortened(target)}` is no http:// URL", hint="reach https:// through CONNECT")
        _malformed(f"`{shortened(target)}` is no whole URL", hint="ask a proxy for http://host/path")
    host, port = _authority(match["authority"], _HTTP_PORT)
    path = match["target"] or "/"
    return Wanted(host, port, path if path.startswith("/") else f"/{path}")


def _authority(text: str, usual: int | None) -> tuple[str, int]:
    shown = shortened(text)
    if "@" in text:
        _malformed(f"`{shown}` holds a user name or password")
    match = _AUTHORITY.fullmatch(text)
    port = usual if match is None or match["port"] is None else int(match["port"])
    if match is None or port is None:
        if text.startswith("[") or text.count(":") > 1:
            raise RefusedRequestError(403, shown, f"`{shown}` is an address", _BY_NAME)
        _malformed(f"`{shown}` is no host and port")
    try:
        return canonical_host(match["host"]), port
    except HostError as error:
        raise RefusedRequestError(403, shown, f"`{shown}` {error}", _BY_NAME) from None


def _require_same_host(wanted: Wanted, headers: Headers) -> None:
    """The server is chosen by the target and may heed `Host`: where they differ, one of them was not checked."""
    for name, value in headers:
        if name != b"host":
            continue
        try:
            same = _authority(value.decode("ascii"), wanted.port) == (wanted.host, wanted.port)
        except (UnicodeDecodeError, RefusedRequestError):
            same = False
        if not same:
            raise RefusedRequestError(
                403, wanted.host, f"`Host` differs from `{wanted.host}`, which the request is for", _SAME
            )


def _malformed(why: str, status: int = 400, hint: str = "correct the request") -> NoReturn:
    raise RefusedRequestError(status, "", why, hint)


_BY_NAME = "only public hosts that `sandbox.network` names can be reached, by their names"
_SAME = "send the same host in both"
