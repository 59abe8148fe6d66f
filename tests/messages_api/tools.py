"""The `tools` and `tool_choice` of a request."""

import marshal
import re
from typing import Any

from .blocks import TOOL_NAME, require_string
from .errors import invalid
from .history import History
from .models import ModelRules
from .schema_rules import check_tool_schema

CUSTOM_FIELDS = frozenset(
    {
        "type",
        "name",
        "description",
        "input_schema",
        "cache_control",
        "strict",
        "defer_loading",
        "input_examples",
        "allowed_callers",
        "eager_input_streaming",
    }
)
# Source: `anthropic.types.tool_union_param`; the value is the tool's fixed name (None: a toolset has none).
SERVER_TOOLS: dict[str, str | None] = {
    "bash_20250124": "bash",
    "text_editor_20250124": "str_replace_editor",
    "text_editor_20250429": "str_replace_based_edit_tool",
    "text_editor_20250728": "str_replace_based_edit_tool",
    "code_execution_20250522": "code_execution",
    "code_execution_20250825": "code_execution",
    "code_execution_20260120": "code_execution",
    "code_execution_20260521": "code_execution",
    "memory_20250818": "memory",
    "web_search_20250305": "web_search",
    "web_search_20260209": "web_search",
    "web_search_20260318": "web_search",
    "web_fetch_20250910": "web_fetch",
    "web_fetch_20260209": "web_fetch",
    "web_fetch_20260309": "web_fetch",
    "web_fetch_20260318": "web_fetch",
    "tool_search_tool_bm25_20251119": "tool_search_tool_bm25",
    "tool_search_tool_regex_20251119": "tool_search_tool_regex",
    "browser_toolset_20260801": None,
    "computer_toolset_20260801": None,
}
_CHOICE_FIELDS = {
    "auto": {"type", "disable_parallel_tool_use"},
    "any": {"type", "disable_parallel_tool_use"},
    "tool": {"type", "name", "disable_parallel_tool_use"},
    "none": {"type"},
}
_MISSPELT_TYPE = re.compile(r"_\d{8}$")


def check_tools(tools: Any, history: History) -> list[str]:
    """Check the tool definitions, note their breakpoints, add them to the prompt; returns the tools' names."""
    if tools is None:
        return []
    if not isinstance(tools, list):
        raise invalid("tools: Input should be a valid list")
    names: list[str] = []
    for index, tool in enumerate(tools):
        if not isinstance(tool, dict):
            raise invalid(f"tools.{index}: Input should be a valid dictionary")
        kind = tool.get("type") or "custom"
        name = _check_custom(index, tool) if kind == "custom" else _check_server_tool(index, tool, kind)
        if name is not None:
            names.append(name)
        plain = {key: value for key, value in tool.items() if key != "cache_control"}
        history.prefix.chunks.append(marshal.dumps(("tool", plain), 2))
        if tool.get("cache_control") is not None:
            if tool.get("defer_loading"):
                raise invalid(f"tools.{index}: Tools with defer_loading cannot have cache_control")
            history.mark(f"tools.{index}", tool["cache_control"])
    if len(set(names)) != len(names):
        raise invalid("tools: Tool names must be unique.")
    return names


def _check_custom(index: int, tool: dict[str, Any]) -> str:
    place = f"tools.{index}.custom"
    name = require_string(place, tool, "name")
    if not TOOL_NAME.fullmatch(name):
        raise invalid(f"{place}.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'")
    extra = tool.keys() - CUSTOM_FIELDS
    if extra:
        raise invalid(f"{place}.{min(extra)}: Extra inputs are not permitted")
    if not isinstance(tool.get("description", ""), str):
        raise invalid(f"{place}.description: Input should be a valid string")
    for key in ("strict", "defer_loading"):
        if not isinstance(tool.get(key, False), bool):
            raise invalid(f"{place}.{key}: Input should be a valid boolean")
    if "input_schema" not in tool:
        raise invalid(f"{place}.input_schema: Field required")
    check_tool_schema(place, tool["input_schema"], strict=bool(tool.get("strict")))
    return name


def _check_server_tool(index: int, tool: dict[str, Any], kind: Any) -> str | None:
    if kind not in SERVER_TOOLS:
        raise invalid(f"tools.{index}: Input tag '{kind}' found using 'type' does not match any of the expected tags")
    name = SERVER_TOOLS[kind]
    if name is not None and tool.get("name") != name:
        raise invalid(f"tools.{index}.{kind}.name: Input should be '{name}'")
    return name


def check_tool_choice(choice: Any, names: list[str], rules: ModelRules, thinking: Any) -> None:
    """Check `tool_choice` against the tools, the model and the thinking configuration."""
    if choice is None:
        return
    kind = choice.get("type") if isinstance(choice, dict) else None
    if kind not in _CHOICE_FIELDS:
        raise invalid(
            f"tool_choice: Input tag '{kind}' found using 'type' does not match any of the expected tags: "
            "'auto', 'any', 'tool', 'none'"
        )
    extra = choice.keys() - _CHOICE_FIELDS[kind]
    if extra:
        raise invalid(f"tool_choice.{kind}.{min(extra)}: Extra inputs are not permitted")
    if not names:
        raise invalid("tool_choice: may only be specified while providing `tools`")
    if kind in ("any", "tool"):
        if not rules.forced_tools:
            raise invalid('tool_choice: type "tool" and "any" are not supported for this model.')
        if isinstance(thinking, dict) and thinking.get("type") in ("enabled", "adaptive"):
            raise invalid("Thinking may not be enabled when tool_choice forces tool use.")
    if kind == "tool" and require_string("tool_choice.tool", choice, "name") not in names:
        raise invalid(f"Tool '{choice['name']}' not found in provided tools")
