"""Compaction and counting as the service has them."""

import json

import pytest

from agentflow.models.anthropic import AnthropicModel
from agentflow.models.messages_params import COMPACTION_BETA, MessagesParams
from agentflow.models.port import ModelError, TokenCounter
from agentflow.models.scripted import ScriptedModel
from agentflow.models.stream import ReplyStream
from tests.messages_api import MessagesAPI, Reply, text
from tests.messages_api.errors import ApiError

TALK = (
    {"role": "user", "content": [{"type": "text", "text": "Count the lamps."}]},
    {"role": "assistant", "content": [{"type": "text", "text": "One."}]},
    {"role": "user", "content": [{"type": "text", "text": "And?"}]},
)


@pytest.fixture
async def new_model():
    models = []

    def make(api):
        models.append(AnthropicModel(base_url=api.base_url, connections=4))
        return models[-1]

    yield make
    for model in models:
        await model.close()


async def test_the_service_compacts_and_takes_its_block_back(ask, new_model):
    async with MessagesAPI(lambda body: Reply([text("In short: one lamp.")])) as api:
        model = new_model(api)
        reply = await model.reply(ask(messages=TALK, compact=True))
        assert reply.stop_reason == "compaction"
        (block,) = reply.content
        assert (block["type"], block["content"]) == ("compaction", "In short: one lamp.")
        assert reply.usage.input_total > 0, "what it took is counted, although the totals are nothing"
        assert reply.usage.output_tokens > 0
        again = ({"role": "assistant", "content": [block]}, TALK[2])
        await model.reply(ask(messages=again))
        assert [record.error for record in api.refused] == []


async def test_a_service_without_compaction_refuses_it_for_good(ask, new_model):
    async with MessagesAPI(lambda body: Reply([text("x")])) as api:
        with pytest.raises(ModelError) as caught:
            await new_model(api).reply(ask(messages=TALK, compact=True, model="claude-haiku-4-5"))
    assert caught.value.failure.kind == "model_request_refused"


async def test_a_changed_block_is_refused(ask, new_model):
    block = {"type": "compaction", "content": "Otherwise.", "signature": "forged"}
    async with MessagesAPI(lambda body: Reply([text("x")])) as api:
        with pytest.raises(ModelError):
            await new_model(api).reply(ask(messages=({"role": "assistant", "content": [block]}, TALK[2])))


async def test_tokens_are_counted_as_the_reply_then_says(ask, new_model):
    async with MessagesAPI(lambda body: Reply([text("x")])) as api:
        model = new_model(api)
        assert isinstance(model, TokenCounter)
        counted = await model.count(ask(messages=TALK))
        reply = await model.reply(ask(messages=TALK))
    assert counted == pytest.approx(reply.usage.input_total, abs=20)


async def test_where_nothing_can_be_counted_nothing_is_raised(ask, new_model, monkeypatch):
    def refuse(*_arguments):
        raise ApiError("not_found_error", "Not found", 404)

    async with MessagesAPI(lambda body: Reply([text("x")])) as api:
        model = new_model(api)
        monkeypatch.setattr(type(api._validator), "check_headers", refuse)
        assert await model.count(ask(messages=TALK)) is None
    assert await model.count(ask(messages=TALK)) is None, "nobody is there any more"


def test_only_requests_that_need_it_carry_the_beta(ask):
    build = MessagesParams(lambda schema: schema).build
    assert "extra_headers" not in build(ask(messages=TALK))
    asked = build(ask(messages=TALK, compact=True))
    assert asked["extra_headers"] == {"anthropic-beta": COMPACTION_BETA}
    assert asked["extra_body"] == {"compaction": {"type": "summarize"}}
    block = {"role": "assistant", "content": [{"type": "compaction", "content": "x"}]}
    later = build(ask(messages=(block, TALK[2])))
    assert "extra_body" not in later
    assert later["extra_headers"] == {"anthropic-beta": COMPACTION_BETA}


def test_what_compactions_took_is_added_to_the_totals():
    stream = ReplyStream()
    iterations = [
        {"type": "compaction", "input_tokens": 10, "output_tokens": 20, "cache_read_input_tokens": 30},
        {"type": "message", "input_tokens": 1, "output_tokens": 2},
    ]
    usage = {"input_tokens": 1, "output_tokens": 2, "iterations": iterations}
    stream.event("", json.dumps({"type": "message_start", "message": {"model": "m", "usage": usage}}))
    assert (stream.usage().input_tokens, stream.usage().output_tokens) == (11, 22)
    assert stream.usage().cache_read_tokens == 30


async def test_a_script_compacts_nothing_by_itself(ask):
    model = ScriptedModel(b"replies: {researcher: [{text: Hi}]}", "r.yaml")
    with pytest.raises(ModelError):
        await model.reply(ask(messages=TALK, compact=True))
    assert not isinstance(model, TokenCounter)
