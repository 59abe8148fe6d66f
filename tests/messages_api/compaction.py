"""Compaction on request: the parameter, the block that answers it, and the block in later requests.

Source: `BetaCompactionConfigParam`, `BetaCompactionBlock`, the `compaction_*` error details and the tool runner of the
installed client (beta `compact-2026-09-04`).
"""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

from .errors import ApiError, invalid

BETA = "compact-2026-09-04"
_KEY = b"tests.messages_api.compaction"
_REPLY_ONLY = ("context_management", "stop_sequences")


def check_parameter(body: Mapping[str, Any], betas: str, supported: bool) -> None:
    """Check the parameter `compaction`, where the request has it."""
    if "compaction" not in body:
        return
    value = body["compaction"]
    if BETA not in betas or not supported:
        raise invalid("compaction: Extra inputs are not permitted")
    if not isinstance(value, dict) or value.get("type") != "summarize" or value.keys() - {"type", "instructions"}:
        raise invalid("compaction.type: Input should be 'summarize'")
    for key in _REPLY_ONLY:
        if body.get(key):
            raise invalid(f"compaction: cannot be combined with `{key}`")
    if (body.get("output_config") or {}).get("format") is not None:
        raise invalid("compaction: cannot be combined with `output_config.format`")
    if (body.get("tool_choice") or {}).get("type") in ("any", "tool"):
        raise invalid("compaction: cannot be combined with a `tool_choice` that forces a tool")


def check_betas(messages: Any, betas: str) -> None:
    """A compaction block wants its beta."""
    if isinstance(messages, list) and messages and begins(messages[0]) and BETA not in betas:
        raise invalid("messages.0.content.0: Input tag 'compaction' found using 'type' does not match any tag")


def begins(message: Any) -> bool:
    """Whether a message begins with a compaction block."""
    content = message.get("content") if isinstance(message, dict) else None
    first = content[0] if isinstance(content, list) and content else None
    return isinstance(first, dict) and first.get("type") == "compaction"


def check_block(place: str, first: bool, block: Mapping[str, Any]) -> None:
    """Check a compaction block that is sent back; `first`: it is the conversation's first."""
    if not first:
        message = f"{place}: the compaction block is not the first block of the conversation"
        raise ApiError("invalid_request_error", message, 400, "compaction_block_misplaced")
    content = block.get("content")
    if content == "":
        raise invalid(f"{place}.content: empty content is not allowed")
    if block.get("signature") != _signature(content or ""):
        message = f"{place}: the block's content differs from what was signed"
        raise ApiError("invalid_request_error", message, 400, "compaction_content_mismatch")


def block_of(summary: str) -> dict[str, Any]:
    """The block of an answer."""
    return {"type": "compaction", "content": summary, "signature": _signature(summary), "tool_changes": []}


def _signature(summary: str) -> str:
    digest = hashlib.blake2b(summary.encode("utf-8", "surrogatepass"), digest_size=16, key=_KEY).digest()
    return base64.b64encode(digest).decode()
