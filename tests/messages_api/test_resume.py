"""A long conversation that is known again gets the answers a stranger would get."""

import json
from typing import Any

import httpx2
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.messages_api import MessagesAPI, Reply, text, thinking, tool_use, turn_of
from tests.messages_api.models import MODELS
from tests.messages_api.resume import MIN_BYTES, Memory, Parsed, new_hash
from tests.messages_api.validate import VERSION, Validator, parse

HEADERS = {"x-api-key": "test", "anthropic-version": VERSION, "content-type": "application/json"}
TOOL = {"name": "read", "input_schema": {"type": "object", "properties": {"role": {"type": "string"}}}}
EPHEMERAL = {"type": "ephemeral"}


def script(request: dict[str, Any]) -> Reply:
    turn = turn_of(request)
    return Reply((thinking(f"thought {turn}"), text(f"turn {turn}"), tool_use("read", {"role": f"file {turn}"})))


def request_for(messages: list[Any], system: str = "Be brief. " * 300) -> dict[str, Any]:
    marked = [*messages[:-1], {**messages[-1], "content": [{**messages[-1]["content"][0], "cache_control": EPHEMERAL}]}]
    cached = [{"type": "text", "text": system, "cache_control": EPHEMERAL}]
    return {"max_tokens": 99, "messages": marked, "model": "claude-sonnet-5-5", "system": cached, "tools": [TOOL]}


async def converse(api: MessagesAPI, turns: int) -> tuple[list[Any], list[Any]]:
    messages: list[Any] = [{"role": "user", "content": [{"type": "text", "text": "go on " * 500}]}]
    answers = []
    async with httpx2.AsyncClient(trust_env=False) as client:
        for _ in range(turns):
            answer = (
                await client.post(f"{api.base_url}/v1/messages", json=request_for(messages), headers=HEADERS)
            ).json()
            answers.append(answer)
            result = {"type": "tool_result", "tool_use_id": answer["content"][2]["id"], "content": "ok " * 100}
            messages += [{"role": "assistant", "content": answer["content"]}, {"role": "user", "content": [result]}]
    return answers, messages


async def test_every_turn_is_answered_as_without_memory(monkeypatch):
    async with MessagesAPI(script) as api:
        with_memory, _ = await converse(api, 30)
    monkeypatch.setattr(Memory, "parse", lambda self, raw: None)
    async with MessagesAPI(script) as api:
        without, _ = await converse(api, 30)
    assert with_memory == without
    assert with_memory[-1]["usage"]["cache_read_input_tokens"] > 1000


async def test_a_known_conversation_with_another_system_prompt_is_refused():
    async with MessagesAPI(script) as api:
        _, messages = await converse(api, 12)
        async with httpx2.AsyncClient(trust_env=False) as client:
            answer = await client.post(
                f"{api.base_url}/v1/messages", json=request_for(messages, "Be long."), headers=HEADERS
            )
    assert answer.status_code == 400
    assert "has changed since the block was produced" in answer.json()["error"]["message"]


def history(size: int, odd: str) -> list[Any]:
    messages: list[Any] = [{"role": "user", "content": odd + "x" * MIN_BYTES}]
    for number in range(size):
        use = {"type": "tool_use", "id": f"t{number}", "name": "read", "input": {"messages": [{"role": odd}]}}
        messages.append({"role": "assistant", "content": [use]})
        messages.append({"role": "user", "content": [{"type": "tool_result", "tool_use_id": f"t{number}"}]})
    return messages


@settings(max_examples=60, deadline=None)
@given(
    size=st.integers(3, 9),
    grow=st.integers(0, 3),
    odd=st.text(min_size=1, max_size=20).filter(lambda value: not value.isspace())
    | st.sampled_from(['{"role":"user"', '"messages":[{"role":"', '","content":"']),
    compact=st.booleans(),
    tools_first=st.booleans(),
)
def test_parsing_with_memory_gives_the_same_body(size: int, grow: int, odd: str, compact: bool, tools_first: bool):
    def encode(messages: list[Any]) -> bytes:
        head = {"tools": [TOOL]} if tools_first else {}
        tail = {} if tools_first else {"tools": [TOOL]}
        body = {"max_tokens": 9, **head, "messages": messages, "model": "claude-opus-5-5", **tail}
        return json.dumps(body, separators=(",", ":") if compact else None, ensure_ascii=False).encode()

    memory, validator = Memory(), Validator(MODELS)
    first, second = encode(history(size, odd)), encode(history(size + grow, odd))
    parsed = Parsed(parse(first), None, new_hash(first))
    checked = validator.check(first, parsed.body, HEADERS, VERSION)
    assert checked.saved is not None
    memory.remember(first, parsed, checked.saved, VERSION, checked.prefix)
    known = memory.parse(second)
    assert known is not None
    assert known.body == parse(second)
    assert known.raw_hash.digest() == new_hash(second).digest()
    again = validator.check(second, known.body, HEADERS, VERSION, begins_with=known.begins_with)
    assert again.prefix.chunks == validator.check(second, parse(second), HEADERS, VERSION).prefix.chunks
