import pytest

from agentflow.simulation.paths import general, patterns, round_of, step_named, steps_by_path
from tests.simulation.flows import checked

FLOW = """
inputs: {items: {type: array}}
steps:
  each:
    for_each: inputs.items
    steps:
      inner: {for_each: inputs.items, as: other, step: {value: other}}
      group: {steps: {leaf: {value: item}}, output: steps.leaf.output}
    output: steps.group.output
  other: {steps: {low: {value: "1"}}, output: steps.low.output}
  rounds:
    repeat: {until: loop.index == 2, max: 3}
    steps: {way: {choose: [{when: loop.index == 1, value: "1"}], otherwise: {value: "2"}}}
    output: steps.way.output
"""


def steps():
    plan = checked(FLOW).plan
    assert plan is not None
    return steps_by_path(plan)


def test_every_step_has_its_path():
    assert list(steps()) == [
        "each",
        "each.inner",
        "each.inner.step",
        "each.group",
        "each.group.leaf",
        "other",
        "other.low",
        "rounds",
        "rounds.way",
        "rounds.way.1",
        "rounds.way.otherwise",
    ]


def test_a_path_is_named_with_its_indexes_or_without():
    assert list(patterns("a[0].b[1].c")) == ["a[0].b[1].c", "a.b[1].c", "a[0].b.c", "a.b.c"]
    assert list(patterns("a.b")) == ["a.b"]
    assert general("a[0].b[1].c") == "a.b.c"


@pytest.mark.parametrize(
    "pattern",
    ["each", "each.inner", "each[3].inner[0].step", "each.inner[0].step", "other.low", "rounds[2].way.otherwise"],
)
def test_a_pattern_names_a_step(pattern: str):
    known = steps()
    assert step_named(pattern, known) is known[general(pattern)]


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "nothing",
        "each[0]",
        "other[0].low",
        "each[0].group[0].leaf",
        "rounds.way[0].1",
        "rounds[0]",
        "each[-1].inner",
        "each[x].inner",
    ],
)
def test_an_index_stands_only_where_something_is_repeated(pattern: str):
    assert step_named(pattern, steps()) is None


def test_many_indexes_do_not_make_too_many_patterns():
    assert len(list(patterns(".".join(f"a[{n}]" for n in range(60))))) == 256


@pytest.mark.parametrize(
    ("path", "number"),
    [("rounds[2].way.1", 2), ("rounds[0].way", 0), ("each[3].group.leaf", 0), ("other.low", 0), ("rounds", 0)],
)
def test_a_path_tells_the_round_it_is_in(path: str, number: int):
    assert round_of(path, steps()) == number
