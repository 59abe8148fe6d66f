"""Which conditions cannot hold together, tried against every value that they can read."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.plan.conditions import contradict, demands_of
from agentflow.plan.templates import parse_expression

KINDS = ("a", "b", "c")
ATOMS = st.sampled_from(
    [
        "inputs.f",
        "inputs.g",
        "inputs.kind == 'a'",
        "'b' == inputs.kind",
        "inputs.kind != 'a'",
        "inputs.kind in ['a', 'b']",
    ]
)
CONDITIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        inner.map(lambda one: f"not ({one})"),
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda parts: "({} {} {})".format(*parts)),
    ),
    max_leaves=5,
)
WORLDS = [{"inputs": {"f": f, "g": g, "kind": kind}} for f, g, kind in product((True, False), (True, False), KINDS)]


def demands(*conditions: str):
    return [demand for condition in conditions for demand in demands_of(parse_expression(condition).tree)]


@given(CONDITIONS, CONDITIONS)
def test_what_is_called_a_contradiction_never_holds(one: str, other: str):
    if contradict(demands(one, other)):
        both = parse_expression(f"({one}) and ({other})")
        assert not any(both.evaluate(world) for world in WORLDS)


@given(CONDITIONS, CONDITIONS)
def test_a_condition_with_all_demands_of_another_never_holds_without_it(one: str, other: str):
    if set(demands(other)) <= set(demands(one)):
        apart = parse_expression(f"({one}) and not ({other})")
        assert not any(apart.evaluate(world) for world in WORLDS)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("inputs.f", "not inputs.f"),
        ("inputs.f and inputs.g", "not inputs.f"),
        ("inputs.kind == 'a'", "inputs.kind == 'b'"),
        ("inputs.kind == 'a'", "inputs.kind != 'a'"),
        ("not (inputs.f or inputs.g)", "inputs.f or inputs.g"),
        ("steps.a.output.ok", "not steps.a.output.ok"),
    ],
)
def test_plain_contradictions_are_seen(one: str, other: str):
    assert contradict(demands(one, other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("inputs.f", "not inputs.g"),
        ("inputs.n == 1", "inputs.n == true"),
        ("inputs.kind != 'a'", "inputs.kind != 'b'"),
        ("inputs.n > 1", "inputs.n < 1"),
    ],
)
def test_what_may_hold_together_or_cannot_be_told_is_let_be(one: str, other: str):
    assert not contradict(demands(one, other))
