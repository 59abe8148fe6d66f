"""What LANGUAGE promises of agents: how a session goes on, and each way in which it ends."""

import json

import pytest

from agentflow.events.session_events import BreakerTripped, SessionResumed, ToolRetried
from agentflow.events.values import Spent, Usage
from agentflow.session.apply import left_by
from tests.builders import Conversation, unanswered

VERDICT = "output: {type: object, properties: {ok: {type: boolean}}, required: [ok]}"


def look(name: str = "c1", at: str = "here") -> tuple[str, str, dict[str, object]]:
    return name, "look", {"at": at}


# Ending well


def test_a_reply_without_tool_calls_ends_it_well():
    talk = Conversation()
    talk.say("All done.")
    assert (talk.finished.ending, talk.finished.output, talk.finished.failure) == ("done", "All done.", None)


@pytest.mark.parametrize("stop_reason", ["end_turn", "stop_sequence"])
def test_both_natural_stops_end_it_well(stop_reason: str):
    talk = Conversation()
    talk.say("Done.", stop_reason=stop_reason)
    assert talk.finished.ending == "done"


def test_the_first_request_is_the_prompt_and_the_tools():
    talk = Conversation("instructions: Be kind., tools: [look], effort: high")
    request = talk.requests[0]
    assert request.messages == ({"role": "user", "content": [{"type": "text", "text": "go"}]},)
    assert [tool.name for tool in request.tools] == ["look"]
    assert (request.tool_choice, request.effort, request.turn) == ("auto", "high", 1)


def test_a_value_that_meets_the_schema_is_the_output():
    talk = Conversation(VERDICT)
    talk.say('{"ok": true}')
    assert talk.finished.output == {"ok": True}
    assert talk.requests[0].output_schema["required"] == ["ok"]


@pytest.mark.parametrize("text", ["not json", '{"ok": 1}', "{}", "NaN", "[" * 100_000])
def test_an_unmet_schema_gets_one_turn_without_tools(text: str):
    talk = Conversation(f"{VERDICT}, tools: [look]")
    talk.say(text)
    correcting = talk.requests[1]
    assert correcting.tool_choice == "none"
    assert [tool.name for tool in correcting.tools] == ["look"], "the same tools, for the cache"
    assert "schema" in correcting.messages[-1]["content"][-1]["text"]
    talk.say('{"ok": false}')
    assert talk.finished.output == {"ok": False}


def test_an_unmet_schema_fails_the_second_time_and_keeps_the_text():
    talk = Conversation(VERDICT)
    talk.say("no")
    talk.say("still no")
    assert talk.failure == "output_invalid"
    assert talk.finished.text == "still no"
    assert len(talk.requests) == 2


def test_a_tool_call_in_the_correcting_turn_is_a_failure_and_runs_nothing():
    talk = Conversation(f"{VERDICT}, tools: [look]")
    talk.say("no")
    talk.say("", look())
    assert talk.failure == "output_invalid"
    assert talk.running == []


def test_the_correcting_turn_is_there_even_past_the_bound_on_turns():
    talk = Conversation(f"{VERDICT}, stop: {{turns: 1}}")
    talk.say("no")
    talk.say('{"ok": true}')
    assert talk.finished.ending == "done"


# `finish`


def test_finish_ends_it_with_its_input():
    talk = Conversation(f"{VERDICT}, finish: required")
    assert talk.requests[0].output_schema is None, "the tool carries the schema"
    talk.say("", ("c1", "finish", {"ok": True}))
    assert (talk.finished.ending, talk.finished.output) == ("finish", {"ok": True})


def test_finish_without_a_schema_takes_a_text():
    talk = Conversation("finish: required")
    talk.say("", ("c1", "finish", {"result": "here"}))
    assert talk.finished.output == "here"


def test_a_finish_that_misses_the_schema_is_told_so_and_may_try_again():
    talk = Conversation(f"{VERDICT}, finish: required")
    talk.say("", ("c1", "finish", {"ok": "yes"}))
    assert talk.results[0]["is_error"] is True
    talk.say("", ("c2", "finish", {"ok": True}))
    assert talk.finished.output == {"ok": True}


