import json
import os
import stat

import pytest

from agentflow.errors import AgentflowError
from agentflow.models.recording import MAX_RECORDING_BYTES, RecordingModel
from agentflow.models.replay import Recording
from tests.engine.doubles import ModelDouble, reply
from tests.models.doubles import BUSY, failing, turns


async def recorded(path, model, *requests, **options):
    recording = RecordingModel(model, path, **options)
    for request in requests:
        await recording.reply(request)
    await recording.close()
    return [json.loads(line) for line in path.read_text().splitlines()]


async def test_every_request_and_its_reply_are_written(tmp_path, ask):
    lines = await recorded(tmp_path / "r.jsonl", ModelDouble(lambda request: reply(f"turn {request.turn}")), ask())
    head, line = lines
    assert head == {"agentflow_recording": 1}
    assert (line["session"], line["agent"], line["turn"]) == ("run/s1", "researcher", 1)
    assert line["request"]["system"] == "Answer from sources you opened."
    assert line["request"]["messages"] == [{"role": "user", "content": "What is a sandbox?"}]
    assert line["request"]["tools"][0]["name"] == "Grep"
    assert line["reply"]["content"] == [{"type": "text", "text": "turn 1"}]
    assert line["reply"]["usage"]["input_tokens"] == 100


async def test_only_its_user_can_read_it(tmp_path, ask):
    before = os.umask(0)
    try:
        await recorded(tmp_path / "r.jsonl", ModelDouble(), ask())
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "r.jsonl").stat().st_mode) == 0o600


async def test_a_session_is_not_written_anew_with_each_turn(tmp_path, ask):
    lines = await recorded(tmp_path / "r.jsonl", ModelDouble(), *turns(ask, 3))
    assert [line["request"]["kept"] for line in lines[1:]] == [0, 1, 3]
    assert [len(line["request"]["messages"]) for line in lines[1:]] == [1, 2, 2]
    assert set(lines[2]["request"]) == {"kept", "messages"}


async def test_a_file_that_is_there_is_not_overwritten(tmp_path):
    path = tmp_path / "r.jsonl"
    path.write_text("mine")
    with pytest.raises(AgentflowError, match="there already"):
        RecordingModel(ModelDouble(), path)
    assert path.read_text() == "mine"


async def test_a_file_that_cannot_be_made_is_named(tmp_path):
    with pytest.raises(AgentflowError, match="cannot be made: No such file") as refused:
        RecordingModel(ModelDouble(), tmp_path / "no" / "r.jsonl")
    assert refused.value.hint


async def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "elsewhere").write_text('{"agentflow_recording": 1}\n')
    (tmp_path / "r.jsonl").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(AgentflowError, match="cannot be made"):
        RecordingModel(ModelDouble(), tmp_path / "r.jsonl", goes_on=True)


async def test_a_run_that_goes_on_adds_to_its_recording(tmp_path, ask):
    path = tmp_path / "r.jsonl"
    first, second = turns(ask, 2)
    await recorded(path, ModelDouble(), first)
    await recorded(path, ModelDouble(lambda request: reply("again")), second, goes_on=True)
    replayed = Recording.from_file(path)
    assert replayed.take(first).content[0]["text"] == "done"
    assert replayed.take(second).content[0]["text"] == "again"


@pytest.mark.parametrize("torn", ['{"session": "s', '{"session": "' + "x" * 200_000])
async def test_what_a_crash_cut_off_is_taken_away_before_more_is_added(tmp_path, ask, torn):
    path = tmp_path / "r.jsonl"
    await recorded(path, ModelDouble(), ask())
    with path.open("a") as file:
        file.write(torn)
    lines = await recorded(path, ModelDouble(), ask(session="other"), goes_on=True)
    assert [line.get("session") for line in lines] == [None, "run/s1", "other"]


async def test_nothing_is_added_to_what_is_no_recording(tmp_path):
    path = tmp_path / "r.jsonl"
    path.write_text("mine\n")
    with pytest.raises(AgentflowError, match="no recording"):
        RecordingModel(ModelDouble(), path, goes_on=True)
    assert path.read_text() == "mine\n"


async def test_an_error_of_the_model_is_recorded_and_passed_on(tmp_path, ask):
    recording = RecordingModel(failing(BUSY), tmp_path / "r.jsonl")
    with pytest.raises(type(BUSY)) as raised:
        await recording.reply(ask())
    await recording.close()
    assert raised.value is BUSY
    line = json.loads((tmp_path / "r.jsonl").read_text().splitlines()[1])
    assert line["error"] == {
        "kind": "model_unavailable",
        "message": "busy",
        "retryable": True,
        "billed": False,
        "overloaded": True,
        "fault": "",
    }


async def test_a_reply_that_cannot_be_recorded_is_not_followed_by_anything(tmp_path, ask):
    recording = RecordingModel(ModelDouble(), tmp_path / "r.jsonl")
    os.truncate(tmp_path / "r.jsonl", MAX_RECORDING_BYTES)  # a hole; nothing is written
    with pytest.raises(AgentflowError, match="would pass 256 MiB") as refused:
        await recording.reply(ask())
    await recording.close()
    assert "without `--record`" in str(refused.value.hint)


async def test_the_model_it_was_lent_stays_open(tmp_path):
    closed = []

    class Lent(ModelDouble):
        async def close(self):
            closed.append(True)

    await RecordingModel(Lent(), tmp_path / "a.jsonl", owned=False).close()
    assert closed == []
    await RecordingModel(Lent(), tmp_path / "b.jsonl").close()
    assert closed == [True]
