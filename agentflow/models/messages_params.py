"""A Request becomes the parameters of a Messages API call. Pure.

Source: the Messages API reference and the prompt caching page: at most 4 breakpoints, in the order tools, system,
messages; none on empty text; a breakpoint finds what was cached at most 20 blocks before it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from agentflow.models.output_format import output_format
from agentflow.models.port import Request
from agentflow.models.stream import sound
from agentflow.plan.agent_plan import ServiceSettings, ToolSpec
from agentflow.plan.service_tools import SERVICE_TOOLS

JSON = Any
Params = dict[str, JSON]
Message = Mapping[str, JSON]
Source = TypeVar("Source")
Built = TypeVar("Built")

EPHEMERAL: Mapping[str, str] = {"type": "ephemeral"}
LOOKBACK_BLOCKS = 20
FAST_MODE_BETA = "fast-mode-2026-02-01"

COMPACTION_BETA = "compact-2026-09-04"
"""Of the parameter `compaction` and of the blocks that it gives (`BetaCompactionConfigParam` of the client)."""

_MARKABLE = frozenset({"text", "tool_result", "tool_use", "image", "document", "search_result"})
_KEPT = 512


@dataclass(slots=True)
class _ByIdentity(Generic[Source, Built]):
    """What was built from a value, found again as long as the very same value comes."""

    build: Callable[[Source], Built]
    found: dict[int, tuple[Source, Built]] = field(default_factory=dict)

    def __call__(self, source: Source) -> Built:
        kept = self.found.get(id(source))
        if kept is None:
            if len(self.found) >= _KEPT:
                del self.found[next(iter(self.found))]
            # The source is kept beside what was built, so that its identity is not given to another value.
            kept = self.found[id(source)] = source, self.build(source)
        return kept[1]


class MessagesParams:
    """Builds parameters; what depends on the agent alone (tools, system, schema) is built once.

    Parameters:
        transform: the author's JSON Schema as the API takes it; may raise on what it cannot express.
    """

    def __init__(self, transform: Callable[[dict[str, JSON]], dict[str, JSON]]) -> None:
        self._tools = _ByIdentity[tuple[ToolSpec, ...], list[Params]](_tool_params)
        self._marked_tools = _ByIdentity[tuple[ToolSpec, ...], list[Params]](_marked_tool_params)
        self._formats = _ByIdentity[Mapping[str, JSON], Params | None](lambda schema: output_format(schema, transform))

    def build(self, request: Request) -> Params:
        """The parameters of `messages.create`; the request's messages are handed on, not copied."""
        params: Params = {"model": request.model, "max_tokens": request.max_tokens, "messages": request.messages}
        system = request.system if request.system and request.system.strip() else None
        marked = request.cache != "none"
        if system is not None:
            params["system"] = [{"type": "text", "text": system, "cache_control": EPHEMERAL}] if marked else system
        if request.tools:
            tools = self._marked_tools if marked and system is None else self._tools
            params["tools"] = tools(request.tools)
            params.update(_choice(request.tool_choice))
        if request.cache == "conversation":
            params["cache_control"] = EPHEMERAL
            params["messages"] = _with_earlier_breakpoint(request.messages)
        # The API refuses thinking in a reply that must call a tool.
        if request.thinking is not None and params.get("tool_choice", EPHEMERAL)["type"] != "tool":
            params["thinking"] = {"type": request.thinking}
        params.update(_service_params(request.service))
        output = self._output_config(request)
        if output:
            params["output_config"] = output
        if request.compact:
            params["extra_body"] = {"compaction": {"type": "summarize"}}
        if request.compact or _begins_with_compaction(request.messages):
            params["extra_headers"] = {"anthropic-beta": COMPACTION_BETA}
        return params

    def build_count(self, request: Request) -> Params:
        """The parameters of `messages.count_tokens`, which takes those that make up the input."""
        params = self.build(request)
        del params["max_tokens"]
        return params

    def _output_config(self, request: Request) -> Params:
        output: Params = {}
        if request.effort is not None:
            output["effort"] = request.effort
        shape = None if request.output_schema is None else self._formats(request.output_schema)
        if shape is not None:
            output["format"] = shape
        return output


def _begins_with_compaction(messages: tuple[Message, ...]) -> bool:
    content = messages[0]["content"] if messages else ""
    first = content[0] if isinstance(content, list | tuple) and content else None
    return isinstance(first, Mapping) and first.get("type") == "compaction"


def with_whole_characters(value: JSON) -> JSON:
    """Parameters that can be written as UTF-8: halves of a character joined, or replaced where the other is missing."""
    if isinstance(value, str):
        return sound(value)
    if isinstance(value, Mapping):
        return {sound(key): with_whole_characters(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [with_whole_characters(item) for item in value]
    return value


def _service_params(service: ServiceSettings) -> Params:
    params: Params = {
        "inference_geo": service.inference_geo,
        "service_tier": service.service_tier,
        "speed": service.speed,
        "metadata": None if service.user_id is None else {"user_id": service.user_id},
    }
    params = {name: value for name, value in params.items() if value is not None}
    if service.speed is not None:
        # Some models want it for any speed, and the others take it.
        params["extra_headers"] = {"anthropic-beta": FAST_MODE_BETA}
    return params


def _tool_params(tools: tuple[ToolSpec, ...]) -> list[Params]:
    return [_tool_param(tool) for tool in tools]


def _tool_param(tool: ToolSpec) -> Params:
    if tool.by == "service":
        served = SERVICE_TOOLS[tool.name]
        return {"type": served.type, "name": served.name, **tool.service}
    params: Params = {"name": tool.name, "description": tool.description, "input_schema": tool.input_schema}
    return {**params, "defer_loading": True} if tool.deferred else params


def _marked_tool_params(tools: tuple[ToolSpec, ...]) -> list[Params]:
    params = _tool_params(tools)
    # A deferred tool is no part of the prompt, so nothing can be cached up to it.
    last = next((param for param in reversed(params) if "defer_loading" not in param), None)
    if last is not None:
        last["cache_control"] = EPHEMERAL
    return params


def _choice(tool_choice: str) -> Params:
    if tool_choice == "auto":
        return {}
    choice = {"type": "none"} if tool_choice == "none" else {"type": "tool", "name": tool_choice}
    return {"tool_choice": choice}


def _with_earlier_breakpoint(messages: tuple[Message, ...]) -> tuple[Message, ...] | list[Message]:
    """The messages, with a breakpoint where the last request ended if this turn added more than is looked back over.

    Many calls at once (20 and more blocks of calls and results) would else miss all that was cached before them.
    """
    if len(messages) < 3 or sum(_blocks(message) for message in messages[-2:]) < LOOKBACK_BLOCKS:
        return messages
    ended = messages[-3]
    content = ended["content"]
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else list(content)
    last = blocks[-1] if blocks else {}
    if last.get("type") not in _MARKABLE or (last["type"] == "text" and not last["text"].strip()):
        return messages
    blocks[-1] = {**last, "cache_control": EPHEMERAL}
    return [*messages[:-3], {**ended, "content": blocks}, *messages[-2:]]


def _blocks(message: Message) -> int:
    content = message["content"]
    return 1 if isinstance(content, str) else len(content)