def test_ending_otherwise_than_by_finish_is_a_failure():
    talk = Conversation("finish: required")
    talk.say("I think I am done.")
    assert talk.failure == "finish_missing"
    assert talk.finished.text == "I think I am done."


def test_calls_beside_finish_are_carried_out_before_the_end():
    talk = Conversation("finish: required, tools: [send]")
    talk.say("", ("c1", "finish", {"result": "x"}), ("c2", "send", {}))
    assert talk.state.finished is None
    talk.result("c2")
    assert talk.finished.output == "x"
    assert unanswered(talk.state.messages) == []


def test_finish_is_not_one_of_the_tool_calls_that_are_counted():
    talk = Conversation("finish: required, tools: [look], stop: {tool_calls: 1}")
    talk.say("", look())
    talk.result("c1")
    talk.say("", ("c2", "finish", {"result": "x"}))
    assert talk.finished.ending == "finish"


# Bounds


def test_turns_are_bounded_by_25_unless_the_file_says_otherwise():
    talk = Conversation("tools: [look], stop: {repeated_calls: 100}")
    for turn in range(25):
        talk.say("", look(f"c{turn}"))
        talk.result(f"c{turn}")
    assert len(talk.requests) == 25
    assert talk.failure == "turns"


def test_a_bound_keeps_the_partial_text():
    talk = Conversation("tools: [look], stop: {turns: 1}")
    talk.say("So far so good.", look())
    talk.result("c1")
    assert talk.failure == "turns"
    assert talk.finished.text == "So far so good."
    assert talk.finished.output is None


def test_the_last_turn_may_end_it_well():
    talk = Conversation("stop: {turns: 1}")
    talk.say("done")
    assert talk.finished.failure is None


def test_tokens_are_bounded_with_those_of_subagents():
    talk = Conversation('tools: ["Agent(helper)"], stop: {tokens: 100}')
    talk.say("", ("c1", "Agent", {"subagent_type": "helper", "prompt": "help", "description": "d"}))
    talk.result("c1", spent=Spent(Usage(60, 30)))
    assert talk.failure == "tokens"


def test_tokens_count_the_cached_ones_too():
    talk = Conversation("tools: [look], stop: {tokens: 100}")
    talk.say("", look(), usage=Usage(1, 1, cache_read_tokens=98))
    talk.result("c1")
    assert talk.failure == "tokens"


def test_tool_calls_beyond_the_bound_are_not_made():
    talk = Conversation("tools: [look], stop: {tool_calls: 2}")
    talk.say("", look("c1", "a"))
    talk.result("c1")
    talk.say("", look("c2", "b"), look("c3", "c"))
    assert talk.failure == "tool_calls"
    assert talk.running == []


def test_the_same_call_three_times_in_a_row_ends_it():
    talk = Conversation()
    for turn in range(2):
        talk.say("", look(f"c{turn}"))
        talk.result(f"c{turn}")
    talk.say("", look("c3"))
    assert talk.failure == "repeated_calls"
    assert talk.running == []


def test_the_same_arguments_in_another_order_are_the_same_call():
    talk = Conversation("tools: [Grep], stop: {repeated_calls: 2}")
    talk.say("", ("c1", "Grep", {"pattern": "x", "path": "."}))
    talk.result("c1")
    talk.say("", ("c2", "Grep", {"path": ".", "pattern": "x"}))
    assert talk.failure == "repeated_calls"


def test_another_call_between_starts_the_count_anew():
    talk = Conversation()
    for turn in range(6):
        talk.say("", look(f"c{turn}", at="a" if turn % 2 else "b"))
        talk.result(f"c{turn}")
    assert talk.state.finished is None


