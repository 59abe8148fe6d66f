"""A model at a server that is not the Claude API: requests as it takes them, replies as ours must be."""

import json

import pytest

from agentflow.events.values import Usage
from agentflow.guard.pace import CALLS_AT_FIRST
from agentflow.models.anthropic import preload
from agentflow.models.compatible import BYTES_PER_TOKEN, SMALLEST_REPLY, Sizes, completed, fitting
from agentflow.models.opening import asking
from agentflow.models.port import ModelError, Reply, calls_at_first
from agentflow.plan.builtin_tools import BUILTIN_TOOLS
from agentflow.plan.declared_models import declaring
from agentflow.plan.endpoints import endpoint_of
from tests.compatible_server import CompatibleServer, Said

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
GREP = ("Grep", {"pattern": "x"})


@pytest.fixture(scope="module", autouse=True)
def _imported():
    preload()


@pytest.fixture
async def model_at(tmp_path):
    """A model at a server, and the catalogue that its endpoint declares."""
    models = []

    def make(server, text=""):
        file = tmp_path / "endpoint.yaml"
        file.write_text(f"endpoint: {server.url}\n{text}")
        endpoint = endpoint_of({"AGENTFLOW_ENDPOINT": str(file)})
        models.append(asking(endpoint, connections=4))
        return models[-1], endpoint.catalogue

    yield make
    for model in models:
        await model.close()


def reply_of(*content, stop_reason="end_turn", usage=None):
    timings = None
    return Reply(content, stop_reason, None, "m", usage or Usage(5, 5), None, timings)


def call(name="call_1", **value):
    return {"type": "tool_use", "id": name, "name": "Grep", "input": value}


async def test_a_server_with_the_ways_of_llama_cpp_gives_a_whole_reply(ask, model_at):
    async with CompatibleServer(lambda _asked: Said("Let me look.", (GREP, GREP))) as server:
        model, _ = model_at(server)
        heard = []
        reply = await model.reply(ask(), heard.append)
    assert [block["type"] for block in reply.content] == ["text", "tool_use", "tool_use"]
    assert (reply.stop_reason, reply.request_id, reply.model) == ("tool_use", None, ask().model)
    assert heard == ["Let me look."]
    assert len({block["id"] for block in reply.content[1:]}) == 2
    assert reply.usage.estimated
    assert reply.usage.input_tokens > len(json.dumps(ask().tools[0].input_schema)) // BYTES_PER_TOKEN


async def test_what_a_server_refuses_by_name_is_left_out_of_every_later_request(ask, model_at):
    async with CompatibleServer(lambda _asked: Said("ok"), refuses=("cache_control", "thinking")) as server:
        model, _ = model_at(server)
        request = ask(thinking="adaptive", effort="low")
        for named, instead in (("cache_control", "`caching`"), ("thinking", "`thinking`")):
            with pytest.raises(ModelError, match=f"{named}: Extra inputs.*asked again without {instead}") as caught:
                await model.reply(request)
            assert (caught.value.failure.kind, caught.value.failure.retryable) == ("model_request_refused", True)
        await model.reply(request)
        await model.reply(request)
    first, *_, last = (asked.body for asked in server.asked if asked.method == "POST")
    assert {"thinking", "cache_control"} <= first.keys()
    assert last["output_config"] == {"effort": "low"}
    assert "thinking" not in last
    assert "cache_control" not in json.dumps(last)
    assert len([asked for asked in server.asked if asked.method == "POST"]) == 4


async def test_what_is_declared_to_be_lacking_is_not_tried(ask, model_at):
    async with CompatibleServer(lambda _asked: Said('{"n": 1}')) as server:
        model, _ = model_at(server, "lacks: [output_format, caching]\n")
        await model.reply(ask(output_schema=SCHEMA))
    (asked,) = (asked for asked in server.asked if asked.method == "POST")
    assert "output_config" not in asked.body
    assert asked.body["system"].count('"required": ["n"]') == 1


