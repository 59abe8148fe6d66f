"""What `with` hands on: plain data with `{{ }}` in its texts, typed."""

import pytest

from agentflow.plan.arguments import misfit
from agentflow.plan.types import INTEGER, NUMBER, STRING, UNKNOWN, Shape, array, record
from tests.builders import Run, plan_of

TEXTS = array(STRING)


@pytest.mark.parametrize(
    ("given", "wanted", "says"),
    [
        (INTEGER, STRING, "it is integer, not string"),
        (STRING, INTEGER, "it is string, not integer"),
        (array(INTEGER), TEXTS, "of its items, it is integer, not string"),
        (record({"a": STRING}), Shape.of({"type": "object", "required": ["b"]}), "it has no field `b`"),
        (
            record({"a": STRING}),
            Shape.of({"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}),
            "of its field `a`, it is string, not integer",
        ),
    ],
)
def test_what_can_never_fit_is_told(given: Shape, wanted: Shape, says: str):
    assert misfit(given, wanted) == says


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (INTEGER, NUMBER),
        (NUMBER, INTEGER),
        (UNKNOWN, STRING),
        (STRING, UNKNOWN),
        (Shape.of({"type": ["string", "null"]}), STRING),
        (array(UNKNOWN), TEXTS),
        (record({"a": STRING, "b": STRING}), Shape.of({"type": "object", "required": ["b"]})),
    ],
)
def test_what_may_fit_is_left_to_the_run(given: Shape, wanted: Shape):
    assert misfit(given, wanted) is None


def test_a_text_that_is_one_pair_of_braces_keeps_its_type_at_any_depth():
    child = """
        agentflow: 1
        name: c
        inputs: {all: {type: object}}
        steps: {a: {value: inputs.all}}
        outputs: {a: steps.a.output}
    """
    text = """
        steps:
          n: {value: "[1, 2]"}
          c: {workflow: c.yaml, with: {all: {list: "{{ steps.n.output }}", text: "n: {{ steps.n.output }}", deep: [["{{ 1 + 1 }}", true]]}}}
        outputs: {a: steps.c.output.a}
    """  # noqa: E501
    run = Run(plan_of(text, {"c.yaml": child}))
    assert run.state.finished.outputs == {"a": {"list": [1, 2], "text": "n: [1, 2]", "deep": [[2, True]]}}
