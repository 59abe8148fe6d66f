"""Schemas that authors write: whether one is valid, and whether a value meets it. The one door to jsonschema.

Both schemas and values are hostile: patterns run in RE2, references stay inside the schema and are counted, and every
size is bounded. `format` is an annotation, as draft 2020-12 has it.
"""

import json
import math
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from fractions import Fraction
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any

from agentflow.errors import AgentflowError
from agentflow.source.suggest import did_you_mean
from agentflow.spec.input_text import coerce_input
from agentflow.spec.patterns import searcher
from agentflow.spec.plain_schemas import is_plainly_valid, plainly_accepts
from agentflow.spec.schema_parts import unsure_parts
from agentflow.spec.schema_structure import (
    DIALECTS,
    Allowance,
    SchemaProblem,
    bounds_problem,
    dialect_of,
    structure_problems,
)
from agentflow.spec.schema_words import extra_keys, json_path, words

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator

__all__ = ["MAX_PROBLEMS", "Allowance", "Contract", "SchemaProblem", "check_schema", "coerce_input"]

JSON = Any

MAX_PROBLEMS = 10
_MAX_REFERENCES = 200_000
_MAX_VALUES = 200_000
_TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")

_references_left: ContextVar[int] = ContextVar("references_left", default=_MAX_REFERENCES)


class _TooComplexError(Exception):
    """Checking would take too long; never leaves this module."""


def check_schema(schema: Any, allowance: Allowance | None = None) -> list[SchemaProblem]:
    """Returns what keeps a schema from being used, at most `MAX_PROBLEMS`.

    Args:
        schema: JSON Schema of draft 2020-12, or of the one `$schema` names (2019-09, 7, 6).
        allowance: what checking may still cost, shared by the schemas of one file; None: what one file may have.

    Returns:
        One problem a place: where the meta-schema refuses it, a reference leaves it, points at nothing or leads
        back to itself, a pattern is not RE2's, or it is too deep or too large.
    """
    if is_plainly_valid(schema):
        return []
    if not isinstance(schema, dict):
        return [SchemaProblem((), "a schema is a mapping")]
    bounds = bounds_problem(schema)
    if bounds is not None:
        return [bounds]
    dialect = dialect_of(schema)
    if dialect is None:
        return [SchemaProblem(("$schema",), "this version of JSON Schema is not known", "use draft 2020-12")]
    allowance = allowance or Allowance()
    problems = _meta_schema_problems(schema, dialect, allowance)
    return list(problems or islice(structure_problems(schema, allowance), MAX_PROBLEMS))[:MAX_PROBLEMS]


def _meta_schema_problems(schema: dict[str, Any], dialect: str, allowance: Allowance) -> list[SchemaProblem]:
    parts, count = unsure_parts(schema, DIALECTS[dialect], allowance.parts)
    if count == 0:
        return []
    import jsonschema

    meta = getattr(jsonschema, DIALECTS[dialect])
    problems: dict[Any, SchemaProblem] = {}
    try:
        validator = meta(meta.META_SCHEMA)
        errors = ((where, error) for where, part in parts for error in validator.iter_errors(part))
        for where, error in islice(errors, 10 * MAX_PROBLEMS):
            path = (*where, *error.absolute_path)
            problems.setdefault(path, _schema_problem(path, error))
    except RecursionError:
        return [SchemaProblem((), "it is nested too deeply to be checked")]
    if not problems and count > allowance.parts:
        problems[()] = SchemaProblem((), "the file's schemas take too long to check", "use fewer unusual keywords")
    allowance.parts = max(allowance.parts - count, 0)
    return list(problems.values())


def _schema_problem(path: tuple[str | int, ...], error: "ValidationError") -> SchemaProblem:
    named = f"`{path[-1]}` " if path and isinstance(path[-1], str) else ""
    if path and "type" in path[-2:] and error.validator in {"anyOf", "enum"}:
        hint = did_you_mean(error.instance, _TYPES) if isinstance(error.instance, str) else None
        return SchemaProblem(path, f"{named}must be one of {', '.join(_TYPES)}, or a list of these", hint)
    return SchemaProblem(path, f"{named}{words(error)}")


