"""Each fault, as the real client sees it."""

import asyncio
import json
import time
from typing import Any

import anthropic
import httpx2
import pytest

from tests.messages_api import Fault, MessagesAPI, Reply, text, tool_use

MODEL = "claude-sonnet-5-5"
TOOL = {"name": "read", "input_schema": {"type": "object"}}
BODY = {"model": MODEL, "max_tokens": 100, "stream": True, "messages": [{"role": "user", "content": "a"}]}
HEADERS = {"x-api-key": "test", "anthropic-version": "2026-10-21"}


def script(*faults: Fault, tool: bool = False, **more: Any) -> Reply:
    blocks = (text("Hello there, reader."),) + ((tool_use("read", {"path": "a", "depth": 3}),) if tool else ())
    return Reply(blocks, faults=faults, **more)


async def ask(api: MessagesAPI, **more: Any) -> anthropic.types.Message:
    client = anthropic.AsyncAnthropic(base_url=api.base_url, api_key="test", max_retries=0, timeout=5)
    asked = {"model": MODEL, "max_tokens": 100, "messages": BODY["messages"], **more}
    try:
        async with client.messages.stream(**asked) as stream:
            return await stream.get_final_message()
    finally:
        await client.close()


async def body_of(api: MessagesAPI, stream: bool = True) -> tuple[bytes, Exception | None]:
    """The bytes of the answer that arrived, and what ended it early."""
    received = b""
    async with httpx2.AsyncClient(trust_env=False) as client:
        try:
            async with client.stream(
                "POST", f"{api.base_url}/v1/messages", json={**BODY, "stream": stream}, headers=HEADERS
            ) as answer:
                async for piece in answer.aiter_bytes():
                    received += piece
        except httpx2.TransportError as error:
            return received, error
    return received, None


STATUSES = [
    ("bad_request", 400, anthropic.BadRequestError),
    ("usage_limit", 400, anthropic.BadRequestError),
    ("authentication", 401, anthropic.AuthenticationError),
    ("billing", 402, anthropic.APIStatusError),
    ("permission", 403, anthropic.PermissionDeniedError),
    ("not_found", 404, anthropic.NotFoundError),
    ("too_large", 413, anthropic.APIStatusError),
    ("rate_limit", 429, anthropic.RateLimitError),
    ("server_error", 500, anthropic.InternalServerError),
    ("timeout", 504, anthropic.InternalServerError),
    ("overloaded", 529, anthropic.InternalServerError),
]


@pytest.mark.parametrize(("kind", "status", "error"), STATUSES)
async def test_a_status_fault_is_the_error_of_that_status(kind: str, status: int, error: type[Exception]):
    async with MessagesAPI(script(Fault(kind))) as api:
        with pytest.raises(error) as raised:
            await ask(api)
    assert raised.value.status_code == status
    assert api.requests[0].outcome == f"fault:{kind}"
    assert api.refused == []


async def test_a_rate_limit_says_when_to_come_back():
    async with MessagesAPI(script(Fault("rate_limit", retry_after=2.5))) as api:
        with pytest.raises(anthropic.RateLimitError) as raised:
            await ask(api)
    assert raised.value.response.headers["retry-after"] == "2.5"


async def test_a_spend_limit_carries_its_code():
    async with MessagesAPI(script(Fault("spend_limit"))) as api:
        with pytest.raises(anthropic.RateLimitError) as raised:
            await ask(api)
    assert raised.value.body["error"]["details"] == {"error_code": "enforced_spend_limit_reached"}


async def test_a_fault_of_the_first_attempt_is_gone_on_the_second():
    async with MessagesAPI(script(Fault("overloaded", attempt=1))) as api:
        with pytest.raises(anthropic.APIStatusError):
            await ask(api)
        assert (await ask(api)).content[0].text == "Hello there, reader."
    assert [request.attempt for request in api.requests] == [1, 2]


async def test_attempts_of_another_request_are_counted_apart():
    async with MessagesAPI(script(Fault("overloaded", attempt=1))) as api:
        for system in ("one", "two"):
            with pytest.raises(anthropic.APIStatusError):
                await ask(api, system=system)


@pytest.mark.parametrize("kind", ["reset", "close"])
async def test_a_dropped_connection_is_a_connection_error(kind: str):
    async with MessagesAPI(script(Fault(kind))) as api:
        with pytest.raises(anthropic.APIConnectionError):
            await ask(api)


async def test_a_delayed_answer_comes_after_its_delay():
    async with MessagesAPI(script(Fault("delay", seconds=0.05))) as api:
        before = time.monotonic()
        assert (await ask(api)).stop_reason == "end_turn"
        assert time.monotonic() - before >= 0.05


async def test_a_slow_answer_arrives_event_by_event():
    async with MessagesAPI(script(Fault("slow", seconds=0.002)), chunk=4) as api:
        assert (await ask(api)).content[0].text == "Hello there, reader."


@pytest.mark.parametrize("how", ["reset", "close"])
@pytest.mark.parametrize("at", [0, 1, 250, 700])
async def test_a_cut_stream_ends_at_exactly_that_byte(how: str, at: int):
    async with MessagesAPI(script(Fault("cut", at=at, how=how, attempt=1))) as api:
        received, error = await body_of(api)
        whole, _ = await body_of(api)
    assert error is not None
    assert received == whole[:at]


