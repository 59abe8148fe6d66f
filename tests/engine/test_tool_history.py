"""What earlier calls mean for later ones is bounded, and told apart by all that a result depends on."""

import pytest

from agentflow.engine import tool_history
from agentflow.engine.tool_history import Caller, Given, ToolHistory, key_of
from agentflow.plan.agent_plan import Rate, ToolOptions, ToolSpec

TOOL = ToolSpec("t", "Does.", {"type": "object"}, "none", options=ToolOptions(cache=True, rate=Rate(2, 10.0)))
CALLER = Caller("s", "c", "w.yaml", "")


def remember(history: ToolHistory, number: int, content: object) -> str:
    caller = Caller("s", f"c{number}", "w.yaml", "")
    history.began(caller, TOOL, {"x": number}, float(number))
    history.ended("s", caller.call, content, float(number), good=True)
    return key_of(caller, TOOL, {"x": number})


@pytest.mark.parametrize(
    "other",
    [
        Caller("s", "c", "other.yaml", ""),
        Caller("s", "c", "w.yaml", "other"),
        Caller("s", "c", "w.yaml", "", "workspace"),
        Caller("s", "c", "w.yaml", "", "", "in part"),
    ],
)
def test_a_result_is_only_for_those_for_whom_it_would_be_the_same(other):
    assert key_of(other, TOOL, {}) != key_of(CALLER, TOOL, {})
    assert key_of(Caller("another session", "another call", "w.yaml", ""), TOOL, {}) == key_of(CALLER, TOOL, {})


def test_inputs_are_the_same_whatever_the_order_of_their_keys():
    assert key_of(CALLER, TOOL, {"a": 1, "b": {"c": 1, "d": 2}}) == key_of(
        CALLER, TOOL, {"b": {"d": 2, "c": 1}, "a": 1}
    )
    assert key_of(CALLER, TOOL, {"a": 1}) != key_of(CALLER, TOOL, {"a": "1"})
    assert key_of(CALLER, TOOL, {"a": "\ud800"}) == key_of(CALLER, TOOL, {"a": "\ud800"})


def test_the_oldest_results_are_forgotten_when_they_come_to_too_much(monkeypatch):
    monkeypatch.setattr(tool_history, "MOST_CHARS", 100)
    history = ToolHistory()
    keys = [remember(history, number, "x" * 40) for number in range(4)]
    assert [history.given(key, TOOL, 10.0) is not None for key in keys] == [False, False, True, True]
    remember(history, 9, "x" * 200)
    assert all(history.given(key, TOOL, 10.0) is None for key in keys)
    assert history.given(remember(history, 5, [1, "x"]), TOOL, 10.0) == Given([1, "x"], 5.0)


def test_only_as_many_beginnings_are_remembered_as_the_rate_needs():
    history = ToolHistory()
    for number in range(5):
        history.began(CALLER, TOOL, {"x": number}, float(number))
    assert history.next_start("w.yaml", "t", Rate(2, 10.0)) == 13.0
    assert history.next_start("w.yaml", "other", Rate(2, 10.0)) == 0.0
