import json
import random

import pytest

from agentflow.errors import UsageError
from agentflow.models.port import ModelError
from agentflow.models.recording import RecordingModel
from agentflow.models.replay import Recording, ReplayModel
from tests.engine.doubles import ModelDouble, reply
from tests.models.doubles import BUSY, failing, turns

HEAD = b'{"agentflow_recording": 1}\n'


async def record(path, model, requests):
    recording = RecordingModel(model, path)
    for request in requests:
        try:
            await recording.reply(request)
        except ModelError:
            continue
    await recording.close()
    return Recording.from_file(path)


def echo(request):
    return reply(f"{request.session} turn {request.turn}")


async def test_the_same_request_gets_the_same_reply_in_whatever_order_sessions_come(tmp_path, ask):
    requests = [request for name in ("a", "b", "c") for request in turns(ask, 4, session=name)]
    replayed = ReplayModel(await record(tmp_path / "r.jsonl", ModelDouble(echo), requests))
    random.Random(4).shuffle(requests)
    for request in requests:
        got = await replayed.reply(request)
        assert got.content[0]["text"] == f"{request.session} turn {request.turn}"
        assert (got.usage.input_tokens, got.usage.output_tokens) == (100, 20)


async def test_its_text_is_heard(tmp_path, ask):
    replayed = ReplayModel(await record(tmp_path / "r.jsonl", ModelDouble(echo), [ask()]))
    heard = []
    await replayed.reply(ask(), heard.append)
    assert heard == ["run/s1 turn 1"]


async def test_another_request_says_which_it_is_and_how_it_differs(tmp_path, ask):
    recording = await record(tmp_path / "r.jsonl", ModelDouble(), turns(ask, 2))
    asked = turns(ask, 2)[1]
    asked.messages[-1]["content"][0]["content"] = "another hit"
    with pytest.raises(ModelError) as refused:
        recording.take(asked)
    message = refused.value.failure.message
    assert "agent 'researcher', session 'run/s1', turn 2" in message
    assert "`messages`" in message
    assert "-messages[2].content[0].content: hit 1" in message
    assert "+messages[2].content[0].content: another hit" in message
    assert "--record" in message
    assert not refused.value.failure.retryable


@pytest.mark.parametrize(
    "changed",
    [
        {"system": "Be brief."},
        {"model": "claude-haiku-5-5"},
        {"tools": ()},
        {"tool_choice": "none"},
        {"effort": "high"},
        {"thinking": "adaptive"},
        {"output_schema": {"type": "object"}},
        {"agent": "planner"},
    ],
    ids=lambda changed: next(iter(changed)),
)
async def test_every_part_that_the_answer_depends_on_is_compared(tmp_path, ask, changed):
    recording = await record(tmp_path / "r.jsonl", ModelDouble(), [ask()])
    with pytest.raises(ModelError, match=f"`{next(iter(changed))}`"):
        recording.take(ask(**changed))


async def test_how_much_of_the_budget_was_left_makes_no_other_request(tmp_path, ask):
    recording = await record(tmp_path / "r.jsonl", ModelDouble(echo), [ask()])
    assert recording.take(ask(max_tokens=17)).content[0]["text"] == "run/s1 turn 1"


async def test_a_request_that_was_never_made_is_named(tmp_path, ask):
    recording = await record(tmp_path / "r.jsonl", ModelDouble(), turns(ask, 2, session="research[0].find"))
    with pytest.raises(ModelError, match=r"did you mean `research\[0\]\.find`"):
        recording.take(ask(session="reserch[0].find"))
    with pytest.raises(ModelError, match=r"turn 3 is not in .*: it has 2 turns of this session"):
        recording.take(ask(session="research[0].find", turn=3))


