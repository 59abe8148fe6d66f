"""What requests use of the Messages API that not every server has, and what a request is without it. Pure.

What only costs quality or money (caching, effort, thinking) is left out. What has a substitute gets it: a schema is
asked for in the instructions, a turn without tools is sent without them, deferred tools are sent whole. What a
workflow cannot do without, the service's own search, is refused with a next move. Which a server lacks is declared, or
learnt from the refusal that names it.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from agentflow.models.port import Request

JSON = Any


class Feature(Struct, frozen=True):
    """One feature.

    Attributes:
        named: how a refusal names it.
        is_used: whether a request uses it.
        without: the request that asks for the same without it; None: it cannot be done without.
        instead: what is done instead, or what to do, in words.
    """

    named: re.Pattern[str]
    is_used: Callable[[Request], bool]
    without: Callable[[Request], Request] | None
    instead: str


def lacking(request: Request, lacks: frozenset[str]) -> Request:
    """The request as a server can take it that lacks some features; those that it cannot do without stay."""
    for name, feature in FEATURES.items():
        if name in lacks and feature.without is not None and feature.is_used(request):
            request = feature.without(request)
    return request


def needed(request: Request, lacks: frozenset[str]) -> str | None:
    """The first feature that the request cannot do without and the server lacks, or None."""
    for name, feature in FEATURES.items():
        if name in lacks and feature.without is None and feature.is_used(request):
            return name
    return None


def refused_features(message: str, request: Request) -> frozenset[str]:
    """Which of the features that a request used the words of a refusal name, leaving out what it needs."""
    return frozenset(
        name
        for name, feature in FEATURES.items()
        if feature.without is not None and feature.is_used(request) and feature.named.search(message)
    )


def schema_in_words(schema: Mapping[str, JSON]) -> str:
    """What an agent is told that no format holds to its schema."""
    return (
        "Your final answer is one JSON value that meets this JSON Schema, with nothing before or after it and no code "
        f"fence around it:\n{json.dumps(schema, ensure_ascii=False)}"
    )


def with_schema_in_words(request: Request) -> Request:
    """The request with its schema, if any, in the instructions as well."""
    if request.output_schema is None:
        return request
    words = schema_in_words(request.output_schema)
    return replace(request, system=f"{request.system}\n\n{words}" if request.system else words)


def _without_format(request: Request) -> Request:
    assert request.output_schema is not None
    said = request.system is not None and schema_in_words(request.output_schema) in request.system
    return replace(request if said else with_schema_in_words(request), output_schema=None)


def _with_whole_tools(request: Request) -> Request:
    tools = tuple(replace(tool, deferred=False) for tool in request.tools)
    return replace(request, tools=tools, messages=tuple(map(_without_references, request.messages)))


def _without_references(message: Mapping[str, JSON]) -> Mapping[str, JSON]:
    content = message["content"]
    if isinstance(content, str) or not any(map(_has_references, content)):
        return message
    return {**message, "content": [_in_words(block) if _has_references(block) else block for block in content]}


def _has_references(block: Mapping[str, JSON]) -> bool:
    parts = block.get("content") if block.get("type") == "tool_result" else None
    return isinstance(parts, list) and any(part.get("type") == "tool_reference" for part in parts)


def _in_words(block: Mapping[str, JSON]) -> Mapping[str, JSON]:
    return {
        **block,
        "content": [
            {"type": "text", "text": f"Found: {part['tool_name']}"} if part.get("type") == "tool_reference" else part
            for part in block["content"]
        ],
    }


FEATURES: Mapping[str, Feature] = {
    "output_format": Feature(
        re.compile(r"output_config|output_format|response_format|json_schema|structured.?output", re.IGNORECASE),
        lambda request: request.output_schema is not None,
        _without_format,
        "the schema is asked for in the instructions; the answer is held to it as ever",
    ),
    "effort": Feature(
        re.compile(r"\beffort\b|output_config(?!\.format)", re.IGNORECASE),
        lambda request: request.effort is not None,
        lambda request: replace(request, effort=None),
        "the model decides itself how much it does",
    ),
    "thinking": Feature(
        re.compile(r"\bthinking\b|reasoning", re.IGNORECASE),
        lambda request: request.thinking is not None,
        lambda request: replace(request, thinking=None),
        "the model thinks as it is set up to",
    ),
    "caching": Feature(
        re.compile(r"cache.?control|prompt.?cach", re.IGNORECASE),
        lambda request: request.cache != "none",
        lambda request: replace(request, cache="none"),
        "nothing is cached, and every turn is read at the full price",
    ),
    "tool_choice": Feature(
        re.compile(r"tool.?choice", re.IGNORECASE),
        lambda request: request.tool_choice == "none",
        lambda request: replace(request, tools=(), tool_choice="auto"),
        "where no tool may be called, none is sent",
    ),
    "deferred_tools": Feature(
        re.compile(r"defer.?loading|tool.?reference|tool.?search", re.IGNORECASE),
        lambda request: any(tool.deferred for tool in request.tools),
        _with_whole_tools,
        "every tool is sent whole, found or not",
    ),
    "web_search": Feature(
        re.compile(r"web.?search", re.IGNORECASE),
        lambda request: any(tool.by == "service" for tool in request.tools) and request.tool_choice != "none",
        None,
        "take `WebSearch` out of the agent's `tools`, or use `WebFetch` and addresses that you know",
    ),
}
"""Every feature, by the name that an endpoint file calls it by. Fitting a request goes from first to last."""
