"""The content blocks that a reply may hold, and what each has from its beginning."""

from collections.abc import Mapping

KNOWN_BLOCKS = frozenset(
    [
        "text",
        "thinking",
        "redacted_thinking",
        "tool_use",
        "server_tool_use",
        "compaction",
        "container_upload",
        "fallback",
        "web_search_tool_result",
        "web_fetch_tool_result",
        "tool_search_tool_result",
        "advisor_tool_result",
        "code_execution_tool_result",
        "bash_code_execution_tool_result",
        "text_editor_code_execution_tool_result",
        "mcp_tool_use",
        "mcp_tool_result",
        "mcp_tool_listing",
    ]
)
"""What a reply may hold, by `ContentBlock` and `BetaContentBlock` of the client."""

BEGINS_WITH: Mapping[str, frozenset[str]] = {
    "text": frozenset({"text"}),
    "thinking": frozenset({"thinking"}),
    "tool_use": frozenset({"id", "name", "input"}),
}
"""Keys that a block has from its beginning. Under a garbled name one would stay in the block, which is sent back."""