async def test_a_server_that_may_pass_over_the_format_is_told_of_the_schema_in_words_too(ask, model_at):
    async with CompatibleServer(lambda _asked: Said('```json\n{"n": 1}\n```')) as server:
        model, _ = model_at(server)
        reply = await model.reply(ask(output_schema=SCHEMA, cache="none"))
    (asked,) = server.asked
    assert asked.body["output_config"]["format"]["type"] == "json_schema"
    assert asked.body["system"].count('"required": ["n"]') == 1
    assert reply.content == ({"type": "text", "text": '{"n": 1}'},)


async def test_a_refusal_that_names_no_feature_is_one(ask, model_at):
    async with CompatibleServer(lambda _asked: "temperature: too hot") as server:
        model, _ = model_at(server)
        with pytest.raises(ModelError, match="too hot") as caught:
            await model.reply(ask(thinking="adaptive"))
    assert not caught.value.failure.retryable


async def test_a_search_that_the_endpoint_lacks_is_refused_before_anything_is_sent(ask, model_at):
    async with CompatibleServer(lambda _asked: Said("ok")) as server:
        model, _ = model_at(server, "lacks: [web_search]\n")
        with pytest.raises(ModelError, match="take `WebSearch` out of the agent's `tools`"):
            await model.reply(ask(tools=(BUILTIN_TOOLS["WebSearch"].spec,)))
    assert server.asked == []


async def test_a_model_is_asked_for_by_what_the_endpoint_calls_it(ask, model_at):
    async with CompatibleServer(lambda _asked: Said("ok")) as server:
        model, catalogue = model_at(server, "models:\n  claude-opus-5-5: {id: 'org/qwen3:8b', max_output: 500}\n")
        with declaring(catalogue):
            await model.reply(ask())
    (asked,) = server.asked
    assert (asked.body["model"], asked.body["max_tokens"]) == ("org/qwen3:8b", 500)


async def test_a_model_that_the_endpoint_does_not_know_is_told_with_a_next_move(ask, model_at):
    async with CompatibleServer(lambda _asked: "Invalid model name passed in model=claude-opus-5-5") as server:
        model, _ = model_at(server)
        with pytest.raises(ModelError, match="under `models`, what `claude-opus-5-5` is called there"):
            await model.reply(ask())


async def test_the_sizes_of_an_unknown_model_are_asked_for_once(ask, model_at):
    told = {"qwen": {"id": "qwen", "max_model_len": 4096, "max_tokens": 700}}
    async with CompatibleServer(lambda _asked: Said("ok"), models=told) as server:
        model, _ = model_at(server)
        for _ in range(2):
            await model.reply(ask(model="qwen"))
    assert [asked.method for asked in server.asked] == ["GET", "POST", "POST"]
    assert server.asked[-1].body["max_tokens"] == 700


@pytest.mark.parametrize(("text", "gets"), [("", 1), ("lacks: [models]\n", 0), ("models: {qwen: {max_output: 9}}", 0)])
async def test_a_server_that_tells_no_sizes_is_asked_as_the_workflow_says(ask, model_at, text, gets):
    async with CompatibleServer(lambda _asked: Said("ok")) as server:
        model, catalogue = model_at(server, text)
        with declaring(catalogue):
            await model.reply(ask(model="qwen"))
    assert [asked.method for asked in server.asked] == [*["GET"] * gets, "POST"]
    assert server.asked[-1].body["max_tokens"] == (9 if "9" in text else ask().max_tokens)


def test_a_reply_is_bounded_to_what_the_window_leaves(ask):
    small = ask(max_tokens=8000)
    assert fitting(small, Sizes()) == 8000
    assert fitting(small, Sizes(max_output=500)) == 500
    assert SMALLEST_REPLY < fitting(small, Sizes(context_window=4096)) < 4096
    assert fitting(ask(max_tokens=8000, system="x" * 100_000), Sizes(context_window=4096)) == SMALLEST_REPLY
    assert fitting(ask(max_tokens=300, system="x" * 100_000), Sizes(context_window=4096)) == 300


LONG = "call_0123456789abcdef"
EARLIER = ({"role": "user", "content": "a"}, {"role": "assistant", "content": [call(LONG)]})


