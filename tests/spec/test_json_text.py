import itertools
import json
import math

import pytest

from agentflow.spec.contracts import Contract
from agentflow.spec.json_text import DEEPEST, is_deeper, read_json


def nested(depth: int) -> str:
    return '{"a":[' * (depth // 2) + "1" + "]}" * (depth // 2)


@pytest.mark.parametrize(
    "text",
    ["1e308", "-0.5", "[]", '{"a": 1, "a": 2}', "9" * 3_000, '"\\ud800"', nested(DEEPEST)],
    ids=itertools.count(),
)
def test_what_is_json_is_read_as_python_reads_it(text: str):
    assert read_json(text) == json.loads(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1e999", "a number that is too large"),
        ("[-1e999]", "a number that is too large"),
        ("NaN", "NaN, which is not JSON"),
        ("[Infinity]", "Infinity, which is not JSON"),
        ("9" * 3_001, "more than 3,000 digits"),
        ("9" * 10_000, "more than 3,000 digits"),
        (nested(DEEPEST + 2), "nested more than 100 deep"),
        (nested(900), "nested more than 100 deep"),
        (nested(200_000), "nested more than 100 deep"),
    ],
    ids=itertools.count(),
)
def test_what_cannot_be_written_again_or_walked_through_is_refused_with_the_reason(text: str, why: str):
    with pytest.raises(ValueError, match=why) as refused:
        read_json(text)
    assert not isinstance(refused.value, json.JSONDecodeError)


def test_a_key_twice_is_refused_where_it_is_asked_for():
    with pytest.raises(ValueError, match="a key twice"):
        read_json('{"a": 1, "a": 2}', unique_keys=True)


def test_many_brackets_side_by_side_are_not_deep():
    assert len(read_json("[" + "[]," * 1_000 + "{}]")) == 1_001


def test_the_deepest_value_is_one_level_less_than_too_deep():
    value: list[object] = []
    for _ in range(DEEPEST - 1):
        value = [value]
    assert not is_deeper(value)
    assert is_deeper([value])


ALIEN = {
    "infinity": math.inf,
    "NaN": math.nan,
    "digits": 10**5_000,
    "a key": {1: 2},
    "a set": {"a": {1}},
    "bytes": b"x",
    "a tuple": (1, 2),
}


@pytest.mark.parametrize("value", ALIEN.values(), ids=ALIEN)
def test_no_schema_lets_through_what_json_does_not_have(value: object):
    assert Contract({}).problems(value)
    assert Contract({"type": ["array", "object", "number", "string"]}).problems(value)
