"""What the meta-schema of JSON Schema cannot say: bounds, references, patterns. Nothing here imports jsonschema."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from msgspec import Struct

from agentflow.spec.patterns import PatternError, program_size

Path = tuple[str | int, ...]

MAX_DEPTH = 100
MAX_NODES = 20_000
# Python turns no longer ones into text, and nobody means them.
MAX_INTEGER_BITS = 10_000
# How many schemas may apply to one value at once, references followed. A chain of references that each name the
# next twice doubles at every link.
MAX_APPLIED = 5_000

DIALECTS = {
    "https://json-schema.org/draft/2020-12/schema": "Draft202012Validator",
    "https://json-schema.org/draft/2019-09/schema": "Draft201909Validator",
    "http://json-schema.org/draft-07/schema": "Draft7Validator",
    "http://json-schema.org/draft-06/schema": "Draft6Validator",
}
DEFAULT_DIALECT = "https://json-schema.org/draft/2020-12/schema"

ONE_SCHEMA = (
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
)
"""Keywords whose value is a schema."""

_LISTS = ("allOf", "anyOf", "items", "oneOf", "prefixItems")
_MAPPINGS = ("$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties")
# These apply to the very value that the schema around them applies to.
_IN_PLACE = frozenset({"allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas", "dependencies"})
# What RE2 has made of a pattern when it gives up.
_GIVEN_UP = 10_000
_REFUSED = ("$dynamicRef", "$recursiveRef")


@dataclass(slots=True)
class Allowance:
    """What the schemas of one file may still cost to check, all together.

    Attributes:
        patterns: different regular expressions.
        instructions: of these, once they are programs of RE2: a short pattern can become a long one.
        parts: schemas inside schemas that the meta-schema has to judge.
    """

    patterns: int = 300
    instructions: int = 40_000
    parts: int = 100
    seen: set[str] = field(default_factory=set)


class SchemaProblem(Struct, frozen=True):
    """What is wrong with a schema.

    Attributes:
        path: keys and list indexes from the schema's root to what is wrong.
        message: names it.
        hint: the next move, where there is one to name.
    """

    path: Path
    message: str
    hint: str | None = None


@dataclass(slots=True)
class _Subschema:
    """A schema inside the schema; `applied` are the paths of those that apply to the same value."""

    path: Path
    schema: dict[str, Any]
    applied: list[Path] = field(default_factory=list)


def bounds_problem(value: Any, nodes: int = MAX_NODES) -> SchemaProblem | None:
    """Returns why a value is no JSON of a size that can be checked: too deep, too large, or of other types.

    Args:
        value: a schema, or a value to be checked against one.
        nodes: how many values it may have, those inside included.
    """
    count = 0
    stack: list[tuple[Any, int, Path]] = [(value, 0, ())]
    while stack:
        current, depth, path = stack.pop()
        count += 1
        if depth > MAX_DEPTH:
            return SchemaProblem(path[:8], f"it is nested deeper than {MAX_DEPTH} levels")
        if count > nodes:
            return SchemaProblem((), f"it has more than {nodes:,} values")
        if isinstance(current, dict):
            if not all(isinstance(key, str) for key in current):
                return SchemaProblem(path, "it has a key that is not a string")
            stack.extend((item, depth + 1, (*path, key)) for key, item in current.items())
        elif isinstance(current, list):
            stack.extend((item, depth + 1, (*path, index)) for index, item in enumerate(current))
        elif isinstance(current, int) and current.bit_length() > MAX_INTEGER_BITS:
            return SchemaProblem(path, "it holds a number that is too long")
        elif isinstance(current, float) and not math.isfinite(current):
            return SchemaProblem(path, f"it holds {current}, a number that JSON does not have")
        elif current is not None and not isinstance(current, str | int | float):
            return SchemaProblem(path, f"it holds a {type(current).__name__}, which JSON does not have")
    return None


def dialect_of(schema: Any) -> str | None:
    """Returns the name of the schema's dialect as a key of `DIALECTS`, or None for one that is not known."""
    named = schema.get("$schema", DEFAULT_DIALECT) if isinstance(schema, dict) else DEFAULT_DIALECT
    named = named.removesuffix("#") if isinstance(named, str) else None
    return named if named in DIALECTS else None


def structure_problems(schema: dict[str, Any], allowance: Allowance) -> Iterator[SchemaProblem]:
    """Yields what is wrong with the references and patterns of a schema that its meta-schema accepts."""
    subschemas: dict[Path, _Subschema] = {}
    every_path = set()
    for path, value in _walk(schema):
        every_path.add(path)
        if isinstance(value, dict):
            subschemas[path] = _Subschema(path, value, list(_applied_here(path, value)))
    yield from _mixture_problems(subschemas.values())
    sound = True
    for subschema in subschemas.values():
        for problem in _keyword_problems(subschema, every_path, allowance):
            sound = False
            yield problem
        if "$ref" in subschema.schema and (target := _target(subschema.schema["$ref"])) is not None:
            subschema.applied.append(target)
    if sound:
        yield from _expansion_problems(subschemas)