class Contract:
    """What a value must be.

    Args:
        schema: as `check_schema` accepts it.

    Raises:
        AgentflowError: the schema is too deep or too large.
    """

    def __init__(self, schema: Mapping[str, JSON]) -> None:
        bounds = bounds_problem(schema)
        if bounds is not None:
            raise AgentflowError(f"the schema cannot be used: {bounds.message}", "make it smaller")
        self._schema = schema
        # Text, because schemas of equal content then share one validator.
        self._text = json.dumps(schema)

    def problems(self, value: JSON) -> list[str]:
        """Returns what keeps `value` from meeting the schema, as `$.title must be text, not a number`.

        At most `MAX_PROBLEMS`, each of bounded length and without any part of the value but its keys; empty when the
        value meets the schema.

        Raises:
            AgentflowError: the schema is not valid.
        """
        if plainly_accepts(self._schema, value):
            return []
        bounds = bounds_problem(value, _MAX_VALUES)
        if bounds is not None:
            return [f"{json_path(bounds.path)}: {bounds.message}"]
        found = dict.fromkeys(islice(self._errors(value), MAX_PROBLEMS * 5))
        shown = list(islice(found, MAX_PROBLEMS))
        return shown if len(found) <= MAX_PROBLEMS else [*shown[:-1], "and more"]

    def accepts(self, value: JSON) -> bool:
        """Returns whether `value` meets the schema; raises as `problems` does."""
        return not self.problems(value)

    def _errors(self, value: JSON) -> Iterator[str]:
        validator = _validator(self._text)
        token = _references_left.set(_MAX_REFERENCES)
        try:
            for error in islice(validator.iter_errors(value), MAX_PROBLEMS * 5):
                yield f"{json_path(error.absolute_path)} {words(error)}"
        except (_TooComplexError, RecursionError):
            yield "$ is too complex to be checked against its schema"
        finally:
            _references_left.reset(token)


@lru_cache(maxsize=256)
def _validator(text: str) -> "Validator":
    schema = json.loads(text)
    problems = check_schema(schema)
    if problems:
        raise AgentflowError(f"{json_path(problems[0].path)}: {problems[0].message}", "correct the schema")
    import referencing

    dialect = dialect_of(schema)
    assert dialect is not None, "check_schema refuses unknown dialects"
    # A registry of its own has no way to fetch anything.
    validator: Validator = _hardened(DIALECTS[dialect])(schema, registry=referencing.Registry())
    return validator


@lru_cache(maxsize=len(DIALECTS))
def _hardened(dialect: str) -> Any:
    """Returns jsonschema's validator class with the keywords replaced that a hostile schema or value can abuse."""
    import jsonschema
    from jsonschema import validators

    base = getattr(jsonschema, dialect)
    follow = base.VALIDATORS["$ref"]

    def ref(validator: Any, reference: Any, instance: Any, schema: Any) -> Iterator["ValidationError"]:
        left = _references_left.get() - 1
        if left < 0:
            raise _TooComplexError
        _references_left.set(left)
        yield from follow(validator, reference, instance, schema) or ()

    replaced = {
        "$ref": ref,
        "properties": _properties,
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
        "uniqueItems": _unique_items,
        "multipleOf": _multiple_of,
    }
    extend: Any = validators.extend  # the package types its parameters, but not what it returns
    return extend(base, replaced)


def _error(message: str) -> "ValidationError":
    from jsonschema.exceptions import ValidationError

    return ValidationError(message)


def _properties(validator: Any, properties: Any, instance: Any, _: Any) -> Iterator["ValidationError"]:
    if not isinstance(instance, dict):
        return
    for name, subschema in properties.items():
        if name not in instance:
            continue
        if subschema is False:
            # The validator's own error would stand at the mapping and not say which key.
            yield _error(extra_keys([name], ()))
        else:
            yield from validator.descend(instance[name], subschema, path=name, schema_path=name)


def _pattern(_: Any, pattern: str, instance: Any, __: Any) -> Iterator["ValidationError"]:
    if isinstance(instance, str) and not searcher(pattern)(instance):
        yield _error("does not match")


def _pattern_properties(validator: Any, patterns: Any, instance: Any, _: Any) -> Iterator["ValidationError"]:
    if not isinstance(instance, dict):
        return
    for pattern, subschema in patterns.items():
        search = searcher(pattern)
        for name, value in instance.items():
            if search(name):
                yield from validator.descend(value, subschema, path=name, schema_path=pattern)


def _additional_properties(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator["ValidationError"]:
    if not isinstance(instance, dict):
        return
    known = schema.get("properties", {})
    searches = [searcher(pattern) for pattern in schema.get("patternProperties", {})]
    extra = [name for name in instance if name not in known and not any(search(name) for search in searches)]
    if isinstance(wanted, dict):
        for name in extra:
            yield from validator.descend(instance[name], wanted, path=name)
    elif wanted is False and extra:
        yield _error(extra_keys(extra, known))


def _unique_items(_: Any, wanted: Any, instance: Any, __: Any) -> Iterator["ValidationError"]:
    if wanted is True and isinstance(instance, list):
        seen = {json.dumps(_comparable(item), sort_keys=True) for item in instance}
        if len(seen) < len(instance):
            yield _error("has two equal items")


def _comparable(value: Any) -> Any:
    """Returns the value with each float that is a whole number as an integer: JSON Schema counts them as equal."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_comparable(item) for item in value]
    if isinstance(value, dict):
        return {name: _comparable(item) for name, item in value.items()}
    return value


def _multiple_of(validator: Any, factor: Any, instance: Any, _: Any) -> Iterator["ValidationError"]:
    if not validator.is_type(instance, "number"):
        return
    # In decimal, as both were written: 0.3 is a multiple of 0.1 although no quotient of floats says so.
    finite = isinstance(instance, int) or math.isfinite(instance)
    if not finite or Fraction(repr(instance)) % Fraction(repr(factor)) != 0:
        yield _error("is not a multiple")