def test_a_call_may_be_repeated_for_as_long_as_its_results_change():
    talk = Conversation()
    for turn in range(20):
        talk.say("", look(f"c{turn}"))
        talk.result(f"c{turn}", f"{turn} % done")
    assert talk.state.finished is None


def test_results_that_differ_in_times_alone_have_not_changed():
    talk = Conversation()
    for turn in range(5):
        talk.say("", look(f"c{turn}"))
        talk.result(f"c{turn}", f"FAILED in 0.{turn}s at 2026-11-21T10:00:0{turn}")
    talk.say("", look("c5"))
    assert talk.failure == "repeated_calls"
    assert "almost the same call 6 times in a row" in talk.finished.failure.message


def test_calls_that_differ_in_spelling_alone_are_told_to_be_alike():
    talk = Conversation()
    for turn, at in enumerate(["a b", "A b", "a  B", "'a b'", '"a" b']):
        talk.say("", look(f"c{turn}", at=at))
        talk.result(f"c{turn}", "nothing")
    talk.say("", look("c5", at="A  B"))
    assert talk.failure == "repeated_calls"


def test_calls_with_other_values_are_not_alike_though_their_results_are_the_same():
    talk = Conversation()
    for turn in range(20):
        talk.say("", look(f"c{turn}", at=f"item-{turn}"))
        talk.result(f"c{turn}", "ok")
    assert talk.state.finished is None


def test_what_a_call_says_of_itself_does_not_make_it_another():
    talk = Conversation("tools: [Bash], stop: {repeated_calls: 2}")
    talk.say("", ("c1", "Bash", {"command": "make", "description": "Build"}))
    talk.result("c1")
    talk.say("", ("c2", "Bash", {"command": "make", "description": "Build it again", "timeout": 5}))
    assert talk.failure == "repeated_calls"


def test_the_same_few_calls_over_and_over_end_it_with_the_round_as_evidence():
    talk = Conversation("tools: [look], stop: {no_progress: 50}")
    for turn in range(11):
        talk.say("", look(f"c{turn}", at="ab"[turn % 2]))
        talk.result(f"c{turn}", f"found {turn % 2}")
    talk.say("", look("c11", at="b"))
    assert talk.failure == "repeated_calls"
    assert "the same 2 calls 6 times over" in talk.finished.failure.message
    (tripped,) = (event for event in talk.events if isinstance(event, BreakerTripped))
    assert [(call["turn"], call["input"], call["result"]) for call in tripped.evidence] == [
        (11, '{"at": "a"}', "found 0"),
        (12, '{"at": "b"}', ""),
    ]


def test_eight_turns_in_a_row_that_bring_nothing_new_end_it():
    talk = Conversation()
    order = "abcdefgh" + "hcafbegd"
    for turn, at in enumerate(order):
        assert talk.state.finished is None
        talk.say("", look(f"c{turn}", at=at))
        talk.result(f"c{turn}", f"found {at}")
    assert talk.failure == "no_progress"
    assert "in 8 turns in a row" in talk.finished.failure.message


def test_one_result_that_is_new_is_progress():
    talk = Conversation()
    for turn, at in enumerate("abcdefgh" + "hcafbeg" + "!" + "dbhcaf"):
        talk.say("", look(f"c{turn}", at=at))
        talk.result(f"c{turn}", f"found {at}")
    assert talk.state.finished is None


def test_who_may_repeat_a_call_oftener_may_go_longer_without_progress():
    talk = Conversation("tools: [look], stop: {repeated_calls: 12}")
    for turn in range(11):
        talk.say("", look(f"c{turn}"))
        talk.result(f"c{turn}", "pending")
    assert talk.state.finished is None


def test_the_same_call_three_times_in_one_reply_counts():
    talk = Conversation()
    talk.say("", look("c1"), look("c2"), look("c3"))
    assert talk.failure == "repeated_calls"


def test_five_failed_calls_in_a_row_end_it_and_tell_the_last():
    talk = Conversation()
    for turn in range(5):
        talk.say("", look(f"c{turn}", at=str(turn)))
        talk.result(f"c{turn}", f"broken {turn}", is_error=True)
    assert talk.failure == "failed_calls"
    assert "broken 4" in talk.finished.failure.message


