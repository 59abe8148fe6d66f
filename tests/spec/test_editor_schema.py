"""What becomes of unions on the way from a model to an editor."""

from typing import Annotated, Any

import jsonschema
import pytest
from pydantic import Discriminator, Field, Tag, ValidationError

from agentflow.spec.base import Duration, FileRef, Id, Spec
from agentflow.spec.editor_schema import editor_schema


class Bead(Spec):
    """A thing to string."""

    colour: str = Field(description="Its colour.")


def _several(value: Any) -> str:
    return "several" if isinstance(value, list) else "one"


def _from_file(value: Any) -> str:
    return "file" if isinstance(value, dict) and isinstance(value.get("file"), str) else "here"


class Necklace(Spec):
    """A string of beads."""

    beads: Annotated[Annotated[Bead, Tag("one")] | Annotated[list[Bead], Tag("several")], Discriminator(_several)] = (
        Field(description="One bead, or several.")
    )
    named: Annotated[
        Annotated[FileRef, Tag("file")] | Annotated[dict[str, Bead], Tag("here")], Discriminator(_from_file)
    ] = Field(default_factory=dict, description="Beads by names, or a file of them.")
    lengths: dict[Id, int | Duration] = Field(default_factory=dict, description="A number of beads, or a time.")
    clasp: Any = Field(default=None, description="Anything.")


SCHEMA = editor_schema(Necklace, "necklace")
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
RED = {"colour": "red"}


@pytest.mark.parametrize(
    "document",
    [
        {"beads": RED},
        {"beads": [RED, RED], "clasp": None},
        {"beads": [], "named": {"file": "beads.yaml"}},
        {"beads": [], "named": {"file": RED}, "lengths": {"a": 3, "b": "3s"}},
        {},
        {"beads": "red"},
        {"beads": [{"color": "red"}]},
        {"beads": {"color": "red"}},
        {"beads": [], "named": {"file": "beads.yaml", "b": RED}},
        {"beads": [], "named": [RED]},
        {"beads": [], "lengths": {"a b": 3}},
        {"beads": [], "lengths": {"a": "3"}},
        {"beads": [], "lengths": {"a": None}},
    ],
    ids=repr,
)
def test_a_schema_accepts_what_its_model_accepts(document: Any):
    try:
        Necklace.model_validate(document)
    except ValidationError:
        assert not VALIDATOR.is_valid(document)
    else:
        VALIDATOR.validate(document)


def test_no_union_is_left_of_which_an_editor_would_have_to_guess_the_alternative():
    assert "anyOf" not in str(SCHEMA)
    assert "oneOf" not in str(SCHEMA)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"beads": [{"color": "red", "colour": "red"}]}, {"additionalProperties"}),
        ({"beads": {"color": "red", "colour": "red"}}, {"additionalProperties"}),
        ({"beads": [], "named": {"a": {"color": "red", "colour": "red"}}}, {"additionalProperties"}),
        ({"beads": [], "lengths": {"a": "3"}}, {"pattern"}),
    ],
)
def test_a_mistake_in_one_alternative_is_told_in_its_own_terms(document: Any, said: set[str]):
    assert {error.validator for error in VALIDATOR.iter_errors(document)} == said


def test_a_schema_says_what_each_key_is_for_and_what_may_stand_there():
    beads = SCHEMA["properties"]["beads"]
    assert beads["markdownDescription"] == "One bead, or several.\n\nMapping or list of mappings; required."
    assert beads["errorMessage"] == "Expected: mapping or list of mappings."
    assert SCHEMA["properties"]["lengths"]["propertyNames"]["errorMessage"].startswith("A name starts with a letter")
