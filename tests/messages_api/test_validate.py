"""Each request the real API refuses is refused here, in its words."""

import json
from collections.abc import Mapping
from typing import Any

import anthropic
import httpx2
import pytest

from tests.messages_api import MessagesAPI
from tests.pictures import document, encoded, image, pdf, picture

MODEL = "claude-sonnet-5-5"
OLD_MODEL = "claude-sonnet-4-5"
USE = {"type": "tool_use", "id": "toolu_1", "name": "read", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "ok"}
TOOL = {"name": "read", "input_schema": {"type": "object", "properties": {}}}
PNG, PDF = encoded(picture()), encoded(pdf(2))
EPHEMERAL = {"type": "ephemeral"}
HOUR = {"type": "ephemeral", "ttl": "1h"}
HEADERS = {"x-api-key": "test", "anthropic-version": "2026-10-21", "content-type": "application/json"}


def request(**changes: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {"model": MODEL, "max_tokens": 100, "messages": [user("hello")]}
    return {key: value for key, value in {**plain, **changes}.items() if value is not ...}


def user(*content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content[0] if isinstance(content[0], str) else list(content)}


def assistant(*content: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content[0] if isinstance(content[0], str) else list(content)}


def words(value: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": value, **more}


def tool(**changes: Any) -> list[dict[str, Any]]:
    return [{**TOOL, **changes}]


def answer_format(schema: Any) -> dict[str, Any]:
    return {"format": {"type": "json_schema", "schema": schema}}


def closed(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False}


async def post(
    body: Any, headers: Mapping[str, str] = HEADERS, raw: bytes | None = None, **options: Any
) -> tuple[int, dict[str, Any]]:
    content = json.dumps(body).encode() if raw is None else raw
    async with MessagesAPI([{"text": "hi"}], **options) as api, httpx2.AsyncClient(trust_env=False) as client:
        answer = await client.post(f"{api.base_url}/v1/messages", content=content, headers=dict(headers))
        assert len(api.refused) == (answer.status_code != 200)
        return answer.status_code, answer.json()


ACCEPTED = {
    "a plain question": request(),
    "two user messages in a row": request(messages=[user("a"), user("b")]),
    "a tool use with its result": request(messages=[user("a"), assistant(USE), user(RESULT)], tools=[TOOL]),
    "text after the results": request(messages=[user("a"), assistant(USE), user(RESULT, words("go"))], tools=[TOOL]),
    "a result with no content": request(
        messages=[user("a"), assistant(USE), user({"type": "tool_result", "tool_use_id": "toolu_1"})], tools=[TOOL]
    ),
    "a system message after a user message": request(messages=[user("a"), {"role": "system", "content": "be brief"}]),
    "prefill on an old model": request(model=OLD_MODEL, messages=[user("a"), assistant("The answer is")]),
    "warming the cache": request(max_tokens=0),
    "a server tool": request(tools=[{"type": "web_search_20260318", "name": "web_search", "max_uses": 2}]),
    "an hour before five minutes": request(
        system=[words("long", cache_control=HOUR)], messages=[user(words("a", cache_control=EPHEMERAL))]
    ),
    "top-level cache control": request(cache_control=EPHEMERAL),
    "an image": request(messages=[user(image(PNG))]),
    "an image and a PDF in a result": request(
        messages=[user("a"), assistant(USE), user({**RESULT, "content": [image(PNG), document(PDF)]})], tools=[TOOL]
    ),
    "an answer format": request(
        output_config={
            "effort": "xhigh",
            **answer_format(
                closed(a={"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/b"}})
                | {"$defs": {"b": {"type": "string", "enum": ["x", "y"]}}}
            ),
        }
    ),
    "thinking between tools": request(thinking={"type": "between_tools"}, output_config={"effort": "high"}),
    "a budget on an old model": request(
        model=OLD_MODEL, max_tokens=4000, thinking={"type": "enabled", "budget_tokens": 1024}
    ),
}


@pytest.mark.parametrize("body", ACCEPTED.values(), ids=ACCEPTED.keys())
async def test_a_good_request_is_answered(body: dict[str, Any]):
    status, answer = await post(body)
    assert (status, answer.get("error")) == (200, None)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown parameter": (request(xyz=1), "xyz: Extra inputs are not permitted"),
    "no model": (request(model=...), "model: Field required"),
    "no max_tokens": (request(max_tokens=...), "max_tokens: Field required"),
    "max_tokens as text": (request(max_tokens="9"), "max_tokens: Input should be a valid integer"),
    "negative max_tokens": (request(max_tokens=-1), "max_tokens: Input should be greater than or equal to 1"),
    "a warm-up that streams": (
        request(max_tokens=0, stream=True),
        "max_tokens: Input should be greater than or equal to 1",
    ),
    "too many max_tokens": (
        request(max_tokens=128_001),
        "max_tokens: 128001 > 128000, which is the maximum allowed number of output tokens for claude-sonnet-5-5",
    ),
    "no messages": (request(messages=[]), "messages: at least one message is required"),
    "an assistant first": (request(messages=[assistant("a"), user("b")]), 'first message must use the "user" role'),
    "a system message first": (
        request(messages=[{"role": "system", "content": "x"}, user("b")]),
        "messages.0: use the top-level 'system' parameter for the initial system prompt",
    ),
    "a system message on an old model": (
        request(model=OLD_MODEL, messages=[user("a"), {"role": "system", "content": "x"}]),
        "role 'system' is not supported on this model",
    ),
    "an unknown role": (request(messages=[{"role": "tool", "content": "x"}]), "messages.0.role: Input should be"),
    "a message without content": (request(messages=[{"role": "user"}]), "messages.0.content: Field required"),
    "a message with a name": (
        request(messages=[{**user("a"), "name": "x"}]),
        "messages.0.name: Extra inputs are not permitted",
    ),
    "prefill": (
        request(messages=[user("a"), assistant("The answer is")]),
        "This model does not support assistant message prefill. The conversation must end with a user message.",
    ),
    "prefill that ends in a blank": (
        request(model=OLD_MODEL, messages=[user("a"), assistant("The answer is ")]),
        "messages: final assistant content cannot end with trailing whitespace",
    ),
    "empty content": (request(messages=[user("")]), "messages.0: all messages must have non-empty content"),
    "no blocks": (request(messages=[{"role": "user", "content": []}]), "messages.0: all messages must have non-empty"),
    "an empty block": (request(messages=[user(words(""))]), "messages: text content blocks must be non-empty"),
    "a blank block": (
        request(messages=[user(words(" \n"))]),
        "messages: text content blocks must contain non-whitespace text",
    ),
    "an unknown block": (request(messages=[user({"type": "song"})]), "messages.0.content.0: Input tag 'song'"),
    "an extra field of a block": (
        request(messages=[user(words("a", index=0))]),
        "messages.0.content.0.text.index: Extra inputs are not permitted",
    ),
    "a tool use without its result": (
        request(messages=[user("a"), assistant(USE), user("b")], tools=[TOOL]),
        "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: toolu_1. Each "
        "`tool_use` block must have a corresponding `tool_result` block in the next message.",
    ),
    "a tool use at the end": (
        request(messages=[user("a"), assistant(USE)], tools=[TOOL]),
        "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: toolu_1",
    ),
    "text before the result": (
        request(messages=[user("a"), assistant(USE), user(words("b"), RESULT)], tools=[TOOL]),
        "messages.1: `tool_use` ids were found without `tool_result`",
    ),
    "the result one message late": (
        request(messages=[user("a"), assistant(USE), user("b"), user(RESULT)], tools=[TOOL]),
        "messages.1: `tool_use` ids were found without `tool_result`",
    ),
    "one result of two": (
        request(messages=[user("a"), assistant(USE, {**USE, "id": "toolu_2"}), user(RESULT)], tools=[TOOL]),
        "immediately after: toolu_2.",
    ),
    "a result twice": (
        request(messages=[user("a"), assistant(USE), user(RESULT, RESULT)], tools=[TOOL]),
        "each tool_use must have a single result. Found multiple `tool_result` blocks with id: toolu_1",
    ),
    "a result without its use": (
        request(messages=[user(RESULT)], tools=[TOOL]),
        "messages.0.content.0: unexpected `tool_use_id` found in `tool_result` blocks: toolu_1.",
    ),
    "a failed result without content": (
        request(messages=[user("a"), assistant(USE), user({**RESULT, "is_error": True, "content": ""})], tools=[TOOL]),
        "content cannot be empty if `is_error` is true",
    ),
    "a tool use id twice": (
        request(
            messages=[user("a"), assistant(USE), user(RESULT), assistant(USE), user(RESULT)],
            tools=[TOOL],
        ),
        "messages: `tool_use` ids must be unique",
    ),
    "a tool use id with a dot": (
        request(messages=[user("a"), assistant({**USE, "id": "a.b"}), user(RESULT)], tools=[TOOL]),
        "messages.1.content.0.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'",
    ),
    "a tool input that is a list": (
        request(messages=[user("a"), assistant({**USE, "input": []}), user(RESULT)], tools=[TOOL]),
        "messages.1.content.0.tool_use.input: Input should be a valid dictionary",
    ),
    "a tool use of the user": (
        request(messages=[user(USE)], tools=[TOOL]),
        "`tool_use` blocks can only be in `assistant` messages",
    ),
    "tool uses without tools": (request(messages=[user("a"), assistant(USE), user(RESULT)]), "tools: Field required"),
    "a tool name with a dot": (
        request(tools=tool(name="a.b")),
        "tools.0.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'",
    ),
    "a tool name twice": (request(tools=[TOOL, TOOL]), "tools: Tool names must be unique."),
    "a tool without a schema": (
        request(tools=[{"name": "read"}]),
        "tools.0.custom.input_schema: Field required",
    ),
    "a schema without a type": (
        request(tools=tool(input_schema={"properties": {}})),
        "tools.0.custom.input_schema.type: Field required",
    ),
    "a schema that is an array": (
        request(tools=tool(input_schema={"type": "array"})),
        "tools.0.custom.input_schema.type: Input should be 'object'",
    ),
    "a schema that is none": (
        request(tools=tool(input_schema={"type": "object", "properties": {"a": {"type": "strnig"}}})),
        "tools.0.custom.input_schema: JSON schema is invalid. It must match JSON Schema draft 2020-12",
    ),
    "a strict tool with an open schema": (
        request(tools=tool(strict=True)),
        "For 'object' type, 'additionalProperties' must be explicitly set to false",
    ),
    "an unknown field of a tool": (
        request(tools=tool(effects="none")),
        "tools.0.custom.effects: Extra inputs are not permitted",
    ),
    "an unknown server tool": (
        request(tools=[{"type": "web_search_20991231", "name": "web_search"}]),
        "tools.0: Input tag 'web_search_20991231'",
    ),
    "an unknown tool choice": (request(tools=[TOOL], tool_choice={"type": "all"}), "tool_choice: Input tag 'all'"),
    "a choice without tools": (request(tool_choice={"type": "auto"}), "tool_choice: may only be specified while"),
    "a forced tool": (
        request(tools=[TOOL], tool_choice={"type": "any"}),
        'tool_choice: type "tool" and "any" are not supported for this model.',
    ),
    "a forced tool that is not there": (
        request(model=OLD_MODEL, tools=[TOOL], tool_choice={"type": "tool", "name": "write"}),
        "Tool 'write' not found in provided tools",
    ),
    "a forced tool while thinking": (
        request(
            model=OLD_MODEL,
            max_tokens=4000,
            tools=[TOOL],
            tool_choice={"type": "any"},
            thinking={"type": "enabled", "budget_tokens": 1024},
        ),
        "Thinking may not be enabled when tool_choice forces tool use.",
    ),
    "unknown thinking": (request(thinking={"type": "deep"}), "thinking: Input tag 'deep'"),
    "thinking turned off": (
        request(thinking={"type": "disabled"}),
        '"thinking.type.disabled" is not supported for this model. Use "thinking.type.adaptive" and '
        '"output_config.effort" to control thinking behavior.',
    ),
    "a budget": (
        request(max_tokens=4000, thinking={"type": "enabled", "budget_tokens": 2000}),
        '"thinking.type.enabled" is not supported for this model.',
    ),
    "a budget above max_tokens": (
        request(model=OLD_MODEL, max_tokens=1024, thinking={"type": "enabled", "budget_tokens": 1024}),
        "`max_tokens` must be greater than `thinking.budget_tokens`.",
    ),
    "a small budget": (
        request(model=OLD_MODEL, thinking={"type": "enabled", "budget_tokens": 50}),
        "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024",
    ),
    "great effort between tools": (
        request(thinking={"type": "between_tools"}, output_config={"effort": "max"}),
        '"thinking.type.between_tools" is not supported with effort "max"',
    ),
    "unknown effort": (request(output_config={"effort": "huge"}), "output_config.effort: Input should be 'low'"),
    "effort on a model without": (
        request(model=OLD_MODEL, output_config={"effort": "low"}),
        "This model does not support the effort parameter.",
    ),
    "a format that is none": (
        request(output_config={"format": {"type": "text"}}),
        "output_config.format.type: Input should be 'json_schema'",
    ),
    "an open answer": (
        request(output_config=answer_format({"type": "object", "properties": {}})),
        "output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly set to false",
    ),
    "an answer with a minimum": (
        request(output_config=answer_format(closed(a={"type": "integer", "minimum": 1}))),
        "output_config.format.schema: For 'integer' type, property 'minimum' is not supported",
    ),
    "an answer with minItems 2": (
        request(output_config=answer_format(closed(a={"type": "array", "minItems": 2, "items": {"type": "string"}}))),
        "For 'array' type, 'minItems' values other than 0 or 1 are not supported",
    ),
    "an answer with maxItems": (
        request(output_config=answer_format(closed(a={"type": "array", "maxItems": 2, "items": {"type": "string"}}))),
        "For 'array' type, property 'maxItems' is not supported",
    ),
    "an answer with minLength": (
        request(output_config=answer_format(closed(a={"type": "string", "minLength": 2}))),
        "For 'string' type, property 'minLength' is not supported",
    ),
    "a recursive answer": (
        request(
            output_config=answer_format(
                closed(a={"$ref": "#/$defs/n"}) | {"$defs": {"n": closed(next={"$ref": "#/$defs/n"})}}
            )
        ),
        "Recursive schemas are not supported",
    ),
    "five breakpoints": (
        request(messages=[user(*[words(str(n), cache_control=EPHEMERAL) for n in range(5)])]),
        "A maximum of 4 blocks with cache_control may be provided. Found 5.",
    ),
    "four breakpoints and the top-level one": (
        request(
            cache_control=EPHEMERAL,
            messages=[user(*[words(str(n), cache_control=EPHEMERAL) for n in range(4)], words("end"))],
        ),
        "Found 5.",
    ),
    "a breakpoint that is not ephemeral": (
        request(messages=[user(words("a", cache_control={"type": "forever"}))]),
        "messages.0.content.0.text.cache_control.type: Input should be 'ephemeral'",
    ),
    "a breakpoint for a day": (
        request(messages=[user(words("a", cache_control={"type": "ephemeral", "ttl": "24h"}))]),
        "messages.0.content.0.text.cache_control.ttl: Input should be '5m' or '1h'",
    ),
    "a breakpoint on empty text": (
        request(messages=[user(words("", cache_control=EPHEMERAL))]),
        "messages.0.content.0.text: cache_control cannot be set for empty text blocks",
    ),
    "an hour after five minutes": (
        request(system=[words("x", cache_control=EPHEMERAL)], messages=[user(words("a", cache_control=HOUR))]),
        "a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block.",
    ),
    "a breakpoint on thinking": (
        request(
            messages=[
                user("a"),
                assistant({"type": "thinking", "thinking": "", "signature": "x", "cache_control": EPHEMERAL}),
                user("b"),
            ]
        ),
        "messages.1.content.0.thinking.cache_control: Extra inputs are not permitted",
    ),
    "an empty system block": (request(system=[words("")]), "system: text content blocks must be non-empty"),
    "a temperature": (request(temperature=0.5), "temperature: Extra inputs are not permitted"),
    "a blank stop sequence": (request(stop_sequences=[" "]), "stop_sequences: each stop sequence must contain"),
    "an image of unknown type": (
        request(
            messages=[user({"type": "image", "source": {"type": "base64", "media_type": "image/tiff", "data": "x"}})]
        ),
        "messages.0.content.0.image.source.base64.media_type: Input should be",
    ),
    "an image that is none": (request(messages=[user(image("aGk="))]), "Could not process image"),
    "a cut off image": (request(messages=[user(image(encoded(picture("PNG")[:50])))]), "Could not process image"),
    "no base64": (request(messages=[user(image("%"))]), "image.source.base64.data: Invalid base64 data"),
    "an image of another type": (
        request(messages=[user(image(encoded(picture("JPEG"))))]),
        "The image was specified using the image/png media type, but the image appears to be a image/jpeg image",
    ),
    "an image of too many pixels": (
        request(messages=[user(image(encoded(picture("PNG", (8001, 1)))))]),
        "exceed max allowed size: 8000 pixels",
    ),
    "a large image among many": (
        request(messages=[user(*[image(encoded(picture("PNG", (2001, 1))))] * 21)]),
        "exceed max allowed size for many-image requests: 2000 pixels",
    ),
    "a PDF that is none": (
        request(messages=[user(document("aGk="))]),
        "document.source.base64.data: The PDF specified was not valid.",
    ),
    "a document of the assistant": (
        request(
            messages=[
                user("a"),
                assistant({"type": "document", "source": {"type": "url", "url": "http://x"}}),
                user("b"),
            ]
        ),
        "`document` blocks can only be in `user` messages",
    ),
    "thinking nobody signed": (
        request(messages=[user("a"), assistant({"type": "thinking", "thinking": "x", "signature": "eA=="}), user("b")]),
        "messages.1.content.0: `thinking` or `redacted_thinking` blocks in the latest assistant message cannot be "
        "modified. These blocks must remain as they were in the original response.",
    ),
    "older thinking nobody signed": (
        request(
            messages=[
                user("a"),
                assistant({"type": "thinking", "thinking": "x", "signature": "eA=="}),
                user("b"),
                assistant("c"),
                user("d"),
            ]
        ),
        "messages.1.content.0: Invalid `signature` in `thinking` block",
    ),
}


