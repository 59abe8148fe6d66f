"""A model at an endpoint that is not the Claude API: requests as it can take them, replies as the API gives them.

What a server refuses by name is left out of every later request of the run; the refusal is on record as a failed
attempt, with what is done instead. What a reply lacks is filled in: counts of tokens are estimated, and marked so; ids
of calls that are missing, used before or of other signs are made anew, since results, idempotency keys and streams of
subagents go by them.
"""

import asyncio
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from msgspec import Struct
from msgspec.structs import replace

from agentflow.events.values import Usage
from agentflow.models.capabilities import FEATURES, lacking, needed, refused_features, with_schema_in_words
from agentflow.models.port import ModelError, Reply, Request, calls_at_first
from agentflow.plan.declared_models import declared
from agentflow.plan.endpoints import Endpoint
from agentflow.plan.prices import context_window, max_output_tokens

JSON = Any
Block = Mapping[str, JSON]

BYTES_PER_TOKEN = 2
"""For counts that a server does not give. English has about four, code three, digests and base64 two: an estimate that
is rather too high keeps the caps."""

SMALLEST_REPLY = 1024

_SOUND_ID = re.compile(r"[A-Za-z0-9_-]{16,256}")
"""Shorter ones (`call_1`) come again in the next turn."""

_STOP_REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "function_call": "tool_use"}
"""What servers hand through of the OpenAI API."""

_NO_MODEL = re.compile(
    r"\(404|invalid model|not.?found|does not exist|unknown model|identifier is invalid", re.IGNORECASE
)
_ANTHROPIC_MOVE = "; check the model's name and ANTHROPIC_BASE_URL"
_NAMES_MOVE = "say in the endpoint file, under `models`, what `{name}` is called there (docs/endpoints.md)"

_FENCED = re.compile(r"\s*```(?:json)?[ \t]*\n(.*?)\n?```\s*", re.DOTALL | re.IGNORECASE)


class Sizes(Struct, frozen=True):
    """How much a model takes and gives, in tokens; None for what the server does not tell."""

    context_window: int | None = None
    max_output: int | None = None


class EndpointClient(Protocol):
    """A model that can be asked for the sizes of others at the same address."""

    async def reply(self, request: Request, on_text: Callable[[str], None] | None = None) -> Reply: ...
    async def sizes(self, model: str) -> tuple[int | None, int | None]: ...
    async def count(self, request: Request) -> int | None: ...
    async def close(self) -> None: ...


class CompatibleModel:
    """Asks an endpoint.

    Parameters:
        client: asks it, in the words of the Messages API; owned, and closed with this.
        endpoint: what is known of it.
    """

    def __init__(self, client: EndpointClient, endpoint: Endpoint) -> None:
        self._client = client
        self._endpoint = endpoint
        self._lacks: dict[str, frozenset[str]] = {}
        self._uncounted: set[str] = set()
        self._sizes: dict[str, asyncio.Task[tuple[int | None, int | None]]] = {}

    async def reply(self, request: Request, on_text: Callable[[str], None] | None = None) -> Reply:
        """The whole reply; `on_text` hears its text as it comes. Raises ModelError."""
        name = declared().id_of(request.model)
        lacks = self._lacks.get(name, self._endpoint.lacks)
        if (feature := needed(request, lacks)) is not None:
            message = f"the endpoint has no `{feature}`, which this agent needs; {FEATURES[feature].instead}"
            raise ModelError("model_request_refused", message, retryable=False)
        sent = self._adapted(request, name)
        most = fitting(request, await self._sizes_of(request.model, name, lacks))
        sent = replace(sent, model=name, max_tokens=most)
        try:
            reply = await self._client.reply(sent, on_text)
        except ModelError as error:
            raise self._learnt(error, sent, name, lacks) from None
        in_words = request.output_schema is not None and (self._endpoint.is_lax or sent.output_schema is None)
        return completed(reply, request, in_words=in_words)

    @property
    def calls_at_first(self) -> int | None:
        """Calls that may be in flight before anything is known of the service."""
        return calls_at_first(self._client)

    async def count(self, request: Request) -> int | None:
        """The tokens of the request, exact; None where the server does not tell, which is then not asked again."""
        name = declared().id_of(request.model)
        if name in self._uncounted:
            return None
        counted = await self._client.count(replace(self._adapted(request, name), model=name))
        if counted is None:
            self._uncounted.add(name)
        return counted

    def _adapted(self, request: Request, name: str) -> Request:
        # A server that passes over what it does not know passes over the format too, without a word.
        told = with_schema_in_words(request) if self._endpoint.is_lax else request
        return lacking(told, self._lacks.get(name, self._endpoint.lacks))

    async def close(self) -> None:
        """Closes every connection."""
        for task in self._sizes.values():
            task.cancel()
        await asyncio.gather(*self._sizes.values(), return_exceptions=True)
        await self._client.close()

    def _learnt(self, error: ModelError, sent: Request, name: str, lacks: frozenset[str]) -> ModelError:
        """The error; where it names what can be left out, one after which the request is made again without that."""
        if error.failure.kind != "model_request_refused":
            return error
        refused = refused_features(error.failure.message, sent) - lacks
        if not refused:
            return _told_of_names(error, name)
        # Others may have learnt more meanwhile.
        self._lacks[name] = self._lacks.get(name, lacks) | refused
        instead = "; ".join(f"without `{feature}`: {FEATURES[feature].instead}" for feature in sorted(refused))
        message = f"{error.failure.message}. It is asked again {instead}"
        return ModelError("model_request_refused", message, retryable=True, request_id=error.request_id)

    async def _sizes_of(self, model: str, name: str, lacks: frozenset[str]) -> Sizes:
        """What is declared or in the table; else what the server tells, asked once."""
        window, longest = context_window(model), max_output_tokens(model)
        if window is not None or longest is not None or "models" in lacks:
            return Sizes(window, longest)
        if name not in self._sizes:
            # One asks for all that begin together, and is not cut off with the one that came first.
            self._sizes[name] = asyncio.create_task(self._client.sizes(name))
        return Sizes(*await asyncio.shield(self._sizes[name]))


