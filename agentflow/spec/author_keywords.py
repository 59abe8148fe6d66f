"""The keywords of JSON Schema that an editor offers where an author writes a schema: draft 2020-12, the usual ones.

Others are valid too. What an editor marks here the meta-schema refuses; the meta-schema itself is not referred to,
since an editor would have to fetch it.
"""

from typing import Any

TYPES = ("string", "integer", "number", "boolean", "array", "object", "null")

_SCHEMA = {"anyOf": [{"$ref": "#/$defs/JsonSchema"}, {"type": "boolean"}]}
_SCHEMAS = {"type": "array", "minItems": 1, "items": _SCHEMA}
_COUNT = {"type": "integer", "minimum": 0}
_NUMBER = {"type": "number"}
_TEXT = {"type": "string"}
_ANY = ["string", "number", "boolean", "array", "object", "null"]

_KEYWORDS: dict[str, tuple[str, dict[str, Any]]] = {
    "type": (
        "What kind of value it is, or a list of kinds.",
        {"anyOf": [{"enum": list(TYPES)}, {"type": "array", "items": {"enum": list(TYPES)}}]},
    ),
    "description": ("What it is, for people and models.", _TEXT),
    "enum": ("The values that it may have.", {"type": "array"}),
    "const": ("The one value that it may have.", {"type": _ANY}),
    "default": ("What counts where it is absent.", {"type": _ANY}),
    "examples": ("Values that it may have, to show what is meant.", {"type": "array"}),
    "minimum": ("The least that a number may be.", _NUMBER),
    "maximum": ("The most that a number may be.", _NUMBER),
    "minLength": ("The fewest characters of a text.", _COUNT),
    "maxLength": ("The most characters of a text.", _COUNT),
    "pattern": ("A regular expression (RE2) that is found in a text.", _TEXT),
    "format": ("What a text is, as `path`, `date` or `uri`.", _TEXT),
    "items": ("The schema of each item of a list.", _SCHEMA),
    "minItems": ("The fewest items of a list.", _COUNT),
    "maxItems": ("The most items of a list.", _COUNT),
    "uniqueItems": ("Whether the items of a list must differ.", {"type": "boolean"}),
    "properties": (
        "The keys of an object, and the schema of each.",
        {"type": "object", "additionalProperties": _SCHEMA},
    ),
    "required": ("The keys that an object must have.", {"type": "array", "items": _TEXT}),
    "additionalProperties": ("`false`: an object has no other keys; or the schema of the others.", _SCHEMA),
    "anyOf": ("Schemas of which at least one must hold.", _SCHEMAS),
}
_OF_INPUTS = {
    "default": ("What counts where the input is not given; an input without one is required.", {"type": _ANY}),
    "untrusted": (
        "`true`: its text is treated as a model's would be, and can reach no shell, option or executed variable.",
        {"type": "boolean"},
    ),
}


def schema_keywords() -> dict[str, Any]:
    """Returns the properties of a schema that an author writes, for the schema of the file."""
    return {name: _property(*entry) for name, entry in _KEYWORDS.items()}


def input_keywords() -> dict[str, Any]:
    """Returns the properties of an input: a schema's, and the two that only inputs have."""
    return {name: _property(*entry) for name, entry in (_KEYWORDS | _OF_INPUTS).items()}


def _property(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {**schema, "description": description}
