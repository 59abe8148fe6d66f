"""What becomes of a conversation that fills its window, whatever was said in it and wherever the process died."""

import json
import zlib
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from agentflow.events.codec import VERSIONS, from_body, to_body
from agentflow.events.session_events import (
    Compacted,
    CompactionCalled,
    CompactionFailed,
    ModelCalled,
    ModelFailed,
    ModelReplied,
    SessionFinished,
    SessionResumed,
    TokensCounted,
)
from agentflow.events.values import Failure, Usage
from agentflow.plan.agent_plan import ContextPlan
from agentflow.session import apply as session_apply
from agentflow.session.apply import left_by
from agentflow.session.compaction import Answer, answered, compacted
from agentflow.session.compaction_request import compaction_request
from agentflow.session.context import Request, input_bound
from agentflow.session.decide import decide
from agentflow.session.state import Compact, CountTokens, SessionPlan
from agentflow.session.windows import _cut
from tests.builders import Conversation, agent_plan, refuses, tool_uses, unanswered

AT = 6_000
STRATEGIES = ("compact", "summarize", "window", "clear_tools")
MEMORY = {"goals": ["go"], "decisions": ["d"], "facts": ["f"], "open": [], "files": [], "topics": []}


def context(strategy: str, **more: Any) -> ContextPlan:
    sizes = {"at": AT, "window": 200_000, "keep_last": 3, "keep": (), "model": "mini", "summary_window": 200_000}
    return ContextPlan(strategy=strategy, **{**sizes, **more})


def plan_with(strategy: str, agent: str = "tools: [look, save, Recall, Compact]", **more: Any) -> SessionPlan:
    plan = agent_plan(f"{agent}, stop: {{turns: 200, failed_calls: 50, repeated_calls: 50}}")
    return replace(plan, agent=replace(plan.agent, context=context(strategy, **more)))


@dataclass
class Long(Conversation):
    """A session that fills its window; what answers its compactions depends on nothing but which one it is.

    Attributes:
        seed: of those answers.
        asked: the requests that shall compact.
    """

    plan: SessionPlan
    seed: int = 0
    asked: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(self.plan)

    def do(self, action: object) -> None:
        if isinstance(action, CountTokens):
            self.happen(TokensCounted(self.now, None if self.seed % 2 else self.size()))
        elif isinstance(action, Compact) and action.model is None:
            self.happen(compacted(self.plan, self.state, action.way, self.now))
        elif isinstance(action, Compact):
            number, attempt, way = action.number, action.attempt, action.way
            self.asked.append(compaction_request(self.plan, self.state, "s", str(action.model), way))
            self.happen(CompactionCalled(self.now, number, attempt, way, str(action.model), 1024, 0.5))
        else:
            super().do(action)

    def size(self) -> int:
        return len(json.dumps(self.state.messages)) // 3

    def answer(self, content: list[dict[str, Any]], stop_reason: str = "end_turn") -> None:
        """What was asked to compact says something."""
        answer = Answer(content, stop_reason, "mini", Usage(50, 5), 0.25, None)
        self.happen(answered(self.plan, self.state, answer, self.now))
        self.settle()

    def fail(self, kind: str = "model_request_refused", retry_at: float | None = None) -> None:
        out = self.state.context.out
        assert out is not None
        failure = Failure(kind, "no", retryable=retry_at is not None)
        self.happen(CompactionFailed(self.now, out.number, out.attempt, out.way, failure, 0.125, retry_at=retry_at))
        self.settle()

    def step(self) -> None:
        """The next thing happens; each is decided by the seed and by what it answers, never by what came before."""
        self.settle()
        out = self.state.context.out
        if self.state.finished is not None:
            return
        if out is not None:
            chance = self.chance(f"{out.number} {out.attempt} {out.way}")
            if chance % 4 == 0 and out.attempt < 3:
                self.fail("model_unavailable", retry_at=self.now)
            elif chance % 4 == 1:
                self.fail()
            elif out.way == "api":
                self.answer([{"type": "compaction", "content": "In short.", "signature": "s"}], "compaction")
            else:
                text = json.dumps(MEMORY | {"facts": [f"fact {out.number}"]}) if chance % 4 == 2 else "I cannot."
                self.answer([{"type": "text", "text": text}])
        elif self.state.in_flight is None:
            self.result(min(self.running))
        else:
            self.speak(self.state.in_flight.turn)

    def speak(self, turn: int) -> None:
        chance = self.chance(f"turn {turn}")
        if turn > 24:
            self.say("Enough.")
            return
        thinking = [{"type": "thinking", "thinking": "hm", "signature": "s"}] if chance % 3 == 0 else []
        calls = [(f"c{turn}_{index}", "look", {"at": f"{turn} {index}"}) for index in range(1 + chance % 3)]
        if chance % 11 == 0:
            calls.append((f"z{turn}", "Compact", {}))
        content = [*thinking, {"type": "text", "text": f"On with {turn}."}, *tool_uses(*calls)]
        usage = Usage(self.size() + 500, 20)
        reply = ModelReplied(self.now, turn, tuple(content), "tool_use", "claude", usage, 0.01)
        self.happen(reply)
        self.settle()

    def result(self, call: str, content: object = None, **more: Any) -> None:
        chance = self.chance(call)
        words = "word " * (chance % 500 if chance % 13 else 6_000)
        super().result(call, f"{words}of {call}" if content is None else content, is_error=chance % 5 == 0, **more)

    def chance(self, name: str) -> int:
        return zlib.crc32(f"{self.seed} {name}".encode())

    def go_on(self) -> "Long":
        while self.state.finished is None:
            self.step()
        return self

    def end(self) -> object:
        end = self.finished
        return self.state.messages, end.ending, end.output, end.failure, end.spent

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


