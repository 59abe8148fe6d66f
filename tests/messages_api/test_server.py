"""Good turns, seen through the real client."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import pytest

from tests.messages_api import MessagesAPI, MessagesProcess, Reply, read_log, text, thinking, tool_use, turn_of

MODEL = "claude-sonnet-5-5"
TOOL = {"name": "read", "input_schema": {"type": "object", "properties": {"path": {"type": "string"}}}}
LONG = "A sentence that is long enough to be cached. " * 80


@asynccontextmanager
async def client_of(api: MessagesAPI | MessagesProcess) -> AsyncIterator[anthropic.AsyncAnthropic]:
    client = anthropic.AsyncAnthropic(base_url=api.base_url, api_key="test", max_retries=0)
    try:
        yield client
    finally:
        await client.close()


async def ask(client: anthropic.AsyncAnthropic, messages: list[Any], **more: Any) -> anthropic.types.Message:
    async with client.messages.stream(model=MODEL, max_tokens=500, messages=messages, **more) as stream:
        return await stream.get_final_message()


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


async def test_streamed_and_whole_answers_are_the_same_message():
    reply = Reply((text("Hello, wörld — " * 9), tool_use("read", {"path": "ä/b.py", "lines": [1, 2]})))
    async with MessagesAPI(lambda _: reply) as api, client_of(api) as client:
        streamed = await ask(client, [user("a")], tools=[TOOL])
        whole = await client.messages.create(model=MODEL, max_tokens=500, messages=[user("a")], tools=[TOOL])
    assert (
        streamed.content[0].to_dict() == whole.content[0].to_dict() == {"type": "text", "text": "Hello, wörld — " * 9}
    )
    assert streamed.content[1].input == whole.content[1].input == {"path": "ä/b.py", "lines": [1, 2]}
    assert (streamed.stop_reason, whole.stop_reason) == ("tool_use", "tool_use")
    assert streamed.usage.output_tokens == whole.usage.output_tokens > 1
    assert api.refused == []


async def test_a_turn_with_a_tool_goes_on_with_its_result():
    script = [{"turns": [{"text": "Reading.", "tools": [{"name": "read", "input": {"path": "a"}}]}, {"text": "Done."}]}]
    async with MessagesAPI(script) as api, client_of(api) as client:
        first = await ask(client, [user("go")], tools=[TOOL])
        call = first.content[1]
        result = {"type": "tool_result", "tool_use_id": call.id, "content": "contents"}
        history = [user("go"), first.to_param(), user([result])]
        second = await ask(client, history, tools=[TOOL])
    assert (second.content[0].text, second.stop_reason) == ("Done.", "end_turn")
    assert [request.outcome for request in api.requests] == ["ok", "ok"]


async def test_the_same_request_gets_the_same_identifiers_in_another_process():
    identifiers = set()
    for _ in range(2):
        async with MessagesAPI(Reply((tool_use("read"),))) as api, client_of(api) as client:
            message = await ask(client, [user("a")], tools=[TOOL])
            identifiers.add((message.id, message.content[0].id))
    assert len(identifiers) == 1


async def test_thinking_is_accepted_when_it_comes_back_unchanged():
    script = [{"turns": [{"thinking": "Let me see.", "text": "One."}, {"text": "Two."}]}]
    async with MessagesAPI(script) as api, client_of(api) as client:
        shown = {"thinking": {"type": "adaptive", "display": "summarized"}}
        first = await ask(client, [user("a")], **shown)
        second = await ask(client, [user("a"), first.to_param(), user("b")], **shown)
    assert (first.content[0].thinking, second.content[0].text) == ("Let me see.", "Two.")


async def test_thinking_is_empty_unless_the_request_asks_to_see_it():
    async with MessagesAPI(Reply((thinking("secret"), text("x")))) as api, client_of(api) as client:
        message = await ask(client, [user("a")])
    assert message.content[0].thinking == ""
    assert message.content[0].signature


@pytest.mark.parametrize("change", ["text", "signature"])
async def test_changed_thinking_of_the_latest_message_is_refused(change: str):
    async with MessagesAPI(Reply((thinking("I think."), text("x")))) as api, client_of(api) as client:
        shown = {"thinking": {"type": "adaptive", "display": "summarized"}}
        first = (await ask(client, [user("a")], **shown)).to_dict()
        block = dict(first["content"][0])
        block["thinking" if change == "text" else "signature"] += "A"
        history = [user("a"), {"role": "assistant", "content": [block, first["content"][1]]}, user("b")]
        with pytest.raises(anthropic.BadRequestError, match="cannot be modified"):
            await ask(client, history, **shown)


@pytest.mark.parametrize("bound", [True, False])
async def test_thinking_is_bound_to_the_prompt_it_answered(bound: bool):
    async with (
        MessagesAPI(Reply((thinking("I think."), text("x"))), bind_thinking=bound) as api,
        client_of(api) as client,
    ):
        first = (await ask(client, [user("a")], system="Be brief.")).to_param()
        if bound:
            with pytest.raises(anthropic.BadRequestError, match="has changed since the block was produced"):
                await ask(client, [user("a"), first, user("b")], system="Be long.")
        else:
            await ask(client, [user("a"), first, user("b")], system="Be long.")


async def test_a_paused_turn_may_be_sent_back_as_it_is():
    script = [{"turns": [{"text": "Working", "stop_reason": "pause_turn"}, {"text": "Done."}]}]
    async with MessagesAPI(script) as api, client_of(api) as client:
        first = await ask(client, [user("a")])
        assert first.stop_reason == "pause_turn"
        second = await ask(client, [user("a"), first.to_param()])
        assert second.content[0].text == "Done."
        with pytest.raises(anthropic.BadRequestError, match="prefill"):
            await ask(client, [user("a"), {"role": "assistant", "content": "Other"}])


async def test_a_growing_conversation_reads_what_it_cached():
    async with MessagesAPI([{"text": "ok"}]) as api, client_of(api) as client:
        first = await ask(client, [user(LONG)], cache_control={"type": "ephemeral"})
        history = [user(LONG), first.to_param(), user("more " + LONG)]
        second = await ask(client, history, cache_control={"type": "ephemeral"})
        changed = await ask(client, [user("x" + LONG), *history[1:]], cache_control={"type": "ephemeral"})
    assert (first.usage.cache_read_input_tokens, changed.usage.cache_read_input_tokens) == (0, 0)
    assert first.usage.cache_creation_input_tokens > 800
    assert second.usage.cache_read_input_tokens > 800
    assert second.usage.cache_creation_input_tokens > 800
    assert second.usage.cache_creation.ephemeral_5m_input_tokens == second.usage.cache_creation_input_tokens


async def test_a_short_prompt_is_not_cached():
    async with MessagesAPI([{"text": "ok"}]) as api, client_of(api) as client:
        usages = [(await ask(client, [user("short")], cache_control={"type": "ephemeral"})).usage for _ in range(2)]
    assert [(usage.cache_creation_input_tokens, usage.cache_read_input_tokens) for usage in usages] == [(0, 0)] * 2


async def test_a_cached_prefix_expires_unless_it_is_used():
    clock = [0.0]
    async with MessagesAPI([{"text": "ok"}], clock=lambda: clock[0]) as api, client_of(api) as client:
        reads = []
        for clock[0] in (0.0, 200.0, 450.0, 800.0):
            usage = (await ask(client, [user(LONG)], cache_control={"type": "ephemeral"})).usage
            reads.append(usage.cache_read_input_tokens > 0)
    assert reads == [False, True, True, False]


async def test_siblings_cannot_read_what_nobody_has_begun_to_answer():
    async with MessagesAPI([{"text": "ok"}]) as api, client_of(api) as client:
        api.hold()
        both = [asyncio.ensure_future(ask(client, [user(LONG)], cache_control={"type": "ephemeral"})) for _ in range(2)]
        await api.until_in_flight(2)
        api.release()
        assert [message.usage.cache_read_input_tokens for message in await asyncio.gather(*both)] == [0, 0]


async def test_held_requests_are_in_flight_until_released():
    async with MessagesAPI([{"text": "ok"}]) as api, client_of(api) as client:
        api.hold()
        asked = [asyncio.ensure_future(ask(client, [user(str(number))])) for number in range(20)]
        await api.until_in_flight(20)
        assert not any(task.done() for task in asked)
        api.release()
        assert all(message.content[0].text == "ok" for message in await asyncio.gather(*asked))
    assert (api.in_flight, api.max_in_flight) == (0, 20)


async def test_a_client_that_leaves_is_no_longer_in_flight():
    async with MessagesAPI([{"text": "ok"}]) as api, client_of(api) as client:
        api.hold()
        task = asyncio.ensure_future(ask(client, [user("a")]))
        await api.until_in_flight(1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await client.close()
        await api.until_in_flight(0)
        assert api.requests[0].outcome == "client_closed"


async def test_above_the_limit_requests_are_turned_away():
    async with MessagesAPI([{"text": "ok"}], max_concurrent=2) as api, client_of(api) as client:
        api.hold()
        held = [asyncio.ensure_future(ask(client, [user(str(number))])) for number in range(2)]
        await api.until_in_flight(2)
        for number in range(3):
            with pytest.raises(anthropic.APIStatusError) as raised:
                await ask(client, [user(f"late {number}")])
            assert raised.value.status_code == 529
        api.release()
        await asyncio.gather(*held)
    assert api.outcomes == {"busy": 3, "ok": 2}
    assert api.refused == []


async def test_a_thousand_slow_requests_are_held_at_once():
    async with MessagesAPI([{"text": "ok"}], record=False) as api:
        api.hold()
        body = json.dumps({"model": MODEL, "max_tokens": 9, "stream": True, "messages": [user("a")]}).encode()
        head = (
            "POST /v1/messages HTTP/1.1\r\nx-api-key: k\r\nanthropic-version: 2026-10-21\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )

        async def one() -> bytes:
            reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
            writer.write(head.encode() + body)
            answer = await reader.readuntil(b"0\r\n\r\n")
            writer.close()
            await writer.wait_closed()
            return answer

        asked = [asyncio.ensure_future(one()) for _ in range(1000)]
        await api.until_in_flight(1000)
        api.release()
        answers = await asyncio.gather(*asked)
    assert all(b"message_stop" in answer for answer in answers)
    assert api.max_in_flight == 1000


async def test_a_request_no_rule_applies_to_says_so():
    async with MessagesAPI([{"match": {"model": "claude-opus-5-5"}, "text": "x"}]) as api, client_of(api) as client:
        with pytest.raises(anthropic.BadRequestError, match="no rule of the script applies"):
            await ask(client, [user("a")])
    assert [request.outcome for request in api.refused] == ["unscripted"]


async def test_a_script_that_raises_says_so():
    def script(request: dict[str, Any]) -> Reply:
        raise KeyError(turn_of(request))

    async with MessagesAPI(script) as api, client_of(api) as client:
        with pytest.raises(anthropic.BadRequestError, match="the script failed: KeyError: 0"):
            await ask(client, [user("a")])


async def test_headers_carry_the_request_id_and_the_rate_limits():
    async with MessagesAPI([{"text": "x"}]) as api, client_of(api) as client:
        raw = await client.messages.with_raw_response.create(model=MODEL, max_tokens=9, messages=[user("a")])
    assert raw.headers["request-id"] == api.requests[0].request_id
    assert int(raw.headers["anthropic-ratelimit-requests-remaining"]) < 4000


async def test_a_model_can_be_looked_up():
    async with MessagesAPI([{"text": "x"}]) as api, client_of(api) as client:
        found = await client.models.retrieve(MODEL)
        assert (found.max_tokens, found.max_input_tokens) == (128_000, 1_000_000)
        assert found.capabilities.thinking.types.disabled.supported is False
        assert MODEL in [model.id async for model in client.models.list()]
        with pytest.raises(anthropic.NotFoundError):
            await client.models.retrieve("claude-9")


async def test_tokens_are_counted():
    async with MessagesAPI([{"text": "x"}]) as api, client_of(api) as client:
        counted = await client.messages.count_tokens(model=MODEL, messages=[user(LONG)])
    assert counted.input_tokens > len(LONG) / 5


async def test_an_unknown_path_is_not_found():
    async with MessagesAPI([{"text": "x"}]) as api, httpx2.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"{api.base_url}/v2/other")
    assert (answer.status_code, answer.json()["error"]["type"]) == (404, "not_found_error")


async def test_secrets_are_not_recorded():
    async with MessagesAPI([{"text": "x"}]) as api, client_of(api) as client:
        await ask(client, [user("a")])
    assert api.requests[0].headers["authorization"] == "***"
    assert api.requests[0].body["messages"] == [user("a")]


async def test_a_process_serves_a_script_file_and_logs_each_request(tmp_path: Path):
    script = tmp_path / "script.yaml"
    script.write_text("- text: from a file\n", encoding="utf-8")
    log = tmp_path / "log.jsonl"
    with MessagesProcess(script, log=log, options=("--chunk", "3")) as api:
        async with client_of(api) as client:
            message = await ask(client, [user("a")])
            with pytest.raises(anthropic.BadRequestError):
                await ask(client, [])
        stats = api.stats()
        assert (message.content[0].text, stats["requests"], stats["refused"]) == ("from a file", 2, 1)
        assert [line["outcome"] for line in api.requests()] == ["ok", "refused"]
    assert read_log(log)[0]["body"]["messages"] == [user("a")]


async def test_a_process_can_be_held_and_released(tmp_path: Path):
    script = tmp_path / "script.py"
    script.write_text("script = [{'text': 'x'}]\n", encoding="utf-8")
    with MessagesProcess(script, options=("--hold", "--no-record")) as api:
        async with client_of(api) as client:
            task = asyncio.ensure_future(ask(client, [user("a")]))
            await asyncio.to_thread(api.until_in_flight, 1)
            assert not task.done()
            await asyncio.to_thread(api.release)
            assert (await task).content[0].text == "x"
