"""JSON Schema rules: what a tool's `input_schema` must be, and the subset that constrained decoding accepts.

Source: the structured outputs page ("JSON Schema limitations") and the texts of real 400 answers.
"""

import marshal
from functools import lru_cache
from typing import Any, cast

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from .errors import invalid

FORMATS = frozenset(["date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"])
_ANNOTATIONS = frozenset(
    ["title", "description", "default", "$schema", "$id", "$comment", "examples", "deprecated", "readOnly", "writeOnly"]
)
_EVERYWHERE = _ANNOTATIONS | {"type", "enum", "const", "anyOf", "allOf", "$ref", "$defs", "definitions"}
_OF_TYPE: dict[str, frozenset[str]] = {
    "object": frozenset({"properties", "required", "additionalProperties"}),
    "array": frozenset({"items", "minItems"}),
    "string": frozenset({"format", "pattern"}),
    "integer": frozenset(),
    "number": frozenset(),
    "boolean": frozenset(),
    "null": frozenset(),
}


def check_tool_schema(place: str, schema: Any, *, strict: bool) -> None:
    """Raise the API's refusal if `schema` is no valid tool input schema; `place` is like `tools.0.custom`."""
    if not isinstance(schema, dict):
        raise invalid(f"{place}.input_schema: Input should be a valid dictionary")
    problem = _tool_schema_problem(marshal.dumps(schema, 2))
    if problem is not None:
        raise invalid(f"{place}.input_schema{problem}")
    if strict:
        check_output_schema(place, schema)


@lru_cache(maxsize=2048)
def _tool_schema_problem(dumped: bytes) -> str | None:
    schema = cast(dict[str, Any], marshal.loads(dumped))
    if "type" not in schema:
        return ".type: Field required"
    if schema["type"] != "object":
        return ".type: Input should be 'object'"
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError:
        return (
            ": JSON schema is invalid. It must match JSON Schema draft 2020-12 (https://json-schema.org/draft/2020-12)."
        )
    return None


def check_output_schema(place: str, schema: Any) -> None:
    """Raise the API's refusal if constrained decoding does not take `schema`."""
    if not isinstance(schema, dict):
        raise invalid(f"{place}.schema: Input should be a valid dictionary")
    problem = _output_schema_problem(marshal.dumps(schema, 2))
    if problem is not None:
        raise invalid(f"{place}.schema: {problem}")


@lru_cache(maxsize=2048)
def _output_schema_problem(dumped: bytes) -> str | None:
    schema = cast(dict[str, Any], marshal.loads(dumped))
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        return f"Invalid schema: {error.message}"
    definitions = {
        f"#/{key}/{name}": value for key in ("$defs", "definitions") for name, value in schema.get(key, {}).items()
    }
    return _problem_in(schema, definitions) or _recursion(schema, definitions)


def _problem_in(schema: Any, definitions: dict[str, Any]) -> str | None:
    if not isinstance(schema, dict):
        return "boolean schemas are not supported"
    if "$ref" in schema:
        if schema["$ref"] not in definitions:
            return f"external or unknown $ref {schema['$ref']!r} is not supported"
    else:
        problem = _keyword_problem(schema)
        if problem is not None:
            return problem
    for child in _children(schema):
        problem = _problem_in(child, definitions)
        if problem is not None:
            return problem
    return None


def _keyword_problem(schema: dict[str, Any]) -> str | None:
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    allowed = _EVERYWHERE.union(*(_OF_TYPE.get(name, frozenset()) for name in types))
    unsupported = sorted(schema.keys() - allowed)
    if unsupported:
        names = ", ".join(unsupported)
        noun = "property" if len(unsupported) == 1 else "properties"
        shown = f"'{names}' is" if len(unsupported) == 1 else f"{names} are"
        return f"For '{types[0] if types else 'any'}' type, {noun} {shown} not supported"
    if not types and not schema.keys() & {"enum", "const", "anyOf", "allOf"}:
        return "Schema must have a 'type'"
    if "object" in types and schema.get("additionalProperties") is not False:
        return "For 'object' type, 'additionalProperties' must be explicitly set to false"
    if schema.get("minItems", 0) not in (0, 1):
        return "For 'array' type, 'minItems' values other than 0 or 1 are not supported"
    if schema.get("format", "date") not in FORMATS:
        return f"For 'string' type, format '{schema['format']}' is not supported"
    if any(isinstance(value, dict | list) for value in schema.get("enum", [])):
        return "complex types in 'enum' are not supported"
    if any("$ref" in branch for branch in schema.get("allOf", []) if isinstance(branch, dict)):
        return "'allOf' with '$ref' is not supported"
    return None


def _children(schema: dict[str, Any]) -> list[Any]:
    found: list[Any] = []
    for key in ("properties", "$defs", "definitions"):
        found.extend(schema.get(key, {}).values())
    for key in ("anyOf", "allOf"):
        found.extend(schema.get(key, []))
    if "items" in schema:
        found.append(schema["items"])
    return found


def _recursion(schema: dict[str, Any], definitions: dict[str, Any]) -> str | None:
    def leads_to(current: Any, trail: tuple[str, ...]) -> bool:
        if not isinstance(current, dict):
            return False
        target = current.get("$ref")
        if target is not None:
            return target in trail or leads_to(definitions[target], (*trail, target))
        inner = _children({**current, "$defs": {}, "definitions": {}})
        return any(leads_to(child, trail) for child in inner)

    starts = [schema, *definitions.values()]
    return "Recursive schemas are not supported" if any(leads_to(start, ()) for start in starts) else None
