"""What reading a field of a schema gives."""

import pytest

from agentflow.plan.types import (
    UNKNOWN,
    Field,
    NoField,
    Shape,
    alternatives,
    field_type,
    is_constrained,
    item_of,
    kinds,
    shape_of_value,
    union,
)

PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name"],
}


def read(schema: dict, *keys: str | int):
    shape, optional = Shape.of(schema), False
    for key in keys:
        found = field_type(shape, key)
        if not isinstance(found, Field):
            return found
        shape, optional = found.shape, optional or found.optional
    return kinds(shape), optional


def test_a_required_field_is_there_and_another_may_be_missing():
    assert read(PERSON, "name") == ({"string"}, False)
    assert read(PERSON, "age") == ({"integer"}, True)


def test_a_field_that_no_alternative_has_is_refused_with_those_there_are():
    assert read(PERSON, "nam") == NoField(("name", "age"), ("object",))


def test_schemas_are_closed_for_reading_unless_they_say_otherwise():
    assert isinstance(read({**PERSON, "additionalProperties": False}, "x"), NoField)
    assert read({**PERSON, "additionalProperties": {"type": "number"}}, "x") == ({"number"}, True)
    assert read({**PERSON, "additionalProperties": True}, "x") == (None, True)
    assert read({"type": "object"}, "x") == (None, False)
    assert isinstance(read({"type": "object", "additionalProperties": False}, "x"), NoField)


def test_what_has_no_schema_passes():
    assert read({}, "a", 0, "b") == (None, False)


@pytest.mark.parametrize("key", ["anyOf", "oneOf"])
def test_a_field_of_only_one_alternative_may_be_missing(key: str):
    assert read({key: [PERSON, {"type": "null"}]}, "name") == ({"string"}, True)
    both = {key: [PERSON, {"type": "object", "properties": {"name": {"type": "integer"}}, "required": ["name"]}]}
    assert read(both, "name") == ({"string", "integer"}, False)


def test_several_types_are_alternatives():
    assert kinds(Shape.of({"type": ["string", "null"]})) == {"string", "null"}


def test_all_of_brings_fields_together():
    schema = {"allOf": [PERSON, {"properties": {"mail": {"type": "string"}}, "required": ["mail", "age"]}]}
    assert read(schema, "mail") == ({"string"}, False)
    assert read(schema, "age") == ({"integer"}, False)


def test_local_references_are_followed_from_the_root():
    schema = {
        "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}, "required": ["next"]}},
        "$ref": "#/$defs/node",
    }
    assert read(schema, "next", "next", "next") == ({"object"}, False)
    assert isinstance(read(schema, "next", "last"), NoField)


def test_items_of_lists():
    schema = {"type": "array", "items": PERSON}
    assert read(schema, 3, "name") == ({"string"}, False)
    assert kinds(item_of(Shape.of(schema))) == {"object"}
    assert isinstance(read(schema, "name"), NoField)


def test_an_explosion_of_alternatives_is_unknown():
    defs = {f"d{index}": {"anyOf": [{"$ref": f"#/$defs/d{index + 1}"}] * 2} for index in range(40)}
    defs["d40"] = {"allOf": [{"type": "string"}, False]}
    assert alternatives(Shape.of({"$defs": defs, "$ref": "#/$defs/d0"})) == [{}]
    endless = {"$defs": {"a": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}
    assert alternatives(Shape.of(endless)) == [{}]


def test_a_union_with_something_unknown_is_unknown():
    assert union((Shape.of(PERSON), UNKNOWN)) is UNKNOWN
    assert kinds(union((Shape.of({"type": "string"}), shape_of_value(None)))) == {"string", "null"}


@pytest.mark.parametrize(
    ("schema", "constrained"),
    [
        ({"enum": ["a", "b"]}, True),
        ({"type": "integer"}, True),
        ({"type": ["boolean", "null"]}, True),
        ({"type": "string", "const": "x"}, True),
        ({"type": "string"}, False),
        ({"anyOf": [{"type": "number"}, {"type": "string"}]}, False),
        ({"type": "array", "items": {"type": "integer"}}, False),
        ({}, False),
    ],
)
def test_what_holds_no_free_text_is_constrained(schema: dict, constrained: bool):
    assert is_constrained(Shape.of(schema)) is constrained


def test_unions_of_unions_stay_flat():
    shape = shape_of_value(0)
    for index in range(1000):
        shape = union((shape, shape_of_value(index % 3)))
    assert len(shape.schema["anyOf"]) == 3
