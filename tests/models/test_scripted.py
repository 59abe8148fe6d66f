import asyncio
import os
import random

import pytest

from agentflow.errors import UsageError
from agentflow.events.values import Usage
from agentflow.models.port import ModelError
from agentflow.models.scripted import MAX_SCRIPT_BYTES, ScriptedModel

SCRIPT = b"""
replies:
  planner:
    - text: '{"questions": ["what is it?"]}'
  researcher:
    - match: SANDBOX
      turns:
        - text: Looking.
          tools: [{name: Grep, input: {pattern: "{{ prompt }}", limit: 3}}]
        - text: "Found: {{ results[0] }} in turn {{ turn }}"
    - match: jail
      turns: [{text: jailed}]
    - turns:
        - text: something else
          delay: 0.25
          stop_reason: max_tokens
          usage: {output_tokens: 1000, cache_read_tokens: 5}
"""


@pytest.fixture
def model():
    return ScriptedModel(SCRIPT, "script.yaml")


def prompt(words):
    return ({"role": "user", "content": words},)


async def test_replies_follow_agent_and_turn(model, ask):
    first = await model.reply(ask(messages=prompt("sandbox?")))
    assert first.stop_reason == "tool_use"
    said, call = first.content
    assert said == {"type": "text", "text": "Looking."}
    assert (call["name"], call["input"]) == ("Grep", {"pattern": "sandbox?", "limit": 3})
    result = {"type": "tool_result", "tool_use_id": call["id"], "content": [{"type": "text", "text": "a.py:1"}]}
    messages = (
        *prompt("sandbox?"),
        {"role": "assistant", "content": list(first.content)},
        {"role": "user", "content": [result]},
    )
    second = await model.reply(ask(messages=messages, turn=2))
    assert second.stop_reason == "end_turn"
    assert second.content == ({"type": "text", "text": "Found: a.py:1 in turn 2"},)


async def test_sessions_of_one_agent_are_told_apart_by_their_prompt(model, ask):
    replies = [await model.reply(ask(messages=prompt(words))) for words in ("a JAIL", "a Sandbox and a jail")]
    assert [reply.content[0]["text"] for reply in replies] == ["jailed", "Looking."]


async def test_a_session_that_carries_another_on_is_told_by_its_own_prompt(model, ask):
    carried = (
        *prompt("the jail"),
        {"role": "assistant", "content": [{"type": "text", "text": "jailed"}]},
        {"role": "user", "content": [{"type": "text", "text": "and the sandbox?"}]},
    )
    first = await model.reply(ask(messages=carried, turn=1))
    assert first.content[0]["text"] == "Looking."
    result = {"type": "tool_result", "tool_use_id": first.content[1]["id"], "content": [{"type": "text", "text": "x"}]}
    further = (
        *carried,
        {"role": "assistant", "content": list(first.content)},
        {"role": "user", "content": [result]},
    )
    second = await model.reply(ask(messages=further, turn=2))
    assert second.content[0]["text"] == "Found: x in turn 2"


async def test_ids_differ_in_a_session_whose_beginning_a_compaction_left_out(model, ask):
    def answered(call):
        result = {"type": "tool_result", "tool_use_id": call, "content": "x"}
        called = {"type": "tool_use", "id": call, "name": "Grep", "input": {}}
        return (*prompt("sandbox?"), {"role": "assistant", "content": [called]}, {"role": "user", "content": [result]})

    script = b"replies: {researcher: [{text: a}, {text: b}, {tools: [{name: Grep, input: {}}]}]}"
    model = ScriptedModel(script, "script.yaml")
    older, newer = [await model.reply(ask(messages=answered(call), turn=3)) for call in ("one", "two")]
    assert older.content[0]["id"] != newer.content[0]["id"]


async def test_usage_stop_reason_delay_and_pace_can_be_given(ask):
    waited = []

    async def sleep(seconds):
        waited.append(seconds)

    model = ScriptedModel(SCRIPT, "script.yaml", pace=0.5, sleep=sleep)
    reply = await model.reply(ask(messages=prompt("other")))
    await model.reply(ask(agent="planner"))
    assert waited == [0.25, 0.5]  # its own delay, else the pace
    assert reply.stop_reason == "max_tokens"
    assert (reply.usage.output_tokens, reply.usage.cache_read_tokens) == (1000, 5)
    assert reply.usage.input_tokens > 0


