"""The server: reads requests, checks them, asks the script, delivers, records."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from . import sse, wire
from .answer import build_message, no_rule
from .delivery import Delivery
from .errors import ApiError, invalid
from .faults import Faults
from .history import content_key
from .models import MODELS, ModelRules
from .prefix import PromptCache
from .recording import Recorded, RequestLog, visible
from .resume import MIN_BYTES, Memory, Parsed, new_hash
from .script import Reply, read_script
from .validate import Checked, Validator, parse

RATE_LIMIT = 4000
TOKEN_LIMIT = 4_000_000
BACKLOG = 4096
READ_AHEAD_BYTES = 1 << 22


class MessagesAPI:
    """A local Messages API on 127.0.0.1, for `async with`.

    Parameters: `script` (rules, a path, a `Reply` or a function, see `script.read_script`); `port` (0: any);
    `api_key` (None: any key will do); `bind_thinking` (thinking must answer the prompt it is sent back with, as for
    accounts since August 2026); `min_cache_tokens` (None: the model's own); `latency` (seconds before the first byte);
    `max_concurrent` (529 above it; None: no limit); `chunk` (characters of a delta); `record` (keep `requests`);
    `log` (file for JSON lines); `clock` (seconds, for cache expiry).
    """

    def __init__(
        self,
        script: Any,
        *,
        port: int = 0,
        models: Mapping[str, ModelRules] = MODELS,
        api_key: str | None = None,
        bind_thinking: bool = True,
        min_cache_tokens: int | None = None,
        latency: float = 0.0,
        max_concurrent: int | None = None,
        chunk: int = 24,
        record: bool = True,
        log: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.script = read_script(script)
        self.latency = latency
        self.max_concurrent = max_concurrent
        self.requests: list[Recorded] = []
        self.refused: list[Recorded] = []
        self.outcomes: Counter[str] = Counter()
        self.in_flight = 0
        self.max_in_flight = 0
        self._validator = Validator(models, bind_thinking, api_key)
        self._min_cache_tokens = min_cache_tokens
        self._chunk = chunk
        self._record = record
        self._log = RequestLog(log) if log is not None else None
        self._cache = PromptCache(clock)
        self._memory = Memory()
        self._attempts: Counter[bytes] = Counter()
        self._paused: set[bytes] = set()
        self._count = 0
        self._changed = asyncio.Event()
        self._open = asyncio.Event()
        self._open.set()
        self._wanted_port = port
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._second = 0
        self._reset_time = ""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(
            self._accept, "127.0.0.1", self._wanted_port, limit=READ_AHEAD_BYTES, backlog=BACKLOG
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        if self._log is not None:
            self._log.close()

    @property
    def port(self) -> int:
        """The port it listens on."""
        if self._server is None:
            raise RuntimeError("the server is not running; use 'async with'")
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def base_url(self) -> str:
        """What a client takes as `base_url`."""
        return f"http://127.0.0.1:{self.port}"

    def hold(self) -> None:
        """Answer nothing until `release`; requests are accepted, checked and counted as in flight."""
        self._open.clear()

    def release(self) -> None:
        """Answer all that is held."""
        self._open.set()

    async def until_in_flight(self, count: int) -> None:
        """Wait until exactly `count` requests are in flight."""
        while self.in_flight != count:
            self._changed.clear()
            await self._changed.wait()

    def _count_in_flight(self, change: int) -> None:
        self.in_flight += change
        self.max_in_flight = max(self.max_in_flight, self.in_flight)
        self._changed.set()

    def stats(self) -> dict[str, Any]:
        """Counts, as `GET /_control/stats` gives them."""
        return {
            "requests": self._count,
            "refused": len(self.refused),
            "in_flight": self.in_flight,
            "max_in_flight": self.max_in_flight,
            "outcomes": dict(self.outcomes),
        }

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)
        try:
            while (request := await wire.read_request(reader)) is not None:
                if not await self._answer(request, reader, writer):
                    break
        except (ConnectionError, asyncio.CancelledError):
            return  # the client is gone, or the server stops: nobody is left to tell
        finally:
            writer.close()
            # A task that ends cancelled would be reported by asyncio's streams as an error of its own.
            with suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _answer(
        self, request: wire.HttpRequest, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        if request.path == "/v1/messages" and request.method == "POST":
            return await self._messages(request, reader, writer)
        delivery = Delivery(reader, writer, {"request-id": "req_control"})
        if request.path.startswith("/_control/"):
            await self._control(request, delivery)
        elif request.path == "/v1/messages/count_tokens" and request.method == "POST":
            await self._count_tokens(request, delivery)
        elif request.path.startswith("/v1/models"):
            await self._models(request, delivery)
        else:
            await delivery.error(ApiError("not_found_error", "Not found", 404), "req_unknown")
        return delivery.keep_alive

    async def _control(self, request: wire.HttpRequest, delivery: Delivery) -> None:
        if request.path == "/_control/hold":
            self.hold()
        elif request.path == "/_control/release":
            self.release()
        elif (wanted := request.path.removeprefix("/_control/until/")).isdecimal():
            await delivery.wait(self.until_in_flight(int(wanted)))
        await delivery.json(200, self.stats())

    async def _models(self, request: wire.HttpRequest, delivery: Delivery) -> None:
        wanted = request.path.removeprefix("/v1/models").strip("/")
        rules = self._validator.models.get(wanted)
        if wanted and rules is None:
            await delivery.error(ApiError("not_found_error", f"model: {wanted}", 404), "req_models")
        elif rules is not None:
            await delivery.json(200, _model_info(wanted, rules))
        else:
            data = [_model_info(name, each) for name, each in self._validator.models.items()]
            await delivery.json(200, {"data": data, "has_more": False, "first_id": None, "last_id": None})

    async def _count_tokens(self, request: wire.HttpRequest, delivery: Delivery) -> None:
        try:
            version = self._validator.check_headers(request.headers)
            body = {"max_tokens": 1, **parse(request.body)}
            checked = self._validator.check(request.body, body, request.headers, version, self._paused)
        except ApiError as error:
            await delivery.error(error, "req_count")
        else:
            await delivery.json(200, {"input_tokens": checked.prompt_tokens})

    async def _messages(
        self, request: wire.HttpRequest, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        self._count += 1
        self._count_in_flight(1)
        recorded = Recorded(self._count, request.path, visible(request.headers), in_flight=self.in_flight)
        recorded.request_id = f"req_local{self._count:08d}"
        if self._record:
            self.requests.append(recorded)
        delivery = Delivery(reader, writer, self._headers(recorded.request_id))
        try:
            await self._exchange(request, recorded, delivery)
        except ApiError as error:
            recorded.status, recorded.error = error.status, error.message
            if recorded.outcome == "open":
                recorded.outcome = "refused"
            if recorded.outcome in ("refused", "unscripted"):
                self.refused.append(recorded)
            await delivery.error(error, recorded.request_id)
        except (ConnectionError, asyncio.CancelledError):
            recorded.outcome = "client_closed"
            raise
        finally:
            self._count_in_flight(-1)
            self.outcomes[recorded.outcome] += 1
            if self._log is not None:
                self._log.write(recorded)
        return delivery.keep_alive

    async def _exchange(self, request: wire.HttpRequest, recorded: Recorded, delivery: Delivery) -> None:
        """Check, choose, wait, deliver; raises `ApiError` for an error answer."""
        version = self._validator.check_headers(request.headers)
        parsed = self._parse(request.body)
        body = parsed.body
        if self._record or self._log is not None:
            recorded.body = body
        checked = self._validator.check(request.body, body, request.headers, version, self._paused, parsed.begins_with)
        fingerprint = parsed.raw_hash.digest()
        if self.max_concurrent is not None and self.in_flight > self.max_concurrent:
            recorded.outcome = "busy"
            raise ApiError("overloaded_error", "Overloaded", 529)
        self._attempts[fingerprint] += 1
        recorded.attempt = self._attempts[fingerprint]
        reply = self._choose(body, recorded)
        if reply is None:
            recorded.outcome = "unscripted"
            raise no_rule(body)
        faults = Faults(reply.faults, recorded.attempt)
        minimum = checked.rules.min_cache_tokens if self._min_cache_tokens is None else self._min_cache_tokens
        usage = self._cache.look_up(checked.prefix, checked.prompt_tokens, checked.cache_setting, minimum)
        if checked.saved is not None and len(request.body) >= MIN_BYTES:
            self._memory.remember(request.body, parsed, checked.saved, version, checked.prefix)
        await self._wait(delivery, faults)
        if await self._fails_early(recorded, delivery, faults):
            return
        self._cache.remember(usage)
        message = build_message(
            checked,
            reply,
            fingerprint,
            usage,
            list_input=faults.get("list_input") is not None,
            truncated=faults.get("truncated_tool") is not None,
        )
        await self._deliver(checked, message, recorded, delivery, faults)

    def _parse(self, raw: bytes) -> Parsed:
        if len(raw) >= MIN_BYTES and (known := self._memory.parse(raw)) is not None:
            return known
        return Parsed(parse(raw), None, new_hash(raw))

    def _choose(self, body: dict[str, Any], recorded: Recorded) -> Reply | None:
        try:
            return self.script(body)
        except ApiError:
            recorded.outcome = "fault:script"
            raise
        except Exception as error:
            # A mistake in a test's script must fail that test with its own words, not as a dropped connection.
            recorded.outcome = "unscripted"
            raise invalid(f"the script failed: {type(error).__name__}: {error}") from error

    async def _wait(self, delivery: Delivery, faults: Faults) -> None:
        await delivery.pause(self.latency)
        if not self._open.is_set():
            await delivery.wait(self._open.wait())
        delay = faults.get("delay")
        if delay is not None:
            await delivery.pause(delay.seconds)

    async def _fails_early(self, recorded: Recorded, delivery: Delivery, faults: Faults) -> bool:
        """Whether the attempt ended before a message: an error status, a page, no answer."""
        if faults:
            recorded.outcome = f"fault:{faults.names()}"
        error = faults.status()
        if error is not None:
            raise error
        for how in ("reset", "close"):
            if faults.get(how) is not None:
                await delivery.drop(how)
                return True
        if faults.get("html") is not None:
            recorded.status = 200
            await delivery.html()
            return True
        return False

    async def _deliver(
        self, checked: Checked, message: dict[str, Any], recorded: Recorded, delivery: Delivery, faults: Faults
    ) -> None:
        recorded.status = 200
        if self._record:
            recorded.message = message
        if message["stop_reason"] == "pause_turn":
            self._paused.add(content_key(message["content"]))
        if checked.body.get("stream"):
            style = sse.Style(
                self._chunk,
                truncate_tools=faults.get("truncated_tool") is not None,
                duplicate_keys=faults.get("duplicate_keys") is not None,
            )
            await delivery.stream(sse.events_of(message, style), faults)
        else:
            await delivery.json(200, message, faults)
        if recorded.outcome == "open":
            recorded.outcome = "ok"

    def _headers(self, request_id: str) -> dict[str, str]:
        now = int(time.time())
        if now != self._second:
            self._second = now
            self._reset_time = datetime.fromtimestamp(now + 60, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {
            "request-id": request_id,
            "anthropic-organization-id": "00000000-0000-4000-8000-000000000000",
            "anthropic-ratelimit-requests-limit": str(RATE_LIMIT),
            "anthropic-ratelimit-requests-remaining": str(max(0, RATE_LIMIT - self.in_flight)),
            "anthropic-ratelimit-requests-reset": self._reset_time,
            "anthropic-ratelimit-tokens-limit": str(TOKEN_LIMIT),
            "anthropic-ratelimit-tokens-remaining": str(TOKEN_LIMIT),
            "anthropic-ratelimit-tokens-reset": self._reset_time,
        }


def _model_info(name: str, rules: ModelRules) -> dict[str, Any]:
    def supported(value: bool) -> dict[str, bool]:
        return {"supported": value}

    kinds = ("adaptive", "between_tools", "disabled", "enabled")
    efforts = ("low", "medium", "high", "xhigh", "max")
    thinking = {kind: supported(kind in rules.thinking) for kind in kinds}
    effort = {level: supported(level in rules.efforts) for level in efforts}
    return {
        "type": "model",
        "id": name,
        "display_name": name,
        "created_at": "2026-01-01T00:00:00Z",
        "lifecycle": "active",
        "line": name.split("-")[1],
        "max_input_tokens": rules.context,
        "max_tokens": rules.max_output,
        "deprecated_at": None,
        "retires_at": None,
        "capabilities": {
            "batch": supported(True),
            "citations": supported(True),
            "code_execution": supported(True),
            "context_management": supported(True),
            "effort": {"supported": bool(rules.efforts), **effort},
            "image_input": supported(True),
            "pdf_input": supported(True),
            "server_tools": supported(True),
            "structured_outputs": supported(True),
            "thinking": {"supported": True, "types": thinking},
        },
    }