@pytest.mark.parametrize(("body", "message"), REFUSED.values(), ids=REFUSED.keys())
async def test_a_bad_request_is_refused_in_the_words_of_the_api(body: dict[str, Any], message: str):
    status, answer = await post(body)
    assert (status, answer["type"], answer["error"]["type"]) == (400, "error", "invalid_request_error")
    assert message in answer["error"]["message"]
    assert answer["request_id"].startswith("req_")


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"{", "The request body is not valid JSON"),
        (b"[]", "Input should be a valid dictionary"),
        (b'{"max_tokens": NaN}', "The request body is not valid JSON"),
        (b'{"model": "\\ud800"}', "The request body is not valid JSON"),
        (b'{"model": "\xff"}', "The request body is not valid JSON"),
        (b"[" * 100_000, "The request body is not valid JSON"),
    ],
    ids=["cut off", "a list", "NaN", "a lone surrogate", "bad UTF-8", "deep nesting"],
)
async def test_a_body_that_is_no_json_object_is_refused(raw: bytes, message: str):
    status, answer = await post(None, raw=raw)
    assert status == 400
    assert message in answer["error"]["message"]


@pytest.mark.parametrize(
    ("left_out", "status", "message"),
    [
        ("x-api-key", 401, "x-api-key header is required"),
        ("anthropic-version", 400, "anthropic-version: header is required"),
        ("content-type", 400, "content-type: must be application/json"),
    ],
)
async def test_a_missing_header_is_refused(left_out: str, status: int, message: str):
    headers = {name: value for name, value in HEADERS.items() if name != left_out}
    assert await post(request(), headers) == (
        status,
        {
            "type": "error",
            "error": {
                "type": "authentication_error" if status == 401 else "invalid_request_error",
                "message": message,
            },
            "request_id": "req_local00000001",
        },
    )


