import jsonschema
import pytest

from agentflow.models.output_format import output_format
from tests.messages_api.schema_rules import check_output_schema

SENT = {
    "bounds that the API does not take": {
        "type": "object",
        "properties": {"questions": {"type": "array", "maxItems": 8, "items": {"type": "string"}}},
        "required": ["questions"],
    },
    "a value or null": {
        "type": "object",
        "properties": {"note": {"type": ["string", "null"], "description": "if any", "minLength": 3}},
    },
    "an enum": {"type": "object", "properties": {"verdict": {"type": "string", "enum": ["yes", "no"]}}},
    "an enum with null": {
        "type": "object",
        "properties": {"verdict": {"type": ["string", "null"], "enum": ["y", None]}},
    },
    "branches": {"oneOf": [{"type": "integer"}, {"type": "array", "items": {"type": "number"}}]},
    "a reference": {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$defs": {"point": {"type": "object", "properties": {"x": {"type": "number", "minimum": 0}}}},
        "type": "object",
        "properties": {"at": {"$ref": "#/$defs/point"}},
    },
}
NOT_SENT = {
    "an object of any keys": {"type": "object"},
    "a map": {"type": "object", "properties": {"m": {"type": "object", "additionalProperties": {"type": "number"}}}},
    "an object open on purpose": {
        "type": "object",
        "properties": {"a": {"type": "string"}},
        "additionalProperties": True,
    },
    "a key that is required and not described": {
        "type": "object",
        "properties": {"a": {"type": "string"}},
        "required": ["b"],
    },
    "anything": {},
    "true": True,
    "recursion": {
        "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}},
        "$ref": "#/$defs/node",
    },
    "a reference to elsewhere": {"type": "object", "properties": {"a": {"$ref": "https://example.com/x.json"}}},
    "a reference to nothing": {"type": "object", "properties": {"a": {"$ref": "#/$defs/none"}}},
    "all of": {"allOf": [{"type": "object", "properties": {"a": {"type": "string"}}}]},
    "branches beside properties": {
        "type": "object",
        "properties": {"a": {"type": "string"}},
        "anyOf": [{"required": ["a"]}, {"required": []}],
    },
    "a constant object": {"const": {"a": 1}},
    "garbage": {"type": "object", "properties": 5},
    "an unknown type": {"type": "thing"},
}


@pytest.fixture(scope="module")
def transform():
    import anthropic

    return anthropic.transform_schema


@pytest.mark.parametrize("schema", SENT.values(), ids=SENT.keys())
def test_what_the_api_can_hold_to_is_sent_and_the_api_takes_it(schema, transform):
    shape = output_format(schema, transform)
    assert shape is not None
    assert shape["type"] == "json_schema"
    check_output_schema("output_config.format", shape["schema"])


@pytest.mark.parametrize("schema", NOT_SENT.values(), ids=NOT_SENT.keys())
def test_what_would_shut_out_good_answers_is_not_sent(schema, transform):
    assert output_format(schema, transform) is None


def test_the_authors_schema_is_left_as_it_is(transform):
    schema = SENT["a reference"]
    before = repr(schema)
    output_format(schema, transform)
    assert repr(schema) == before


def test_null_stays_possible(transform):
    shape = output_format(SENT["a value or null"], transform)
    jsonschema.validate({"note": None}, shape["schema"])
    jsonschema.validate({"note": "abc"}, shape["schema"])
