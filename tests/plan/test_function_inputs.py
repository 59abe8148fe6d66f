"""What a model is to give a function is read off its type hints, and never guessed."""

from textwrap import dedent

import pytest

from agentflow.plan.function_inputs import Described, described
from agentflow.spec.contracts import Contract, check_schema

HEAD = """
import dataclasses, enum, typing as t, typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import Annotated, Any, Literal, NewType, NotRequired, Optional, TypedDict, Union
"""


def of(text: str, function: str = "f") -> Described:
    return described(HEAD + dedent(text), function, "m.py", {})


def hint(text: str, more: str = "") -> object:
    found = of(f"{dedent(more)}\ndef f(x: {text}): ...")
    assert found.unclear == ()
    assert found.schema is not None
    assert check_schema(found.schema) == []
    return found.schema["properties"]["x"]


@pytest.mark.parametrize(
    ("text", "schema"),
    [
        ("str", {"type": "string"}),
        ("int", {"type": "integer"}),
        ("float", {"type": "number"}),
        ("bool", {"type": "boolean"}),
        ("None", {"type": "null"}),
        ("Any", {}),
        ("object", {}),
        ("list", {"type": "array"}),
        ("list[int]", {"type": "array", "items": {"type": "integer"}}),
        ("t.List[str]", {"type": "array", "items": {"type": "string"}}),
        ("Sequence['str']", {"type": "array", "items": {"type": "string"}}),
        ("dict", {"type": "object"}),
        ("dict[str, float]", {"type": "object", "additionalProperties": {"type": "number"}}),
        ("Mapping[str, Any]", {"type": "object", "additionalProperties": {}}),
        ("tuple[int, ...]", {"type": "array", "items": {"type": "integer"}}),
        (
            "tuple[int, str]",
            {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "minItems": 2, "maxItems": 2},
        ),
        ("Literal['a', -1, True, None]", {"enum": ["a", -1, True, None]}),
        ("Optional[str]", {"type": ["string", "null"]}),
        ("str | int | str", {"type": ["string", "integer"]}),
        ("Union[list[int], None]", {"anyOf": [{"type": "array", "items": {"type": "integer"}}, {"type": "null"}]}),
        ("str | Any", {}),
        ("Annotated[int, 'How many.']", {"type": "integer", "description": "How many."}),
        ("Annotated[int, Field(ge=1, description='How many.')]", {"type": "integer", "description": "How many."}),
        ("Annotated[int, Doc('How many.')]", {"type": "integer", "description": "How many."}),
        ("'int'", {"type": "integer"}),
    ],
)
def test_a_type_hint_is_a_schema(text, schema):
    assert hint(text) == schema


def test_names_that_stand_for_a_type_are_followed():
    assert hint("Rows", "Row = dict[str, int]\nRows: t.TypeAlias = list[Row]")["items"]["type"] == "object"
    assert hint("Id", "Id = NewType('Id', int)") == {"type": "integer"}