async def test_a_wrong_key_is_refused_when_one_is_expected():
    status, answer = await post(request(), api_key="right")
    assert (status, answer["error"]["message"]) == (401, "invalid x-api-key")


async def test_a_bearer_token_is_a_key():
    headers = {**HEADERS, "authorization": "Bearer test"}
    del headers["x-api-key"]
    assert (await post(request(), headers))[0] == 200


async def test_an_unknown_model_is_not_found():
    status, answer = await post(request(model="claude-9"))
    assert (status, answer["error"]) == (404, {"type": "not_found_error", "message": "model: claude-9"})


async def test_the_older_version_names_sampling_deprecated():
    status, answer = await post(request(temperature=0.5), {**HEADERS, "anthropic-version": "2023-06-01"})
    assert (status, answer["error"]["message"]) == (400, "`temperature` is deprecated for this model.")


async def test_a_prompt_above_the_context_window_is_too_long():
    status, answer = await post(request(model=OLD_MODEL, messages=[user("x" * 900_000)]))
    assert (status, answer["error"]["message"]) == (400, "prompt is too long: 225024 tokens > 200000 maximum")


async def test_images_and_pdfs_count_by_their_pixels_and_pages_and_not_by_their_bytes():
    large = encoded(picture("PNG", (2800, 280), compress_level=0))
    assert len(large) > 3_000_000
    async with MessagesAPI([{"text": "hi"}]) as api:
        client = anthropic.AsyncAnthropic(base_url=api.base_url, api_key="test", max_retries=0)
        plain, shown = [
            (await client.messages.count_tokens(model=MODEL, messages=[user(words("a"), *blocks)])).input_tokens
            for blocks in ([], [image(large), document(PDF)])
        ]
        await client.close()
    assert 0 <= shown - plain - (100 * 10 + 2 * 3_100) < 200


async def test_a_body_over_32_mib_is_too_large():
    status, answer = await post(request(messages=[user("x" * (33 * 1024 * 1024))]))
    assert (status, answer["error"]["type"]) == (413, "request_too_large")


async def test_the_client_raises_the_refusal_as_its_own_error():
    async with MessagesAPI([{"text": "hi"}]) as api:
        client = anthropic.AsyncAnthropic(base_url=api.base_url, api_key="test", max_retries=0)
        with pytest.raises(anthropic.BadRequestError, match="at least one message"):
            await client.messages.create(model=MODEL, max_tokens=10, messages=[])
        await client.close()
