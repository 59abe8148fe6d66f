"""A server that speaks the Messages API in the way of llama.cpp and of proxies: it is no real one, and takes liberties.

It ignores what it does not know, sends no `request-id` and no pings, may count no tokens, calls a tool's id `call_1` in
every turn and gives its input as one delta. `refuses` names fields that it answers with 400. `frames` wraps events as
Bedrock does.
"""

import asyncio
import base64
import binascii
import json
import struct
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, NamedTuple, Self

JSON = Any


class Asked(NamedTuple):
    """A request: its path, its headers with names in lower case, and its body."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: JSON


class Said(NamedTuple):
    """A reply: a text and calls (name, input), how it stops, what it counts (None: nothing, and no model is named)."""

    text: str = ""
    calls: tuple[tuple[str, JSON], ...] = ()
    stop_reason: str | None = None
    usage: JSON = None


def frame(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One message of an AWS event stream."""
    written = b"".join(
        bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
        for name, value in headers.items()
    )
    prelude = struct.pack(">II", 16 + len(written) + len(payload), len(written))
    message = prelude + struct.pack(">I", binascii.crc32(prelude)) + written + payload
    return message + struct.pack(">I", binascii.crc32(message))


def chunk(event: JSON) -> bytes:
    """An event of the Messages API as Bedrock wraps it."""
    payload = {"bytes": base64.b64encode(json.dumps(event).encode()).decode(), "p": "abcdefg"}
    headers = {":event-type": "chunk", ":content-type": "application/json", ":message-type": "event"}
    return frame(headers, json.dumps(payload).encode())


def sse(event: JSON) -> bytes:
    """An event of the Messages API as a server-sent event."""
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


def events_of(said: Said) -> list[JSON]:
    """The events of a reply."""
    usage = {} if said.usage is None else {"usage": said.usage}
    model = {} if said.usage is None else {"model": "a-model"}
    events: list[JSON] = [{"type": "message_start", "message": {"role": "assistant", **model, **usage}}]
    blocks: list[tuple[JSON, JSON]] = []
    if said.text:
        blocks.append(({"type": "text", "text": ""}, {"type": "text_delta", "text": said.text}))
    for number, (name, value) in enumerate(said.calls, 1):
        start = {"type": "tool_use", "id": f"call_{number}", "name": name, "input": {}}
        blocks.append((start, {"type": "input_json_delta", "partial_json": json.dumps(value)}))
    for index, (start, delta) in enumerate(blocks):
        events.append({"type": "content_block_start", "index": index, "content_block": start})
        events.append({"type": "content_block_delta", "index": index, "delta": delta})
        events.append({"type": "content_block_stop", "index": index})
    stop = said.stop_reason or ("tool_use" if said.calls else "end_turn")
    return [*events, {"type": "message_delta", "delta": {"stop_reason": stop}, **usage}, {"type": "message_stop"}]


class CompatibleServer:
    """The server, on 127.0.0.1, for `async with`.

    Parameters:
        say: what it answers to a request; a text is answered with status 400 and these words.
        refuses: fields of a request that it refuses by name.
        models: what it tells of models, by id; none: it has no such route.
        frames: events come as Bedrock sends them.
    """

    def __init__(
        self,
        say: Callable[[Asked], Said | str],
        *,
        refuses: tuple[str, ...] = (),
        models: Mapping[str, JSON] | None = None,
        frames: bool = False,
    ) -> None:
        self.asked: list[Asked] = []
        self._say = say
        self._refuses = refuses
        self._models = models or {}
        self._frames = frames

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=1 << 22)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            method, path, _ = lines[0].split(" ")
            pairs = (line.partition(": ") for line in lines[1:] if line)
            headers = {name.lower(): value for name, _, value in pairs}
            content = await reader.readexactly(int(headers.get("content-length", "0")))
            asked = Asked(method, path, headers, json.loads(content) if content else None)
            self.asked.append(asked)
            status, kind, body = self._answer(asked)
            head = f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n"
            writer.write(f"{head}connection: close\r\n\r\n".encode() + body)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            return  # a client that hung up wants no answer
        finally:
            writer.close()

    def _answer(self, asked: Asked) -> tuple[int, str, bytes]:
        if asked.method == "GET":
            told = self._models.get(asked.path.rpartition("/")[2])
            return (200, "application/json", json.dumps(told).encode()) if told else _error(404, "File Not Found")
        for field in self._refuses:
            if f'"{field}"' in json.dumps(asked.body):
                return _error(400, f"{field}: Extra inputs are not permitted")
        said = self._say(asked)
        if isinstance(said, str):
            return _error(400, said)
        if self._frames:
            return 200, "application/vnd.amazon.eventstream", b"".join(map(chunk, events_of(said)))
        return 200, "text/event-stream", b"".join(map(sse, events_of(said)))


def _error(status: int, words: str) -> tuple[int, str, bytes]:
    error = {"type": "error", "error": {"type": "invalid_request_error", "message": words}}
    return status, "application/json", json.dumps(error).encode()
