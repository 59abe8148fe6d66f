"""Events without the values of secrets, whatever they are of: the last place before they are taken up and recorded.

What commands and tools give is redacted where it comes in, and this finds what came another way: words of a model, an
error of the service that repeats what it was sent, a question, a name.
"""

import base64
import binascii
from typing import Any, TypeVar

import msgspec

from agentflow.events.codec import Event
from agentflow.guard.redaction import Redactor

AnyEvent = TypeVar("AnyEvent", bound=Event)

_NAMES = frozenset({
    "at", "run", "step", "session", "parent", "parent_call", "call", "continues", "agent", "tool", "model", "key",
    "status", "kind", "strategy", "way", "effects", "plan_digest", "project", "path", "folder", "branch", "workspace",
    "request_id", "fault", "stop_reason", "about",
})  # fmt: skip
"""Fields that say what an event is about: written by us, and read again to find it. A value that is the same as one of
them is no secret any more."""

_SIGNED = frozenset({"thinking", "redacted_thinking"})


def redacted_event(event: AnyEvent, redactor: Redactor) -> AnyEvent:
    """The event without the values, or itself where it holds none."""
    without: AnyEvent = _struct(event, redactor)
    return without


def _struct(value: Any, redactor: Redactor) -> Any:
    changed = {}
    for name in value.__struct_fields__:
        if name in _NAMES:
            continue
        before = getattr(value, name)
        after = _clean(before, redactor)
        if after is not before:
            changed[name] = after
    return msgspec.structs.replace(value, **changed) if changed else value


def _clean(value: Any, redactor: Redactor) -> Any:
    """The value without values of secrets; itself where there are none, so that nothing is copied for nothing."""
    if isinstance(value, str):
        after = redactor.redacted(value)
        return value if after == value else after
    if isinstance(value, dict):
        return _object(value, redactor)
    if isinstance(value, list | tuple):
        items = [_clean(item, redactor) for item in value]
        if all(new is old for new, old in zip(items, value, strict=True)):
            return value
        # Thinking is signed: what was changed in it would be refused, so that it goes as a whole.
        kept = [new for new, old in zip(items, value, strict=True) if new is old or not _is_signed(old)]
        return type(value)(kept)
    if isinstance(value, msgspec.Struct):
        return _struct(value, redactor)
    return value


def _object(value: dict[Any, Any], redactor: Redactor) -> Any:
    if value.get("type") == "base64" and isinstance(value.get("data"), str):
        return _media(value, redactor)
    items = {_clean(name, redactor): _clean(item, redactor) for name, item in value.items()}
    same = all(new is old for new, old in zip(items.values(), value.values(), strict=False)) and [*items] == [*value]
    return value if same else items


def _media(value: dict[Any, Any], redactor: Redactor) -> Any:
    try:
        found = redactor.in_bytes(base64.b64decode(value["data"], validate=True))
    except binascii.Error:
        return {**value, "data": redactor.redacted(value["data"])}
    return value if found is None else {**value, "data": ""}


def _is_signed(block: Any) -> bool:
    return isinstance(block, dict) and block.get("type") in _SIGNED
