"""What a validator's error means, in words that a model or a person can act on.

Values are never quoted, since they may be secret; names of keys and what the schema says are. Works on jsonschema's
errors without importing it.
"""

import json
from collections.abc import Iterable
from typing import Any, Protocol

MAX_WORDS = 300
_MAX_NAME = 60
_MAX_CHOICES = 12

_KINDS = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "null": "null",
    "number": "a number",
    "object": "a mapping",
    "string": "text",
}
_BOUNDS = {
    "minimum": "must be at least {}",
    "maximum": "must be at most {}",
    "exclusiveMinimum": "must be more than {}",
    "exclusiveMaximum": "must be less than {}",
    "multipleOf": "must be a multiple of {}",
    "minLength": "must have at least {} characters",
    "maxLength": "must have at most {} characters",
    "minItems": "must have at least {} items",
    "maxItems": "must have at most {} items",
    "minProperties": "must have at least {} keys",
    "maxProperties": "must have at most {} keys",
    "pattern": "must match the pattern {}",
    "const": "must be {}",
}
_PLAIN = {
    "uniqueItems": "has two equal items",
    "contains": "has too few or too many items of the kind the schema asks for",
    "not": "is of a form that the schema excludes",
    "additionalItems": "has more items than the schema allows",
    "unevaluatedItems": "has more items than the schema allows",
    "items": "has more items than the schema allows",
    "unevaluatedProperties": "has keys that the schema does not allow",
}


class Refusal(Protocol):
    """What is read of an error of jsonschema's; its keyword and that one's value are `validator` and its value."""

    @property
    def message(self) -> str: ...
    @property
    def validator(self) -> Any: ...
    @property
    def validator_value(self) -> Any: ...
    @property
    def instance(self) -> Any: ...
    @property
    def context(self) -> Any: ...
    @property
    def schema_path(self) -> Any: ...
    @property
    def absolute_path(self) -> Any: ...


def kind_of(value: Any) -> str:
    """Returns what kind of value something is, as a reader would say it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "text"
    return "a list" if isinstance(value, list) else "a mapping"


def json_path(path: Iterable[str | int]) -> str:
    """Returns a JSON path as `$.questions[3].title`."""
    text = "$"
    for segment in path:
        if isinstance(segment, int):
            text += f"[{segment}]"
        elif segment.isidentifier() and len(segment) <= _MAX_NAME:
            text += f".{segment}"
        else:
            text += f"[{_quoted(segment)}]"
    return text if len(text) <= 160 else text[:100] + "…" + text[-50:]


def words(error: Refusal) -> str:
    """Returns what must be otherwise, as a sentence without its subject: `must be text, not a number`."""
    return _clipped(_words(error), MAX_WORDS)


def _words(error: Refusal) -> str:
    keyword, wanted, value = error.validator, error.validator_value, error.instance
    if keyword == "type":
        return f"must be {_one_of_types(wanted)}, not {kind_of(value)}"
    if keyword == "required" and isinstance(wanted, list) and isinstance(value, dict):
        return f"lacks {_names(name for name in wanted if name not in value)}"
    if keyword == "enum" and isinstance(wanted, list):
        return f"must be one of {_choices(wanted)}"
    if keyword in {"anyOf", "oneOf"}:
        return _no_branch(error)
    if keyword in _BOUNDS:
        return _BOUNDS[keyword].format(_clipped(json.dumps(wanted, ensure_ascii=False, default=str), 100))
    if keyword == "propertyNames" or not isinstance(keyword, str):
        return "is not allowed"
    # Errors that this room's own keywords make carry their words.
    return _PLAIN.get(keyword, error.message)


def _no_branch(error: Refusal) -> str:
    branches: dict[Any, list[Refusal]] = {}
    if not error.context:
        return "fits more than one of the forms of which it must fit one"
    for below in error.context:
        # A branch that is `false` has no keyword that could have refused.
        if not below.schema_path:
            continue
        branches.setdefault(below.schema_path[0], []).append(below)
    if not branches:
        return "is not allowed"
    own = len(error.absolute_path)
    firsts = [min(errors, key=lambda found: len(found.absolute_path)) for errors in branches.values()]
    if all(first.validator == "type" and len(first.absolute_path) == own for first in firsts):
        types = [name for first in firsts for name in _type_names(first.validator_value)]
        return f"must be {_one_of_types(types)}, not {kind_of(error.instance)}"
    nearest = max(firsts, key=lambda first: (first.validator != "type", len(first.absolute_path)))
    inner = json_path(list(nearest.absolute_path)[own:])[1:]
    # One level only: nested alternatives would multiply the words.
    detail = "none of its own" if nearest.context else _words(nearest)
    return f"fits none of {len(firsts)} allowed forms; nearest: {inner + ' ' if inner else ''}{detail}"


def _type_names(types: Any) -> list[str]:
    return [types] if isinstance(types, str) else list(types)


def _one_of_types(types: Any) -> str:
    return " or ".join(_KINDS.get(name, str(name)) for name in dict.fromkeys(_type_names(types)))


def _choices(values: list[Any]) -> str:
    shown = [_clipped(json.dumps(value, ensure_ascii=False, default=str), 40) for value in values[:_MAX_CHOICES]]
    return ", ".join(shown) + (", …" if len(values) > _MAX_CHOICES else "")


def _names(names: Iterable[str]) -> str:
    found = [_quoted(name) for name in names]
    return ", ".join(found[:_MAX_CHOICES]) + (", …" if len(found) > _MAX_CHOICES else "")


def extra_keys(extra: list[str], allowed: Iterable[str]) -> str:
    """Returns the words for keys that a schema does not have."""
    known = sorted(allowed)
    return f"has keys that are not allowed: {_names(extra)}" + (f"; it takes {_names(known)}" if known else "")


def _quoted(name: Any) -> str:
    return json.dumps(_clipped(str(name), _MAX_NAME))


def _clipped(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
