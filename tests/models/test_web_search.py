"""WebSearch as the API is asked for it and answers, against the local API."""

import json

import pytest

from agentflow.models.anthropic import AnthropicModel
from agentflow.models.failures import Refusal, model_error
from agentflow.models.messages_params import MessagesParams
from agentflow.models.scripted import ScriptedModel
from agentflow.models.stream import ReplyStream
from agentflow.plan.agent_plan import Grant, StopRules
from agentflow.plan.builtin_tools import BUILTIN_TOOLS
from agentflow.plan.prices import cost, price_of
from agentflow.plan.service_tools import with_options
from tests.builders_web import CITED, searched
from tests.messages_api import MessagesAPI, Reply

STOP = StopRules(turns=5, repeated_calls=3, failed_calls=5)
SEARCH = with_options(Grant(BUILTIN_TOOLS["WebSearch"].spec, ("domain:x.org",)), STOP)
SENT = {
    "type": "web_search_20260318",
    "name": "web_search",
    "max_uses": 5,
    "allowed_callers": ["direct"],
    "allowed_domains": ["x.org"],
}


def test_the_service_is_told_its_own_name_of_the_tool_and_its_bounds(ask):
    params = MessagesParams(lambda schema: schema).build(ask(tools=(SEARCH,)))
    assert params["tools"] == [SENT]


async def test_a_search_comes_with_its_citations_and_goes_back_as_it_came(ask):
    from anthropic.types import WebSearchTool20260318Param

    assert set(SENT) <= set(WebSearchTool20260318Param.__annotations__)
    usage = {"server_tool_use": {"web_search_requests": 1, "web_fetch_requests": 0}}
    replies = [Reply((*searched(), CITED), "pause_turn", usage=usage), Reply(({"type": "text", "text": "done"},))]
    async with MessagesAPI(lambda body: replies.pop(0)) as api:
        model = AnthropicModel(base_url=api.base_url, connections=1, read_timeout=20.0)
        first = await model.reply(ask(tools=(SEARCH,)))
        said = {"role": "assistant", "content": list(first.content)}
        second = await model.reply(ask(tools=(SEARCH,), messages=(*ask().messages, said), turn=2))
        await model.close()
        assert not api.refused
    assert list(first.content) == [*searched(), CITED]
    assert (first.usage.web_searches, second.usage.web_searches) == (1, 0)


def test_citations_that_come_bit_by_bit_are_kept_whole():
    stream = ReplyStream()

    def hear(**event):
        stream.event(event["type"], json.dumps(event))

    (citation,) = CITED["citations"]
    hear(type="message_start", message={"model": "m", "usage": {"input_tokens": 1}})
    hear(type="content_block_start", index=0, content_block={"type": "text", "text": "", "citations": []})
    hear(type="content_block_delta", index=0, delta={"type": "citations_delta", "citation": citation})
    hear(type="content_block_delta", index=0, delta={"type": "text_delta", "text": CITED["text"]})
    hear(type="content_block_stop", index=0)
    hear(
        type="message_delta",
        delta={"stop_reason": "end_turn"},
        usage={"output_tokens": 3, "server_tool_use": {"web_search_requests": 2}},
    )
    hear(type="message_stop")
    assert stream.content() == (CITED,)
    assert stream.usage().web_searches == 2


@pytest.mark.parametrize("served", [None, {}, {"web_search_requests": 0}, {"web_fetch_requests": 3}])
def test_a_reply_without_searches_has_none(served):
    stream = ReplyStream()
    usage = {"input_tokens": 1, "server_tool_use": served}
    stream.event("message_start", json.dumps({"type": "message_start", "message": {"model": "m", "usage": usage}}))
    assert stream.usage().web_searches == 0


def test_each_search_costs_its_price():
    price = price_of("claude-sonnet-5-5")
    nothing = dict.fromkeys(
        ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens"), 0
    )
    assert cost(price, **nothing, web_searches=3) == pytest.approx(0.03)


def test_a_service_without_searches_is_answered_with_what_to_do():
    said = "tools.0: Input tag 'web_search_20260318' found using 'type' does not match any of the expected tags"
    error = model_error(Refusal(400, "invalid_request_error", message=said), 0.0)
    assert error.failure.kind == "model_request_refused"
    assert "where the model's service has no WebSearch, take it out of the agent's `tools`" in error.failure.message


async def test_a_script_tells_what_was_searched_and_found(ask):
    script = b"""
replies:
  researcher:
    - searches:
        - {query: "more of {{ prompt }}", results: [{url: https://x.org/, title: X}]}
        - {query: nothing, error: unavailable}
      text: Found.
"""
    reply = await ScriptedModel(script, "s.yaml").reply(ask(tools=(SEARCH,)))
    kinds = [block["type"] for block in reply.content]
    assert kinds == ["server_tool_use", "web_search_tool_result", "server_tool_use", "web_search_tool_result", "text"]
    assert reply.content[0]["input"] == {"query": "more of What is a sandbox?"}
    assert reply.content[1]["content"][0]["url"] == "https://x.org/"
    assert reply.content[3]["content"]["error_code"] == "unavailable"
    assert (reply.stop_reason, reply.usage.web_searches) == ("end_turn", 1)
