import contextlib
import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentflow.errors import AgentflowError, UsageError
from agentflow.spec.contracts import MAX_PROBLEMS, Contract, check_schema, coerce_input
from agentflow.spec.plain_schemas import is_plainly_valid, plainly_accepts

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner))
WORDS = st.sampled_from(
    [
        "type",
        "properties",
        "required",
        "items",
        "enum",
        "minimum",
        "maximum",
        "$ref",
        "$defs",
        "allOf",
        "anyOf",
        "oneOf",
        "not",
        "pattern",
        "patternProperties",
        "additionalProperties",
        "unevaluatedProperties",
        "uniqueItems",
        "multipleOf",
        "minLength",
        "const",
        "if",
        "then",
        "$id",
        "$schema",
    ]
)
MEANT = st.sampled_from(
    ["string", "object", "array", "integer", "#", "#/$defs/a", "#/properties/a", "(a+)+$", "[", 0, -1, 1.5, True, None]
)
SCHEMAS = st.recursive(
    MEANT | SCALARS,
    lambda inner: st.dictionaries(WORDS | st.sampled_from(["a", "b"]), inner, max_size=4) | st.lists(inner, max_size=3),
    max_leaves=20,
)

BAD_SCHEMAS = [
    ({"type": "strng"}, ("type",), "`type` must be one of array"),
    ({"properties": {"a": {"type": "text"}}}, ("properties", "a", "type"), "`type` must be one of array"),
    ({"required": "a"}, ("required",), "`required` must be a list, not text"),
    ({"minimum": "1"}, ("minimum",), "`minimum` must be a number, not text"),
    ({"properties": {"a": 3}}, ("properties", "a"), "must be a mapping or true or false"),
    ({"$ref": "https://example.com/schema.json"}, ("$ref",), "only references within the same schema"),
    ({"$ref": "other.json#/a"}, ("$ref",), "only references within the same schema"),
    ({"$ref": "#/$defs/a"}, ("$ref",), "no schema where this reference points"),
    ({"properties": {"type": {"const": 1}}, "$ref": "#/properties"}, ("$ref",), "no schema where"),
    ({"$ref": "#"}, (), "leads back to itself"),
    ({"$defs": {"a": {"allOf": [{"$ref": "#/$defs/a"}]}}, "$ref": "#/$defs/a"}, None, "leads back to itself"),
    ({"pattern": "a(?=b)"}, ("pattern",), "the pattern cannot be used"),
    ({"patternProperties": {"[": {}}}, ("patternProperties", "["), "the pattern cannot be used"),
    ({"$schema": "https://example.com/mine"}, ("$schema",), "not known"),
    ({"$dynamicRef": "#a"}, ("$dynamicRef",), "not supported"),
    ({"unevaluatedProperties": False, "anyOf": [{"patternProperties": {"a": {}}}]}, ("unevaluatedProperties",), "not"),
    (["type"], (), "a schema is a mapping"),
    ({"x": {1: 2}}, ("x",), "a key that is not a string"),
    ({"enum": [10**5000]}, ("enum", 0), "too long"),
]


@pytest.mark.parametrize(("schema", "path", "message"), BAD_SCHEMAS, ids=range(len(BAD_SCHEMAS)))
def test_a_schema_that_cannot_be_used_is_told_where_and_why(schema: Any, path: Any, message: str):
    problem = check_schema(schema)[0]
    assert path is None or problem.path == path
    assert message in problem.message


def test_a_type_that_is_misspelt_comes_with_the_one_that_was_meant():
    assert check_schema({"type": "strng"})[0].hint == "did you mean `string`?"


GOOD_SCHEMAS = [
    {},
    {"type": ["string", "null"], "default": None},
    {"$defs": {"node": {"properties": {"next": {"$ref": "#/$defs/node"}}}}, "$ref": "#/$defs/node"},
    {"$schema": "http://json-schema.org/draft-07/schema#", "definitions": {"a": {}}, "$ref": "#/definitions/a"},
    {"properties": {"$ref": {"type": "string"}, "pattern": {"type": "string"}, "a/b": {}, "c%d": {}}},
    {"properties": {"a/b": {"type": "string"}, "x": {"$ref": "#/properties/a~1b"}}},
    {"prefixItems": [{"const": 1}], "items": {"$ref": "#/prefixItems/0"}},
    {"type": "object", "unevaluatedProperties": False, "allOf": [{"properties": {"a": {}}}]},
]


