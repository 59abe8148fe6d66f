"""A model that answers from a recording: the same request gets the reply it got then, in whatever order they come."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_args

from msgspec import Struct

from agentflow.errors import UsageError
from agentflow.events.values import FailureKind, Timings, Usage
from agentflow.models.difference import difference
from agentflow.models.port import ModelError, Reply, Request
from agentflow.models.recording import COMPARED, MAX_RECORDING_BYTES, VERSION, body_of
from agentflow.source.suggest import did_you_mean

JSON = Any

_HINT = "record it anew with `agentflow run … --record`"


class RecordedCall(Struct, frozen=True):
    """One model call: what was asked, and the reply or the error that came."""

    request: Mapping[str, JSON]
    reply: Reply | None
    error: Mapping[str, JSON] | None


class Recording:
    """What a recording holds, by session and turn; a turn that was tried several times has a call for each try.

    Parameters:
        source: the bytes of the file; a last line without its end, which a crash cut off, does not count.
        path: the file as the user named it.

    Raises:
        UsageError: it is no recording; the message names the line.
    """

    def __init__(self, source: bytes, path: str) -> None:
        self.path = path
        self._calls: dict[tuple[str, int], list[RecordedCall]] = {}
        self._taken: dict[tuple[str, int], int] = {}
        self._results: dict[tuple[str, str], tuple[JSON, bool]] = {}
        before: dict[str, dict[str, JSON]] = {}
        lines = source.split(b"\n")[:-1]
        for number, line in enumerate(lines, 1):
            try:
                body = json.loads(line)
                self._add_head(body) if number == 1 else self._add(body, before)
            except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
                raise UsageError(f"{path}:{number}: this is no line of a recording ({_why(error)})", _HINT) from None
        if not lines:
            raise UsageError(f"{path} is no recording", _HINT)

    @classmethod
    def from_file(cls, path: Path) -> "Recording":
        """The recording in a file. Raises UsageError where it cannot be read or is none."""
        try:
            with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
                source = file.read(MAX_RECORDING_BYTES + 1)
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            raise UsageError(f"the recording '{path}' cannot be read: {why}", "check the path") from None
        if len(source) > MAX_RECORDING_BYTES:
            raise UsageError(f"the recording '{path}' is longer than {MAX_RECORDING_BYTES >> 20} MiB", _HINT)
        return cls(source, str(path))

    def take(self, request: Request) -> Reply:
        """What came of a request when it was recorded.

        Raises:
            ModelError: the error that came then; or there is no such request, or it was another one, and how.
        """
        key = (request.session, request.turn)
        calls = self._calls.get(key)
        if calls is None:
            raise ModelError("model_request_refused", self._missing(request), retryable=False)
        index = self._taken.get(key, 0)
        self._taken[key] = index + 1
        call = calls[min(index, len(calls) - 1)]
        asked = body_of(request)
        differing = [name for name in COMPARED if call.request.get(name) != asked[name]]
        if differing:
            raise ModelError("model_request_refused", self._differs(request, call, asked, differing), retryable=False)
        if call.reply is not None:
            return call.reply
        error = call.error or {}
        raise ModelError(
            error["kind"],
            error["message"],
            retryable=error["retryable"],
            billed=error["billed"],
            overloaded=error["overloaded"],
            fault=error["fault"],
        )

    def result_of(self, session: str, call: str) -> tuple[JSON, bool] | None:
        """What a tool call of a session was answered with, as its next request told the model; None: it tells none.

        Returns:
            The content, and whether it is an error.
        """
        return self._results.get((session, call))

    def _add_head(self, body: Mapping[str, JSON]) -> None:
        if body["agentflow_recording"] != VERSION:
            raise ValueError(f"version {body['agentflow_recording']!r} is not known")

    def _add(self, body: Mapping[str, JSON], before: dict[str, dict[str, JSON]]) -> None:
        session, turn = body["session"], body["turn"]
        if not isinstance(session, str) or not isinstance(turn, int):
            raise TypeError("`session` must be text and `turn` a number")
        last = before.get(session, {})
        given = dict(body["request"])
        kept = given.pop("kept")
        if "messages" in given:
            given["messages"] = [*last.get("messages", ())[:kept], *given["messages"]]
        request = before[session] = {**last, **given, "agent": body["agent"]}
        reply = _reply(body["reply"]) if "reply" in body else None
        error = None if reply is not None else _error(body["error"])
        self._calls.setdefault((session, turn), []).append(RecordedCall(request, reply, error))
        for message in request["messages"][kept:]:
            for block in message["content"]:
                if isinstance(block, dict) and block.get("type") == "tool_result":
                    result = (block.get("content", ""), block.get("is_error") is True)
                    self._results[session, block["tool_use_id"]] = result

    def _missing(self, request: Request) -> str:
        near = did_you_mean(request.session, dict.fromkeys(session for session, _ in self._calls))
        turns = sum(session == request.session for session, _ in self._calls)
        if turns:
            why = f"it has {turns} {'turn' if turns == 1 else 'turns'} of this session"
        else:
            why = "it has no such session" + (f" ({near})" if near else "")
        return f"{self._named(request)} is not in the recording {self.path}: {why}; {_HINT}"

    def _differs(self, request: Request, call: RecordedCall, asked: Mapping[str, JSON], differing: list[str]) -> str:
        then = {name: call.request.get(name) for name in differing}
        now = {name: asked[name] for name in differing}
        shown = difference(then, now, "recorded", "asked now")
        listed = ", ".join(f"`{name}`" for name in differing)
        return f"{self._named(request)} is another than in the recording {self.path}: {listed}\n{shown}\n{_HINT}"

    def _named(self, request: Request) -> str:
        return f"the request of agent '{request.agent}', session '{request.session}', turn {request.turn}"


class ReplayModel:
    """Answers from a recording; costs come out as they were, by the recorded usage."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording

    async def reply(self, request: Request, on_text: Callable[[str], None] | None = None) -> Reply:
        """The recorded reply. Raises ModelError as `Recording.take` does."""
        reply = self._recording.take(request)
        if on_text is not None:
            for block in reply.content:
                if block.get("type") == "text":
                    on_text(block["text"])
        return reply

    async def close(self) -> None:
        """There is nothing to close."""


