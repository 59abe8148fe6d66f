"""An input given as text, on a command line or in a query, becomes a value of its schema's type."""

import math
import re
from collections.abc import Mapping
from typing import Any

from agentflow.errors import UsageError
from agentflow.spec.json_text import read_json

JSON = Any

_INTEGER = re.compile(r"[+-]?[0-9]{1,400}")
_NUMBER = re.compile(r"[+-]?[0-9]{1,400}(\.[0-9]{1,400})?([eE][+-]?[0-9]{1,5})?")
# The strictest first; text takes whatever is left.
_ORDER = ("null", "boolean", "integer", "number", "object", "array", "string")
_EXPECTED = {
    "null": ("null", "write `null`"),
    "boolean": ("true or false", "write `true` or `false`"),
    "integer": ("a whole number", "write digits, as `3`"),
    "number": ("a number", "write digits, as `0.5`"),
    "object": ("a JSON object", """write JSON in quotes of the shell, as '{"key": "value"}'"""),
    "array": ("a JSON list", """write JSON in quotes of the shell, as '["a", "b"]'"""),
}
_NOTHING = object()


def coerce_input(text: str, schema: Mapping[str, JSON]) -> JSON:
    """Returns what `text` means as an input of `schema`.

    Args:
        text: as given; text stays as it is where the schema takes text, or does not say.
        schema: the input's JSON Schema. Of several types the strictest that fits counts, text last.

    Returns:
        A value of one of the schema's types; whether it meets the rest of the schema is for a `Contract` to say.

    Raises:
        UsageError: the text is of none of the types. The message does not repeat it, since it may be secret.
    """
    types = _types_of(text, schema)
    for name in _ORDER:
        if name in types:
            value = _parsed(text, name)
            if value is not _NOTHING:
                return value
    if not types & set(_ORDER):
        return text
    expected = [_EXPECTED[name] for name in _ORDER if name in types]
    raise UsageError(f"it is not {' or '.join(what for what, _ in expected)}", expected[0][1])


def _types_of(text: str, schema: Mapping[str, JSON]) -> set[str]:
    declared = schema.get("type")
    if isinstance(declared, str):
        return {declared}
    if isinstance(declared, list):
        return {name for name in declared if isinstance(name, str)}
    choices = schema.get("enum")
    if isinstance(choices, list) and text not in choices:
        # Without a type, the choices tell: `-i level=2` means the 2 of `enum: [1, 2]`.
        kinds = {bool: "boolean", int: "integer", float: "number", type(None): "null", list: "array", dict: "object"}
        found = {kinds[type(choice)] for choice in choices if type(choice) in kinds}
        return found | {"string"}
    return {"string"}


def _parsed(text: str, name: str) -> JSON:
    stripped = text.strip()
    if name == "string":
        return text
    if name == "null":
        return None if stripped == "null" else _NOTHING
    if name == "boolean":
        return {"true": True, "false": False}.get(stripped, _NOTHING)
    if name == "integer":
        return int(stripped) if _INTEGER.fullmatch(stripped) else _NOTHING
    if name == "number":
        return _number(stripped)
    value = _json(stripped)
    return value if isinstance(value, dict if name == "object" else list) else _NOTHING


def _number(text: str) -> JSON:
    if _INTEGER.fullmatch(text):
        return int(text)
    value = float(text) if _NUMBER.fullmatch(text) else math.nan
    return value if math.isfinite(value) else _NOTHING


def _json(text: str) -> JSON:
    try:
        return read_json(text)
    except ValueError:
        return _NOTHING
