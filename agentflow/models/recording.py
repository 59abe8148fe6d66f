"""Recordings: every request of a run and its reply in a file, written beside a model and read in the place of one.

A file of JSON lines. The first is `{"agentflow_recording": 1}`; each other is one model call: `session`, `agent` and
`turn`, the `request`, and the `reply` or the `error`. What a request has as the one before it in its session is left
out of it, and of its messages only those after the first `kept` are written, so that a long session does not grow
with its square. Neither a key nor a header is ever in it; what was said to the model is, so the file is private.
"""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import asdict

from agentflow.errors import AgentflowError
from agentflow.models.port import Model, ModelError, Reply, Request, calls_at_first

JSON = Any

VERSION = 1
MAX_RECORDING_BYTES = 256 << 20
COMPARED = ("agent", "model", "system", "messages", "tools", "tool_choice", "effort", "thinking", "output_schema")
"""What makes a request another one. `max_tokens` follows from what parallel calls hold of the budget."""

_WRITTEN = (*COMPARED[1:], "max_tokens", "cache")


class RecordingModel:
    """Hands requests on, and writes each with what came back before anything follows from it.

    Parameters:
        inner: what answers.
        path: the file, made private to its user (mode 600).
        owned: closing this closes `inner` too.
        goes_on: the file may be there already, and is added to.

    Raises:
        AgentflowError: the file cannot be made, or is there already.
    """

    def __init__(self, inner: Model, path: Path, *, owned: bool = True, goes_on: bool = False) -> None:
        self._inner = inner
        self._owned = owned
        self._path = path
        self._file = _opened(path, goes_on=goes_on)
        self._last: dict[str, dict[str, JSON]] = {}
        self._redacted: Callable[[str], str] = str

    def keep_out(self, redacted: Callable[[str], str]) -> None:
        """Has every line pass `redacted`, which takes secrets out and leaves JSON what it is, before it is written."""
        self._redacted = redacted

    async def reply(self, request: Request, on_text: Callable[[str], None] | None = None) -> Reply:
        """The inner model's reply. Raises its ModelError, and AgentflowError where the file cannot be written."""
        try:
            reply = await self._inner.reply(request, on_text)
        except ModelError as error:
            self._write(request, {"error": _error_body(error)})
            raise
        body = {name: value for name, value in asdict(reply).items() if name not in ("timings", "usage", "limits")}
        self._write(request, {"reply": {**body, "usage": asdict(reply.usage)}})
        return reply

    @property
    def calls_at_first(self) -> int | None:
        """As of the inner model."""
        return calls_at_first(self._inner)

    async def close(self) -> None:
        """Closes the file, and the inner model where it is owned."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        if self._owned:
            await self._inner.close()

    def _write(self, request: Request, came: Mapping[str, JSON]) -> None:
        asked = body_of(request)
        before = self._last.get(request.session, {})
        changed = {name: asked[name] for name in _WRITTEN if name not in before or before[name] != asked[name]}
        kept = 0
        if "messages" in changed and "messages" in before:
            kept = _shared(before["messages"], asked["messages"])
            changed["messages"] = asked["messages"][kept:]
        self._last[request.session] = asked
        line = {"session": request.session, "agent": request.agent, "turn": request.turn}
        body = {**line, "request": {"kept": kept, **changed}, **came}
        encoded = self._redacted(json.dumps(body, separators=(",", ":"))).encode() + b"\n"
        try:
            if os.fstat(self._file).st_size + len(encoded) > MAX_RECORDING_BYTES:
                raise AgentflowError(
                    f"the recording {self._path} would pass {MAX_RECORDING_BYTES >> 20} MiB",
                    "resume the run without `--record`",
                )
            _write_all(self._file, encoded)
        except OSError as error:
            raise AgentflowError(
                f"the recording {self._path} cannot be written: {error.strerror}", "make room, and resume the run"
            ) from error


def body_of(request: Request) -> dict[str, JSON]:
    """A request as JSON data."""
    body: dict[str, JSON] = json.loads(json.dumps({name: getattr(request, name) for name in ("agent", *_PLAIN)}))
    return body | {
        "tools": [
            {"name": tool.name, "description": tool.description, "input_schema": tool.input_schema}
            for tool in request.tools
        ],
    }


_PLAIN = tuple(name for name in _WRITTEN if name != "tools")


def _shared(before: list[JSON], now: list[JSON]) -> int:
    """How many messages two conversations begin with alike."""
    pairs = zip(before, now, strict=False)
    return next((index for index, (old, new) in enumerate(pairs) if old != new), min(len(before), len(now)))


def _error_body(error: ModelError) -> dict[str, JSON]:
    failure = error.failure
    return {
        "kind": failure.kind,
        "message": failure.message,
        "retryable": failure.retryable,
        "billed": error.billed,
        "overloaded": error.overloaded,
        "fault": error.fault,
    }


def _opened(path: Path, *, goes_on: bool) -> int:
    flags = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        try:
            descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            if not goes_on:
                raise
            return _continued(os.open(path, flags), path)
        _write_all(descriptor, b'{"agentflow_recording": %d}\n' % VERSION)
    except FileExistsError:
        raise AgentflowError(f"the recording {path} is there already", "name another file, or delete it") from None
    except OSError as error:
        raise AgentflowError(
            f"the recording {path} cannot be made: {error.strerror}", "name a file in a folder you may write to"
        ) from error
    return descriptor


def _continued(descriptor: int, path: Path) -> int:
    """A file that is there, without a last line that a crash cut off."""
    os.fchmod(descriptor, 0o600)
    beginning = os.pread(descriptor, len(_HEAD), 0)
    if beginning != _HEAD:
        os.close(descriptor)
        raise AgentflowError(f"{path} is no recording", "name another file")
    os.ftruncate(descriptor, _whole_lines(descriptor))
    return descriptor


def _whole_lines(descriptor: int) -> int:
    """Bytes up to the last line's end, its break included."""
    end = os.fstat(descriptor).st_size
    while end > 0:
        start = max(0, end - _STEP)
        found = os.pread(descriptor, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


_HEAD = b'{"agentflow_recording":'
_STEP = 1 << 16


def _write_all(descriptor: int, content: bytes) -> None:
    while content:
        content = content[os.write(descriptor, content) :]