def folded(talk: Long, cut: int) -> Long:
    """The session as its first events left it, read back from what the journal holds of them."""
    early = Long.__new__(Long)
    early.plan, early.seed, early.now, early.begun = talk.plan, talk.seed, talk.now, talk.begun
    early.requests, early.running, early.asked = [], [], []
    early.events = [from_body(type(each).__name__, VERSIONS[type(each)], written(each)) for each in talk.events[:cut]]
    early.state = session_apply.begin(talk.plan, talk.begun)
    for event in early.events:
        early.state = session_apply.apply(talk.plan, early.state, event)
    early.running = [call.id for call in early.state.calls if call.started and call.result is None]
    return early


def written(event: Any) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(json.dumps(to_body(event)))
    return body


def plain(value: Any) -> Any:
    return json.loads(json.dumps(value))


WAYS, SEEDS = st.sampled_from(STRATEGIES), st.integers(0, 2**16)
BRIEFLY = settings(max_examples=25, deadline=None)


@BRIEFLY
@given(WAYS, SEEDS, st.data())
def test_any_prefix_folded_and_gone_on_with_comes_to_the_same_end(strategy, seed, data):
    talk = Long(plan_with(strategy), seed).go_on()
    early = folded(talk, data.draw(st.integers(0, len(talk.events) - 1)))
    early.happen(SessionResumed(early.now, early.now))
    assert plain(early.go_on().end()[:3]) == plain(talk.end()[:3])
    assert early.end()[3:] == talk.end()[3:]


@BRIEFLY
@given(WAYS, SEEDS)
def test_no_request_splits_a_pair_or_loses_the_prompt(strategy, seed):
    talk = Long(plan_with(strategy), seed).go_on()
    assert talk.of(Compacted)
    for request in talk.requests:
        assert unanswered(request.messages) == []
        said = [block.get("text") for message in request.messages[:2] for block in message["content"]]
        assert "go" in said
        roles = [message["role"] for message in request.messages]
        assert all(one != other for one, other in pairwise(roles))