async def test_a_clean_end_before_the_last_event_is_taken_for_an_answer():
    async with MessagesAPI(script(Fault("cut", at=700, how="end"))) as api:
        received, error = await body_of(api)
    assert (len(received), error) == (700, None)
    assert b"message_stop" not in received


async def test_a_whole_answer_can_be_cut_too():
    async with MessagesAPI(script(Fault("cut", at=40, how="close"))) as api:
        received, error = await body_of(api, stream=False)
    assert len(received) == 40
    assert isinstance(error, httpx2.RemoteProtocolError)


async def test_an_error_event_ends_the_stream():
    async with MessagesAPI(script(Fault("error_event", after=3))) as api:
        with pytest.raises(anthropic.APIStatusError, match="overloaded_error") as raised:
            await ask(api)
    assert raised.value.status_code == 200


async def test_a_page_instead_of_json_is_no_message():
    async with MessagesAPI(script(Fault("html"))) as api:
        received, _ = await body_of(api, stream=False)
    assert received.startswith(b"<html>")


async def test_an_empty_stream_has_no_message():
    async with MessagesAPI(script(Fault("empty_stream"))) as api:
        assert await body_of(api) == (b"", None)


async def test_bad_utf8_reaches_the_client():
    async with MessagesAPI(script(Fault("bad_utf8", after=3))) as api:
        with pytest.raises(UnicodeDecodeError):
            await ask(api)


async def test_a_bad_index_reaches_the_client():
    async with MessagesAPI(script(Fault("bad_index", after=3))) as api:
        with pytest.raises(IndexError):
            await ask(api)


async def test_an_unknown_event_is_sent_on():
    async with MessagesAPI(script(Fault("unknown_event"))) as api:
        received, _ = await body_of(api)
    assert b"event: event_of_the_future\n" in received
    assert received.endswith(b'event: message_stop\ndata: {"type":"message_stop"}\n\n')


async def test_pings_go_on_until_the_client_leaves():
    async with MessagesAPI(script(Fault("pings", seconds=0.001))) as api:
        reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
        content = json.dumps(BODY).encode()
        lines = [f"{name}: {value}" for name, value in {**HEADERS, "content-type": "application/json"}.items()]
        start = "\r\n".join(["POST /v1/messages HTTP/1.1", *lines, f"content-length: {len(content)}", "", ""])
        writer.write(start.encode() + content)
        for _ in range(5):
            await reader.readuntil(b"event: ping")
        writer.close()
        await writer.wait_closed()
        await api.until_in_flight(0)
    assert api.outcomes == {"client_closed": 1}


async def test_a_socket_stays_open_after_the_last_event():
    async with MessagesAPI(script(Fault("open_after_stop"))) as api:
        client = anthropic.AsyncAnthropic(base_url=api.base_url, api_key="test", max_retries=0)
        stream = await client.messages.create(**BODY)
        async for event in stream:
            if event.type == "message_stop":
                break
        assert api.in_flight == 1
        await stream.close()
        await client.close()


@pytest.mark.parametrize("reason", ["end_turn", "max_tokens", "stop_sequence", "tool_use", "pause_turn", "refusal"])
async def test_every_stop_reason_can_be_scripted(reason: str):
    reply = script(stop_reason=reason, stop_sequence="END" if reason == "stop_sequence" else None)
    async with MessagesAPI(reply) as api:
        message = await ask(api)
    assert (message.stop_reason, message.stop_details is not None) == (reason, reason == "refusal")


async def test_a_refusal_carries_its_category():
    async with MessagesAPI(script(stop_reason="refusal", stop_details={"category": "cyber"})) as api:
        assert (await ask(api)).stop_details.category == "cyber"


async def test_a_tool_call_can_be_cut_off_by_max_tokens():
    async with MessagesAPI(script(Fault("truncated_tool"), tool=True)) as api:
        received, _ = await body_of(api)
    assert b'"stop_reason":"max_tokens"' in received
    assert b"depth" not in received.rpartition(b"content_block_stop")[0] or b": 3}" not in received


async def test_a_key_of_a_tool_input_can_come_twice():
    async with MessagesAPI(script(Fault("duplicate_keys"), tool=True), chunk=1000) as api:
        received, _ = await body_of(api)
    assert rb"{\"path\": \"first of two\", \"path\": \"a\"" in received


async def test_a_tool_input_can_be_a_list():
    async with MessagesAPI(script(Fault("list_input"), tool=True)) as api:
        assert (await ask(api, tools=[TOOL])).content[1].input == ["not", "an", "object"]


async def test_a_stream_can_arrive_byte_by_byte():
    reply = Reply((text("ä — 漢字"),), faults=(Fault("dribble"),))
    async with MessagesAPI(reply) as api:
        assert (await ask(api)).content[0].text == "ä — 漢字"


def test_an_unknown_fault_is_refused():
    with pytest.raises(ValueError, match="unknown kind 'explode'"):
        Fault("explode")