@pytest.mark.parametrize("schema", GOOD_SCHEMAS, ids=json.dumps)
def test_a_valid_schema_has_no_problems_and_takes_values(schema: Any):
    assert check_schema(schema) == []
    assert isinstance(Contract(schema).problems({"a": 1}), list)


def test_references_that_multiply_are_refused_before_they_are_followed():
    chain = {f"a{n}": {"allOf": [{"$ref": f"#/$defs/a{n + 1}"}] * 2} for n in range(40)}
    assert "unfold" in check_schema({"$defs": {**chain, "a40": {}}, "$ref": "#/$defs/a0"})[0].message


def test_references_that_multiply_with_each_level_of_the_value_stop_the_check():
    below = {"properties": {"x": {"$ref": "#/$defs/n"}}}
    schema = {"$defs": {"n": {"allOf": [below, below]}}, "$ref": "#/$defs/n"}
    assert check_schema(schema) == []
    value: Any = {}
    for _ in range(60):
        value = {"x": value}
    assert Contract(schema).problems(value) == ["$ is too complex to be checked against its schema"]


MISSES = [
    ({"type": "integer"}, "3", ["$ must be a whole number, not text"]),
    ({"type": ["string", "null"]}, 3, ["$ must be text or null, not a number"]),
    ({"required": ["a", "b"]}, {}, ['$ lacks "a", "b"']),
    (
        {"properties": {"a": {}}, "additionalProperties": False},
        {"b": 1},
        ['$ has keys that are not allowed: "b"; it takes "a"'],
    ),
    ({"enum": ["low", "high"]}, "mid", ['$ must be one of "low", "high"']),
    ({"const": 1}, 2, ["$ must be 1"]),
    ({"items": {"minimum": 3}}, [4, 2, 1], ["$[1] must be at least 3", "$[2] must be at least 3"]),
    ({"properties": {"a b": {"maxLength": 2}}}, {"a b": "xyz"}, ['$["a b"] must have at most 2 characters']),
    ({"uniqueItems": True}, [{"a": 1}, {"a": 1.0}], ["$ has two equal items"]),
    ({"multipleOf": 0.1}, 0.35, ["$ must be a multiple of 0.1"]),
    ({"pattern": "^a+$"}, "b", ['$ must match the pattern "^a+$"']),
    ({"patternProperties": {"^n_": {"type": "number"}}}, {"n_a": "x"}, ["$.n_a must be a number, not text"]),
    ({"anyOf": [{"type": "string"}, {"type": "null"}]}, 1, ["$ must be text or null, not a number"]),
    ({"oneOf": [{}, {}]}, 1, ["$ fits more than one of the forms of which it must fit one"]),
    (
        {"anyOf": [{"type": "null"}, {"type": "object", "properties": {"a": {"type": "string"}}}]},
        {"a": 1},
        ["$ fits none of 2 allowed forms; nearest: .a must be text, not a number"],
    ),
    ({"anyOf": [False]}, 1, ["$ is not allowed"]),
    ({"anyOf": [False, {"type": "null"}]}, 1, ["$ must be null, not a number"]),
    ({"not": {}}, 1, ["$ is of a form that the schema excludes"]),
    ({"properties": {"a": False}}, {"a": 1}, ['$ has keys that are not allowed: "a"']),
]


@pytest.mark.parametrize(("schema", "value", "problems"), MISSES, ids=range(len(MISSES)))
def test_a_value_that_misses_its_schema_is_told_in_words(schema: Any, value: Any, problems: list[str]):
    contract = Contract(schema)
    assert contract.problems(value) == problems
    assert not contract.accepts(value)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"uniqueItems": True}, [1, True, "1", [1], 0, False]),
        ({"multipleOf": 0.1}, 0.3),
        ({"type": "integer"}, 3.0),
        ({"patternProperties": {"^x-": {}}, "additionalProperties": False}, {"x-a": 1}),
        ({"format": "email"}, "not an address"),
    ],
    ids=str,
)
def test_a_value_that_meets_its_schema_is_accepted(schema: Any, value: Any):
    assert Contract(schema).accepts(value)