def test_a_success_between_starts_the_count_of_failures_anew():
    talk = Conversation("tools: [look], stop: {failed_calls: 2}")
    for turn in range(6):
        talk.say("", look(f"c{turn}", at=str(turn)))
        talk.result(f"c{turn}", is_error=turn % 2 == 0)
    assert talk.state.finished is None


def test_refused_calls_count_as_failed():
    talk = Conversation("tools: [look], stop: {failed_calls: 2}")
    talk.say("", ("c1", "nothing", {}))
    talk.say("", ("c2", "nothing", {"x": 1}))
    assert talk.failure == "failed_calls"


@pytest.mark.parametrize("kind", ["cost_usd", "wall_time", "agents", "cancelled"])
def test_a_bound_that_only_the_engine_can_tell_ends_it_at_once(kind: str):
    talk = Conversation()
    talk.say("Working.", look())
    talk.reach_limit(kind)
    assert talk.failure == kind
    assert talk.finished.text == "Working."


# `stop.when`


def test_when_ends_it_well_with_the_text_so_far():
    talk = Conversation('tools: [look], stop: {when: "calls.look >= 2"}')
    talk.say("one", look("c1", "a"))
    talk.result("c1")
    assert talk.state.finished is None
    talk.say("two", look("c2", "b"))
    talk.result("c2")
    assert (talk.finished.ending, talk.finished.output) == ("when", "two")


@pytest.mark.parametrize(
    "when",
    [
        "turn == 1",
        "usage.output_tokens == 5",
        "usage.input_tokens == 10",
        "usage.cost_usd > 0",
        "last.text == 'hi'",
        "last.tool_calls == 1",
        "calls.look == 1 and calls.save == 0",
    ],
)
def test_when_sees_turn_usage_last_and_calls(when: str):
    talk = Conversation(f'tools: [look, save], stop: {{when: "{when}"}}')
    talk.say("hi", look())
    talk.result("c1")
    assert talk.finished.ending == "when"


def test_when_with_a_schema_asks_once_for_the_value():
    talk = Conversation(f'{VERDICT}, tools: [look], stop: {{when: "turn == 1"}}')
    talk.say("hm", look())
    talk.result("c1")
    assert talk.requests[1].tool_choice == "none"
    assert talk.requests[1].output_schema is not None
    talk.say('{"ok": true}')
    assert talk.finished.output == {"ok": True}


def test_when_ends_an_agent_that_must_finish_well_too():
    talk = Conversation(f'{VERDICT}, finish: required, tools: [look], stop: {{when: "turn == 1"}}')
    talk.say("hm", look())
    talk.result("c1")
    assert talk.requests[1].output_schema is not None
    talk.say('{"ok": true}')
    assert talk.finished.failure is None
    assert talk.finished.output == {"ok": True}


def test_a_when_without_a_value_is_a_failure():
    talk = Conversation('tools: [look], stop: {when: "1 / (turn - 1) > 0"}')
    talk.say("", look())
    talk.result("c1")
    assert talk.failure == "expression"
    assert "stop.when" in talk.finished.failure.message


# What the model may do


@pytest.mark.parametrize(
    ("stop_reason", "kind"),
    [
        ("max_tokens", "max_tokens"),
        ("refusal", "refusal"),
        ("model_context_window_exceeded", "context_window"),
        ("something_new", "unexpected_reply"),
    ],
)
def test_a_reply_that_stops_otherwise_is_a_failure_and_keeps_the_text(stop_reason: str, kind: str):
    talk = Conversation()
    talk.say("partial", stop_reason=stop_reason)
    assert talk.failure == kind
    assert talk.finished.text == "partial"


@pytest.mark.parametrize("stop_reason", ["end_turn", "max_tokens", "refusal", "pause_turn", "stop_sequence"])
def test_a_tool_call_runs_only_when_the_model_stopped_for_it(stop_reason: str):
    talk = Conversation()
    talk.say("", look(), stop_reason=stop_reason)
    assert talk.running == []