async def test_usage_follows_from_the_lengths(model, ask):
    short = await model.reply(ask(agent="planner"))
    long = await model.reply(ask(agent="planner", messages=prompt("x" * 4000)))
    assert long.usage.input_tokens - short.usage.input_tokens == pytest.approx(1000, abs=10)
    assert short.usage == (await model.reply(ask(agent="planner"))).usage
    assert isinstance(short.usage, Usage)


async def test_text_is_heard_in_pieces(model, ask):
    heard = []
    reply = await model.reply(ask(agent="planner"), heard.append)
    assert "".join(heard) == reply.content[0]["text"]
    assert len(heard) > 1


async def test_replies_do_not_depend_on_the_order_of_requests(model, ask):
    requests = [
        ask(session=f"run/s{number}", messages=prompt(words), turn=1)
        for number, words in enumerate(["sandbox", "jail", "sandbox again", "jail again"] * 10)
    ]
    alone = [await model.reply(request) for request in requests]
    order = list(range(len(requests)))
    random.Random(7).shuffle(order)
    together = await asyncio.gather(*(model.reply(requests[index]) for index in order))
    assert [alone[index] for index in order] == list(together)
    ids = [block["id"] for reply in alone for block in reply.content if block["type"] == "tool_use"]
    assert len(ids) == len(set(ids)) == 20


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"agent": "editor"}, "does not name this agent"),
        ({"agent": "planner", "turn": 2}, "has 1 turns"),
    ],
)
async def test_a_missing_reply_names_agent_turn_and_file(model, ask, changes, words):
    with pytest.raises(ModelError, match=words) as caught:
        await model.reply(ask(**changes))
    failure = caught.value.failure
    assert (failure.kind, failure.retryable) == ("model_request_refused", False)
    assert f"'{changes['agent']}', turn {changes.get('turn', 1)}: script.yaml" in failure.message


async def test_a_template_that_fails_is_named(ask):
    model = ScriptedModel(b'replies: {a: [{text: "{{ results[0] }}"}]}', "s.yaml")
    with pytest.raises(ModelError, match="a template that fails"):
        await model.reply(ask(agent="a"))


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("replies: {a: [{txt: x}]}", "s.yaml:1:16: unknown key `txt`"),
        ("replies: {a: [{}]}", "s.yaml:1:15: a reply needs `text`, `tools` or `searches`"),
        ("replies: {a: [{match: x}]}", "s.yaml:1:15: `turns` is missing"),
        ("replies: {a: [{turns: []}, {text: x}]}", "s.yaml:1:28: the replies of 'a' are either turns, or sessions"),
        ("replies: {a: [{text: 'x {{ y'}]}", "s.yaml:1:28: "),
        ("replies: {a: [{tools: [{name: T, input: {k: ['{{ y']}}]}]}", "s.yaml:1:"),
        ("replies: {a: [{text: x, delay: -1}]}", "s.yaml:1:32: "),
        ("replies: {a: [{text: x, usage: {input_tokens: 1.5}}]}", "s.yaml:1:47: "),
        ("replies: {a: [hi]}", "s.yaml:1:15: "),
        ("replies: {a: [{text: x}], a: []}", "s.yaml:1:27: the key `a` stands twice"),
        ("{}", "s.yaml:1:1: `replies` is missing"),
        ("", "s.yaml:1:1: the file is empty"),
        ("[", "s.yaml:1:"),
    ],
)
def test_a_file_that_is_no_script_is_refused_at_its_place(script, problem):
    with pytest.raises(UsageError) as caught:
        ScriptedModel(script.encode(), "s.yaml")
    assert problem in caught.value.message


def test_many_problems_are_counted_and_not_all_shown():
    lines = ", ".join("{txt: x}" for _ in range(50))
    with pytest.raises(UsageError, match="and 40 more"):
        ScriptedModel(f"replies: {{a: [{lines}]}}".encode(), "s.yaml")


async def test_a_script_is_read_from_a_file(tmp_path, ask):
    path = tmp_path / "script.yaml"
    path.write_bytes(SCRIPT)
    assert (await ScriptedModel.from_file(path).reply(ask(agent="planner"))).stop_reason == "end_turn"
    with pytest.raises(UsageError, match=r"absent\.yaml.*cannot be read"):
        ScriptedModel.from_file(tmp_path / "absent.yaml")
    os.truncate(path, MAX_SCRIPT_BYTES + 1)
    with pytest.raises(UsageError, match=r"script\.yaml' is longer than 64 MiB"):
        ScriptedModel.from_file(path)
