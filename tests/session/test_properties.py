"""What holds of every conversation, whatever the model says and in whatever order results come."""

import random
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from agentflow.events.session_events import (
    ModelCalled,
    ModelFailed,
    ModelReplied,
    SessionFinished,
    SessionResumed,
    ToolCalled,
    ToolFinished,
)
from agentflow.events.values import Failure, Usage
from agentflow.session import apply as session_apply
from agentflow.session.decide import decide
from agentflow.session.state import RunTool
from tests.builders import Conversation, agent_plan, refuses, tool_uses, unanswered

PLANS = [
    agent_plan(text)
    for text in (
        'tools: [look, save, send, "Agent(helper)"]',
        "tools: [look, send], output: {type: object, properties: {ok: {type: boolean}}, required: [ok]}",
        "tools: [look, send], finish: required",
        "tools: [look, save], stop: {turns: 3, tool_calls: 4, failed_calls: 2, repeated_calls: 2}",
        'tools: [look, save], stop: {when: "turn >= 2", tokens: 60}',
    )
]
"""Agents of each way to end."""


@dataclass(frozen=True)
class Turn:
    """What the model does in a turn: fails so often, then replies."""

    failures: int
    text: str
    calls: tuple[tuple[str, str, dict[str, object]], ...]
    stop_reason: str


@st.composite
def turns(draw: st.DrawFn) -> list[Turn]:
    made = []
    for number in range(6):
        tools = draw(st.lists(st.sampled_from(["look", "save", "send", "Agent", "finish", "none"]), max_size=4))
        calls = []
        for index, tool in enumerate(tools):
            given: dict[str, object] = {"at": draw(st.sampled_from(["x", "y", 3]))}
            if tool == "Agent":
                given = {"subagent_type": draw(st.sampled_from(["helper", "boss"])), "prompt": "p", "description": "d"}
            if tool == "finish":
                given = draw(st.sampled_from([{"result": "r"}, {}]))
            calls.append((f"c{number}_{index}", tool, given))
        natural = "tool_use" if calls else "end_turn"
        stop = draw(st.sampled_from([natural] * 8 + ["pause_turn", "max_tokens", "refusal"]))
        text = draw(st.sampled_from(["", "hm", '{"ok": true}']))
        made.append(Turn(draw(st.sampled_from([0, 0, 0, 1, 2])), text, tuple(calls), stop))
    return made


def step(talk: Conversation, said: list[Turn], chance: random.Random) -> None:
    """The next thing happens: an attempt fails, a reply comes, or the result of one of the calls that are out."""
    talk.settle()
    out = talk.state.in_flight
    if talk.state.finished is not None:
        return
    if out is None:
        waiting = sorted(call.id for call in talk.state.calls if call.started and call.result is None)
        call = chance.choice(waiting)
        is_error = sum(map(ord, call)) % 3 == 0
        talk.happen(ToolFinished(talk.now, call, f"result of {call}", is_error))
    else:
        turn = said[min(out.turn, len(said)) - 1] if out.turn <= len(said) else Turn(0, "end", (), "end_turn")
        if out.attempt <= turn.failures:
            failure = Failure("model_unavailable", "busy", retryable=True)
            talk.happen(ModelFailed(talk.now, out.turn, out.attempt, failure, 0.01, retry_at=talk.now))
        else:
            content = [*([{"type": "text", "text": turn.text}] if turn.text else []), *tool_uses(*turn.calls)]
            usage = Usage(10, 5)
            reply = ModelReplied(talk.now, out.turn, tuple(content), turn.stop_reason, "claude", usage, 0.01)
            talk.happen(reply)
    talk.settle()


def whole(plan: object, said: list[Turn], seed: int) -> Conversation:
    return gone_on(Conversation(plan), said, seed)


def gone_on(talk: Conversation, said: list[Turn], seed: int) -> Conversation:
    chance = random.Random(seed)
    while talk.state.finished is None:
        step(talk, said, chance)
    return talk


def result(talk: Conversation) -> object:
    end = talk.finished
    return talk.state.messages, end.ending, end.output, end.failure, end.text, end.spent


def folded(talk: Conversation, cut: int) -> Conversation:
    """The conversation as its first events left it, nothing decided yet."""
    early = Conversation.__new__(Conversation)
    early.plan, early.now, early.begun = talk.plan, talk.now, talk.begun
    early.events, early.requests, early.running = list(talk.events[:cut]), [], []
    early.state = session_apply.begin(talk.plan, talk.begun)
    for event in early.events:
        early.state = session_apply.apply(talk.plan, early.state, event)
    return early


