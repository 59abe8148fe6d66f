"""Tools that the model's own service answers while it replies, as the Messages API names and bounds them.

Source: the client's types `web_search_tool_20260318_param`, `server_tool_use_block` and `web_search_tool_result_block`.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from agentflow.plan.agent_plan import Grant, StopRules, ToolSpec
from agentflow.plan.hosts import host_of_rule

JSON = Any

SEARCH = "WebSearch"
SEARCHES_PER_REQUEST = 5
"""How often a model may search in one reply, where `stop.tool_calls` does not allow fewer."""
RESULT_TOKENS = 8_000
"""What one search is reckoned to bring into the context; the service names no bound."""


class ServiceTool(Struct, frozen=True):
    """A server tool of the API.

    Attributes:
        name, type: of the tool there; `result` is the type of the blocks that hold what it gave.
    """

    name: str
    type: str
    result: str


SERVICE_TOOLS: Mapping[str, ServiceTool] = MappingProxyType(
    {"WebSearch": ServiceTool("web_search", "web_search_20260318", "web_search_tool_result")}
)
"""By the names that workflows use."""

_BY_API_NAME = {tool.name: name for name, tool in SERVICE_TOOLS.items()}
_RESULTS = {tool.result: name for name, tool in SERVICE_TOOLS.items()}


def with_options(grant: Grant, stop: StopRules, denied: Iterable[str] = ()) -> ToolSpec:
    """The tool of a grant with what the service is told of it.

    Parameters:
        denied: the sites it may not find. The service takes a list of either kind and not of both: of the sites that
            a grant names those are left out that hold a denied one, or lie in it.

    The bound is the same for every request of a session: a request with other tools would find nothing in the cache.
    """
    bound = SEARCHES_PER_REQUEST if stop.tool_calls is None else max(1, min(SEARCHES_PER_REQUEST, stop.tool_calls))
    # Called by the model itself, not by code that it has the service run: each search is then a block of the reply.
    told: dict[str, JSON] = {"max_uses": bound, "allowed_callers": ["direct"]}
    blocked = [host_of_rule(rule) for rule in denied]
    if grant.rules:
        told["allowed_domains"] = [host for host in map(host_of_rule, grant.rules) if not _meets(host, blocked)]
    elif blocked:
        told["blocked_domains"] = blocked
    return replace(grant.tool, service=told)


def _meets(host: str, sites: Iterable[str]) -> bool:
    return any(host == site or host.endswith(f".{site}") or site.endswith(f".{host}") for site in sites)


def most_uses(tools: Iterable[ToolSpec]) -> int:
    """How often the service may use tools in one request, all of them together."""
    return sum(tool.service.get("max_uses", 0) for tool in tools if tool.by == "service")


def service_calls(content: Iterable[Mapping[str, JSON]]) -> list[str]:
    """The names of the tools that the service used in a reply, in order, once for each use."""
    used = (block.get("name") for block in content if block.get("type") == "server_tool_use")
    return [_BY_API_NAME[name] for name in used if isinstance(name, str) and name in _BY_API_NAME]


def service_errors(content: Iterable[Mapping[str, JSON]]) -> list[tuple[str, str]]:
    """Of the tools that the service used in a reply without success, the name and the code of the error."""
    found = []
    for block in content:
        name, result = _RESULTS.get(str(block.get("type"))), block.get("content")
        if name is not None and isinstance(result, Mapping) and isinstance(result.get("error_code"), str):
            found.append((name, result["error_code"]))
    return found


def without_open_calls(content: Iterable[Mapping[str, JSON]]) -> list[Mapping[str, JSON]]:
    """A reply without the uses that have no result in it: no other request can bring those to an end."""
    blocks = list(content)
    done = {block.get("tool_use_id") for block in blocks if str(block.get("type")).endswith("_tool_result")}
    return [block for block in blocks if block.get("type") != "server_tool_use" or block.get("id") in done]