def _walk(schema: Any) -> Iterator[tuple[Path, Any]]:
    stack: list[tuple[Path, Any]] = [((), schema)]
    while stack:
        path, current = stack.pop()
        yield path, current
        if isinstance(current, dict):
            stack.extend((path + below, child) for below, child in _children(current))


def _children(schema: dict[str, Any]) -> Iterator[tuple[Path, Any]]:
    for keyword, value in schema.items():
        if keyword in _LISTS and isinstance(value, list):
            yield from (((keyword, index), item) for index, item in enumerate(value))
        elif keyword in _MAPPINGS and isinstance(value, dict):
            yield from (((keyword, name), item) for name, item in value.items() if isinstance(item, dict | bool))
        elif keyword in ONE_SCHEMA and isinstance(value, dict | bool):
            yield (keyword,), value


def _applied_here(path: Path, schema: dict[str, Any]) -> Iterator[Path]:
    return (path + below for below, _ in _children(schema) if below[0] in _IN_PLACE)


def _target(reference: Any) -> Path | None:
    """Returns the path that a local reference names, with indexes as numbers where they look it; None for others."""
    if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/")):
        return None
    parts = [unquote(part).replace("~1", "/").replace("~0", "~") for part in reference[1:].split("/")[1:]]
    path: list[str | int] = []
    for part in parts:
        is_index = bool(path) and path[-1] in _LISTS and part.isascii() and part.isdigit() and len(part) < 6
        path.append(int(part) if is_index else part)
    return tuple(path)


def _keyword_problems(subschema: _Subschema, every_path: set[Path], allowance: Allowance) -> Iterator[SchemaProblem]:
    path, schema = subschema.path, subschema.schema
    for keyword in _REFUSED:
        if keyword in schema:
            yield SchemaProblem((*path, keyword), f"`{keyword}` is not supported", "use `$ref` to `#/$defs/…`")
    if path and "$id" in schema:
        yield SchemaProblem((*path, "$id"), "`$id` inside a schema is not supported", "use `$ref` to `#/$defs/…`")
    if "$ref" in schema:
        target = _target(schema["$ref"])
        if target is None:
            message = "only references within the same schema are followed"
            yield SchemaProblem((*path, "$ref"), message, "write `#/$defs/…`, and the definition under `$defs`")
        elif target not in every_path:
            yield SchemaProblem((*path, "$ref"), "there is no schema where this reference points")
    if isinstance(schema.get("pattern"), str):
        yield from _pattern_problems((*path, "pattern"), schema["pattern"], allowance)
    if isinstance(schema.get("patternProperties"), dict):
        for pattern in schema["patternProperties"]:
            yield from _pattern_problems((*path, "patternProperties", pattern), pattern, allowance)


def _mixture_problems(subschemas: Iterable[_Subschema]) -> Iterator[SchemaProblem]:
    # The validator matches the patterns of what was evaluated with Python's engine, which some patterns blow up.
    found = {
        key: s.path for s in subschemas for key in ("patternProperties", "unevaluatedProperties") if key in s.schema
    }
    if len(found) == 2:
        message = "`unevaluatedProperties` in one schema with `patternProperties` is not supported"
        path = (*found["unevaluatedProperties"], "unevaluatedProperties")
        yield SchemaProblem(path, message, "use `additionalProperties`")


def _pattern_problems(path: Path, pattern: str, allowance: Allowance) -> Iterator[SchemaProblem]:
    if pattern in allowance.seen:
        return
    if len(allowance.seen) >= allowance.patterns or allowance.instructions < 0:
        message = "the file has too many patterns, or too large ones"
        yield SchemaProblem(path, message, "use fewer, without large counts as `{1000}`")
        return
    allowance.seen.add(pattern)
    try:
        allowance.instructions -= program_size(pattern)
    except PatternError as error:
        allowance.instructions -= _GIVEN_UP if "too large" in str(error) else 0
        hint = "patterns are of RE2: no look-around, no references back, no repeat over 1,000"
        yield SchemaProblem(path, f"the pattern cannot be used: {error}", hint)


def _expansion_problems(subschemas: dict[Path, _Subschema]) -> Iterator[SchemaProblem]:
    """Yields where references lead back to themselves without a step into the value, or multiply."""
    weights: dict[Path, int] = {}
    opened: set[Path] = set()
    for start in subschemas:
        stack = [start]
        while stack:
            path = stack[-1]
            if path in weights or path not in subschemas:
                stack.pop()
                continue
            applied = [below for below in subschemas[path].applied if below in subschemas]
            if path in opened:
                opened.discard(path)
                stack.pop()
                weights[path] = min(1 + sum(weights.get(below, 1) for below in applied), MAX_APPLIED + 1)
                continue
            opened.add(path)
            if any(below in opened for below in applied):
                yield SchemaProblem(path, "this reference leads back to itself", "a cycle must pass a property or item")
                return
            stack.extend(applied)
    if any(weight > MAX_APPLIED for weight in weights.values()):
        yield SchemaProblem((), f"its references unfold to more than {MAX_APPLIED:,} schemas for one value")
