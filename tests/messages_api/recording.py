"""What the server remembers of each request, and its log of JSON lines."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TextIO

from .sse import dump

_SECRET = frozenset({"x-api-key", "authorization"})


@dataclass(slots=True)
class Recorded:
    """One request and what became of it.

    `outcome`: `ok`, `refused` (failed validation), `unscripted`, `busy` (over the concurrency limit),
    `fault:<kinds>`, `client_closed`, or `open` while it is being answered. `turn` is the number of assistant messages.
    """

    number: int
    path: str
    headers: dict[str, str]
    body: dict[str, Any] | None = None
    attempt: int = 0
    request_id: str = ""
    outcome: str = "open"
    status: int = 0
    error: str | None = None
    message: dict[str, Any] | None = None
    in_flight: int = field(default=0)


def visible(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers without their secrets."""
    return {name: "***" if name in _SECRET else value for name, value in headers.items()}


class RequestLog:
    """Appends one JSON line for each finished request, flushed at once."""

    def __init__(self, path: Path) -> None:
        self._file: TextIO = path.open("a", encoding="utf-8")

    def write(self, recorded: Recorded) -> None:
        self._file.write(dump(asdict(recorded)).decode() + "\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def read_log(path: Path) -> list[dict[str, Any]]:
    """All whole lines of a log; a last line still being written is left out."""
    content = path.read_text(encoding="utf-8") if path.exists() else ""
    whole = content[: content.rfind("\n") + 1]
    return [json.loads(line) for line in whole.splitlines()]
