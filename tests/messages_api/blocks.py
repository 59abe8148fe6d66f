"""Content blocks of a request: which fields and values each type takes, and where it may stand."""

import re
from collections.abc import Mapping
from typing import Any

from .errors import ApiError, invalid
from .media import check_base64

TOOL_USE_ID = re.compile(r"[a-zA-Z0-9_-]+")
TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")

FIELDS: dict[str, frozenset[str]] = {
    "text": frozenset({"type", "text", "cache_control", "citations"}),
    "image": frozenset({"type", "source", "cache_control", "transformations"}),
    "document": frozenset({"type", "source", "cache_control", "citations", "context", "title"}),
    "search_result": frozenset({"type", "content", "source", "title", "cache_control", "citations"}),
    "thinking": frozenset({"type", "thinking", "signature"}),
    "redacted_thinking": frozenset({"type", "data"}),
    "tool_use": frozenset({"type", "id", "name", "input", "cache_control", "caller", "toolset_name"}),
    "tool_result": frozenset({"type", "tool_use_id", "content", "is_error", "cache_control", "toolset_name"}),
    "compaction": frozenset({"type", "content", "signature", "tool_changes", "encrypted_content", "cache_control"}),
    "tool_reference": frozenset({"type", "tool_name", "cache_control"}),
}
# Blocks of server tools are passed through: their inner shapes are many, and the client only sends back what it got.
SERVER_BLOCKS = frozenset(
    {
        "server_tool_use",
        "web_search_tool_result",
        "web_fetch_tool_result",
        "code_execution_tool_result",
        "bash_code_execution_tool_result",
        "text_editor_code_execution_tool_result",
        "tool_search_tool_result",
        "container_upload",
    }
)
ONLY_ASSISTANT = frozenset({"thinking", "redacted_thinking", "tool_use", "server_tool_use"})
ONLY_USER = frozenset({"tool_result", "image", "document", "search_result"})
IN_TOOL_RESULT = frozenset({"text", "image", "document", "search_result", "tool_reference"})
IMAGE_TYPES = ("image/jpeg", "image/png", "image/gif", "image/webp")
_SOURCES: dict[tuple[str, str], tuple[frozenset[str], frozenset[str]]] = {
    ("image", "base64"): (frozenset({"data", "media_type"}), frozenset()),
    ("image", "url"): (frozenset({"url"}), frozenset()),
    ("image", "file"): (frozenset({"file_id"}), frozenset()),
    ("document", "base64"): (frozenset({"data", "media_type"}), frozenset()),
    ("document", "text"): (frozenset({"data", "media_type"}), frozenset()),
    ("document", "url"): (frozenset({"url"}), frozenset()),
    ("document", "file"): (frozenset({"file_id"}), frozenset()),
    ("document", "content"): (frozenset({"content"}), frozenset()),
}


def require_string(place: str, value: Mapping[str, Any], key: str) -> str:
    """The string at `key`, or the API's refusal."""
    if key not in value:
        raise invalid(f"{place}.{key}: Field required")
    found = value[key]
    if not isinstance(found, str):
        raise invalid(f"{place}.{key}: Input should be a valid string")
    return found


def check_fields(place: str, block: Mapping[str, Any], kind: str) -> None:
    """Refuse fields that blocks of this `kind` do not have."""
    allowed = FIELDS[kind]
    if not block.keys() <= allowed:
        extra = min(block.keys() - allowed)
        raise invalid(f"{place}.{kind}.{extra}: Extra inputs are not permitted")


def check_text(place: str, text: Any, *, cached: bool) -> None:
    """Refuse text that is no string, empty, or blank."""
    if not isinstance(text, str):
        raise invalid(f"{place}.text.text: Input should be a valid string")
    if not text:
        if cached:
            raise invalid(f"{place}.text: cache_control cannot be set for empty text blocks")
        raise invalid("messages: text content blocks must be non-empty")
    if text.isspace():
        raise invalid("messages: text content blocks must contain non-whitespace text")


def check_source(place: str, block: Mapping[str, Any], kind: str) -> None:
    """Check the `source` of an image or a document."""
    source = block.get("source")
    if not isinstance(source, dict):
        raise invalid(f"{place}.{kind}.source: Field required")
    source_type = source.get("type")
    known = _SOURCES.get((kind, str(source_type)))
    if known is None:
        raise invalid(f"{place}.{kind}.source: Input tag '{source_type}' found using 'type' does not match any tag")
    for key in sorted(known[0]):
        if key == "content":
            if key not in source:
                raise invalid(f"{place}.{kind}.source.{source_type}.{key}: Field required")
            continue
        require_string(f"{place}.{kind}.source.{source_type}", source, key)
    if kind == "image" and source_type == "base64" and source["media_type"] not in IMAGE_TYPES:
        raise invalid(
            f"{place}.image.source.base64.media_type: Input should be "
            "'image/jpeg', 'image/png', 'image/gif' or 'image/webp'"
        )
    if source_type == "base64":
        check_base64(place, kind, source)


def unknown_tag(place: str, tag: Any) -> ApiError:
    """The refusal of a block whose `type` is not known there."""
    return invalid(f"{place}: Input tag '{tag}' found using 'type' does not match any of the expected tags")
