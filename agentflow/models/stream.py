"""The events of one streamed reply become its content blocks, fit to be sent back. Pure.

Source of the event order: the streaming page of the Messages API. What breaks it is never a reply: a cut stream must
not become a shorter answer, nor half a tool call a call.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from agentflow.events.values import Usage
from agentflow.models.blocks import BEGINS_WITH, KNOWN_BLOCKS, is_garbled
from agentflow.spec.json_text import DEEPEST, finite, is_deeper, read_json, refuse_constant

JSON = Any
Block = dict[str, JSON]

TRUNCATING = frozenset({"max_tokens", "model_context_window_exceeded", "refusal"})
"""Stop reasons after which the last block may end anywhere: half a call or unsigned thinking is left out."""

_WITH_INPUT = frozenset({"tool_use", "server_tool_use", "mcp_tool_use"})


class BrokenStreamError(Exception):
    """The stream is not a reply: cut off, out of order, or garbage. The message says what is wrong with it.

    Attributes:
        fault: its row in the table of faults.
    """

    def __init__(self, message: str, fault: str = "garbage") -> None:
        super().__init__(message)
        self.fault = fault


class ErrorEventError(Exception):
    """The service ended the stream with an error of its own: its type, code and message."""

    def __init__(self, error_type: str, code: str | None, message: str) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.code = code


@dataclass(slots=True)
class _Open:
    """A block that is still coming: what it began with, and the pieces of each of its texts."""

    block: Block
    texts: dict[str, list[str]] = field(default_factory=dict)
    done: bool = False
    broken: str | None = None


class ReplyStream:
    """Accumulates the events of one reply.

    Parameters:
        on_text: hears each piece of text as it comes, or None.
        lax: a service that names no model and counts no tokens at the start, and begins blocks with less, will do.
        met: kinds of content blocks that are not known and were met before. One that is met for the first time breaks
            the reply, for it may be a known one that was garbled on its way; what comes again is of a newer API, unless
            it is all but a known one. None: every kind is taken.

    Attributes:
        started: `message_start` has come: the service may charge.
        stopped: `message_stop` has come: the reply counts.
        characters: of the content that has come.
        inference_geo, speed: where and how the reply was made, where it tells.
    """

    def __init__(
        self, on_text: Callable[[str], None] | None = None, *, lax: bool = False, met: set[str] | None = None
    ) -> None:
        self._lax = lax
        self._met = met
        self.started = False
        self.stopped = False
        self.model = ""
        self.stop_reason: str | None = None
        self.stop_detail: str | None = None
        self.characters = 0
        self._on_text = on_text
        self._usage: dict[str, JSON] = {}
        self._blocks: list[_Open] = []
        self._heard = ""

    def event(self, name: str, data: str) -> bool:
        """Takes one event.

        Args:
            name: the event's, `''` where it has none.
            data: its data, JSON.

        Returns:
            Whether it brought the reply on; a ping, and an event of a kind that is not known, does not.

        Raises:
            BrokenStreamError: the event is not JSON of the right shape, or stands where it cannot.
            ErrorEventError: the service reports an error.
        """
        if name == "ping" or (not name and not data) or self.stopped:
            return False
        try:
            value = _EVENT.decode(data)
        except (ValueError, RecursionError):
            raise BrokenStreamError(f"the event `{name[:40]}` is not JSON") from None
        if not isinstance(value, dict):
            raise BrokenStreamError(f"the event `{name[:40]}` is not an object")
        if data.count("{") + data.count("[") > DEEPEST and is_deeper(value):
            raise BrokenStreamError(f"the event `{name[:40]}` is nested more than {DEEPEST} deep")
        kind = value.get("type")
        if kind == "error" or name == "error":
            raise _error_event(value)
        take = _TAKERS.get(kind) if isinstance(kind, str) else None
        if take is None:
            return False
        if self.started is (kind == "message_start"):
            raise BrokenStreamError(f"`{kind}` came {'twice' if self.started else 'before `message_start`'}")
        try:
            take(self, value)
        except (KeyError, TypeError, AttributeError):
            raise BrokenStreamError(f"`{kind}` lacks what it must have") from None
        if self._heard:
            heard, self._heard = self._heard, ""
            if self._on_text is not None:
                self._on_text(heard)
        return True

    def content(self) -> tuple[Block, ...]:
        """The blocks of a whole reply, with exactly the fields that the API takes back; blank texts are left out.

        Raises:
            BrokenStreamError: a tool call's input is no JSON object, and the reply was not cut short by a limit.
        """
        truncated = self.stop_reason in TRUNCATING
        for entry in self._blocks:
            if entry.broken is not None and not truncated:
                raise BrokenStreamError(entry.broken, "unusable_call")
        return tuple(entry.block for entry in self._blocks if entry.broken is None and _fit(entry.block, truncated))

    @property
    def inference_geo(self) -> str | None:
        return self._named("inference_geo")

    @property
    def speed(self) -> str | None:
        return self._named("speed")

    def _named(self, key: str) -> str | None:
        found = self._usage.get(key)
        return found if isinstance(found, str) else None

    def usage(self) -> Usage:
        """What the reply used, as last reported: the counts of later events replace those of earlier ones.

        Raises:
            BrokenStreamError: a count is not a whole number.
        """
        total = _usage(self._usage)
        iterations = self._usage.get("iterations")
        for each in iterations if isinstance(iterations, list) else ():
            # What a compaction took is in no other count (`BetaUsage.iterations` of the client).
            if isinstance(each, Mapping) and each.get("type") == "compaction":
                total = total + _usage(each)
        return total

    def _message_start(self, value: Mapping[str, JSON]) -> None:
        message = value["message"]
        if self._lax:
            message = {**message, "model": message.get("model") or "", "usage": message.get("usage") or {}}
        self.model = _string(message, "model")
        self._count_usage(message["usage"])
        self.started = True

    def _block_start(self, value: Mapping[str, JSON]) -> None:
        block = value["content_block"]
        if value["index"] != len(self._blocks) or type(value["index"]) is not int:
            raise BrokenStreamError("a content block begins out of order")
        kind = _string(block, "type")
        if self._met is not None and kind not in KNOWN_BLOCKS and (kind not in self._met or is_garbled(kind)):
            self._met.add(kind)
            raise BrokenStreamError(f"a content block is of a kind that is not known: `{kind[:60]}`")
        lacks = BEGINS_WITH.get(kind, frozenset()) - block.keys()
        if lacks and not self._lax:
            raise BrokenStreamError(f"a content block of the kind `{kind}` begins without `{min(lacks)}`")
        self._blocks.append(_Open({key: item for key, item in block.items() if item is not None}))

    def _block_delta(self, value: Mapping[str, JSON]) -> None:
        entry, delta = self._open_block(value["index"]), value["delta"]
        kind = _string(delta, "type")
        self.characters += sum(len(piece) for key, piece in delta.items() if key != "type" and isinstance(piece, str))
        if kind == "text_delta":
            self._heard = _string(delta, "text")
            entry.texts.setdefault("text", []).append(self._heard)
        elif kind == "input_json_delta":
            entry.texts.setdefault("input", []).append(_string(delta, "partial_json"))
        elif kind == "thinking_delta":
            entry.texts.setdefault("thinking", []).append(_string(delta, "thinking"))
        elif kind == "signature_delta":
            entry.block["signature"] = _string(delta, "signature")
        elif kind == "citations_delta":
            entry.block["citations"] = [*entry.block.get("citations", ()), _citation(delta["citation"])]
        else:
            _unknown_delta(entry, delta)

    def _block_stop(self, value: Mapping[str, JSON]) -> None:
        entry = self._open_block(value["index"])
        entry.done = True
        pieces = entry.texts.pop("input", None)
        for key, texts in entry.texts.items():
            entry.block[key] = sound(entry.block.get(key, "") + "".join(texts))
        kind = entry.block["type"]
        if kind in _WITH_INPUT:
            _string(entry.block, "id")
            _string(entry.block, "name")
            self._finish_input(entry, "".join(pieces or ()))
        elif kind == "text":
            _string(entry.block, "text")
            if not entry.block.get("citations", True):
                del entry.block["citations"]
        elif kind == "thinking":
            entry.block.setdefault("thinking", "")
            entry.block.setdefault("signature", "")

    def _finish_input(self, entry: _Open, text: str) -> None:
        if not text.strip():
            value = entry.block.get("input", {})
            entry.broken = None if isinstance(value, dict) else "its input is not an object"
            entry.block["input"] = value
            return
        try:
            entry.block["input"] = strict_object(text)
        except ValueError as error:
            entry.broken = f"the input of a call of `{entry.block['name'][:80]}` is unusable: {error}"

    def _message_delta(self, value: Mapping[str, JSON]) -> None:
        delta = value["delta"]
        if delta.get("stop_reason") is not None:
            self.stop_reason = _string(delta, "stop_reason")
        details = delta.get("stop_details")
        if isinstance(details, Mapping):
            words = [details.get("category"), details.get("explanation")]
            self.stop_detail = sound(": ".join(word for word in words if isinstance(word, str))) or None
        self._count_usage(value.get("usage") or {})

    def _message_stop(self, value: Mapping[str, JSON]) -> None:
        if self.stop_reason is None:
            raise BrokenStreamError("`message_stop` came before a stop reason")
        if not all(entry.done for entry in self._blocks):
            raise BrokenStreamError("`message_stop` came before the end of a content block")
        self.stopped = True

    def _count_usage(self, usage: Mapping[str, JSON]) -> None:
        self._usage.update((key, count) for key, count in usage.items() if count is not None)

    def _open_block(self, index: JSON) -> _Open:
        if type(index) is not int or not 0 <= index < len(self._blocks) or self._blocks[index].done:
            raise BrokenStreamError("an event names a content block that is not open")
        return self._blocks[index]


_TAKERS: dict[str, Callable[[ReplyStream, Mapping[str, JSON]], None]] = {
    "message_start": ReplyStream._message_start,
    "content_block_start": ReplyStream._block_start,
    "content_block_delta": ReplyStream._block_delta,
    "content_block_stop": ReplyStream._block_stop,
    "message_delta": ReplyStream._message_delta,
    "message_stop": ReplyStream._message_stop,
}


def strict_object(text: str) -> dict[str, JSON]:
    """The JSON object in `text`.

    Raises:
        ValueError: it is no JSON, no object, holds a key twice, a number that is not finite, half a character, or is
            nested more than 100 deep. The message says which.
    """
    try:
        value = read_json(text, unique_keys=True)
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not whole JSON ({error.msg} at character {error.pos})") from None
    if not isinstance(value, dict):
        raise ValueError("it is not a JSON object")
    if "\\u" in text:
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise ValueError("it holds half a character") from None
    return value


_EVENT = json.JSONDecoder(parse_constant=refuse_constant, parse_float=finite)


def _string(value: Mapping[str, JSON], key: str) -> str:
    found = value[key]
    if not isinstance(found, str):
        raise BrokenStreamError(f"`{key}` is not a text")
    return found


def _usage(counts: Mapping[str, JSON]) -> Usage:
    written = _count(counts, "cache_creation_input_tokens")
    by_ttl = counts.get("cache_creation")
    served = counts.get("server_tool_use")
    hour = _count(by_ttl, "ephemeral_1h_input_tokens") if isinstance(by_ttl, Mapping) else 0
    return Usage(
        input_tokens=_count(counts, "input_tokens"),
        output_tokens=_count(counts, "output_tokens"),
        cache_read_tokens=_count(counts, "cache_read_input_tokens"),
        cache_write_5m_tokens=max(0, written - hour),
        cache_write_1h_tokens=min(hour, written),
        web_searches=_count(served, "web_search_requests") if isinstance(served, Mapping) else 0,
    )


def _count(value: Mapping[str, JSON], key: str) -> int:
    found = value.get(key, 0)
    if type(found) is not int or found < 0:
        raise BrokenStreamError(f"`usage.{key}` is not a count")
    return found


def sound(text: str) -> str:
    """The text with halves of a character joined, or replaced where the other half is missing."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _fit(block: Block, truncated: bool) -> bool:
    # The API refuses blank text ("text content blocks must contain non-whitespace text") and unsigned thinking.
    if block["type"] == "text":
        return bool(block["text"].strip())
    return not (truncated and block["type"] == "thinking" and not block["signature"])


def _citation(citation: Mapping[str, JSON]) -> dict[str, JSON]:
    """A citation as the API takes it back: the file's id comes in replies only."""
    return {key: value for key, value in citation.items() if key != "file_id"}


def _unknown_delta(entry: _Open, delta: Mapping[str, JSON]) -> None:
    """A delta of a newer API: its texts are appended to the block's fields of the same names, the rest is set.

    Not in a tool call: what is left of its input may be another call, whole and wrong.
    """
    if entry.block.get("type") == "tool_use":
        raise BrokenStreamError("a piece of a tool call is of a kind that is not known")
    for key, value in delta.items():
        if key == "type" or value is None:
            continue
        if isinstance(value, str):
            entry.texts.setdefault(key, []).append(value)
        else:
            entry.block[key] = value


def _error_event(value: Mapping[str, JSON]) -> ErrorEventError:
    error = value.get("error")
    error = error if isinstance(error, dict) else {}
    details = error.get("details")
    code = details.get("error_code") if isinstance(details, dict) else None
    return ErrorEventError(
        str(error.get("type", "")), code if isinstance(code, str) else None, str(error.get("message", ""))
    )
