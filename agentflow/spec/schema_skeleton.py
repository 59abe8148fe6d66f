"""What of a schema needs the meta-schema: all but the parts that are plainly right, in every dialect.

The validator of the meta-schema takes some 0.2 ms for each schema inside a schema, and files have thousands of them.
What is right here is right by the rules of drafts 6, 7, 2019-09 and 2020-12 alike.
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

_TYPES = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})
_ANCHOR = re.compile(r"[A-Za-z_][-A-Za-z0-9._]*")


def skeleton(schema: Any, most: int) -> tuple[Any, int]:
    """Returns a schema with `True` in the place of every part that is plainly right, and how many parts stay.

    Args:
        schema: bounded in depth and size.
        most: how many parts may stay; further ones are left out as if they were right.
    """
    taken = 0

    def of(current: Any) -> Any:
        nonlocal taken
        if isinstance(current, bool):
            return True
        if not isinstance(current, dict):
            taken += 1
            return current if taken <= most else True
        kept = {keyword: _inside(keyword, value, of) for keyword, value in current.items()}
        if all(_is_plain(keyword, value) for keyword, value in kept.items()):
            return True
        taken += 1
        return kept if taken <= most else True

    return of(schema), taken


def _inside(keyword: str, value: Any, of: Callable[[Any], Any]) -> Any:
    if keyword in _SCHEMAS and isinstance(value, dict | bool):
        return of(value)
    if keyword in _LISTS and isinstance(value, list):
        return [of(item) for item in value]
    if keyword in _MAPPINGS and isinstance(value, dict):
        return {name: of(item) for name, item in value.items()}
    if keyword == "dependencies" and isinstance(value, dict):
        return {name: item if _are_names(item) else of(item) for name, item in value.items()}
    return value


def _is_plain(keyword: str, value: Any) -> bool:
    """Whether a keyword, its schemas replaced, is right; one that no dialect knows is."""
    if keyword in _SCHEMAS:
        return value is True
    if keyword in _LISTS:
        return isinstance(value, list) and bool(value) and all(item is True for item in value)
    if keyword in _MAPPINGS:
        return isinstance(value, dict) and all(item is True for item in value.values())
    check = _CHECKS.get(keyword)
    return keyword not in _RARE if check is None else check(value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _is_boolean(value: Any) -> bool:
    return isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return not isinstance(value, bool) and (
        isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
    )


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _are_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value) and len(set(value)) == len(value)


def _is_type(value: Any) -> bool:
    return (isinstance(value, str) and value in _TYPES) or (
        bool(value) and _are_names(value) and _TYPES.issuperset(value)
    )


def _is_anchor(value: Any) -> bool:
    return isinstance(value, str) and _ANCHOR.fullmatch(value) is not None


def _are_dependencies(value: Any) -> bool:
    return isinstance(value, dict) and all(item is True or _are_names(item) for item in value.values())


_SCHEMAS = frozenset(
    {
        "additionalItems",
        "additionalProperties",
        "contains",
        "contentSchema",
        "else",
        "if",
        "items",
        "not",
        "propertyNames",
        "then",
        "unevaluatedItems",
        "unevaluatedProperties",
    }
)
_LISTS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_MAPPINGS = frozenset({"$defs", "definitions", "dependentSchemas", "patternProperties", "properties"})
# An `$id` or a vocabulary has rules of its own.
_RARE = frozenset({"$id", "$recursiveAnchor", "$vocabulary"})
_CHECKS: Mapping[str, Callable[[Any], bool]] = {
    "type": _is_type,
    "enum": _is_list,
    "required": _are_names,
    "dependentRequired": lambda value: isinstance(value, dict) and all(map(_are_names, value.values())),
    "dependencies": _are_dependencies,
    "multipleOf": lambda value: _is_number(value) and value > 0,
    "examples": _is_list,
    "$anchor": _is_anchor,
    "$dynamicAnchor": _is_anchor,
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), _is_number),
    **dict.fromkeys(
        (
            "maxContains",
            "maxItems",
            "maxLength",
            "maxProperties",
            "minContains",
            "minItems",
            "minLength",
            "minProperties",
        ),
        _is_count,
    ),
    **dict.fromkeys(("deprecated", "readOnly", "uniqueItems", "writeOnly"), _is_boolean),
    **dict.fromkeys(
        (
            "$comment",
            "$dynamicRef",
            "$recursiveRef",
            "$ref",
            "$schema",
            "contentEncoding",
            "contentMediaType",
            "description",
            "format",
            "pattern",
            "title",
        ),
        _is_text,
    ),
}
