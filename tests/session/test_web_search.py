"""What an agent may do with searches of the model's own service, and what becomes of them in its conversation."""

import pytest

from agentflow.events.session_events import ModelReplied
from agentflow.events.values import Usage
from agentflow.session.apply import left_by
from agentflow.session.context import searches_bound
from tests.builders import Conversation
from tests.builders_web import CITED, searched

USED = Usage(100, 20, web_searches=1)
VERDICT = "output: {type: object, properties: {ok: {type: boolean}}, required: [ok]}"


class Searching(Conversation):
    def __init__(self, agent: str = "tools: [WebSearch]", **more) -> None:
        super().__init__(agent, **more)

    def find(self, *content, stop_reason: str = "end_turn", usage: Usage = USED) -> None:
        self.happen(ModelReplied(self.now, self.state.turn, content, stop_reason, "claude", usage, 0.01))
        self.settle()


@pytest.mark.parametrize(
    ("agent", "options"),
    [
        ("tools: [WebSearch]", {"max_uses": 5, "allowed_callers": ["direct"]}),
        ("tools: [WebSearch], stop: {tool_calls: 2}", {"max_uses": 2, "allowed_callers": ["direct"]}),
        ("tools: [WebSearch], stop: {tool_calls: 90}", {"max_uses": 5, "allowed_callers": ["direct"]}),
        (
            'tools: ["WebSearch(domain:x.org)", "WebSearch(domain:a.y.org)"]',
            {"max_uses": 5, "allowed_callers": ["direct"], "allowed_domains": ["a.y.org", "x.org"]},
        ),
        ('tools: [WebSearch, "WebSearch(domain:x.org)"]', {"max_uses": 5, "allowed_callers": ["direct"]}),
    ],
)
def test_searches_are_always_bounded_and_narrowed_to_the_sites_of_the_grant(agent, options):
    (tool,) = Searching(agent).requests[0].tools
    assert tool.service == options


def test_the_tool_is_the_same_in_every_request_so_that_the_cache_holds():
    talk = Searching("tools: [WebSearch, look]")
    talk.find(*searched(), stop_reason="pause_turn")
    talk.say("", ("c1", "look", {"at": "here"}))
    talk.result("c1")
    assert [request.tools for request in talk.requests] == [talk.requests[0].tools] * 3


def test_what_was_found_and_cited_is_sent_back_exactly_as_it_came():
    talk = Searching("tools: [WebSearch, look]")
    call = {"type": "tool_use", "id": "c1", "name": "look", "input": {"at": "here"}}
    talk.find(*searched(), CITED, call, stop_reason="tool_use")
    talk.result("c1")
    assert talk.requests[1].messages[1] == {"role": "assistant", "content": [*searched(), CITED, call]}


def test_the_text_of_a_cited_answer_is_the_output():
    talk = Searching()
    talk.find({"type": "text", "text": "So: "}, *searched(), CITED)
    assert talk.finished.output == "So: X is X."


def test_a_turn_that_pauses_amid_searches_goes_on_from_there():
    talk = Searching()
    open_call, _ = searched(2)
    talk.find(*searched(1), open_call, stop_reason="pause_turn")
    assert talk.requests[1].messages[-1]["content"] == [*searched(1), open_call]
    talk.find(CITED)
    assert talk.finished.output == "X is X."


def test_searches_count_as_tool_calls():
    talk = Searching("tools: [WebSearch], stop: {when: 'calls.WebSearch == 2'}")
    talk.find(*searched(1), *searched(2), CITED, stop_reason="pause_turn")
    assert talk.finished.ending == "when"
    assert talk.finished.spent.tool_calls == 2


def test_searches_beyond_the_bound_end_an_agent_that_is_not_done():
    talk = Searching("tools: [WebSearch], stop: {tool_calls: 2}")
    talk.find(*searched(1), *searched(2), stop_reason="pause_turn")
    talk.find(*searched(3), stop_reason="pause_turn")
    assert talk.failure == "tool_calls"


def test_searches_beyond_the_bound_do_not_undo_an_answer():
    talk = Searching("tools: [WebSearch], stop: {tool_calls: 1}")
    talk.find(*searched(1), stop_reason="pause_turn")
    talk.find(*searched(2), CITED)
    assert talk.finished.ending == "done"


def test_searches_and_other_calls_are_counted_together():
    talk = Searching("tools: [WebSearch, look], stop: {tool_calls: 2}")
    call = {"type": "tool_use", "id": "c1", "name": "look", "input": {"at": "here"}}
    talk.find(*searched(1), *searched(2), call, stop_reason="tool_use")
    assert talk.failure == "tool_calls"
    assert talk.running == []


def test_a_search_that_fails_is_the_models_to_deal_with():
    talk = Searching()
    talk.find(*searched(error="too_many_requests"), {"type": "text", "text": "I could not search."})
    assert talk.finished.output == "I could not search."


def test_a_call_by_the_workflows_name_is_told_the_services():
    talk = Searching()
    talk.say("", ("c1", "WebSearch", {"query": "x"}))
    assert talk.results[0]["content"] == "`WebSearch` is no tool to call: search with `web_search`."


def test_with_a_schema_the_format_waits_for_the_turn_without_searches():
    talk = Searching(f"tools: [WebSearch], {VERDICT}")
    assert talk.requests[0].output_schema is None
    talk.find(*searched(), CITED)
    assert talk.requests[1].output_schema["required"] == ["ok"]
    assert talk.requests[1].tool_choice == "none"
    talk.say('{"ok": true}')
    assert talk.finished.output == {"ok": True}


def test_with_finish_the_schema_is_that_of_the_tool():
    talk = Searching(f"tools: [WebSearch], finish: required, {VERDICT}")
    talk.find(
        *searched(), {"type": "tool_use", "id": "c1", "name": "finish", "input": {"ok": True}}, stop_reason="tool_use"
    )
    assert talk.finished.output == {"ok": True}


def test_searches_that_were_cut_off_are_not_carried_on():
    first = Searching("tools: [WebSearch], stop: {turns: 1}")
    open_call, _ = searched(2)
    first.find(*searched(1), CITED, open_call, stop_reason="pause_turn")
    assert first.failure == "turns"
    talk = Searching(earlier=left_by(first.state))
    assert talk.requests[0].messages[1] == {"role": "assistant", "content": [*searched(1), CITED]}


def test_money_is_held_for_every_search_but_those_that_cannot_come():
    talk = Searching()
    assert searches_bound(talk.plan, talk.state, None) == 5
    assert searches_bound(talk.plan, talk.state, "Give your result now.") == 0
    plain = Conversation()
    assert searches_bound(plain.plan, plain.state, None) == 0