@BRIEFLY
@given(WAYS, SEEDS)
def test_what_has_happened_is_not_accepted_twice(strategy, seed):
    talk = Long(plan_with(strategy), seed).go_on()
    state = session_apply.begin(talk.plan, talk.begun)
    for event in talk.events:
        before, state = state, session_apply.apply(talk.plan, state, event)
        assert session_apply.apply(talk.plan, before, event) == state
        if isinstance(event, Compacted | CompactionCalled | CompactionFailed):
            assert refuses(session_apply.apply, talk.plan, state, event)
        if isinstance(event, CompactionCalled):
            assert decide(talk.plan, state) == ()


@BRIEFLY
@given(WAYS, SEEDS)
def test_money_is_that_of_every_call(strategy, seed):
    talk = Long(plan_with(strategy), seed).go_on()
    paid = sum(event.cost_usd for event in (*talk.of(ModelReplied), *talk.of(Compacted)))
    assert talk.finished.spent.cost_usd == pytest.approx(paid + sum(e.charged_usd for e in talk.of(CompactionFailed)))


def test_each_strategy_makes_room_in_its_own_way():
    ways = {}
    for strategy in STRATEGIES:
        events = [event for seed in range(12) for event in Long(plan_with(strategy), seed).go_on().of(Compacted)]
        ways[strategy] = {event.way for event in events}
    assert ways == {
        "compact": {"api", "summary", "window"},
        "summarize": {"summary", "window"},
        "window": {"window"},
        "clear_tools": {"clear"},
    }


# One thing at a time