AGENTS, SEEDS = st.sampled_from(PLANS), st.integers(0, 2**16)
BRIEFLY = settings(max_examples=100, deadline=None)


@BRIEFLY
@given(AGENTS, turns(), SEEDS, SEEDS)
def test_any_order_of_results_gives_the_same_conversation(plan, said, one, other):
    assert result(whole(plan, said, one)) == result(whole(plan, said, other))


@BRIEFLY
@given(AGENTS, turns(), SEEDS, SEEDS, st.data())
def test_any_prefix_folded_and_gone_on_with_comes_to_the_same_end(plan, said, one, other, data):
    talk = whole(plan, said, one)
    early = folded(talk, data.draw(st.integers(0, len(talk.events) - 1)))
    early.happen(SessionResumed(early.now + 1_000, early.now))
    assert early.state.active_seconds == 0
    assert result(gone_on(early, said, other)) == result(talk)


@BRIEFLY
@given(AGENTS, turns(), SEEDS)
def test_each_call_has_exactly_one_result_in_the_next_message_of_every_request(plan, said, seed):
    talk = whole(plan, said, seed)
    for request in talk.requests:
        assert unanswered(request.messages) == []


@BRIEFLY
@given(AGENTS, turns(), SEEDS)
def test_what_was_announced_is_not_asked_for_again_nor_accepted_twice(plan, said, seed):
    talk = whole(plan, said, seed)
    state = session_apply.begin(plan, talk.begun)
    for event in talk.events:
        before, state = state, session_apply.apply(plan, state, event)
        assert session_apply.apply(plan, before, event) == state, "the state was changed in place"
        if isinstance(event, ToolCalled | ToolFinished | ModelCalled | ModelReplied | ModelFailed | SessionFinished):
            assert refuses(session_apply.apply, plan, state, event)
        if isinstance(event, ModelCalled):
            assert decide(plan, state) == ()
        if isinstance(event, ToolCalled):
            assert event.call not in [action.call.id for action in decide(plan, state) if hasattr(action, "call")]


@BRIEFLY
@given(AGENTS, turns(), SEEDS)
def test_effects_are_out_one_at_a_time_and_in_the_replys_order(plan, said, seed):
    talk = whole(plan, said, seed)
    state = session_apply.begin(plan, talk.begun)
    for event in talk.events:
        with_effects = [
            call for call in state.calls if call.refusal is None and plan.by_name[call.name].effects != "none"
        ]
        assert sum(call.started and call.result is None for call in with_effects) <= 1
        begun = [call.started for call in with_effects]
        assert begun == sorted(begun, reverse=True)
        asked = [action for action in decide(plan, state) if isinstance(action, RunTool)]
        assert sum(action.tool.effects != "none" for action in asked) <= 1
        state = session_apply.apply(plan, state, event)


@BRIEFLY
@given(AGENTS, turns(), SEEDS, st.data())
def test_what_nothing_asked_for_is_refused(plan, said, seed, data):
    talk = whole(plan, said, seed)
    state = folded(talk, data.draw(st.integers(0, len(talk.events) - 1))).state
    wanted = decide(plan, state)
    names = {type(action).__name__ for action in wanted}
    ids = {action.call.id for action in wanted if type(action).__name__ in ("RunTool", "Spawn")}
    refused = []
    if "CallModel" not in names:
        refused.append(ModelCalled(1.0, state.turn + 1, 1, "claude", 1024, 0.1))
    if state.in_flight is None:
        refused.append(ModelReplied(1.0, state.turn, (), "end_turn", "claude", Usage(), 0.0))
    refused += [ToolCalled(1.0, call.id, call.name, "none", "k") for call in state.calls if call.id not in ids]
    refused.append(ToolFinished(1.0, "no such call", "x"))
    for event in refused:
        assert refuses(session_apply.apply, plan, state, event)


def test_the_conversations_are_not_all_alike():
    """The strategy reaches what the properties are about."""
    endings: set[str] = set()

    @settings(max_examples=300, deadline=None, database=None, derandomize=True)
    @given(AGENTS, turns())
    def look(plan, said):
        endings.add(whole(plan, said, 1).finished.ending)

    look()
    assert {"done", "when", "finish", "finish_missing", "refusal", "max_tokens", "failed_calls"} <= endings
