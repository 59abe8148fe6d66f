"""Forms: what a person is asked for, field by field."""

import pytest

from agentflow.errors import UsageError
from agentflow.spec.forms import LINE_OF_TEXT, answered, checked, defaults_of, fields_of, read_answers

CARD = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "age": {"type": "integer", "minimum": 0},
        "tone": {"enum": ["calm", "loud"], "default": "calm"},
        "tags": {"type": "array", "items": {"$ref": "#/$defs/tag"}},
    },
    "required": ["name"],
    "$defs": {"tag": {"type": "string", "maxLength": 3}},
}


def test_each_property_is_a_field_and_any_other_form_a_single_one():
    assert [(field.name, field.required, field.has_default) for field in fields_of(CARD)] == [
        ("name", True, False),
        ("age", False, False),
        ("tone", False, True),
        ("tags", False, False),
    ]
    assert [field.name for field in fields_of({"type": "integer"})] == [""]
    assert [field.name for field in fields_of({"type": "object"})] == [""]


def test_what_is_typed_becomes_a_value_of_the_fields_type_and_defaults_fill_the_rest():
    assert read_answers(CARD, ("name=a=b", "age=3", 'tags=["x"]')) == {
        "tone": "calm",
        "name": "a=b",
        "age": 3,
        "tags": ["x"],
    }
    assert read_answers({"type": "integer"}, ("7",)) == 7
    assert read_answers(LINE_OF_TEXT, ("a = b",)) == "a = b"
    assert read_answers({"enum": ["x", 2]}, ("2",)) == 2


@pytest.mark.parametrize(
    ("form", "words", "says"),
    [
        (CARD, ("name=x", 'tags=["long"]'), "must have at most 3 characters"),
        (CARD, ("age=-1", "name=x"), "field `age`: must be at least 0"),
        (CARD, (), "lacks"),
        (CARD, ("name=x", "extra=1"), "no field `extra`"),
        ({"type": "integer"}, (), "takes one answer, and 0 were given"),
        ({"type": "integer"}, ("1", "2"), "takes one answer, and 2 were given"),
        ({"type": "integer"}, ("x",), "not a whole number"),
    ],
)
def test_what_does_not_fit_is_told(form, words, says):
    with pytest.raises(UsageError) as refused:
        read_answers(form, words)
    assert says in refused.value.message


def test_fields_that_point_elsewhere_are_of_the_type_they_point_at():
    form = {
        "type": "object",
        "properties": {"n": {"$ref": "#/$defs/count"}, "same": {"$ref": "#/properties/n"}},
        "$defs": {"count": {"$ref": "#/$defs/whole", "minimum": 2}, "whole": {"type": "integer"}},
    }
    assert read_answers(form, ("n=3",)) == {"n": 3}
    with pytest.raises(UsageError, match="field `n`: must be at least 2"):
        read_answers(form, ("n=1",))
    assert checked(form, {"same": 4}) == {"same": 4}


def test_null_is_no_answer():
    with pytest.raises(UsageError, match="no answer yet"):
        checked({"type": ["string", "null"]}, None)


def test_defaults_answer_a_form_only_where_they_answer_all_of_it():
    assert defaults_of(CARD) == (False, {"tone": "calm"})
    assert defaults_of({"type": "integer", "default": 3}) == (True, 3)
    assert defaults_of({"type": "integer"}) == (False, None)
    assert defaults_of({"type": "null", "default": None}) == (False, None)
    loose = {**CARD, "required": ["tone"]}
    assert defaults_of(loose) == (True, {"tone": "calm"})


def test_what_has_a_default_is_always_among_the_answers():
    assert answered(CARD)["required"] == ["name", "tone"]
    assert answered(LINE_OF_TEXT) == LINE_OF_TEXT


def test_what_must_be_there_without_a_description_is_a_field_too():
    form = {"type": "object", "properties": {}, "required": ["name"]}
    assert read_answers(form, ("name=7",)) == {"name": "7"}