def test_a_value_is_never_quoted():
    contract = Contract({"properties": {"token": {"type": "integer", "enum": [1]}}, "maxProperties": 0})
    assert "hunter2" not in " ".join(contract.problems({"token": "hunter2"}))


def test_problems_are_few_and_short():
    problems = Contract({"items": {"enum": ["x" * 1000] * 100}}).problems(list(range(1000)))
    assert len(problems) == MAX_PROBLEMS
    assert problems[-1] == "and more"
    assert all(len(problem) < 600 for problem in problems)


def test_a_pattern_that_explodes_elsewhere_is_answered():
    text = "a" * 50_000 + "!"
    assert not Contract({"pattern": "^(a+)+$"}).accepts(text)
    assert not Contract({"patternProperties": {"^(a+)+$": {}}, "additionalProperties": False}).accepts({text: 1})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", 10**6000, object(), {1: 2}, (1,)], ids=type)
def test_hostile_values_are_judged_not_raised(value: Any):
    schema = {"allOf": [{"multipleOf": 2.5}, {"pattern": "^a"}, {"maximum": 3}], "type": ["string", "number"]}
    assert Contract(schema).problems(value)


def test_a_value_nested_too_deeply_is_refused():
    value: Any = []
    for _ in range(5_000):
        value = [value]
    assert "nested deeper" in Contract({"$ref": "#/$defs/a", "$defs": {"a": {}}}).problems(value)[0]


def test_a_contract_of_a_broken_schema_raises_when_used():
    with pytest.raises(AgentflowError, match="type"):
        Contract({"type": "strng"}).problems(1)


@given(SCHEMAS, VALUES)
@settings(max_examples=300, deadline=None)
def test_any_schema_is_judged_and_a_sound_one_judges_any_value(schema: Any, value: Any):
    if not check_schema(schema):
        assert isinstance(Contract(schema).problems(value), list)


@given(SCHEMAS, VALUES)
@settings(max_examples=300, deadline=None)
def test_the_shortcut_for_plain_schemas_agrees_with_the_validator(schema: Any, value: Any):
    import jsonschema

    if is_plainly_valid(schema):
        jsonschema.Draft202012Validator.check_schema(schema)
        assert not plainly_accepts(schema, value) or jsonschema.Draft202012Validator(schema).is_valid(value)


def test_a_trivial_check_does_not_import_the_validator():
    code = (
        "import sys; from agentflow.spec.contracts import *; "
        "s = {'type': 'integer', 'minimum': 1, 'maximum': 8, 'description': 'x'}; "
        "assert check_schema(s) == [] and Contract(s).accepts(3); assert 'jsonschema' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("text", "schema", "value"),
    [
        ("3", {"type": "string"}, "3"),
        ("3", {}, "3"),
        (" 3 ", {"type": "integer"}, 3),
        ("-0.5e2", {"type": "number"}, -50.0),
        ("true", {"type": "boolean"}, True),
        ("null", {"type": ["integer", "null"]}, None),
        ("abc", {"type": ["integer", "string"]}, "abc"),
        ("7", {"type": ["string", "integer"]}, 7),
        ('["a"]', {"type": "array"}, ["a"]),
        ('{"a": 1}', {"type": "object"}, {"a": 1}),
        ("2", {"enum": [1, 2]}, 2),
        ("2", {"enum": ["1", "2"]}, "2"),
        ("", {"type": "string"}, ""),
    ],
)
def test_an_input_given_as_text_becomes_a_value_of_its_type(text: str, schema: Any, value: Any):
    result = coerce_input(text, schema)
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("hunter2", "integer"),
        ("1.5", "integer"),
        ("9" * 5000, "integer"),
        ("1e99999", "number"),
        ("nan", "number"),
        ("yes", "boolean"),
        ("[NaN]", "array"),
        ("{", "object"),
        ("[" * 100_000, "array"),
        ("[]", "object"),
    ],
)
def test_text_of_no_fitting_type_is_refused_without_being_repeated(text: str, kind: str):
    with pytest.raises(UsageError) as caught:
        coerce_input(text, {"type": kind})
    assert caught.value.hint
    assert text not in caught.value.message


@given(st.text(), SCHEMAS.filter(lambda schema: isinstance(schema, dict)))
@settings(deadline=None)
def test_any_text_is_coerced_or_refused(text: str, schema: Any):
    with contextlib.suppress(UsageError):
        coerce_input(text, schema)
