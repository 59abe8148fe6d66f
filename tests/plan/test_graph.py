"""Cycles, as they are told."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.plan.graph import callers, cycles_of, sorted_by

NAMES = [f"n{index}" for index in range(6)]


@given(st.dictionaries(st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), max_size=4)))
def test_each_cycle_starts_and_ends_at_its_first_name_and_each_waits_for_the_next(calls: dict[str, list[str]]):
    index = {name: position for position, name in enumerate(NAMES)}
    for cycle in cycles_of(callers(dict.fromkeys(NAMES, ()) | calls)):
        assert cycle[0] == cycle[-1] == min(cycle, key=index.__getitem__)
        assert all(after in calls[before] for before, after in itertools.pairwise(cycle))


@pytest.mark.parametrize(
    ("calls", "cycles"),
    [
        ({"a": ["b"], "b": ["c"]}, []),
        ({"a": ["a"]}, [["a", "a"]]),
        ({"b": ["c"], "c": ["b"]}, [["b", "c", "b"]]),
        ({"a": ["b"], "b": ["c"], "c": ["a", "b"]}, [["a", "b", "c", "a"]]),
    ],
)
def test_every_knot_gives_one_cycle(calls: dict[str, list[str]], cycles: list[list[str]]):
    followers = callers(dict.fromkeys("abc", ()) | calls)
    assert list(cycles_of(followers)) == cycles
    assert (len(sorted_by(followers)) == 3) == (not cycles)