def _reply(body: Mapping[str, JSON]) -> Reply:
    content = body["content"]
    if not isinstance(content, list) or not all(isinstance(block, dict) and _is_whole(block) for block in content):
        raise TypeError("`content` must be a list of blocks")
    said = dict(body["usage"])
    estimated = said.pop("estimated", False) is True
    usage = {name: _count(value) for name, value in said.items()}
    return Reply(
        content=tuple(content),
        stop_reason=str(body["stop_reason"]),
        stop_detail=body["stop_detail"],
        model=str(body["model"]),
        usage=Usage(**usage, estimated=estimated),
        request_id=body["request_id"],
        timings=Timings(0.0, 0.0, 0.0),
        inference_geo=_word(body.get("inference_geo")),
        speed=_word(body.get("speed")),
    )


def _word(value: JSON) -> str | None:
    return None if value is None else str(value)


def _is_whole(block: Mapping[str, JSON]) -> bool:
    """Whether a block has what is read of one of its type."""
    if block.get("type") == "tool_use":
        return isinstance(block.get("input"), dict) and all(isinstance(block.get(key), str) for key in ("id", "name"))
    return isinstance(block.get("type"), str) and (block["type"] != "text" or isinstance(block.get("text"), str))


def _count(value: JSON) -> int:
    if not isinstance(value, int) or value < 0:
        raise ValueError("`usage` holds counts of tokens")
    return value


def _error(body: Mapping[str, JSON]) -> Mapping[str, JSON]:
    if body["kind"] not in get_args(FailureKind):
        raise ValueError(f"{body['kind']!r} is no kind of failure")
    flags = {name: body[name] is True for name in ("retryable", "billed", "overloaded")}
    return {"kind": body["kind"], "message": str(body["message"]), "fault": str(body.get("fault", "")), **flags}


def _why(error: Exception) -> str:
    return f"it lacks {error}" if isinstance(error, KeyError) else str(error)[:200]
