"""From a checked request and a scripted reply to the finished message of a non-streamed answer."""

import hashlib
from typing import Any

from . import compaction
from .errors import ApiError
from .models import ModelRules
from .prefix import BYTES_PER_TOKEN, CacheUsage, sign
from .script import Reply
from .sse import dump
from .validate import Checked

LIST_INPUT = ["not", "an", "object"]


def build_message(
    checked: Checked, reply: Reply, fingerprint: bytes, cached: CacheUsage, *, list_input: bool, truncated: bool
) -> dict[str, Any]:
    """The message object. Identifiers derive from `fingerprint`, a digest of the request, so they repeat with it."""
    warm = checked.body["max_tokens"] == 0
    content = (
        []
        if warm
        else [_finish(block, index, checked, fingerprint, list_input) for index, block in enumerate(reply.content)]
    )
    reason = "max_tokens" if truncated or warm else reply.reason
    usage = _usage(content, cached, warm)
    if checked.body.get("compaction") and reply.reason == "end_turn":
        summary = "".join(block["text"] for block in reply.content if block["type"] == "text")
        content, reason = [compaction.block_of(summary)], "compaction"
        # What the compaction took stands beside the totals, which count the answer alone: there is none.
        spent = {key: usage[key] for key in usage if key not in ("output_tokens_details", "service_tier")}
        zero = dict.fromkeys(("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"), 0)
        iteration = {"type": "compaction", **spent}
        usage = {**usage, **zero, "output_tokens": 0, "cache_creation": None, "iterations": [iteration]}
    return {
        "id": _identity("msg", fingerprint, 0),
        "type": "message",
        "role": "assistant",
        "model": checked.body["model"],
        "content": content,
        "stop_reason": reason,
        "stop_sequence": reply.stop_sequence,
        "stop_details": _stop_details(reply, reason),
        "usage": {**usage, **reply.usage},
    }


def _identity(kind: str, fingerprint: bytes, index: int) -> str:
    digest = hashlib.blake2b(fingerprint, digest_size=11, salt=index.to_bytes(4, "big")).hexdigest()
    return f"{kind}_01{digest}"


def _finish(block: Any, index: int, checked: Checked, fingerprint: bytes, list_input: bool) -> dict[str, Any]:
    finished = dict(block)
    if finished["type"] == "tool_use":
        finished.setdefault("id", _identity("toolu", fingerprint, index))
        if list_input:
            finished["input"] = LIST_INPUT
    elif finished["type"] == "thinking":
        _show_thinking(finished, checked.body, checked.rules)
        if "signature" not in finished:
            end = len(checked.prefix.chunks)
            digest = checked.prefix.digests({end})[end][0]
            finished["signature"] = sign(finished["thinking"], checked.body["model"], digest)
    return finished


def _show_thinking(block: dict[str, Any], body: dict[str, Any], rules: ModelRules) -> None:
    """Recent models return thinking with an empty text unless the request asks for `display: summarized`."""
    display = (body.get("thinking") or {}).get("display") or ("summarized" if rules.thinking_shown else "omitted")
    if display == "omitted":
        block["thinking"] = ""


def _stop_details(reply: Reply, reason: str) -> dict[str, Any] | None:
    if reply.stop_details is not None:
        return {"type": "refusal", **reply.stop_details}
    if reason == "refusal":
        return {"type": "refusal", "category": None, "explanation": None}
    return None


def _usage(content: list[dict[str, Any]], cached: CacheUsage, warm: bool) -> dict[str, Any]:
    thinking = sum(len(block["signature"]) for block in content if block["type"] == "thinking") // BYTES_PER_TOKEN
    output = 0 if warm else max(1, len(dump(content)) // BYTES_PER_TOKEN)
    return {
        "input_tokens": cached.uncached,
        "cache_creation_input_tokens": cached.created_5m + cached.created_1h,
        "cache_read_input_tokens": cached.read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": cached.created_5m,
            "ephemeral_1h_input_tokens": cached.created_1h,
        },
        "output_tokens": output,
        "output_tokens_details": {"thinking_tokens": min(thinking, output)},
        "service_tier": "standard",
    }


def no_rule(body: dict[str, Any]) -> ApiError:
    """The answer to a request no rule applies to: a 400, which no client retries."""
    return ApiError(
        "invalid_request_error", f"no rule of the script applies to this request (model {body['model']})", 400
    )