def test_a_dataclass_is_an_object_with_its_fields():
    found = hint(
        "Place",
        """
        @dataclass(frozen=True)
        class Place:
            '''A place.

            Attributes:
                name: what it is called.
            '''
            name: str
            size: int = 3
            tags: list[str] = field(default_factory=list)
            known: typing.ClassVar[int] = 1
            made: str = field(init=False)
        """,
    )
    assert found == {
        "type": "object",
        "properties": {
            "name": {"type": "string", "description": "what it is called."},
            "size": {"type": "integer", "default": 3},
            "tags": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["name"],
        "additionalProperties": False,
    }


def test_a_typed_dict_says_which_fields_may_be_missing():
    more = """
    class Base(TypedDict):
        a: int
    class Extra(Base, total=False):
        b: str
        c: t.Required[bool]
        d: NotRequired[float]
    """
    found = hint("Extra", more)
    assert found["required"] == ["a", "c"]
    assert list(found["properties"]) == ["a", "b", "c", "d"]


@pytest.mark.parametrize("bases", ["Enum", "enum.StrEnum", "IntEnum", "str, Enum"])
def test_an_enumeration_is_its_values(bases):
    assert hint("Unit", f"class Unit({bases}):\n  METRIC = 'm'\n  OLD = 2\n  _ignore_ = []") == {"enum": ["m", 2]}


def test_parameters_without_a_default_are_required_and_constants_are_told():
    found = of(
        """
        async def f(a: str, /, b: int, c: str = "x", d: float = 1.5, e: str | None = None, g: list = [], *, h: bool):
            '''Does it.

            Args:
                b: how many.
                c: which.
            '''
        """
    )
    assert found.description == "Does it."
    assert found.schema == {
        "type": "object",
        "properties": {
            "b": {"type": "integer", "description": "how many."},
            "c": {"type": "string", "description": "which.", "default": "x"},
            "d": {"type": "number", "default": 1.5},
            "e": {"type": ["string", "null"]},
            "g": {"type": "array"},
            "h": {"type": "boolean"},
        },
        "required": ["b", "h"],
        "additionalProperties": False,
    }
    assert Contract(found.schema).problems({"b": 1, "h": True}) == []


def test_what_is_more_than_json_data_is_made_by_the_worker():
    found = of(
        """
        class Unit(Enum):
            A = 1
        @dataclass
        class Place:
            unit: Unit
        def f(a: Place, b: Unit | None, c: list[Place], d: tuple[int, Place], e: dict[str, Unit], g: tuple, h: int): ...
        """
    )
    place = {"data": "Place", "fields": {"unit": {"enum": "Unit"}}}
    assert found.makes == {
        "a": place,
        "b": {"any": [{"enum": "Unit"}]},
        "c": {"items": place},
        "d": {"tuple": [None, place]},
        "e": {"values": {"enum": "Unit"}},
        "g": {"tuple": None},
    }


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("def f(x): ...", "`x` of `f` has no type hint"),
        ("def f(x: datetime): ...", "`datetime` has no JSON form"),
        ("def f(x: set[int]): ...", "`set[int]` has no JSON form"),
        ("def f(x: dict[int, str]): ...", "keys of a JSON object are texts"),
        ("def f(x: Literal[1.5]): ...", "in `Literal` has no JSON form"),
        ("def f(x: 'a b'): ...", "is no type hint"),
        ("def f(x: 3): ...", "is no type hint"),
        ("class A: ...\ndef f(x: A): ...", "`A` is no plain dataclass"),
        ("@dataclass\nclass A:\n  a: dataclasses.InitVar[int]\ndef f(x: A): ...", "is no plain field"),
        ("@dataclass\nclass A:\n  a: 'A'\ndef f(x: A): ...", "holds itself"),
        ("A = list['A']\ndef f(x: A): ...", "holds itself"),
        ("class A(TypedDict):\n  a: 'A'\ndef f(x: A): ...", "holds itself"),
        ("class A(A): ...\ndef f(x: A): ...", "no plain dataclass"),
        ("class E(Enum):\n  A = enum.auto()\ndef f(x: E): ...", "in `Literal` has no JSON form"),
        ("class E(Enum): ...\ndef f(x: E): ...", "no members"),
        ("@dataclass\nclass A:\n  a: int\n@dataclass\nclass B:\n  a: int\ndef f(x: A | B): ...", "nothing tells which"),
        ("@wraps(g)\ndef f(x: int): ...", "`f` is decorated"),
        ("f = g", "not defined by a `def`"),
        ("# " + "x" * 70_000 + "\ndef f(x: int): ...", "over 60,000 characters"),
    ],
)
def test_what_cannot_be_understood_is_told_and_never_guessed(text, why):
    found = of(text)
    assert found.schema is None
    assert why in found.unclear[0]


def test_what_is_told_can_always_be_sent():
    found = of(
        r"""
        def f(x: Annotated[str, "a \ud800"] = "b \ud800", y: int = 1):
            'Does \ud800.'
        """
    )
    assert found.description == "Does ?."
    assert found.schema["properties"]["x"] == {"type": "string", "description": "a ?", "default": "b ?"}
    assert of(r"def f(x: Literal['\ud800']): ...").schema is None


def test_each_parameter_that_is_not_understood_is_told():
    assert len(of("def f(a, b: set, c: int): ...").unclear) == 2


def test_type_hints_that_double_again_and_again_are_given_up():
    more = "".join(f"A{n} = tuple[A{n + 1}, A{n + 1}]\n" for n in range(40)) + "A40 = int\n"
    assert "too large" in of(f"{more}def f(x: A0): ...").unclear[0]
    deep = "list[" * 80 + "int" + "]" * 80
    assert "too deep" in of(f"def f(x: {deep}): ...").unclear[0]