def test_a_paused_turn_is_sent_back_as_it_came():
    talk = Conversation()
    talk.say("thinking on", stop_reason="pause_turn")
    assert talk.requests[1].messages[-1] == {"role": "assistant", "content": [{"type": "text", "text": "thinking on"}]}


def test_a_stop_for_tools_without_a_call_is_a_failure():
    talk = Conversation()
    talk.say("hm", stop_reason="tool_use")
    assert talk.failure == "unexpected_reply"


@pytest.mark.parametrize("second", ["c1", "", "has space", "x" * 300])
def test_calls_that_cannot_be_told_apart_or_answered_are_a_failure(second: str):
    talk = Conversation()
    talk.say("", look("c1"), look(second, "b"))
    assert talk.failure == "unexpected_reply"
    assert talk.running == []


def test_an_id_that_an_earlier_turn_had_is_a_failure():
    talk = Conversation()
    talk.say("", look("c1", "a"))
    talk.result("c1")
    talk.say("", look("c1", "b"))
    assert talk.failure == "unexpected_reply"


def test_an_unknown_tool_is_answered_with_those_there_are():
    talk = Conversation("tools: [look, save]")
    talk.say("", ("c1", "Look", {}))
    assert talk.results == [
        {
            "type": "tool_result",
            "tool_use_id": "c1",
            "content": "There is no tool `Look`. You have: look, save.",
            "is_error": True,
        }
    ]
    assert len(talk.requests) == 2


def test_an_input_that_misses_its_schema_is_answered_with_what_is_wrong():
    talk = Conversation("tools: [look]")
    talk.say("", ("c1", "look", {"at": 3}))
    assert talk.results[0]["is_error"] is True
    assert "look" in talk.results[0]["content"]
    assert "at" in talk.results[0]["content"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"subagent_type": "editor", "prompt": "x", "description": "d"}, "subagent_type"),
        ({"subagent_type": "helper", "prompt": "  ", "description": "d"}, "prompt is empty"),
        ({"subagent_type": "helper", "description": "d"}, "prompt"),
    ],
)
def test_a_call_of_an_agent_is_checked(given: dict[str, object], told: str):
    talk = Conversation('tools: ["Agent(helper)"]')
    talk.say("", ("c1", "Agent", given))
    assert talk.running == []
    assert told in talk.results[0]["content"]


def test_the_model_is_told_which_agents_it_may_call():
    talk = Conversation('tools: ["Agent(helper)"]')
    tool = talk.requests[0].tools[0]
    assert "helper: Helps." in tool.description
    assert tool.input_schema["properties"]["subagent_type"]["enum"] == ["helper"]


# Tool calls


def test_calls_without_effects_run_at_once_and_those_with_effects_in_order():
    talk = Conversation()
    talk.say("", ("w1", "save", {}), look("n1"), ("w2", "send", {}), look("n2", "there"), ("w3", "save", {"at": "x"}))
    assert talk.running == ["w1", "n1", "n2"]
    talk.result("n2")
    assert talk.running == ["w1", "n1"]
    talk.result("w1")
    assert talk.running == ["n1", "w2"]
    talk.result("w2")
    assert talk.running == ["n1", "w3"]


def test_an_effect_after_one_that_failed_still_runs():
    talk = Conversation()
    talk.say("", ("w1", "save", {}), ("w2", "send", {}))
    talk.result("w1", is_error=True)
    assert talk.running == ["w2"]


def test_agents_of_one_reply_run_at_once():
    talk = Conversation('tools: ["Agent(helper)", send]')
    ask = {"subagent_type": "helper", "prompt": "x", "description": "d"}
    talk.say("", ("a1", "Agent", ask), ("w1", "send", {}), ("a2", "Agent", {**ask, "prompt": "y"}))
    assert talk.running == ["a1", "w1", "a2"]


