"""The schemas most files have, judged without the validator, whose import costs more than the rest of a check.

Both functions only ever say yes: whatever they do not plainly accept goes on to the validator.
"""

import math
from typing import Any

_TYPES = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})
_TEXTS = frozenset({"description", "title", "format"})
_NUMBERS = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"})
_COUNTS = frozenset({"minLength", "maxLength", "minItems", "maxItems"})
_MAX_DEPTH = 20
_LARGEST = 1e300


def is_plainly_valid(schema: Any, depth: int = 0) -> bool:
    """Returns whether a schema has only well-known keywords with values that are plainly right."""
    if not isinstance(schema, dict) or depth > _MAX_DEPTH:
        return False
    return all(_is_plain(keyword, value, depth) for keyword, value in schema.items())


def _is_plain(keyword: str, value: Any, depth: int) -> bool:
    if keyword == "type":
        return isinstance(value, str) and value in _TYPES
    if keyword in _TEXTS:
        return isinstance(value, str)
    if keyword in _NUMBERS:
        return _is_number(value)
    if keyword in _COUNTS:
        return isinstance(value, int) and not isinstance(value, bool) and value >= 0
    if keyword == "enum":
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    if keyword == "required":
        return isinstance(value, list) and all(isinstance(item, str) for item in value) and _are_distinct(value)
    if keyword == "properties":
        return isinstance(value, dict) and all(is_plainly_valid(item, depth + 1) for item in value.values())
    if keyword == "items":
        return is_plainly_valid(value, depth + 1)
    return keyword == "default" or (keyword == "additionalProperties" and isinstance(value, bool))


def plainly_accepts(schema: Any, value: Any) -> bool:
    """Returns whether a plainly valid schema plainly accepts a text, number, boolean or null."""
    if not is_plainly_valid(schema) or not _is_scalar(value):
        return False
    if "enum" in schema and not (isinstance(value, str) and value in schema["enum"]):
        return False
    if "type" in schema and not _is_of(schema["type"], value):
        return False
    if isinstance(value, str):
        return bool(schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", math.inf))
    if not _is_number(value):
        return True
    if not schema.get("minimum", -math.inf) <= value <= schema.get("maximum", math.inf):
        return False
    return bool(schema.get("exclusiveMinimum", -math.inf) < value < schema.get("exclusiveMaximum", math.inf))


def _is_of(name: str, value: Any) -> bool:
    if name == "string":
        return isinstance(value, str)
    if name == "boolean":
        return isinstance(value, bool)
    if name == "null":
        return value is None
    if name == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    return name == "number" and _is_number(value)


def _is_scalar(value: Any) -> bool:
    """Whether it is a value of JSON that is no list and no mapping; of its numbers, one of a usual length."""
    return value is None or isinstance(value, str | bool) or (_is_number(value) and abs(value) < _LARGEST)


def _is_number(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)


def _are_distinct(items: list[str]) -> bool:
    return len(set(items)) == len(items)
