"""The content blocks that a reply may hold, and what each has from its beginning."""

import re
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

_NAME = re.compile(r"[a-z][a-z0-9_]*")


def is_garbled(kind: str) -> bool:
    """Whether a kind that is not known can only be a known one with a byte changed, lost or put in, or no name."""
    return _NAME.fullmatch(kind) is None or any(_is_one_apart(kind, known) for known in KNOWN_BLOCKS)


def _is_one_apart(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    same = next((index for index, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    return long[same + 1 :] == (short[same + 1 :] if len(short) == len(long) else short[same:])
