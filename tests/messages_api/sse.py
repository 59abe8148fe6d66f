"""A reply as server-sent events, byte for byte as the API frames them.

Comes in: the finished message (a dict as in a non-streamed answer). Goes out: a list of events, each the bytes
`event: ...\\ndata: {...}\\n\\n`.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .script import Raw

PING = b'event: ping\ndata: {"type": "ping"}\n\n'


def event(data: dict[str, Any]) -> bytes:
    """One event; its name is the data's `type`."""
    return b"event: %b\ndata: %b\n\n" % (data["type"].encode(), dump(data))


def dump(data: Any) -> bytes:
    """Compact JSON, UTF-8; half a character can only be escaped."""
    try:
        return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(data, separators=(",", ":")).encode()


def error_event(error_type: str, message: str) -> bytes:
    """The event that ends a stream in an error."""
    return event({"type": "error", "error": {"type": error_type, "message": message}})


@dataclass(frozen=True, slots=True)
class Style:
    """How the deltas are cut: `chunk` characters each; the JSON of a tool's input may be malformed on purpose."""

    chunk: int = 24
    truncate_tools: bool = False
    duplicate_keys: bool = False


def events_of(message: dict[str, Any], style: Style) -> list[bytes]:
    """All events of `message`, from `message_start` to `message_stop`."""
    started = {**message, "content": [], "stop_reason": None, "stop_sequence": None, "stop_details": None}
    started["usage"] = {**message["usage"], "output_tokens": min(1, message["usage"]["output_tokens"])}
    events = [event({"type": "message_start", "message": started})]
    for index, block in enumerate(message["content"]):
        events.extend(_block_events(index, block, style))
        if index == 0:
            events.insert(2, PING)
    if not message["content"]:
        events.append(PING)
    usage = {
        key: message["usage"][key]
        for key in (
            "input_tokens",
            "cache_creation_input_tokens",
            "cache_read_input_tokens",
            "output_tokens",
            "output_tokens_details",
            "server_tool_use",
            "iterations",
        )
        if message["usage"].get(key) is not None
    }
    delta = {key: message[key] for key in ("stop_reason", "stop_sequence", "stop_details")}
    events.append(event({"type": "message_delta", "delta": delta, "usage": usage}))
    events.append(event({"type": "message_stop"}))
    return events


def _block_events(index: int, block: dict[str, Any], style: Style) -> Iterator[bytes]:
    empty, deltas = _deltas(block, style)
    yield event({"type": "content_block_start", "index": index, "content_block": empty})
    for delta in deltas:
        yield event({"type": "content_block_delta", "index": index, "delta": delta})
    yield event({"type": "content_block_stop", "index": index})


def _deltas(block: dict[str, Any], style: Style) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    kind = block["type"]
    if kind == "text":
        pieces = _cut(block["text"], style.chunk)
        return {**block, "text": ""}, [{"type": "text_delta", "text": piece} for piece in pieces]
    if kind == "thinking":
        pieces = _cut(block["thinking"], style.chunk)
        deltas = [{"type": "thinking_delta", "thinking": piece} for piece in pieces]
        deltas.append({"type": "signature_delta", "signature": block["signature"]})
        return {**block, "thinking": "", "signature": ""}, deltas
    if kind in ("tool_use", "server_tool_use"):
        pieces = ["", *_cut(_input_json(block["input"], style), style.chunk)]
        return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
    if kind == "compaction":
        # The summary comes in one piece.
        delta = {"type": "compaction_delta", "content": block["content"], "encrypted_content": None}
        return {**block, "content": None}, [delta]
    return block, []


def _input_json(value: Any, style: Style) -> str:
    encoded = str(value) if isinstance(value, Raw) else json.dumps(value, ensure_ascii=False)
    if style.duplicate_keys and isinstance(value, dict) and value:
        key = next(iter(value))
        encoded = "{" + json.dumps(key) + ': "first of two", ' + encoded[1:]
    if style.truncate_tools:
        encoded = encoded[: max(1, len(encoded) * 2 // 3)]
    return encoded


def _cut(value: str, size: int) -> list[str]:
    return [value[start : start + size] for start in range(0, len(value), size)]
