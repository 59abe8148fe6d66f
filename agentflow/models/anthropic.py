"""The Messages API through the `anthropic` client: its one door.

The client's import costs over a second, so it comes with the first model, or with `preload`. Its own reader of
streams is not used: it takes a cut stream for a whole reply, half a tool call for a call, and pings for a sign of life
for ever. Nor are its retries, which nobody would find in the journal.
"""

import asyncio
import contextlib
import gc
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

from agentflow.errors import AgentflowError
from agentflow.events.values import Timings
from agentflow.guard.pace import CALLS_AT_FIRST
from agentflow.models.aws_events import CONTENT_TYPE, AwsEventDecoder
from agentflow.models.clients import HINTS, credential_errors, new_client, secrets_of, sizes_told
from agentflow.models.failures import Refusal, model_error, quote
from agentflow.models.messages_params import MessagesParams, with_whole_characters
from agentflow.models.port import ModelError, Reply, Request
from agentflow.models.progress import READ_TIMEOUT_SECONDS, Progress
from agentflow.models.rate_limits import rate_limits
from agentflow.models.sse import EventDecoder
from agentflow.models.stream import BrokenStreamError, ErrorEventError, ReplyStream
from agentflow.plan.endpoints import Endpoint

if TYPE_CHECKING:
    import anthropic
    import httpx2

CONNECT_SECONDS = 10.0
KEEP_ALIVE_SECONDS = 60.0
LINGER_SECONDS = 0.05
"""The end of the body comes with `message_stop`, and frees the connection for the next call; a server that holds it
open loses the connection after this."""

POOL_CONNECTIONS = 32
"""The transport looks at every connection of its pool, with a system call for each idle one, at the start and at the
end of each call: 5 ms a call at 1,000 connections, measured. Several small pools cost what one small one does."""

COUNT_SECONDS = 10.0
"""How long a count of tokens is waited for: it saves a doubtful estimate, and nothing more."""

LONGEST_REPLY_BYTES = 64 * 1024 * 1024

SIZES_SECONDS = 5.0
"""How long a server is asked for the sizes of a model: without them requests go out as they are."""

_SHORTEST_SECRET = 8


def preload() -> None:
    """Imports the client: over a second of work, which a thread may do while the workflow is being read.

    The collector of garbage would look again and again at tens of thousands of objects that stay: it rests meanwhile
    (5 to 10 % faster, measured), and leaves them alone afterwards.
    """
    library = _client_library()
    # `messages` brings in a part of the client that the import leaves out.
    _ = library.resources.messages.AsyncMessages
    gc.freeze()


def _client_library() -> ModuleType:
    collecting = gc.isenabled()
    gc.disable()
    try:
        import anthropic
    finally:
        if collecting:
            gc.enable()
    return anthropic


@dataclass(slots=True)
class _Pool:
    """A client with connections of its own, and the calls that are at it now."""

    client: "anthropic.AsyncAnthropic"
    create: Callable[..., Any]
    busy: int = 0