@pytest.mark.parametrize("name", ["", "call_1", "functions.Grep:0", "tool:1234567890123456", "ü" * 20, LONG, "x" * 257])
def test_a_call_gets_an_id_of_its_own_where_its_own_would_not_do(ask, name):
    request = ask(messages=EARLIER, turn=2)
    ids = [block["id"] for block in completed(reply_of(call(name), call(name)), request, in_words=False).content]
    assert len({*ids, LONG}) == 3
    assert all(each.replace("_", "").isalnum() and each.isascii() for each in ids)
    again = completed(reply_of(call(name), call(name)), request, in_words=False).content
    assert [block["id"] for block in again] == ids


def test_the_ids_of_two_sessions_and_two_turns_differ(ask):
    requests = [ask(turn=1), ask(turn=2), ask(session="run/s2")]
    ids = {completed(reply_of(call()), request, in_words=False).content[0]["id"] for request in requests}
    assert len(ids) == 3


def test_an_id_that_will_do_is_kept(ask):
    assert completed(reply_of(call(LONG)), ask(), in_words=False).content[0]["id"] == LONG


@pytest.mark.parametrize(
    ("said", "content", "meant"),
    [
        ("stop", {"type": "text", "text": "x"}, "end_turn"),
        ("length", {"type": "text", "text": "x"}, "max_tokens"),
        ("tool_calls", call(), "tool_use"),
        ("end_turn", call(), "tool_use"),
        ("tool_use", {"type": "text", "text": "x"}, "tool_use"),
        ("max_tokens", call(), "max_tokens"),
        ("length", call(), "max_tokens"),
        ("refusal", call(), "refusal"),
        ("something_new", call(), "something_new"),
    ],
)
def test_a_stop_reason_is_that_of_the_api_and_a_cut_reply_never_runs_a_call(ask, said, content, meant):
    assert completed(reply_of(content, stop_reason=said), ask(), in_words=False).stop_reason == meant


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ('```json\n{"n": 1}\n```', '{"n": 1}'),
        ('\n```\n{"n": 1}\n```\n', '{"n": 1}'),
        ('Here: ```json\n{"n": 1}\n```', 'Here: ```json\n{"n": 1}\n```'),
        ('{"n": 1}', '{"n": 1}'),
        ("```json\n\n```", "```json\n\n```"),
    ],
)
def test_a_fence_around_an_answer_that_words_asked_for_is_taken_away_and_nothing_else(ask, text, read):
    block = {"type": "text", "text": text}
    assert completed(reply_of(block), ask(), in_words=True).content == ({"type": "text", "text": read},)
    assert completed(reply_of(block), ask(), in_words=False).content == (block,)


def test_counts_that_a_server_gives_are_taken_and_others_estimated_and_marked(ask):
    text = {"type": "text", "text": "x" * 100}
    given = completed(reply_of(text, usage=Usage(7, 3)), ask(), in_words=False).usage
    assert given == Usage(7, 3)
    cached = completed(reply_of(text, usage=Usage(0, 3, cache_read_tokens=9)), ask(), in_words=False).usage
    assert cached == Usage(0, 3, cache_read_tokens=9)
    half = completed(reply_of(text, usage=Usage(7, 0)), ask(), in_words=False).usage
    assert (half.input_tokens, half.output_tokens > 40, half.estimated) == (7, True, True)
    assert (given + half).estimated


async def test_a_server_that_counts_no_tokens_is_asked_once_for_a_count(ask, model_at):
    async with CompatibleServer(lambda _asked: "no such route") as server:
        model, _ = model_at(server)
        assert [await model.count(ask()), await model.count(ask())] == [None, None]
    assert [asked.path for asked in server.asked] == ["/v1/messages/count_tokens"]


async def test_calls_to_a_server_begin_as_few_as_to_the_claude_api(model_at):
    async with CompatibleServer(lambda _asked: Said("ok")) as server:
        model, _ = model_at(server)
        assert calls_at_first(model) == CALLS_AT_FIRST