def test_results_come_in_the_calls_order_whatever_order_they_came_in():
    talk = Conversation()
    talk.say("", look("c1", "a"), look("c2", "b"), ("c3", "nothing", {}))
    talk.result("c2", "second")
    assert len(talk.requests) == 1, "the model waits for all of them"
    talk.result("c1", "first", is_error=True)
    assert [(r["tool_use_id"], r["content"], r.get("is_error", False)) for r in talk.results] == [
        ("c1", "first", True),
        ("c2", "second", False),
        ("c3", "There is no tool `nothing`. You have: look, save, send.", True),
    ]
    assert unanswered(talk.requests[1].messages) == []


def test_an_empty_result_is_sent_without_content():
    talk = Conversation()
    talk.say("", look())
    talk.result("c1", "")
    assert "content" not in talk.results[0]


# A model call that fails


def test_a_failed_call_is_tried_again_when_its_time_has_come():
    talk = Conversation()
    talk.fail_call(retry_at=talk.now + 5)
    assert [event.attempt for event in talk.events if type(event).__name__ == "ModelCalled"] == [1, 2]
    talk.say("done")
    assert talk.finished.ending == "done"
    assert talk.finished.spent.turns == 1
    assert talk.finished.spent.cost_usd == pytest.approx(0.03), "a failed attempt may have cost something"


def test_a_turn_that_is_tried_again_is_one_turn():
    talk = Conversation("stop: {turns: 1}")
    for _ in range(3):
        talk.fail_call(retry_at=talk.now)
    talk.say("done")
    assert talk.finished.ending == "done"
    assert {request.turn for request in talk.requests} == {1}


def test_a_call_that_is_not_tried_again_ends_it():
    talk = Conversation()
    talk.fail_call()
    assert talk.failure == "model_unavailable"


def test_the_fallback_model_takes_over_from_an_overloaded_one_for_the_turn():
    talk = Conversation("model: claude-opus-5-5, fallback_model: claude-haiku-5-5, tools: [look]")
    talk.fail_call(retry_at=1.0, overloaded=True)
    talk.fail_call(retry_at=1.0, overloaded=True)
    talk.say("", look())
    talk.result("c1")
    assert [request.model for request in talk.requests] == [
        "claude-opus-5-5",
        "claude-opus-5-5",
        "claude-haiku-5-5",
        "claude-opus-5-5",
    ]


def test_without_a_fallback_the_model_stays():
    talk = Conversation("model: claude-opus-5-5")
    for _ in range(3):
        talk.fail_call(retry_at=1.0, overloaded=True)
    assert {request.model for request in talk.requests} == {"claude-opus-5-5"}


def test_the_note_of_a_correcting_turn_is_said_once_however_often_it_is_tried():
    talk = Conversation(VERDICT)
    talk.say("no")
    talk.fail_call(retry_at=1.0)
    assert talk.requests[1].messages == talk.requests[2].messages
    assert talk.requests[2].tool_choice == "none"


# Sessions that go on


def test_a_session_goes_on_after_the_messages_of_another():
    first = Conversation()
    first.say("Draft.")
    second = Conversation(earlier=left_by(first.state))
    assert [message["role"] for message in second.requests[0].messages] == ["user", "assistant", "user"]


@pytest.mark.parametrize("stop_reason", ["max_tokens", "end_turn", "refusal"])
def test_a_session_that_goes_on_answers_the_calls_that_the_other_left_open(stop_reason: str):
    first = Conversation()
    first.say("", look("c1"), look("c2", "b"), stop_reason=stop_reason)
    second = Conversation(earlier=left_by(first.state))
    assert unanswered(second.requests[0].messages) == []
    roles = [message["role"] for message in second.requests[0].messages]
    assert roles == ["user", "assistant", "user"]


