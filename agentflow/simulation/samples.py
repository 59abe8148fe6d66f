"""The smallest value that meets a schema and still shows something: what stands in for an output nobody has given."""

from collections.abc import Mapping
from itertools import product
from typing import Any

from agentflow.errors import AgentflowError
from agentflow.spec.contracts import Contract

JSON = Any

_MAX_DEPTH = 24
_MAX_ITEMS = 1000
_MAX_PARTS = 10_000
_MAX_TEXT = 100_000
_ALTERNATIVES = 8
_FORMATS = {
    "date": "2000-01-01",
    "date-time": "2000-01-01T00:00:00Z",
    "email": "name@example.org",
    "ipv4": "192.0.2.1",
    "time": "00:00:00Z",
    "uri": "https://example.org",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


class NoSampleError(AgentflowError):
    """No value was found that meets a schema: it has a pattern, or keywords that exclude each other."""


def sample(schema: Mapping[str, JSON], name: str, turn: int = 0) -> JSON:
    """A value that meets a schema; the same one every time.

    Only required properties; one item where a list may be empty, so that a loop over it shows its body; false, zero
    or the nearest bound; a property's name for its text. `const`, `enum`, `default` and `examples` come first.

    Parameters:
        name: the text where the schema wants one.
        turn: from 0; in later ones a boolean is true, and of an `enum` it is the next value's turn, up to the last.

    Raises:
        NoSampleError: none was found.
    """
    contract = Contract(schema)
    for used_turn, hinted, alternative in product(dict.fromkeys((turn, 0)), (True, False), range(_ALTERNATIVES)):
        try:
            value = _Sampler(schema, alternative, hinted, used_turn).of(schema, name, 0)
        except _TooLargeError:
            continue
        if contract.accepts(value):
            return value
    raise NoSampleError("no value was found that meets its schema", "give it a stub")


class _TooLargeError(Exception):
    """The value would have too many parts; never leaves this module."""


class _Sampler:
    """Makes values of one root schema; of every `anyOf` and `oneOf` it takes the same alternative.

    Parameters:
        hinted: `default` and `examples` count, though nobody has checked that the schema accepts them.
    """

    def __init__(self, root: Mapping[str, JSON], alternative: int, hinted: bool, turn: int) -> None:
        self._root = root
        self._alternative = alternative
        self._hinted = hinted
        self._turn = turn
        self._parts = 0

    def of(self, schema: JSON, name: str, depth: int) -> JSON:
        """A value that the schema may accept."""
        self._parts += 1
        if self._parts > _MAX_PARTS:
            raise _TooLargeError
        if depth > _MAX_DEPTH or not isinstance(schema, Mapping):
            return name
        schema = self._merged(schema, 0)
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return schema["enum"][min(self._turn, len(schema["enum"]) - 1)]
        if self._hinted and "default" in schema:
            return schema["default"]
        if self._hinted and isinstance(listed := schema.get("examples"), list) and listed:
            return listed[0]
        return self._of_type(_type_of(schema), schema, name, depth)

    def _of_type(self, kind: str, schema: Mapping[str, JSON], name: str, depth: int) -> JSON:
        if kind == "object":
            properties = schema.get("properties", {})
            return {key: self.of(properties.get(key, {}), key, depth + 1) for key in schema.get("required", ())}
        if kind == "array":
            return self._items(schema, name, depth)
        if kind == "string" and "pattern" in schema and _may_be_null(schema):
            return None
        if kind in ("integer", "number"):
            return _number(schema, whole=kind == "integer")
        return {"boolean": self._turn > 0, "null": None}.get(kind, _text(schema, name))

    def _items(self, schema: Mapping[str, JSON], name: str, depth: int) -> list[JSON]:
        count = max(schema.get("minItems", 0), min(1, schema.get("maxItems", 1)))
        first = schema.get("prefixItems", ())
        made: list[JSON] = []
        for index in range(min(count, _MAX_ITEMS)):
            item = self.of(first[index] if index < len(first) else schema.get("items", {}), name, depth + 1)
            if schema.get("uniqueItems") is True and item in made:
                item = _another(item, index)
            made.append(item)
        return made

    def _merged(self, schema: Mapping[str, JSON], followed: int) -> Mapping[str, JSON]:
        """The schema with what it refers to and its chosen alternatives in it."""
        parts: list[JSON] = []
        if isinstance(schema.get("$ref"), str):
            parts.append(self._referred(schema["$ref"]))
        parts += schema.get("allOf", ())
        for key in ("anyOf", "oneOf"):
            if schema.get(key):
                parts.append(schema[key][min(self._alternative, len(schema[key]) - 1)])
        merged = {key: value for key, value in schema.items() if key not in ("$ref", "allOf", "anyOf", "oneOf")}
        for part in parts if followed < _MAX_DEPTH else ():
            if isinstance(part, Mapping):
                merged = _joined(merged, self._merged(part, followed + 1))
        return merged

    def _referred(self, reference: str) -> JSON:
        found: JSON = self._root
        for word in reference.removeprefix("#").split("/")[1:]:
            key = word.replace("~1", "/").replace("~0", "~")
            if isinstance(found, list):
                found = found[int(key)] if key.isdecimal() and int(key) < len(found) else {}
            else:
                found = found.get(key, {}) if isinstance(found, Mapping) else {}
        return found


def _joined(one: Mapping[str, JSON], other: Mapping[str, JSON]) -> dict[str, JSON]:
    joined = {**other, **one}
    if "properties" in one and "properties" in other:
        joined["properties"] = {**other["properties"], **one["properties"]}
    if "required" in one and "required" in other:
        joined["required"] = list(dict.fromkeys([*one["required"], *other["required"]]))
    return joined


def _may_be_null(schema: Mapping[str, JSON]) -> bool:
    return isinstance(schema.get("type"), list) and "null" in schema["type"]


def _type_of(schema: Mapping[str, JSON]) -> str:
    named = schema.get("type")
    if isinstance(named, list) and named:
        named = named[0]
    if isinstance(named, str):
        return named
    if "properties" in schema or "required" in schema:
        return "object"
    if "items" in schema or "prefixItems" in schema or "minItems" in schema:
        return "array"
    bounds = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
    return "number" if any(bound in schema for bound in bounds) else "string"


def _number(schema: Mapping[str, JSON], *, whole: bool) -> JSON:
    """Zero where it may be, else what is nearest to it."""
    step = schema.get("multipleOf", 1 if whole else 0)
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    candidates = [0, low, high]
    candidates += [above + (step or 1), _middle(above, below, high)] if above is not None else []
    candidates += [below - (step or 1), _middle(below, above, low)] if below is not None else []
    if step and low is not None:
        candidates.append(-(-low // step) * step)
    if step and high is not None:
        candidates.append(high // step * step)
    contract = Contract(schema)
    for value in candidates:
        if value is None:
            continue
        exact = int(value) if whole and float(value).is_integer() else value
        if contract.accepts(exact):
            return exact
    return 0


def _middle(end: JSON, other: JSON, also: JSON) -> JSON:
    far = other if other is not None else also
    return None if far is None else (end + far) / 2


def _text(schema: Mapping[str, JSON], name: str) -> str:
    text = _FORMATS.get(str(schema.get("format")), name)
    low: int = schema.get("minLength", 0)
    high: int = schema.get("maxLength", max(len(text), low))
    return (text + "." * max(0, min(low, _MAX_TEXT) - len(text)))[:high]


def _another(item: JSON, index: int) -> JSON:
    if isinstance(item, bool) or item is None:
        return not item
    if isinstance(item, int | float):
        return item + index
    if isinstance(item, str):
        return f"{item}{index + 1}"
    if isinstance(item, Mapping) and item:
        key = next(iter(item))
        return {**item, key: _another(item[key], index)}
    return item