async def test_errors_come_again_as_they_came_and_then_the_reply(tmp_path, ask):
    tries = [ask(), ask(), ask(model="claude-haiku-5-5")]
    recording = await record(tmp_path / "r.jsonl", failing(BUSY, BUSY), tries)
    for _ in range(2):
        with pytest.raises(ModelError) as again:
            recording.take(ask())
        assert (again.value.failure, again.value.overloaded) == (BUSY.failure, True)
    assert recording.take(tries[2]).content[0]["text"] == "done by claude-haiku-5-5"


async def test_what_tools_gave_is_told_by_the_next_request(tmp_path, ask):
    recording = await record(tmp_path / "r.jsonl", ModelDouble(), turns(ask, 3))
    assert recording.result_of("run/s1", "call-1") == ("hit 1", False)
    assert recording.result_of("run/s1", "call-2") == ("hit 2", False)
    assert recording.result_of("run/s1", "call-3") is None
    assert recording.result_of("other", "call-1") is None


async def test_a_last_line_that_a_crash_cut_off_does_not_count(tmp_path, ask):
    await record(tmp_path / "r.jsonl", ModelDouble(echo), turns(ask, 2))
    whole = (tmp_path / "r.jsonl").read_bytes()
    first, second = turns(ask, 2)
    recording = Recording(whole[:-5], "r.jsonl")
    assert recording.take(first).content
    with pytest.raises(ModelError, match="it has 1 turn of"):
        recording.take(second)


CALL = {
    "session": "s",
    "agent": "a",
    "turn": 1,
    "request": {"kept": 0, "messages": []},
    "reply": {
        "content": [],
        "stop_reason": "end_turn",
        "stop_detail": None,
        "model": "m",
        "request_id": None,
        "usage": {"input_tokens": 1},
    },
}
REPLY = CALL["reply"]
assert isinstance(REPLY, dict)


def test_the_smallest_recording_is_read():
    assert Recording(HEAD + json.dumps(CALL).encode() + b"\n", "r.jsonl")


@pytest.mark.parametrize(
    "line",
    [
        "not JSON",
        "[]",
        "3",
        "{}",
        "[" * 100_000,
        json.dumps({**CALL, "turn": "1"}),
        json.dumps({**CALL, "session": 3}),
        json.dumps({**CALL, "request": 3}),
        json.dumps({**CALL, "request": {"messages": []}}),
        json.dumps({**CALL, "request": {"kept": 0, "messages": [3]}}),
        json.dumps({**CALL, "reply": {}}),
        json.dumps({**CALL, "reply": {**REPLY, "content": ["text"]}}),
        json.dumps({**CALL, "reply": {**REPLY, "content": [{"type": "text"}]}}),
        json.dumps({**CALL, "reply": {**REPLY, "content": [{"type": "tool_use", "id": "x", "name": "y"}]}}),
        json.dumps({**CALL, "reply": {**REPLY, "usage": {"input_tokens": -1}}}),
        json.dumps({**CALL, "reply": {**REPLY, "usage": {"tokens": 1}}}),
        json.dumps({key: value for key, value in CALL.items() if key != "reply"}),
        json.dumps({**CALL, "reply": None}),
        json.dumps({"error": {"kind": "bad luck"}, **{k: v for k, v in CALL.items() if k != "reply"}}),
    ],
)
def test_a_line_that_is_none_is_named_by_its_number(line):
    with pytest.raises(UsageError, match=r"^r\.jsonl:2: ") as refused:
        Recording(HEAD + line.encode() + b"\n", "r.jsonl")
    assert "--record" in str(refused.value.hint)


@pytest.mark.parametrize("source", [b"", b"agentflow: 1\n", b'{"agentflow_recording": 2}\n', b"\xff\xfe\n"])
def test_a_file_that_is_no_recording_is_refused(source):
    with pytest.raises(UsageError, match=r"r\.jsonl"):
        Recording(source, "r.jsonl")


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        Recording.from_file(tmp_path / "none.jsonl")
    with pytest.raises(UsageError, match="cannot be read"):
        Recording.from_file(tmp_path)
