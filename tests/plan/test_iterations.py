"""How often a loop runs at most, as far as its file tells."""

from collections.abc import Mapping
from typing import Any

import pytest

from agentflow.plan.iterations import Iterations, Known, most_items
from agentflow.plan.model import ForEachStepPlan, GroupStepPlan
from tests.builders import plan_of

HEAD = """
inputs:
  depth: {type: integer, default: 3, minimum: 1, maximum: 6}
  few: {type: array, items: {type: string}, maxItems: 5}
  many: {type: array, items: {type: string}}
steps:
  plan:
    prompt: Hello
    agent:
      instructions: Go.
      output:
        type: object
        required: [questions, either, free]
        properties:
          questions: {type: array, maxItems: 8, items: {type: string}}
          either:
            anyOf:
              - {type: array, maxItems: 4, items: {type: string}}
              - {type: array, maxItems: 9, items: {type: string}}
          free: {type: array, items: {type: string}}
  passed: {value: steps.plan.output.questions}
  grouped:
    steps:
      inner: {value: steps.passed.output}
    output: steps.inner.output
  rounds: {repeat: {until: loop.index > 1, max: 3}, step: {value: steps.passed.output}}
  chosen:
    choose: [{when: inputs.depth > 4, value: inputs.few}, {when: inputs.depth > 3, fail: too deep}]
    otherwise: {value: steps.passed.output}
  open: {choose: [{when: inputs.depth > 4, value: inputs.few}], otherwise: {value: inputs.many}}
  fewer: {for_each: inputs.few, step: {value: item}}
  soft: {when: inputs.depth > 2, value: steps.passed.output, if_skipped: [a, b, c, d, e, f, g, h, i, j]}
  loop:
    for_each: FROM
    max: MAX
    step: {value: item}
"""


def most(items: str, bound: str = "100", values: Mapping[str, Any] | None = None) -> Iterations:
    plan = plan_of(HEAD.replace("FROM", items).replace("MAX", bound))
    loop = plan.root.steps["loop"]
    assert isinstance(loop, ForEachStepPlan)
    return most_items(loop, (plan.root,), Known(plan.inputs, values or {}))


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ("steps.plan.output.questions", Iterations(8, "maxItems")),
        ("steps.plan.output.either", Iterations(9, "maxItems")),
        ("steps.plan.output.free", Iterations(100, "max")),
        ("steps.passed.output", Iterations(8, "maxItems")),
        ("steps.grouped.output", Iterations(8, "maxItems")),
        ("steps.fewer.output", Iterations(5, "maxItems")),
        ("steps.rounds.output", Iterations(8, "maxItems")),
        ("steps.chosen.output", Iterations(8, "maxItems")),
        ("steps.open.output", Iterations(100, "max")),
        ("inputs.few", Iterations(5, "maxItems")),
        ("inputs.many", Iterations(100, "max")),
        ("'[1, 2, 3]'", Iterations(3, "the list itself")),
        # What is computed from a list may be longer than it, and what replaces a skipped one need not meet its schema.
        ("steps.plan.output.questions + steps.plan.output.free", Iterations(100, "max")),
        ("steps.soft.output", Iterations(100, "max")),
    ],
)
def test_a_list_is_as_long_as_its_schema_lets_it_be(items: str, expected: Iterations):
    assert most(items) == expected


def test_a_value_that_is_known_counts_before_its_schema():
    assert most("inputs.few", values={"few": ["a", "b"]}) == Iterations(2, "the list itself")
    assert most("'inputs.few[:inputs.depth]'", values={"few": list("abcd"), "depth": 3}).most == 3


def test_a_bound_that_is_an_input_counts_at_its_value_or_its_maximum():
    assert most("inputs.many", "inputs.depth", {"depth": 2}) == Iterations(2, "max: inputs.depth")
    assert most("inputs.many", "inputs.depth") == Iterations(6, "max: inputs.depth")


def test_the_smaller_of_bound_and_schema_holds():
    assert most("steps.plan.output.questions", "3") == Iterations(3, "max")


def test_a_list_in_an_outer_scope_is_found_from_inside():
    text = HEAD.split("  loop:")[0] + "  box: {steps: {loop: {for_each: steps.passed.output, step: {value: item}}}}"
    plan = plan_of(text)
    box = plan.root.steps["box"]
    assert isinstance(box, GroupStepPlan)
    loop = box.body.steps["loop"]
    assert isinstance(loop, ForEachStepPlan)
    assert most_items(loop, (plan.root, box.body), Known(plan.inputs, {})) == Iterations(8, "maxItems")
