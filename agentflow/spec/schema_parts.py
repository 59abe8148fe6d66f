"""What of a schema needs the meta-schema: all but the parts that are plainly right, in every dialect.

The validator of the meta-schema takes some 0.2 ms for each schema inside a schema, and files have thousands of them.
What is right here is right by the rules of drafts 6, 7, 2019-09 and 2020-12 alike.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from agentflow.spec.schema_structure import ONE_SCHEMA

_TYPES = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})
_ANCHOR = re.compile(r"[A-Za-z_][-A-Za-z0-9._]*")


Path = tuple[str | int, ...]


def unsure_parts(schema: Any, dialect: str, most: int) -> tuple[list[tuple[Path, Any]], int]:
    """Returns the parts that are not plainly right, without what is inside them, and how many such parts there are.

    Args:
        schema: bounded in depth and size.
        dialect: the name of its validator in jsonschema.
        most: how many parts are returned.
    """
    parts: list[tuple[Path, Any]] = []
    count = 0
    waiting: list[tuple[Path, Any]] = [((), schema)]
    while waiting:
        path, current = waiting.pop()
        if isinstance(current, bool):
            continue
        if isinstance(current, dict):
            current = {keyword: value for keyword, value in current.items() if keyword not in _NOT_IN[dialect]}
            waiting += [((*path, *below), item) for below, item in _children(current)]
            current = {keyword: _emptied(keyword, value) for keyword, value in current.items()}
            if all(_is_plain(keyword, value) for keyword, value in current.items()):
                continue
        count += 1
        if count <= most:
            parts.append((path, current))
    return parts, count


def _children(schema: dict[str, Any]) -> Iterator[tuple[Path, Any]]:
    """Yields what stands where a schema is expected."""
    for keyword, value in schema.items():
        if keyword in _SCHEMAS and not (keyword == "items" and isinstance(value, list)):
            yield (keyword,), value
        elif keyword in _LISTS and isinstance(value, list):
            yield from (((keyword, index), item) for index, item in enumerate(value))
        elif keyword in _MAPPINGS and isinstance(value, dict):
            yield from (((keyword, name), item) for name, item in value.items())
        elif keyword == "dependencies" and isinstance(value, dict):
            yield from (((keyword, name), item) for name, item in value.items() if not _are_names(item))


def _emptied(keyword: str, value: Any) -> Any:
    """Returns a keyword's value without the schemas in it, which are looked at by themselves."""
    if keyword in _SCHEMAS and not (keyword == "items" and isinstance(value, list)):
        return True
    if keyword in _LISTS and isinstance(value, list):
        return [True] if value else []
    if (keyword in _MAPPINGS or keyword == "dependencies") and isinstance(value, dict):
        return {}
    return value


def _is_plain(keyword: str, value: Any) -> bool:
    """Whether a keyword, its schemas taken out, is right; one that no dialect knows is."""
    if keyword in _SCHEMAS:
        return value is True
    if keyword in _LISTS:
        return bool(value == [True])
    if keyword in _MAPPINGS or keyword == "dependencies":
        return bool(value == {})
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


_SCHEMAS = frozenset(ONE_SCHEMA)
_LATE = frozenset(
    {
        "$defs",
        "contentSchema",
        "dependentSchemas",
        "prefixItems",
        "unevaluatedItems",
        "unevaluatedProperties",
    }
)
_NOT_IN = {
    "Draft6Validator": _LATE | {"if", "then", "else"},
    "Draft7Validator": _LATE,
    "Draft201909Validator": frozenset({"prefixItems"}),
    "Draft202012Validator": frozenset({"additionalItems"}),
}
"""Keywords that hold schemas, and mean nothing in a dialect: what stands there is any value."""
_LISTS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_MAPPINGS = frozenset({"$defs", "definitions", "dependentSchemas", "patternProperties", "properties"})
_RARE = frozenset({"$recursiveAnchor", "$vocabulary"})
_CHECKS: Mapping[str, Callable[[Any], bool]] = {
    "type": _is_type,
    "enum": _is_list,
    "required": _are_names,
    "dependentRequired": lambda value: isinstance(value, dict) and all(map(_are_names, value.values())),
    "multipleOf": lambda value: _is_number(value) and value > 0,
    "examples": _is_list,
    "$id": lambda value: isinstance(value, str) and "#" not in value,
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
