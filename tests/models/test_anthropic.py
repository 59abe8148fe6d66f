import asyncio
import gc
import itertools
import subprocess
import sys

import pytest

from agentflow.errors import AgentflowError
from agentflow.models.anthropic import AnthropicModel, preload
from agentflow.models.port import ModelError
from tests.messages_api import Fault, MessagesAPI, Reply, text, thinking, tool_use, turn_of

PATTERN = {"pattern": "sandbox", "note": "ü" * 20}
CALL = (thinking("hm"), text("Let me look."), tool_use("Grep", PATTERN))


@pytest.fixture(scope="module", autouse=True)
def _imported():
    preload()


@pytest.fixture
async def new_model():
    models = []

    def make(api, **options):
        models.append(AnthropicModel(base_url=api.base_url, **{"connections": 10, "read_timeout": 20.0, **options}))
        return models[-1]

    yield make
    for model in models:
        await model.close()


async def failure_of(model, request):
    with pytest.raises(ModelError) as caught:
        await model.reply(request)
    return caught.value


async def until(holds):
    async with asyncio.timeout(60):
        while True:
            if holds():
                return
            await asyncio.sleep(0.005)


def faulty(kind, **parameters):
    return Reply(CALL, faults=[Fault(kind, **parameters)])


async def test_a_long_conversation_with_tools_is_accepted_and_read_from_the_cache(ask, new_model):
    last = 30

    def script(body):
        turn = turn_of(body)
        calls = [tool_use("Grep", {"pattern": str(number)}) for number in range(25 if turn == 5 else 2)]
        return Reply((thinking("hm"), text("next"), *calls) if turn < last else (text("done"),))

    async with MessagesAPI(script, min_cache_tokens=1) as api:
        model = new_model(api)
        messages, replies = ask().messages, []
        for turn in range(1, last + 2):
            replies.append(await model.reply(ask(messages=messages, turn=turn, thinking="adaptive", effort="low")))
            calls = [block for block in replies[-1].content if block["type"] == "tool_use"]
            results = [{"type": "tool_result", "tool_use_id": call["id"], "content": "x" * 400} for call in calls]
            messages = (*messages, {"role": "assistant", "content": list(replies[-1].content)})
            messages = (*messages, {"role": "user", "content": results})
        assert not api.refused
    assert replies[-1].stop_reason == "end_turn"
    for earlier, later in itertools.pairwise(replies):
        before = earlier.usage.cache_read_tokens + earlier.usage.cache_write_5m_tokens
        # The server estimates the tokens of a prefix from its share of the body, so the counts shift a little.
        assert later.usage.cache_read_tokens >= before * 0.6
        assert later.usage.input_tokens <= 1


@pytest.mark.parametrize(
    "changes",
    [
        {"tool_choice": "none"},
        {"tool_choice": "Grep", "model": "claude-haiku-5-5", "thinking": "adaptive"},
        {"tools": (), "tool_choice": "none", "cache": "none"},
        {"system": None, "cache": "prefix"},
        {"system": " ", "effort": "max"},
        {
            "output_schema": {
                "type": "object",
                "properties": {"n": {"type": ["integer", "null"], "minimum": 0}},
                "required": ["n"],
            }
        },
        {"output_schema": {"type": "object", "additionalProperties": {"type": "number"}}},
    ],
)
async def test_every_shape_of_request_is_accepted(ask, new_model, changes):
    async with MessagesAPI(Reply((text("ok"),))) as api:
        reply = await new_model(api).reply(ask(**changes))
        assert reply.content == ({"type": "text", "text": "ok"},)
        assert not api.refused


async def test_text_is_heard_and_the_call_is_described(ask, new_model):
    heard = []
    async with MessagesAPI(Reply((text("A longer sentence, cut into pieces."),))) as api:
        reply = await new_model(api).reply(ask(), heard.append)
    assert "".join(heard) == "A longer sentence, cut into pieces."
    assert len(heard) > 1
    assert reply.model == ask().model
    assert reply.request_id == "req_local00000001"
    assert reply.usage.input_total > 0
    assert 0 <= reply.timings.first_byte <= reply.timings.total


