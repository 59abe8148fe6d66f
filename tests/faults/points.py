"""The ways in which a stream is broken at a byte."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.messages_api import Fault
from tests.messages_api.sse import PING, error_event

_PAGE = b"<html><body>502 Bad Gateway</body></html>"
_OTHER_START = b'event: message_start\ndata: {"type":"message_start"}\n\n'


def _flipped(byte: int) -> bytes:
    return bytes([byte ^ 1])


@dataclass(frozen=True, slots=True)
class Kind:
    """A way to break a stream.

    Attributes:
        fault: at a byte, whose value it is told.
        alters: the reply may be another whole one afterwards, which nobody could tell from one that was meant.
        stalls: the client only gives it up after its read timeout.
    """

    fault: Callable[[int, int], Fault]
    alters: bool = False
    stalls: bool = False


KINDS: dict[str, Kind] = {
    "end": Kind(lambda at, _: Fault("cut", 1, at=at, how="end")),
    "close": Kind(lambda at, _: Fault("cut", 1, at=at, how="close")),
    "reset": Kind(lambda at, _: Fault("cut", 1, at=at, how="reset")),
    "hang": Kind(lambda at, _: Fault("hang", 1, at=at), stalls=True),
    "corrupt": Kind(lambda at, _: Fault("splice", 1, at=at, drop=1, insert=b"\xff")),
    "flip": Kind(lambda at, byte: Fault("splice", 1, at=at, drop=1, insert=_flipped(byte)), alters=True),
    "lose": Kind(lambda at, _: Fault("splice", 1, at=at, drop=1), alters=True),
    "page": Kind(lambda at, _: Fault("splice", 1, at=at, insert=_PAGE), alters=True),
    "error": Kind(lambda at, _: Fault("splice", 1, at=at, insert=b"\n\n" + error_event("overloaded_error", "Busy"))),
    "ping": Kind(lambda at, _: Fault("splice", 1, at=at, insert=b"\n\n" + PING)),
    "restart": Kind(lambda at, _: Fault("splice", 1, at=at, insert=b"\n\n" + _OTHER_START)),
}


@dataclass(frozen=True, slots=True)
class Point:
    """A run: how its first reply is broken, and at which byte."""

    kind: str
    at: int

    @property
    def name(self) -> str:
        """As it stands in the prompt: of the same length for all, so that their replies are."""
        return f"{self.kind:.<8}{self.at:06d}"

    @classmethod
    def named(cls, name: str) -> "Point":
        return cls(name[:8].rstrip("."), int(name[8:14]))


def points(kinds: list[str], length: int, step: int) -> Iterator[Point]:
    """Every `step`-th byte of a reply of so many, for each kind; the ends of it always."""
    for kind in kinds:
        for at in sorted({*range(0, length, step), length - 1}):
            yield Point(kind, at)