def _told_of_names(error: ModelError, name: str) -> ModelError:
    """The error, with a next move where it is the model that the endpoint does not know."""
    if "model" not in error.failure.message or not _NO_MODEL.search(error.failure.message):
        return error
    message = f"{error.failure.message.removesuffix(_ANTHROPIC_MOVE)}; {_NAMES_MOVE.format(name=name)}"
    return ModelError("model_request_refused", message, retryable=False, request_id=error.request_id)


def fitting(request: Request, sizes: Sizes) -> int:
    """`max_tokens` as a model of these sizes can take it; an input of about its window leaves the least reply."""
    most = request.max_tokens
    if sizes.max_output is not None:
        most = min(most, sizes.max_output)
    if sizes.context_window is not None and most + _bytes_of(request) // BYTES_PER_TOKEN > sizes.context_window:
        room = sizes.context_window - _bytes_of(request) // BYTES_PER_TOKEN
        most = min(most, max(room, SMALLEST_REPLY))
    return most


def completed(reply: Reply, request: Request, *, in_words: bool) -> Reply:
    """The reply as the Claude API would give it.

    Parameters:
        in_words: the schema was asked for in words, and a code fence around the answer is none of it.
    """
    content = tuple(with_sound_ids(reply.content, request))
    stop_reason = _STOP_REASONS.get(reply.stop_reason, reply.stop_reason)
    calls = any(block.get("type") == "tool_use" for block in content)
    if stop_reason == "end_turn" and calls:
        # The stream came whole, and nothing cut it short: the calls are meant.
        stop_reason = "tool_use"
    if in_words and stop_reason == "end_turn":
        content = unfenced(content)
    usage = counted(reply.usage, request, content)
    return replace(reply, content=content, stop_reason=stop_reason, usage=usage, model=reply.model or request.model)


def with_sound_ids(content: tuple[Block, ...], request: Request) -> Iterator[Block]:
    """The blocks, each call with an id that tells it apart from all others of its session, and that any API takes."""
    used: set[str] | None = None
    for index, block in enumerate(content):
        if block.get("type") != "tool_use":
            yield block
            continue
        if used is None:
            used = set(_call_ids(request))
        own = block["id"]
        if own in used or not _SOUND_ID.fullmatch(own):
            place = f"{request.session}\n{request.turn}\n{index}"
            own = f"call_{hashlib.blake2b(place.encode('utf-8', 'replace'), digest_size=12).hexdigest()}"
        used.add(own)
        yield block if own == block["id"] else {**block, "id": own}


def unfenced(content: tuple[Block, ...]) -> tuple[Block, ...]:
    """The blocks, a code fence around all of their text taken away."""
    texts = [block["text"] for block in content if block.get("type") == "text"]
    match = _FENCED.fullmatch("".join(texts))
    if match is None or not match[1].strip():
        return content
    others = tuple(block for block in content if block.get("type") != "text")
    return (*others, {"type": "text", "text": match[1]})


def counted(usage: Usage, request: Request, content: tuple[Block, ...]) -> Usage:
    """The usage; what the server does not count is estimated, and the whole marked as such."""
    said = usage.input_tokens + usage.cache_read_tokens + usage.cache_write_5m_tokens + usage.cache_write_1h_tokens
    into = usage.input_tokens if said else max(1, _bytes_of(request) // BYTES_PER_TOKEN)
    out = usage.output_tokens
    if not out and content:
        out = max(1, _size(content) // BYTES_PER_TOKEN)
    if into == usage.input_tokens and out == usage.output_tokens:
        return usage
    return replace(usage, input_tokens=into, output_tokens=out, estimated=True)


def _call_ids(request: Request) -> Iterator[str]:
    for message in request.messages:
        if message["role"] == "assistant" and not isinstance(message["content"], str):
            yield from (block["id"] for block in message["content"] if block.get("type") == "tool_use")


def _bytes_of(request: Request) -> int:
    tools = [[tool.name, tool.description, tool.input_schema] for tool in request.tools]
    return _size([request.system, tools, request.messages])


def _size(value: JSON) -> int:
    return len(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"))