@pytest.mark.parametrize(
    ("kind", "parameters", "billed"),
    [
        ("reset", {}, False),
        ("close", {}, False),
        ("html", {}, False),
        ("empty_stream", {}, False),
        ("error_event", {}, True),
        ("error_event", {"error": "api_error"}, True),
        ("bad_utf8", {}, True),
        ("bad_index", {}, True),
        ("duplicate_keys", {}, True),
        ("list_input", {}, True),
        ("server_error", {}, False),
        ("timeout", {}, False),
        ("overloaded", {}, False),
        ("rate_limit", {}, False),
    ],
)
async def test_a_broken_or_busy_service_may_be_tried_again(ask, new_model, kind, parameters, billed):
    async with MessagesAPI(faulty(kind, **parameters)) as api:
        error = await failure_of(new_model(api), ask())
    assert (error.failure.kind, error.failure.retryable, error.billed) == ("model_unavailable", True, billed)
    assert len(api.requests) == 1


@pytest.mark.parametrize("kind", ["authentication", "permission", "billing", "spend_limit", "usage_limit"])
async def test_missing_access_is_permanent(ask, new_model, kind):
    async with MessagesAPI(faulty(kind)) as api:
        error = await failure_of(new_model(api), ask())
    assert (error.failure.kind, error.failure.retryable) == ("model_access", False)
    assert len(api.requests) == 1


@pytest.mark.parametrize("kind", ["bad_request", "not_found"])
async def test_a_refused_request_is_permanent(ask, new_model, kind):
    async with MessagesAPI(faulty(kind)) as api:
        error = await failure_of(new_model(api), ask())
    assert (error.failure.kind, error.failure.retryable) == ("model_request_refused", False)
    assert error.request_id == "req_local00000001"


async def test_the_wait_that_was_asked_for_comes_along_and_is_capped(ask, new_model):
    async with MessagesAPI(faulty("overloaded", retry_after=1e9)) as api:
        error = await failure_of(new_model(api), ask())
    assert (error.retry_after, error.overloaded) == (24 * 3600.0, True)


async def test_what_comes_in_single_bytes_or_with_unknown_events_is_a_reply(ask, new_model):
    reply = Reply(CALL, faults=[Fault("dribble", bytes=1), Fault("unknown_event")])
    async with MessagesAPI(reply) as api:
        content = (await new_model(api).reply(ask())).content
    assert content[-1]["input"] == PATTERN


async def test_a_socket_held_open_after_the_reply_is_not_waited_for(ask, new_model):
    async with MessagesAPI(faulty("open_after_stop")) as api:
        reply = await asyncio.wait_for(new_model(api).reply(ask()), 10)
    assert reply.stop_reason == "tool_use"


async def test_pings_alone_do_not_keep_a_call_alive(ask, new_model):
    async with MessagesAPI(faulty("pings", seconds=0.01)) as api:
        error = await failure_of(new_model(api, read_timeout=0.1), ask())
    assert (error.failure.kind, error.failure.retryable, error.billed) == ("model_unavailable", True, True)


async def test_silence_before_the_first_byte_ends_a_call(ask, new_model):
    async with MessagesAPI(Reply(CALL), latency=60) as api:
        error = await failure_of(new_model(api, read_timeout=0.1), ask())
    assert (error.failure.kind, error.billed) == ("model_unavailable", False)


async def test_a_stream_cut_at_any_byte_is_no_reply_and_no_call(ask, new_model):
    place, failures = 0, []

    async with MessagesAPI(lambda body: faulty("cut", at=place, how="end")) as api:
        model = new_model(api)
        reply = None
        while reply is None:
            try:
                reply = await model.reply(ask())
            except ModelError as error:
                failures.append(error.failure.kind)
                place += 1
        assert not api.refused
    assert reply.content[-1]["input"] == PATTERN
    assert reply.stop_reason == "tool_use"
    assert place > 500
    assert set(failures) == {"model_unavailable"}


