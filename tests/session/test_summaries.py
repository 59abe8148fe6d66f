import json

import pytest

from agentflow.session.sizes import IMAGE_TOKENS, size
from agentflow.session.summaries import NoSummaryError, merged, read, text_of
from agentflow.session.transcript import transcript


def layers(**given: object) -> dict[str, object]:
    return {"goals": [], "decisions": [], "facts": [], "open": [], "files": [], "topics": [], **given}


def test_a_summary_is_read_whatever_stands_around_it():
    assert read('Here it is:\n```json\n{"facts": ["a", 3, " "], "files": [{"path": "x"}]}\n```')["facts"] == ["a"]


@pytest.mark.parametrize("text", ["", "no", "{}", '{"facts": []}', '{"facts": "a"}', "[1]", "{" * 100_000])
def test_what_is_no_summary_is_refused(text: str):
    with pytest.raises(NoSummaryError):
        read(text)


def test_facts_and_decisions_add_up_topics_and_open_points_are_replaced():
    before = layers(goals=["g"], facts=["a", "b"], open=["x"], topics=[{"topic": "t", "summary": "old"}])
    new = layers(facts=["b", "c"], open=["y"], topics=[{"topic": "u", "summary": "new"}], decisions=["d"])
    both = merged(before, new, 10_000)
    assert (both["facts"], both["open"], both["goals"], both["decisions"]) == (["a", "b", "c"], ["y"], ["g"], ["d"])
    assert [topic["topic"] for topic in both["topics"]] == ["u"]
    assert before["facts"] == ["a", "b"], "what was before is not touched"


def test_the_newest_word_on_a_file_holds():
    before = layers(files=[{"path": "a", "what": "old"}, {"path": "b", "what": "b"}])
    both = merged(before, layers(files=[{"path": "a", "what": "new"}]), 10_000)
    assert both["files"] == [{"path": "b", "what": "b"}, {"path": "a", "what": "new"}]


def test_the_oldest_facts_go_first_where_there_are_too_many():
    both = merged(layers(facts=[f"fact {n}" for n in range(500)]), layers(facts=["newest"], goals=["g"]), 600)
    assert both["facts"][-1] == "newest"
    assert "fact 0" not in both["facts"]
    assert len(text_of(both)) <= 700
    assert both["goals"] == ["g"]


def test_a_transcript_fits_and_leaves_out_what_was_asked_again():
    call = {"type": "tool_use", "name": "look", "input": {"at": 1}}
    messages = []
    for turn in range(6):
        messages.append({"role": "assistant", "content": [{**call, "id": f"c{turn}", "input": {"at": turn % 5}}]})
        result = {"type": "tool_result", "tool_use_id": f"c{turn}", "content": f"BEGIN{turn} {'x' * 9_000} END"}
        messages.append({"role": "user", "content": [result]})
    text = transcript(messages, 9_000)
    assert len(text) <= 9_000
    assert "BEGIN0" not in text
    assert "the same call was made again later" in text
    assert "BEGIN5" in text
    assert transcript(messages, 100).startswith("[… the beginning was left out …]")


def test_an_image_counts_as_an_image_and_text_by_its_bytes():
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "A" * 1_000_000}}
    assert size("ü" * 10) == 20
    assert IMAGE_TOKENS < size([{"type": "tool_result", "tool_use_id": "c", "content": [image]}]) < IMAGE_TOKENS + 200
    assert size({"a": [1, 2]}) == len(json.dumps({"a": [1, 2]}))