def test_looking_at_a_task_may_be_repeated_and_other_calls_may_not():
    talk = Conversation("tools: [Bash], stop: {repeated_calls: 2, turns: 100}")
    for number in range(5):
        talk.say("", (f"t{number}", "TaskOutput", {"task_id": "x"}))
        talk.result(f"t{number}", "running")
    assert talk.state.failure is None
    talk.say("", ("b1", "Bash", {"command": "ls"}))
    talk.result("b1", "a")
    talk.say("", ("b2", "Bash", {"command": "ls"}))
    assert talk.failure == "repeated_calls"


# Money's bound on the input


def test_the_bound_on_the_input_is_exact_usage_plus_the_bytes_said_since():
    from agentflow.session.context import input_bound

    talk = Conversation("tools: [look]")
    talk.say("", look(), usage=Usage(5_000, 100, cache_read_tokens=1_000))
    before = input_bound(talk.state, None)
    assert 6_100 <= before < 8_000
    talk.result("c1", "é" * 10_000)
    assert 26_100 <= input_bound(talk.state, None) <= 28_500
    assert input_bound(talk.state, "note" * 100) - input_bound(talk.state, None) == 400


def test_a_request_of_nothing_but_text_is_bounded_by_its_bytes():
    from agentflow.session.context import input_bound

    talk = Conversation(f"{VERDICT}, tools: [look]")
    request = talk.requests[0]
    sent = json.dumps([request.messages, [t.input_schema for t in request.tools], request.output_schema])
    assert input_bound(talk.state, None) >= len(sent)


def test_an_image_or_a_pdf_counts_by_the_services_formulas_and_not_by_its_bytes():
    from agentflow.session.context import input_bound
    from tests.pictures import document, image

    talk = Conversation("tools: [look]")
    before = input_bound(talk.state, None)
    talk.say("", look("c1"), look("c2"), usage=Usage(before, 0))
    talk.result("c1", [{"type": "text", "text": "é" * 500}, image("A" * 1_000_000)])
    talk.result("c2", [document("A" * 1_000_000)])
    assert 1_000 + 4_784 + 20 * 7_784 <= input_bound(talk.state, None) - before <= 4_000 + 4_784 + 20 * 7_784


def test_what_a_tool_knows_of_an_image_counts():
    from agentflow.session.context import input_bound
    from tests.pictures import image

    talk = Conversation("tools: [look]")
    before = input_bound(talk.state, None)
    talk.say("", look("c1"), usage=Usage(before, 0))
    talk.result("c1", [image("A" * 1_000_000)], media_tokens=12)
    assert 12 <= input_bound(talk.state, None) - before <= 2_000


def test_images_in_a_conversation_that_is_carried_on_count_likewise():
    from agentflow.session.context import input_bound
    from tests.pictures import image

    first = Conversation("tools: [look]")
    first.say("", look("c1"))
    first.result("c1", [image("A" * 1_000_000)])
    first.say("done")
    second = Conversation("tools: [look]", earlier=left_by(first.state))
    assert 4_784 <= input_bound(second.state, None) <= 12_000


def test_time_between_the_last_event_and_a_crash_counts_and_the_time_until_the_resume_does_not():
    talk = Conversation("tools: [look]")
    worked, at = talk.state.active_seconds, talk.state.last_at
    talk.happen(SessionResumed(at=at + 1_000, worked_until=at + 7))
    assert talk.state.active_seconds == pytest.approx(worked + 7)
    assert talk.state.last_at == at + 1_000


# Tools that are tried again


def test_a_call_that_is_to_run_again_has_not_begun_and_keeps_its_turn():
    talk = Conversation("tools: [look]")
    talk.say("", look())
    assert talk.running == ["c1"]
    talk.happen(ToolRetried(talk.now, "c1", "look", 1, "timeout", "too slow", talk.now + 5.0))
    (call,) = talk.state.calls
    assert (call.started, call.failures, call.retry_at) == (False, 1, talk.now + 5.0)
    with pytest.raises(ValueError, match="has not begun"):
        talk.happen(ToolRetried(talk.now, "c1", "look", 2, "timeout", "too slow", talk.now + 5.0))