def filled(strategy: str = "window", turns: int = 8, characters: int = 4_000, **more: Any) -> Long:
    """A session that has come to its first compaction."""
    talk = Quiet(plan_with(strategy, **more))
    for turn in range(1, turns + 1):
        if talk.of(Compacted) or talk.of(CompactionCalled):
            break
        talk.say(f"Turn {turn}.", (f"c{turn}", "look", {"at": str(turn)}), usage=Usage(talk.size() + 500, 20))
        talk.result(f"c{turn}", "word " * (characters // 5))
    return talk


class Quiet(Long):
    """Results are as they are told."""

    def result(self, call: str, content: object = "ok", **more: Any) -> None:
        Conversation.result(self, call, content, **more)


def texts(talk: Long) -> str:
    return json.dumps(talk.requests[-1].messages)


def test_the_newest_turns_stay_whole_and_the_agent_is_told_that_the_oldest_went():
    talk = filled(turns=40, characters=1_000)
    request = talk.requests[-1]
    assert [block["text"] for block in request.messages[0]["content"]] == [
        "go",
        f"[The earlier part of this conversation (turns 1 to {talk.state.turn - 4}) was left out to make room. "
        "Recall finds what was said in it, word for word.]",
    ]
    assert sum(message["role"] == "assistant" for message in request.messages) == 3
    assert "left out to make room" not in json.dumps(request.messages[1:])


def test_recall_is_shown_from_the_first_compaction_on_and_not_before():
    plan = plan_with("window", "tools: [look]")
    talk = Quiet(plan)
    assert [tool.name for tool in talk.requests[0].tools] == ["look"]
    for turn in range(1, 9):
        talk.say("", (f"c{turn}", "look", {"at": str(turn)}), usage=Usage(talk.size() + 500, 20))
        talk.result(f"c{turn}", "word " * 800)
    assert talk.of(Compacted)
    assert [tool.name for tool in talk.requests[-1].tools] == ["look", "Recall"]
    talk.say("", ("r", "Recall", {"words": "turn"}))
    assert talk.running == ["r"]


def test_results_of_kept_tools_and_the_last_to_do_list_stay():
    plan = plan_with("window", "tools: [look, save]", keep=("save",))
    talk = Quiet(plan)
    talk.say("", ("s", "save", {"at": "x"}), ("l", "look", {"at": "x"}))
    talk.result("l", "chaff " * 600)
    talk.result("s", "grain " * 100)
    for turn in range(2, 9):
        talk.say("", (f"c{turn}", "look", {"at": str(turn)}), usage=Usage(talk.size() + 500, 20))
        talk.result(f"c{turn}", "word " * 800)
    assert talk.of(Compacted)
    assert "grain" in texts(talk)
    assert "chaff" not in texts(talk), "beside it in the same turn"


def test_clearing_leaves_calls_and_errors_and_says_how_to_have_results_again():
    talk = Quiet(plan_with("clear_tools", keep_last=1))
    talk.say("", ("bad", "look", {"at": "bad"}), usage=Usage(600, 20))
    talk.result("bad", "it broke " * 100, is_error=True)
    for turn in range(2, 9):
        if talk.of(Compacted):
            break
        talk.say("", (f"c{turn}", "look", {"at": str(turn)}), usage=Usage(talk.size() + 500, 20))
        talk.result(f"c{turn}", "word " * 800)
    assert "it broke" in texts(talk)
    assert 'Recall gives it back: {\\"call\\": \\"c2\\"}' in texts(talk)
    assert texts(talk).count('"tool_use"') == talk.state.turn - 1


def test_one_huge_result_is_cut_in_its_middle():
    talk = Quiet(plan_with("window"))
    talk.say("", ("c1", "look", {"at": "1"}))
    talk.result("c1", f"BEGIN {'word ' * 20_000} END")
    assert "BEGIN" in texts(talk)
    assert "END" in texts(talk)
    assert "characters were left out to make room" in texts(talk)
    assert talk.size() < AT


def test_thinking_goes_since_it_is_bound_to_what_came_before_it():
    talk = Long(plan_with("window"), 3).go_on()
    assert any('"thinking"' in json.dumps(request.messages) for request in talk.requests)
    after = session_apply.begin(talk.plan, talk.begun)
    for event in talk.events:
        after = session_apply.apply(talk.plan, after, event)
        if isinstance(event, Compacted):
            assert '"thinking"' not in json.dumps(after.messages)


def test_a_summary_is_asked_of_the_cheaper_model_and_stands_in_the_place_of_what_it_tells():
    talk = filled("summarize")
    asked = talk.asked[0]
    assert (asked.model, asked.tools, asked.output_schema["type"]) == ("mini", (), "object")
    assert "Turn 1." in asked.messages[0]["content"][0]["text"]
    talk.answer([{"type": "text", "text": json.dumps(MEMORY | {"facts": ["the key is 7"]})}])
    first = talk.requests[-1].messages[0]["content"]
    assert first[0]["text"] == "go"
    assert "is summarised" in first[1]["text"]
    assert "Facts:\n- the key is 7" in first[1]["text"]


def test_facts_stay_word_for_word_in_the_next_summary_and_are_not_summarised_again():
    talk = filled("summarize")
    talk.answer([{"type": "text", "text": json.dumps(MEMORY | {"facts": ["the key is 7"], "open": ["a", "b"]})}])
    while len(talk.asked) < 2:
        turn = talk.state.turn
        talk.say(f"Turn {turn}.", (f"c{turn}", "look", {"at": str(turn)}), usage=Usage(talk.size() + 500, 20))
        talk.result(f"c{turn}", "word " * 800)
    assert "the key is 7" in talk.asked[1].messages[0]["content"][0]["text"], "what is known is told"
    talk.answer([{"type": "text", "text": json.dumps(MEMORY | {"facts": ["the door is red"], "open": ["b"]})}])
    assert talk.state.context.summary["facts"] == ["the key is 7", "the door is red"]
    assert talk.state.context.summary["open"] == ["b"], "what is done does not come back"


def test_the_services_own_block_comes_first_and_goes_when_the_next_one_comes():
    talk = filled("compact")
    assert talk.asked[0].compact
    assert talk.asked[0].model == talk.plan.agent.model
    block = {"type": "compaction", "content": "In short.", "signature": "s", "tool_changes": []}
    talk.answer([block], "compaction")
    messages = talk.requests[-1].messages
    assert messages[0] == {"role": "assistant", "content": [block]}
    assert messages[1]["content"][0]["text"] == "go"
    while len(talk.asked) < 2:
        turn = talk.state.turn
        talk.say("", (f"c{turn}", "look", {"at": str(turn)}), usage=Usage(talk.size() + 500, 20))
        talk.result(f"c{turn}", "word " * 800)
    assert talk.asked[1].messages[0]["content"] == [block]
    talk.answer([block | {"content": "Shorter."}], "compaction")
    assert texts(talk).count('"compaction"') == 1


def test_a_service_that_has_none_is_not_asked_again():
    talk = filled("compact")
    talk.fail()
    assert [request.compact for request in talk.asked] == [True, False]
    talk.answer([{"type": "text", "text": json.dumps(MEMORY)}])
    while len(talk.asked) < 3:
        turn = talk.state.turn
        talk.say("", (f"c{turn}", "look", {"at": str(turn)}), usage=Usage(talk.size() + 500, 20))
        talk.result(f"c{turn}", "word " * 800)
    assert not talk.asked[2].compact


def test_a_failed_attempt_that_may_be_repeated_is():
    talk = filled("summarize")
    talk.fail("model_unavailable", retry_at=talk.now)
    assert [(event.number, event.attempt) for event in talk.of(CompactionCalled)] == [(1, 1), (1, 2)]


def test_the_last_turn_is_not_spent_on_a_summary():
    plan = plan_with("summarize")
    turns = filled("summarize").state.turn
    stop = replace(plan.agent.stop, turns=turns + 1)
    talk = Quiet(replace(plan, agent=replace(plan.agent, stop=stop)))
    for turn in range(1, turns + 1):
        talk.say("", (f"c{turn}", "look", {"at": str(turn)}), usage=Usage(talk.size() + 500, 20))
        talk.result(f"c{turn}", "word " * 800)
    assert [event.way for event in talk.of(Compacted)] == ["window"]
    talk.say("Done.")
    assert talk.finished.ending == "done"


def test_an_agent_that_asks_for_it_has_its_conversation_compacted():
    talk = Quiet(plan_with("window", keep_last=1))
    for turn in range(1, 4):
        talk.say("", (f"c{turn}", "look", {"at": str(turn)}))
        talk.result(f"c{turn}", "word " * 600)
    assert talk.of(Compacted) == []
    talk.say("", ("z", "Compact", {}))
    assert len(talk.of(Compacted)) == 1
    assert talk.results[0]["content"].startswith("Room is made")


def test_a_small_conversation_is_left_alone_even_if_the_agent_asks():
    talk = Quiet(plan_with("window"))
    talk.say("", ("z", "Compact", {}))
    assert talk.of(Compacted) == []
    assert len(talk.requests) == 2


def test_what_the_agent_asked_for_in_vain_is_not_made_up_for_later():
    talk = Quiet(plan_with("window"))
    talk.say("", ("z", "Compact", {}))
    talk.say("", ("c1", "look", {"at": "1"}))
    talk.result("c1", "word " * 1_200)
    assert talk.of(Compacted) == []


def test_what_stays_is_never_reckoned_dearer_than_the_whole_was():
    talk = Quiet(plan_with("window"))
    for turn in range(1, 30):
        before = input_bound(talk.state, None)
        talk.say("", (f"c{turn}", "look", {"at": str(turn)}), usage=Usage(talk.size() + 500, 20))
        before = max(before, input_bound(talk.state, None))
        talk.result(f"c{turn}", "word " * 800)
        if talk.of(Compacted):
            break
    sent = json.dumps(talk.requests[-1].messages)
    bound = input_bound(talk.state, None)
    assert len(sent) / 4 < bound < len(sent) + 6_000
    assert bound <= before + 4_000 + 3_000, "its last result, the notice and `Recall` came since"


def near_the_threshold(share: float) -> Long:
    """A session whose next request is estimated at a share of the threshold."""
    talk = Quiet(plan_with("window"))
    talk.say("", ("c1", "look", {"at": "1"}), usage=Usage(600, 20))
    talk.result("c1", "word " * int((share * AT - 620) / talk.state.context.ratio / 5))
    return talk


def test_a_count_is_asked_for_only_where_the_estimate_leaves_it_open():
    for share, counts in ((0.3, 0), (1.0, 1), (3.0, 0)):
        assert len(near_the_threshold(share).of(TokensCounted)) == counts


def test_what_was_counted_is_not_counted_again():
    talk = near_the_threshold(1.0)
    talk.fail_call(retry_at=talk.now)
    assert len(talk.of(TokensCounted)) == 1


def test_a_paused_turn_is_gone_on_with_as_it_is():
    talk = Quiet(plan_with("window"))
    talk.say("", ("c1", "look", {"at": "1"}), usage=Usage(1_000, 20))
    talk.result("c1", "word " * 100)
    talk.say("Half of it.", stop_reason="pause_turn", usage=Usage(9_000, 20))
    assert talk.of(Compacted) == []
    assert talk.requests[-1].messages[-1]["role"] == "assistant"


def too_long(talk: Long) -> None:
    out = talk.state.in_flight
    assert out is not None
    talk.happen(ModelFailed(talk.now, out.turn, out.attempt, Failure("context_window", "prompt is too long")))
    talk.settle()


def test_a_request_that_was_too_long_is_made_smaller_and_sent_once_more():
    talk = Quiet(plan_with("window", at=150_000))
    for turn in range(1, 7):
        talk.say("", (f"c{turn}", "look", {"at": str(turn)}), usage=Usage(talk.size() + 500, 20))
        talk.result(f"c{turn}", "word " * 1_600)
    too_long(talk)
    assert len(talk.of(Compacted)) == 1
    last = talk.of(ModelCalled)[-1]
    assert (last.turn, last.attempt) == (7, 2)
    too_long(talk)
    assert talk.failure == "context_window"


def test_a_reply_cut_off_by_the_window_is_made_again_from_a_smaller_conversation():
    talk = Quiet(plan_with("window", at=150_000))
    for turn in range(1, 7):
        talk.say("", (f"c{turn}", "look", {"at": str(turn)}), usage=Usage(talk.size() + 500, 20))
        talk.result(f"c{turn}", "word " * 1_600)
    talk.say("Half a th", stop_reason="model_context_window_exceeded", usage=Usage(talk.size() + 500, 20))
    assert len(talk.of(Compacted)) == 1
    assert "Half a th" not in texts(talk)
    talk.say("Whole.")
    assert talk.finished.output == "Whole."


def test_where_there_is_nothing_to_leave_out_a_refusal_is_a_failure_at_once():
    talk = Quiet(plan_with("window"))
    too_long(talk)
    assert talk.failure == "context_window"
    assert talk.of(Compacted) == []


def test_a_session_that_carries_a_compacted_one_on_goes_by_its_own_prompt_and_may_recall():
    talk = filled()
    talk.say("Done.")
    assert isinstance(talk.finished, SessionFinished)
    begun = replace(talk.begun, prompt="and now?")
    state = session_apply.begin(plan_with("window", "tools: [look]"), begun, left_by(talk.state))
    assert [tool.name for tool in state.tools] == ["look", "Recall"]
    assert state.context.prompt == "and now?"
    assert state.messages[-1]["content"][-1]["text"] == "and now?"


def test_a_picture_that_is_left_out_is_not_told_as_so_many_characters():
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
    cut = _cut([{"type": "text", "text": "a drawing"}, picture], "c1", recall=True)
    assert "a drawing\n[image]\n[… What is no text was left out to make room. Recall gives it back:" in cut
    assert "characters" not in cut
