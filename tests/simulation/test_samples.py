import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.simulation.samples import NoSampleError, sample
from agentflow.spec.contracts import Contract


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({}, "name"),
        ({"type": "string"}, "name"),
        ({"type": "string", "minLength": 6}, "name.."),
        ({"type": "string", "maxLength": 2}, "na"),
        ({"type": "string", "format": "date"}, "2000-01-01"),
        ({"type": "boolean"}, False),
        ({"type": "null"}, None),
        ({"type": "integer"}, 0),
        ({"type": "integer", "minimum": 3}, 3),
        ({"type": "integer", "exclusiveMinimum": 3}, 4),
        ({"type": "integer", "maximum": -2}, -2),
        ({"type": "integer", "minimum": 5, "multipleOf": 4}, 8),
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, 0.5),
        ({"type": ["array", "null"]}, ["name"]),
        ({"type": ["string", "null"], "pattern": "^[0-9]{4}$"}, None),
        ({"enum": ["b", "a"]}, "b"),
        ({"const": {"x": 1}}, {"x": 1}),
        ({"type": "integer", "default": 7}, 7),
        ({"type": "string", "pattern": "^[a-z]+@x$", "examples": ["me@x"]}, "me@x"),
        ({"type": "integer", "default": "seven"}, 0),
        ({"type": "array", "items": {"type": "integer"}}, [0]),
        ({"type": "array", "maxItems": 0}, []),
        ({"type": "array", "minItems": 3, "uniqueItems": True, "items": {"type": "integer"}}, [0, 1, 2]),
        ({"type": "array", "minItems": 2, "uniqueItems": True}, ["name", "name2"]),
        ({"type": "array", "minItems": 2, "prefixItems": [{"const": 1}], "items": {"const": 2}}, [1, 2]),
        ({"properties": {"a": {"type": "integer"}, "b": {}}, "required": ["a"]}, {"a": 0}),
        ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, "name"),
        ({"type": "integer", "oneOf": [{"type": "string"}, {"minimum": 2}]}, 2),
        ({"allOf": [{"required": ["a"]}, {"properties": {"a": {"const": 1}}}], "type": "object"}, {"a": 1}),
        ({"$ref": "#/$defs/n", "$defs": {"n": {"type": "integer", "minimum": 1}}}, 1),
    ],
    ids=json.dumps,
)
def test_the_smallest_value_that_still_shows_something(schema, value):
    assert sample(schema, "name") == value


def test_the_properties_name_their_texts():
    schema = {
        "type": "object",
        "properties": {"title": {"type": "string"}, "notes": {"type": "array", "items": {"type": "string"}}},
        "required": ["title", "notes"],
    }
    assert sample(schema, "x") == {"title": "title", "notes": ["notes"]}


@pytest.mark.parametrize(
    "schema",
    [
        {"not": {}},
        {"type": "string", "pattern": "^[0-9]{3}$"},
        {"type": "string", "minLength": 10_000_000},
        {"type": "integer", "minimum": 3, "maximum": 2},
        {"type": "array", "minItems": 2, "uniqueItems": True, "items": {"const": 1}},
        # Each level asks for two more: no value ends, and looking for one must.
        {
            "$ref": "#/$defs/t",
            "$defs": {
                "t": {"required": ["l", "r"], "properties": {"l": {"$ref": "#/$defs/t"}, "r": {"$ref": "#/$defs/t"}}}
            },
        },
        {
            "type": "array",
            "minItems": 1000,
            "items": {"type": "array", "minItems": 1000, "items": {"type": "array", "minItems": 1000}},
        },
    ],
    ids=lambda schema: json.dumps(schema)[:40],
)
def test_where_no_value_is_found_it_says_so(schema):
    with pytest.raises(NoSampleError) as refused:
        sample(schema, "name")
    assert refused.value.hint == "give it a stub"


_leaf = st.one_of(
    st.builds(
        lambda low, more: {"type": "integer", "minimum": low, "maximum": low + more},
        st.integers(-9, 9),
        st.integers(0, 9),
    ),
    st.builds(
        lambda low, more: {"type": "string", "minLength": low, "maxLength": low + more},
        st.integers(0, 9),
        st.integers(0, 9),
    ),
    st.builds(
        lambda values: {"enum": values},
        st.lists(st.one_of(st.integers(), st.text(), st.none()), min_size=1, max_size=3),
    ),
    st.just({"type": "boolean"}),
    st.just({"type": ["null", "number"]}),
)


def _deeper(inner):
    properties = st.dictionaries(st.sampled_from("abcd"), inner, max_size=3)
    return st.one_of(
        st.builds(
            lambda items, low, more: {"type": "array", "items": items, "minItems": low, "maxItems": low + more},
            inner,
            st.integers(0, 3),
            st.integers(0, 3),
        ),
        st.builds(
            lambda given: {
                "type": "object",
                "properties": given,
                "required": sorted(given),
                "additionalProperties": False,
            },
            properties,
        ),
        st.builds(lambda one, other: {"anyOf": [one, other]}, inner, inner),
        st.builds(lambda one: {"allOf": [one]}, inner),
    )


@given(st.recursive(_leaf, _deeper, max_leaves=12))
def test_a_value_that_is_found_meets_its_schema_and_is_the_same_every_time(schema):
    value = sample(schema, "name")
    assert Contract(schema).problems(value) == []
    assert sample(schema, "name") == value


@pytest.mark.parametrize(
    ("schema", "values"),
    [
        ({"type": "boolean"}, [False, True, True]),
        ({"enum": ["a", "b"]}, ["a", "b", "b"]),
        ({"type": "boolean", "enum": [False]}, [False, False, False]),
        ({"anyOf": [{"type": "boolean"}], "not": {"const": True}}, [False, False, False]),
        ({"properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}, [{"ok": False}, {"ok": True}, {"ok": True}]),
    ],
)
def test_later_turns_say_yes_and_take_the_next_choice_where_the_schema_lets_them(schema, values):
    assert [sample(schema, "name", turn) for turn in range(3)] == values
