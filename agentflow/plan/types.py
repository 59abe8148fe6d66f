"""What values can be: JSON Schemas, closed for reading. What has no schema is unknown and passes."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

from msgspec import Struct

from agentflow.plan.values import kind

JSON = Any
_MOST_ALTERNATIVES = 64
_MOST_EXPANSIONS = 2_000
_DEEPEST_SCHEMA = 64


class Shape(Struct, frozen=True):
    """A JSON Schema and the schema that its local `$ref`s point into.

    Shapes may stand inside a schema wherever a schema may: types that are put together keep their own roots.
    """

    schema: Mapping[str, JSON]
    root: Mapping[str, JSON]

    @classmethod
    def of(cls, schema: Mapping[str, JSON]) -> "Shape":
        """The shape of a schema that is whole."""
        return cls(schema, schema)


UNKNOWN = Shape({}, {})
STRING = Shape.of({"type": "string"})
BOOLEAN = Shape.of({"type": "boolean"})
INTEGER = Shape.of({"type": "integer"})
NUMBER = Shape.of({"type": "number"})
NULL = Shape.of({"type": "null"})


def array(items: Shape) -> Shape:
    """A list of such items."""
    return Shape.of({"type": "array", "items": items})


def record(fields: Mapping[str, Shape]) -> Shape:
    """An object that has just these fields, always."""
    return Shape.of({"type": "object", "properties": fields, "required": list(fields)})


def union(shapes: Iterable[Shape]) -> Shape:
    """One of these; unknown where one is."""
    kept: list[Shape] = []
    for shape in chain.from_iterable(map(_members, shapes)):
        if not shape.schema or len(kept) > _MOST_ALTERNATIVES:
            return UNKNOWN
        if not any(_same(shape, other) for other in kept):
            kept.append(shape)
    return kept[0] if len(kept) == 1 else Shape.of({"anyOf": kept}) if kept else UNKNOWN


def _members(shape: Shape) -> Iterable[Shape]:
    """The shapes that a union was made of."""
    several = shape.schema.get("anyOf", ())
    return several if several and len(shape.schema) == 1 and isinstance(several[0], Shape) else (shape,)


def _same(first: Shape, second: Shape) -> bool:
    """Whether two shapes are plainly the same; what is nested is not compared, since that can take for ever."""
    if first.schema is second.schema:
        return True
    plain = all(
        isinstance(value, str | int | float | bool) for value in (*first.schema.values(), *second.schema.values())
    )
    return plain and first.schema == second.schema


def shape_of_value(value: JSON) -> Shape:
    """The shape of a constant."""
    if isinstance(value, Mapping):
        return record({key: shape_of_value(item) for key, item in value.items()})
    if isinstance(value, list):
        return array(union(shape_of_value(item) for item in value[:_MOST_ALTERNATIVES]))
    return Shape.of({"type": kind(value), "const": value})


def alternatives(shape: Shape) -> list[Mapping[str, JSON]]:
    """What the shape can be, each without `anyOf`, `oneOf`, `allOf`, `$ref` or several types.

    Returns:
        Schemas whose parts are read by `part`; an empty schema among them stands for anything.
    """
    found: list[Mapping[str, JSON]] = []
    try:
        for schema in _Spread([_MOST_EXPANSIONS], 0).alternatives(shape.schema, shape.root):
            found.append(schema)
            if len(found) > _MOST_ALTERNATIVES:
                return [{}]
    except _TooManyError:
        return [{}]
    return found


class _TooManyError(Exception):
    """A schema unfolds into more than is worth knowing; never leaves this module."""


class _Spread(Struct, frozen=True):
    """Unfolds one schema; `left` counts down what may still be unfolded, `depth` how far this is inside it."""

    left: list[int]
    depth: int

    def alternatives(self, schema: JSON, root: Mapping[str, JSON]) -> Iterator[Mapping[str, JSON]]:
        """The alternatives of a schema, each with its root."""
        self.left[0] -= 1
        if self.left[0] < 0 or self.depth > _DEEPEST_SCHEMA:
            raise _TooManyError
        if isinstance(schema, Shape):
            schema, root = schema.schema, schema.root
        if schema is False:
            return
        if not isinstance(schema, Mapping):
            yield {}
        elif "$ref" in schema:
            yield from self._each(_less(schema, "$ref"), [_target(schema["$ref"], root)], root)
        elif _listed(schema, "allOf"):
            yield from self._all_of(_less(schema, "allOf"), schema["allOf"], root)
        elif _listed(schema, "anyOf"):
            yield from self._each(_less(schema, "anyOf"), schema["anyOf"], root)
        elif _listed(schema, "oneOf"):
            yield from self._each(_less(schema, "oneOf"), schema["oneOf"], root)
        elif isinstance(schema.get("type"), list):
            yield from ({**schema, "type": name, _ROOT: root} for name in schema["type"])
        else:
            yield {**schema, _ROOT: root} if schema else {}

    def _each(
        self, rest: Mapping[str, JSON], several: Iterable[JSON], root: Mapping[str, JSON]
    ) -> Iterator[Mapping[str, JSON]]:
        inner = _Spread(self.left, self.depth + 1)
        for one in several:
            for alternative in inner.alternatives(one, root):
                if set(rest) <= _ANNOTATIONS:
                    yield alternative
                else:
                    both = _both(rest, _less(alternative, _ROOT))
                    yield from inner.alternatives(both, alternative.get(_ROOT, root))

    def _all_of(
        self, rest: Mapping[str, JSON], several: list[JSON], root: Mapping[str, JSON]
    ) -> Iterator[Mapping[str, JSON]]:
        head, *tail = several
        inner = _Spread(self.left, self.depth + 1)
        for alternative in self._each(rest, [head], root):
            yield from inner._all_of(_less(alternative, _ROOT), tail, root) if tail else (alternative,)


def _listed(schema: Mapping[str, JSON], key: str) -> bool:
    return isinstance(schema.get(key), list) and bool(schema[key])


def _less(schema: Mapping[str, JSON], key: Any) -> Mapping[str, JSON]:
    return {name: value for name, value in schema.items() if name is not key and name != key}


def _both(first: Mapping[str, JSON], second: Mapping[str, JSON]) -> Mapping[str, JSON]:
    joined = {**first, **second}
    if "properties" in first and "properties" in second:
        joined["properties"] = {**first["properties"], **second["properties"]}
    if "required" in first and "required" in second:
        joined["required"] = [*first["required"], *second["required"]]
    return joined


def _target(reference: JSON, root: Mapping[str, JSON]) -> JSON:
    """What a local `$ref` points at; anything else is unknown."""
    if not isinstance(reference, str) or not reference.startswith("#"):
        return {}
    found: JSON = root
    for step in reference[1:].split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        if not isinstance(found, Mapping) or key not in found:
            return {}
        found = found[key]
    return found


# Holds each alternative's root; no schema has this key, since schemas come from YAML and its keys are text.
_ROOT: Any = object()
_ANNOTATIONS = frozenset(
    {"title", "description", "default", "examples", "$comment", "$defs", "definitions", "$schema", "$id"}
)


def part(schema: Mapping[str, JSON], inner: JSON) -> Shape:
    """The shape of a schema inside one of `alternatives`."""
    if isinstance(inner, Shape):
        return inner
    return Shape(inner, schema.get(_ROOT, {})) if isinstance(inner, Mapping) else UNKNOWN


def kinds(shape: Shape) -> frozenset[str] | None:
    """The types a value of this shape can have, in the words of JSON Schema; None where that is not known."""
    found: set[str] = set()
    for schema in alternatives(shape):
        own = _kinds_of(schema)
        if own is None:
            return None
        found |= own
    return frozenset(found)


def always(shape: Shape, name: str) -> bool:
    """Whether a value of this shape is of that type, whatever it is otherwise."""
    return kinds(shape) == frozenset((name,))


def _kinds_of(schema: Mapping[str, JSON]) -> set[str] | None:
    if isinstance(schema.get("type"), str):
        return {schema["type"]}
    if "const" in schema:
        return {kind(schema["const"])}
    if isinstance(schema.get("enum"), list):
        return {kind(value) for value in schema["enum"]}
    if "properties" in schema:
        return {"object"}
    return {"array"} if "items" in schema else None


def item_of(shape: Shape) -> Shape:
    """What the items of a list of this shape are."""
    found = []
    for schema in alternatives(shape):
        if "items" not in schema or "prefixItems" in schema:
            return UNKNOWN
        found.append(part(schema, schema["items"]))
    return union(found)


def is_constrained(shape: Shape) -> bool:
    """Whether it holds no free text: an enum, a number, true, false or null, and nothing else."""
    found = alternatives(shape)
    return bool(found) and all(
        "enum" in schema or "const" in schema or (_kinds_of(schema) or {"string"}) <= _CLOSED for schema in found
    )


_CLOSED = {"integer", "number", "boolean", "null"}


class Field(Struct, frozen=True):
    """A field that a shape can give.

    Attributes:
        optional: it may be missing.
    """

    shape: Shape
    optional: bool


class NoField(Struct, frozen=True):
    """A field that a shape cannot give.

    Attributes:
        known: the fields that it has.
        kinds: what it is.
    """

    known: tuple[str, ...]
    kinds: tuple[str, ...]


def field_type(shape: Shape, key: str | int) -> Field | NoField:
    """What reading `key` of a value of this shape gives."""
    if not shape.schema:
        return Field(UNKNOWN, False)
    found: list[Field] = []
    refusing: list[Mapping[str, JSON]] = []
    for schema in alternatives(shape):
        field = _field_of(schema, key)
        if field is None:
            refusing.append(schema)
        else:
            found.append(field)
    if not found:
        known = dict.fromkeys(name for schema in refusing for name in schema.get("properties", {}))
        return NoField(tuple(known), tuple(sorted(kinds(shape) or ())))
    return Field(union(field.shape for field in found), bool(refusing) or any(field.optional for field in found))


def _field_of(schema: Mapping[str, JSON], key: str | int) -> Field | None:
    own = _kinds_of(schema)
    if own is None:
        return Field(UNKNOWN, False)
    if isinstance(key, int):
        return _item_at(schema, own, key)
    if "object" not in own:
        return None
    return _property_of(schema, key)


def _item_at(schema: Mapping[str, JSON], own: set[str], index: int) -> Field | None:
    if "string" in own:
        return Field(STRING, False)
    if "array" not in own:
        return None
    prefix = schema.get("prefixItems")
    if isinstance(prefix, list) and 0 <= index < len(prefix):
        return Field(part(schema, prefix[index]), False)
    return Field(UNKNOWN if prefix else part(schema, schema.get("items")), False)


def _property_of(schema: Mapping[str, JSON], key: str) -> Field | None:
    properties, more = schema.get("properties"), schema.get("additionalProperties")
    if isinstance(properties, Mapping) and key in properties:
        if properties[key] is False:
            return None
        return Field(part(schema, properties[key]), key not in schema.get("required", ()))
    if isinstance(more, Mapping | Shape) or more is True or "patternProperties" in schema:
        return Field(part(schema, more), True)
    if properties is None and more is None:
        value = schema["const"].get(key) if isinstance(schema.get("const"), Mapping) else None
        return Field(UNKNOWN if value is None else shape_of_value(value), False)
    return None