class AnthropicModel:
    """Answers requests through the Messages API, or any service that speaks it.

    The client itself honours ANTHROPIC_API_KEY, ANTHROPIC_AUTH_TOKEN, ANTHROPIC_BASE_URL and its profiles.

    Parameters:
        endpoint: where it asks; None: the Claude API, as the client finds it.
        base_url: of the service; None leaves it to the endpoint, or the client.
        read_timeout: seconds without a byte after which a call is given up, the wait for the first one included;
            the bounds on a stream that brings nothing on keep their proportion to it (`models/progress.py`).
        connections: calls at once; more of them wait, and their timeout runs.
        clock: seconds, for timings.
        now: seconds since the epoch, for waits that the service gives as a date.

    Raises:
        AgentflowError: there is no key, or it or the address cannot be used.
    """

    calls_at_first: int | None = CALLS_AT_FIRST

    def __init__(
        self,
        *,
        endpoint: Endpoint | None = None,
        base_url: str | None = None,
        read_timeout: float = READ_TIMEOUT_SECONDS,
        connections: int,
        clock: Callable[[], float] = time.perf_counter,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._library = _client_library()
        self._read_timeout = read_timeout
        self._clock = clock
        self._now = now
        self._connections = connections
        self._endpoint = endpoint or Endpoint(base_url=base_url)
        self._no_key_hint = HINTS[self._endpoint.kind]
        self._client = self._new_client(self._endpoint)
        self._check_credentials()
        self._pools = [_Pool(self._client, self._client.messages.with_raw_response.create)]
        self._params = MessagesParams(self._library.transform_schema)
        self._met: set[str] = set()

    async def reply(self, request: Request, on_text: Callable[[str], None] | None = None) -> Reply:
        """The whole reply; `on_text` hears its text as it comes.

        Raises:
            ModelError: there is none; it says why, and whether to try again.
        """
        stream = ReplyStream(on_text, lax=self._endpoint.is_lax, met=self._met)
        params = self._params.build(request)
        began = self._clock()
        progress = Progress(request.max_tokens, asyncio.get_running_loop().time(), self._read_timeout)
        pool = self._free_pool()
        pool.busy += 1
        headers: Mapping[str, str] = {}
        try:
            async with asyncio.timeout_at(progress.deadline) as timer:
                response = await self._send(pool, params)
                headers = response.headers
                try:
                    first_byte = self._clock() - began
                    await self._read(response, stream, timer, progress)
                finally:
                    await response.aclose()
            content, usage = stream.content(), stream.usage()
        except TimeoutError:
            fault = progress.fault if headers else "unanswered"
            raise self._broken("nothing more came in time", fault, stream, headers) from None
        except BrokenStreamError as error:
            raise self._broken(str(error), error.fault, stream, headers) from None
        except ErrorEventError as error:
            words, request_id = self._redacted(str(error)), headers.get("request-id")
            refusal = Refusal(200, error.error_type, error.code, words, None, request_id)
            raise model_error(refusal, self._now(), billed=stream.started) from None
        finally:
            pool.busy -= 1
        return Reply(
            content,
            stream.stop_reason or "",
            stream.stop_detail,
            stream.model,
            usage,
            headers.get("request-id"),
            Timings(queued=0.0, first_byte=first_byte, total=self._clock() - began),
            stream.inference_geo,
            stream.speed,
            rate_limits(headers, self._now()),
        )

    async def look_up(self, model: str) -> str:
        """The name that the service displays for a model: a small request that costs nothing.

        Raises:
            ModelError: it gives none; it says why.
        """
        library = self._library
        try:
            async with asyncio.timeout(self._read_timeout):
                found = await self._client.models.retrieve(model)
        except library.APIStatusError as error:
            raise self._refused(error) from None
        except TimeoutError:
            raise self._broken("nothing came in time", "unanswered") from None
        except (library.AnthropicError, ValueError, *self._http_errors) as error:
            raise self._broken(f"no connection ({type(error.__cause__ or error).__name__})", "unreachable") from None
        # Other servers tell of an id only.
        return str(getattr(found, "display_name", None) or model)

    async def sizes(self, model: str) -> tuple[int | None, int | None]:
        """The tokens that a model takes and gives, as far as the service tells; asked briefly, and never a failure."""
        if self._endpoint.kind not in ("anthropic", "compatible"):
            return None, None
        with contextlib.suppress(self._library.AnthropicError, ValueError, TimeoutError, *self._http_errors):
            async with asyncio.timeout(min(SIZES_SECONDS, self._read_timeout)):
                return sizes_told(await self._client.models.retrieve(model))
        return None, None

    async def count(self, request: Request) -> int | None:
        """The tokens of a request, exact; None where the service cannot tell, or not in time."""
        params = self._params.build_count(request)
        try:
            async with asyncio.timeout(COUNT_SECONDS):
                try:
                    counted = await self._client.messages.count_tokens(**params)
                except UnicodeEncodeError:
                    counted = await self._client.messages.count_tokens(**with_whole_characters(params))
        except (self._library.AnthropicError, *self._http_errors, TimeoutError, ValueError, TypeError, RecursionError):
            return None
        # A compatible server may answer anything: the client does not look.
        tokens: object = getattr(counted, "input_tokens", None)
        return tokens if isinstance(tokens, int) and tokens > 0 else None

    async def close(self) -> None:
        """Closes every connection."""
        for pool in self._pools:
            await pool.client.close()

    def _free_pool(self) -> _Pool:
        """The first pool with a connection to spare, a new one, or the least busy: few calls share few connections."""
        for pool in self._pools:
            if pool.busy < POOL_CONNECTIONS:
                return pool
        if len(self._pools) * POOL_CONNECTIONS < self._connections:
            client = self._client.copy(http_client=self._new_http_client())
            self._pools.append(_Pool(client, client.messages.with_raw_response.create))
            return self._pools[-1]
        return min(self._pools, key=lambda pool: pool.busy)

    async def _send(self, pool: _Pool, params: dict[str, Any]) -> "httpx2.Response":
        """The answer's head; its body is still to be read."""
        library = self._library
        try:
            answer = await self._create(pool, params)
        except library.APIStatusError as error:
            raise self._refused(error) from None
        except (library.APIConnectionError, *self._http_errors) as error:
            # Its cause may quote a header: the name of its type says enough.
            cause = type(error.__cause__ or error).__name__
            raise self._broken(f"no connection ({cause})", "unreachable") from None
        except library.AnthropicError as error:
            message = f"the credentials cannot be used: {self._redacted(quote(str(error)))}; {self._no_key_hint}"
            raise ModelError("model_access", message, retryable=False, fault="key_refused") from None
        except (ValueError, TypeError, RecursionError) as error:
            message = f"the request cannot be written as JSON ({type(error).__name__}: {quote(str(error))})"
            raise ModelError("model_request_refused", message, retryable=False, fault="unwritable") from None
        response: httpx2.Response = answer.http_response
        return response

    async def _create(self, pool: _Pool, params: dict[str, Any]) -> Any:
        try:
            return await pool.create(**params, stream=True)
        except credential_errors(self._endpoint.kind) as error:
            raise self._library.AnthropicError(f"{type(error).__name__}: {error}") from None
        except UnicodeEncodeError:
            # Half a character from an input, a file or a tool. It is rare: only where there is one is all gone through.
            return await pool.create(**with_whole_characters(params), stream=True)

    async def _read(
        self, response: "httpx2.Response", stream: ReplyStream, timer: asyncio.Timeout, progress: Progress
    ) -> None:
        """Feeds the body to the stream until `message_stop`."""
        kind = response.headers.get("content-type", "text/event-stream")
        if not kind.startswith(CONTENT_TYPE if self._endpoint.kind == "bedrock" else "text/event-stream"):
            said = f"`{quote(kind)[:80]}` came in place of a stream; check ANTHROPIC_BASE_URL"
            raise BrokenStreamError(said, "no_stream")
        chunks = response.aiter_bytes()
        try:
            await self._read_events(chunks, stream, timer, progress)
        except self._http_errors as error:
            raise BrokenStreamError(f"the connection broke ({type(error).__name__})", "cut") from None
        except UnicodeDecodeError:
            raise BrokenStreamError("the stream is not UTF-8") from None
        timer.reschedule(None)
        with contextlib.suppress(TimeoutError, *self._http_errors):
            async with asyncio.timeout(LINGER_SECONDS):
                await anext(chunks, None)

    async def _read_events(
        self, chunks: AsyncIterator[bytes], stream: ReplyStream, timer: asyncio.Timeout, progress: Progress
    ) -> None:
        decoder = AwsEventDecoder() if self._endpoint.kind == "bedrock" else EventDecoder()
        time_of = asyncio.get_running_loop().time
        size = 0
        async for chunk in chunks:
            size += len(chunk)
            if size > LONGEST_REPLY_BYTES:
                raise BrokenStreamError(f"the reply is longer than {LONGEST_REPLY_BYTES} bytes", "endless")
            before = stream.characters
            for name, data in decoder.feed(chunk):
                stream.event(name, data)
            if stream.stopped:
                return
            progress.heard(time_of(), stream.characters - before)
            timer.reschedule(progress.deadline)
        raise BrokenStreamError("the stream ended before `message_stop`", "cut")

    def _new_client(self, endpoint: Endpoint) -> "anthropic.AsyncAnthropic":
        import httpx2

        base_url = endpoint.base_url
        self._http_errors = (httpx2.HTTPError, httpx2.StreamError)
        self._tls = httpx2.create_ssl_context()
        if base_url is not None and not base_url.startswith(("https://", "http://")):
            raise AgentflowError(f"the model's address '{base_url}' is no URL", "begin it with https://")
        http_client = self._new_http_client()
        try:
            client: anthropic.AsyncAnthropic = new_client(self._library, endpoint, http_client)
        except (self._library.AnthropicError, ValueError, TypeError, httpx2.InvalidURL) as error:
            raise AgentflowError(f"the model client cannot start: {quote(str(error))}", self._no_key_hint) from None
        return client

    def _new_http_client(self) -> "httpx2.AsyncClient":
        import httpx2

        size = min(POOL_CONNECTIONS, self._connections)
        client: httpx2.AsyncClient = self._library.DefaultAsyncHttpxClient(
            verify=self._tls,
            limits=httpx2.Limits(
                max_connections=size, max_keepalive_connections=size, keepalive_expiry=KEEP_ALIVE_SECONDS
            ),
            # Time is bounded by the call's own timer, which also sees pings.
            timeout=httpx2.Timeout(None, connect=min(CONNECT_SECONDS, self._read_timeout)),
            follow_redirects=False,
        )
        return client

    def _check_credentials(self) -> None:
        secrets = secrets_of(self._client)
        if self._endpoint.kind == "anthropic" and not secrets and self._client.credentials is None:
            raise AgentflowError("there is no key for the Claude API", self._no_key_hint)
        # A line break or the like would surface later as an error that quotes the header, key and all.
        if not all(secret.isascii() and secret.isprintable() and " " not in secret for secret in secrets):
            service = "Claude API" if self._endpoint.kind == "anthropic" else f"endpoint `{self._endpoint.kind}`"
            raise AgentflowError(
                f"the key for the {service} holds a space, a line break or the like", self._no_key_hint
            )

    def _refused(self, error: "anthropic.APIStatusError") -> ModelError:
        said = error.api_message if isinstance(error.api_message, str) else ""
        kind = error.type if isinstance(error.type, str) else ""
        refusal = Refusal(
            error.status_code, kind, error.error_code, self._redacted(said), error.response.headers, error.request_id
        )
        failed = model_error(refusal, self._now())
        failed.limits = rate_limits(error.response.headers, self._now())
        return failed

    def _broken(
        self, what: str, fault: str, stream: ReplyStream | None = None, headers: Mapping[str, str] | None = None
    ) -> ModelError:
        billed = stream is not None and stream.started
        message = f"the model's service gave no whole reply: {what}"
        request_id = (headers or {}).get("request-id")
        return ModelError(
            "model_unavailable", message, retryable=True, billed=billed, request_id=request_id, fault=fault
        )

    def _redacted(self, text: str) -> str:
        for secret in secrets_of(self._client):
            if len(secret) >= _SHORTEST_SECRET:
                text = text.replace(secret, "[key]")
        return text
