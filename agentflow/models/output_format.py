"""The author's JSON Schema becomes the format that makes the API keep to it, where that loses no answer. Pure.

The API closes every object and takes a part of JSON Schema only (structured outputs page, "JSON Schema limitations").
A format that is too wide is harmless: the author's schema judges the answer afterwards. One that is too narrow shuts
out answers that the author allows: an object of any keys, closed, is always empty. Then none is sent.
"""

from collections.abc import Callable, Mapping
from typing import Any

JSON = Any
Schema = dict[str, JSON]

_INEXPRESSIBLE = frozenset(
    {"patternProperties", "definitions", "$dynamicRef", "$anchor", "if", "not", "prefixItems", "allOf"}
)
_SAYS_NOTHING = frozenset({"$schema", "$id", "$comment"})
_BESIDE_BRANCHES = frozenset({"title", "description", "default", "examples"}) | _SAYS_NOTHING
_TRANSFORM_ERRORS = (ValueError, TypeError, AttributeError, KeyError, AssertionError, RecursionError)
"""The ways in which the client's transformer, which names no error of its own, says that it cannot express a schema."""


def output_format(schema: Mapping[str, JSON], transform: Callable[[Schema], Schema]) -> Schema | None:
    """The `output_config.format` of a schema.

    Args:
        schema: the author's.
        transform: the client's: drops or moves what the API does not take.

    Returns:
        The format, or None where the API cannot hold the model to the schema without refusing good answers.
    """
    try:
        return {"type": "json_schema", "schema": transform(_closable(schema, schema, ()))}
    except _TRANSFORM_ERRORS:
        return None


def _closable(schema: JSON, root: Mapping[str, JSON], trail: tuple[str, ...]) -> Schema:
    """The schema in words the transformer knows; ValueError where closing its objects would change what it means."""
    if not isinstance(schema, Mapping) or not schema.keys().isdisjoint(_INEXPRESSIBLE):
        raise ValueError("not expressible")
    if "$ref" in schema:
        _check_reference(schema["$ref"], root, trail)
        made: Schema = {"$ref": schema["$ref"]}
    else:
        made = _without_reference(schema, root, trail)
    if schema is root and "$defs" in schema:
        made["$defs"] = {name: _closable(value, root, (f"#/$defs/{name}",)) for name, value in schema["$defs"].items()}
    return made


def _check_reference(target: str, root: Mapping[str, JSON], trail: tuple[str, ...]) -> None:
    head, _, name = target.rpartition("/")
    if head != "#/$defs" or target in trail:
        raise ValueError("an outer or recursive reference")
    _closable(root["$defs"][name], root, (*trail, target))


def _without_reference(schema: Mapping[str, JSON], root: Mapping[str, JSON], trail: tuple[str, ...]) -> Schema:
    made = {key: value for key, value in schema.items() if key not in _SAYS_NOTHING and key != "$defs"}
    for key in ("anyOf", "oneOf"):
        if key in schema:
            if schema.keys() - _BESIDE_BRANCHES - {key, "$defs"}:
                raise ValueError("branches beside other rules")
            made[key] = [_closable(branch, root, trail) for branch in schema[key]]
            return made
    if any(isinstance(value, Mapping | list) for value in (schema.get("const"), *schema.get("enum", ()))):
        raise ValueError("a constant that is no scalar")
    if "enum" in schema or "const" in schema:
        made.pop("type", None)
        return made
    if isinstance(schema.get("type"), list):
        return _by_type(made, root, trail)
    if schema.get("type") == "object":
        made["properties"] = _properties(schema, root, trail)
    if "items" in schema:
        made["items"] = _closable(schema["items"], root, trail)
    return made


def _by_type(schema: Schema, root: Mapping[str, JSON], trail: tuple[str, ...]) -> Schema:
    """`type: [string, "null"]` as branches, which the transformer takes."""
    outer = {key: value for key, value in schema.items() if key in _BESIDE_BRANCHES}
    rules = {key: value for key, value in schema.items() if key not in _BESIDE_BRANCHES}
    branches = [{"type": "null"} if name == "null" else {**rules, "type": name} for name in schema["type"]]
    return {**outer, "anyOf": [_closable(branch, root, trail) for branch in branches]}


def _properties(schema: Mapping[str, JSON], root: Mapping[str, JSON], trail: tuple[str, ...]) -> Schema:
    properties = schema.get("properties")
    if not properties or schema.get("additionalProperties", False) or set(schema.get("required", ())) - set(properties):
        raise ValueError("an open object")
    return {name: _closable(value, root, trail) for name, value in properties.items()}
