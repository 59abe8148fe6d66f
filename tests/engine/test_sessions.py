"""Sessions read from their events: what people call them, and where their time goes."""

import pytest

from agentflow.engine.sessions import TimeSpent, session_named, sessions_of
from agentflow.errors import UsageError
from agentflow.events.codec import Event
from agentflow.events.session_events import (
    Compacted,
    CompactionCalled,
    CompactionFailed,
    ModelCalled,
    ModelFailed,
    ModelReplied,
    SessionFinished,
    SessionResumed,
    SessionStarted,
    ToolCalled,
    ToolFinished,
)
from agentflow.events.values import NOTHING_SPENT, Failure, Timings, Usage
from agentflow.journal.port import Recorded

BROKE = Failure("model_unavailable", "down", retryable=True)


def started(at: float, agent: str = "a", parent: str | None = None) -> SessionStarted:
    return SessionStarted(at, agent, "s", "go", None, depth=1 if parent is None else 2, parent=parent)


def called(at: float, turn: int = 1) -> ModelCalled:
    return ModelCalled(at, turn, 1, "m", 100, 0.1)


def replied(at: float, turn: int = 1, queued: float = 0.0) -> ModelReplied:
    return ModelReplied(at, turn, (), "end_turn", "m", Usage(10, 5), 0.25, timings=Timings(queued, 0.0, 1.0))


def tool(at: float, call: str, name: str = "Read") -> ToolCalled:
    return ToolCalled(at, call, name, "none", "key")


def finished(at: float, failure: Failure | None = None) -> SessionFinished:
    return SessionFinished(at, "done", None, "", failure, NOTHING_SPENT)


def read(**streams: list[Event]):
    entries = [(stream, event) for stream, events in streams.items() for event in events]
    entries.sort(key=lambda entry: entry[1].at)
    return sessions_of(Recorded(stream, 1, event) for stream, event in entries)


def time_of(*events: Event) -> TimeSpent:
    (one,) = read(s=list(events))
    assert one.seconds == pytest.approx(events[-1].at - events[0].at), "no second is lost or counted twice"
    return one.time


def test_time_is_the_models_the_tools_or_ours():
    spent = time_of(
        started(0), called(1), replied(11), tool(12, "t"), tool(13, "u"), ToolFinished(15, "t", ""),
        ToolFinished(18, "u", ""), called(18), replied(20), finished(21),
    )  # fmt: skip
    assert spent == TimeSpent(model=12, tools=6, ours=3)


def test_calls_that_compact_are_the_models_time_and_the_sessions_money():
    events = [
        started(0), called(0), replied(1), CompactionCalled(2, 1, 1, "summary", "h", 100, 0.1),
        CompactionFailed(4, 1, 1, "summary", BROKE, 0.5, retry_at=7),
        CompactionCalled(7, 1, 2, "summary", "h", 100, 0.1),
        Compacted(8, 1, "summarize", "summary", 1, (), {}, 100, 50, model="h", usage=Usage(7, 3), cost_usd=2.0),
        finished(9),
    ]  # fmt: skip
    assert time_of(*events) == TimeSpent(model=4, waiting=3, ours=2)
    (one,) = read(s=events)
    assert (one.turns, one.usage, one.cost_usd) == (1, Usage(17, 8), 2.75)


def test_time_with_a_subagent_alone_is_not_the_tools():
    spent = time_of(
        started(0), called(0), replied(1), tool(1, "t", "Agent"), tool(1, "u"), ToolFinished(3, "u", ""),
        ToolFinished(9, "t", ""), finished(9),
    )  # fmt: skip
    assert spent == TimeSpent(model=1, tools=2, subagents=6)


def test_waits_for_a_slot_a_retry_and_a_process_are_nobodys_work():
    rests = time_of(
        started(0), called(0), ModelFailed(2, 1, 1, BROKE, retry_at=7.0), called(7), replied(8), finished(8)
    )
    assert rests == TimeSpent(model=3, waiting=5)
    queues = time_of(started(0), called(4), replied(5, queued=3.0), finished(5))
    assert queues == TimeSpent(model=1, waiting=3, ours=1)
    away = time_of(started(0), called(0), SessionResumed(100, 2.0), ModelFailed(100, 1, 1, BROKE, retry_at=100.0))
    assert away == TimeSpent(model=2, waiting=98)


def test_subagents_stand_below_who_called_them_and_have_numbers_where_there_are_several():
    found = read(
        **{
            "plan": [started(0, "lead"), finished(9)],
            "plan/x": [started(1, "aide", "plan"), finished(3, BROKE)],
            "other": [started(2, "lead")],
            "plan/y": [started(4, "aide", "plan"), called(4), replied(5), finished(5)],
            "plan/y/z": [started(4, "deep", "plan/y")],
        }
    )
    assert [(one.name, one.parent, one.state) for one in found] == [
        ("plan", None, "done"),
        ("plan/aide[0]", "plan", "failed"),
        ("plan/aide[1]", "plan", "done"),
        ("plan/aide[1]/deep", "plan/aide[1]", "open"),
        ("other", None, "open"),
    ]
    assert (found[2].turns, found[2].cost_usd, found[2].usage.total) == (1, 0.25, 15)


@pytest.mark.parametrize(
    ("wanted", "stream"),
    [
        ("plan", "plan"),
        ("pl", "plan"),
        ("plan/aide", "plan/x"),
        ("aide", "plan/x"),
        ("other", "other"),
        ("plan/x", "plan/x"),
    ],
)
def test_a_session_is_found_by_its_name_its_beginning_its_stream_or_its_agent(wanted: str, stream: str):
    found = read(plan=[started(0, "lead")], other=[started(1, "lead")], **{"plan/x": [started(1, "aide", "plan")]})
    assert session_named(found, wanted, "r").stream == stream


@pytest.mark.parametrize(("wanted", "says"), [("lead", "more than one"), ("zz", "no session `zz`"), ("", "no session")])
def test_a_session_that_is_not_told_apart_is_asked_for_again(wanted: str, says: str):
    found = read(plan=[started(0, "lead")], other=[started(1, "lead")])
    with pytest.raises(UsageError, match=says) as raised:
        session_named(found, wanted, "r")
    assert raised.value.hint == "say which: plan, other"


def test_a_run_without_sessions_says_so():
    with pytest.raises(UsageError, match="run r has no sessions"):
        session_named([], "a", "r")


def test_a_compaction_counts_with_its_tokens_its_money_and_its_time():
    asked = CompactionCalled(2, 1, 1, "summary", "m", 100, 0.1)
    again = CompactionCalled(6, 1, 2, "summary", "m", 100, 0.1)
    (one,) = read(
        s=[
            started(0),
            called(0),
            replied(2),
            asked,
            CompactionFailed(5, 1, 1, "summary", BROKE, 0.5, Usage(1, 1), retry_at=6),
            again,
            Compacted(9, 1, "summarize", "summary", 1, (), {}, 100, 10, model="m", usage=Usage(100, 7), cost_usd=1.0),
            finished(9),
        ]
    )
    assert (one.turns, one.usage.total, one.cost_usd) == (1, 15 + 2 + 107, 1.75)
    assert (one.time.model, one.time.waiting) == (2 + 3 + 3, 1)


def test_what_the_service_did_itself_counts_among_the_tool_calls():
    search = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "tea"}}
    reply = ModelReplied(2, 1, (search,), "end_turn", "m", Usage(10, 5), 0.25)
    (one,) = read(s=[started(0), called(1), reply, finished(3)])
    assert one.tool_calls == 1