@pytest.mark.parametrize("how", ["reset", "close"])
@pytest.mark.parametrize("place", [0, 1, 400, 900, 1200])
async def test_a_connection_that_breaks_amid_the_reply_may_be_tried_again(ask, new_model, how, place):
    async with MessagesAPI(faulty("cut", at=place, how=how)) as api:
        error = await failure_of(new_model(api), ask())
    assert (error.failure.kind, error.failure.retryable) == ("model_unavailable", True)


async def test_a_call_cut_off_by_max_tokens_is_not_handed_on(ask, new_model):
    async with MessagesAPI(faulty("truncated_tool")) as api:
        reply = await new_model(api).reply(ask())
    assert reply.stop_reason == "max_tokens"
    assert all(block["type"] != "tool_use" for block in reply.content)


async def test_a_cancelled_call_leaves_no_connection_behind(ask, new_model):
    async with MessagesAPI(faulty("pings", seconds=0.01)) as api:
        call = asyncio.create_task(new_model(api).reply(ask()))
        await until(lambda: api.in_flight)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await until(lambda: not api.in_flight)
        assert api.outcomes["client_closed"] == 1


async def test_calls_go_out_at_once_and_reuse_their_connections(ask, new_model):
    async with MessagesAPI(Reply((text("ok"),))) as api:
        model = new_model(api, connections=50)
        for _ in range(3):
            api.hold()
            calls = [asyncio.create_task(model.reply(ask())) for _ in range(50)]
            await until(lambda: api.in_flight == 50)
            api.release()
            await asyncio.gather(*calls)
        assert len(api._connections) == 50


async def test_nobody_listening_may_be_tried_again(ask, new_model):
    async with MessagesAPI(Reply(CALL)) as api:
        model = new_model(api)
    error = await failure_of(model, ask())
    assert (error.failure.kind, error.failure.retryable) == ("model_unavailable", True)


async def test_a_request_that_is_no_json_is_refused_before_it_goes_out(ask, new_model):
    async with MessagesAPI(Reply(CALL)) as api:
        broken = ({"role": "user", "content": float("nan")},)
        error = await failure_of(new_model(api), ask(messages=broken))
        assert not api.requests
    assert error.failure.kind == "model_request_refused"


async def test_half_a_character_is_replaced_and_two_halves_are_joined(ask, new_model):
    async with MessagesAPI(Reply((text("ok"),))) as api:
        said = "\ud800 and \ud83d\ude00"
        await new_model(api).reply(ask(messages=({"role": "user", "content": said},), system=said))
        sent = api.requests[0].body
        assert not api.refused
    assert sent["messages"][0]["content"] == "\ufffd and \U0001f600"
    assert sent["system"][0]["text"] == "\ufffd and \U0001f600"


def test_a_missing_key_names_the_next_move(monkeypatch):
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    with pytest.raises(AgentflowError, match="no key") as caught:
        AnthropicModel(connections=1)
    assert "--scripted" in caught.value.hint


@pytest.mark.parametrize("key", ["secret-of\nmine", "secret of mine", "secret-öf-mine"])
def test_a_key_that_cannot_be_a_header_is_refused_and_not_shown(monkeypatch, key):
    monkeypatch.setenv("ANTHROPIC_API_KEY", key)
    with pytest.raises(AgentflowError) as caught:
        AnthropicModel(connections=1)
    assert "secret" not in f"{caught.value} {caught.value.hint}"


def test_an_address_that_is_no_url_is_refused(monkeypatch):
    with pytest.raises(AgentflowError, match="no URL"):
        AnthropicModel(base_url="api.example.com", connections=1)


async def test_a_key_that_the_service_repeats_is_not_shown(ask, new_model):
    async with MessagesAPI(faulty("authentication", message="the key made-up-key is wrong")) as api:
        error = await failure_of(new_model(api), ask())
    assert "made-up-key" not in error.failure.message


def test_the_client_is_not_imported_before_it_is_needed():
    code = "import sys, agentflow.models.anthropic; sys.exit('anthropic' in sys.modules or 'httpx2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_preloading_leaves_the_collector_as_it_was():
    assert gc.isenabled()
    preload()
    assert gc.isenabled()
