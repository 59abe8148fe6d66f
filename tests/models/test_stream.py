import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.events.values import Usage
from agentflow.models.blocks import KNOWN_BLOCKS
from agentflow.models.stream import BrokenStreamError, ErrorEventError, ReplyStream, strict_object

START = {
    "type": "message_start",
    "message": {"model": "m", "usage": {"input_tokens": 7, "output_tokens": 1, "cache_read_input_tokens": 3}},
}
STOP = {"type": "message_stop"}


def ends(reason="end_turn", **usage):
    return {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 9, **usage}}


def begin(index, **block):
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(index, kind, **value):
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **value}}


def close(index):
    return {"type": "content_block_stop", "index": index}


def text_block(index, *pieces):
    deltas = [delta(index, "text_delta", text=piece) for piece in pieces]
    return [begin(index, type="text", text="", citations=None), *deltas, close(index)]


def call_block(index, *pieces, **more):
    deltas = [delta(index, "input_json_delta", partial_json=piece) for piece in pieces]
    return [begin(index, type="tool_use", id="t1", name="Grep", input={}, caller=None, **more), *deltas, close(index)]


def feed(events, on_text=None, met=None):
    stream = ReplyStream(on_text, met=met)
    for event in events:
        stream.event(event["type"], json.dumps(event))
    return stream


def content(*events, reason="end_turn"):
    return feed([START, *events, ends(reason), STOP]).content()


def cut(value, places):
    bounds = [0, *sorted(min(place, len(value)) for place in places), len(value)]
    return [value[start:end] for start, end in itertools.pairwise(bounds)]


INPUTS = st.dictionaries(
    st.text(max_size=4),
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=6), lambda inner: st.lists(inner)),
    max_size=4,
)


@given(st.text(min_size=1), INPUTS, st.text(), st.lists(st.integers(0, 300), max_size=6))
def test_any_split_of_the_deltas_gives_the_same_reply(text, given_input, thought, places):
    encoded = json.dumps(given_input)
    thinking = [
        begin(0, type="thinking", thinking="", signature=""),
        *(delta(0, "thinking_delta", thinking=piece) for piece in cut(thought, places)),
        delta(0, "signature_delta", signature="sig"),
        close(0),
    ]
    whole = content(*thinking, *text_block(1, *cut(text, places)), *call_block(2, *cut(encoded, places)))
    expected = [
        {"type": "thinking", "thinking": thought, "signature": "sig"},
        *([{"type": "text", "text": text}] if text.strip() else []),
        {"type": "tool_use", "id": "t1", "name": "Grep", "input": given_input},
    ]
    assert list(whole) == expected


def test_blocks_are_as_the_api_takes_them_back():
    citation = {"type": "char_location", "cited_text": "x", "document_title": None, "file_id": None}
    blocks = content(
        *text_block(0, "  \n"),
        begin(1, type="text", text="", citations=[]),
        delta(1, "text_delta", text="cited"),
        delta(1, "citations_delta", citation=citation),
        close(1),
        begin(2, type="redacted_thinking", data="opaque"),
        close(2),
        *call_block(3, toolset_name=None),
    )
    assert blocks == (
        {
            "type": "text",
            "text": "cited",
            "citations": [{"type": "char_location", "cited_text": "x", "document_title": None}],
        },
        {"type": "redacted_thinking", "data": "opaque"},
        {"type": "tool_use", "id": "t1", "name": "Grep", "input": {}},
    )


def test_a_call_with_a_delta_of_another_kind_is_no_call_whose_input_can_be_trusted():
    block = call_block(0, '{"pattern": ', '"x"', "}")
    block[2]["delta"]["type"] = "input_js<html>on_delta"
    with pytest.raises(BrokenStreamError, match="a piece of a tool call"):
        feed([START, *block, ends("tool_use"), STOP])


def test_blocks_of_server_tools_and_of_newer_apis_come_through():
    result = {"type": "web_search_tool_result", "tool_use_id": "s1", "content": [{"type": "web_search_result"}]}
    blocks = content(
        begin(0, type="server_tool_use", id="s1", name="web_search", input={}),
        delta(0, "input_json_delta", partial_json='{"query": "x"}'),
        close(0),
        begin(1, **result),
        close(1),
        begin(2, type="of_the_future", words="a"),
        delta(2, "words_delta", words="b"),
        delta(2, "level_delta", level=3),
        close(2),
    )
    assert blocks == (
        {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "x"}},
        result,
        {"type": "of_the_future", "words": "ab", "level": 3},
    )


def test_a_block_of_an_unknown_kind_is_asked_for_again_and_taken_when_it_comes_again():
    events, met = [START, begin(0, type="poem", text="a"), close(0), ends(), STOP], set()
    with pytest.raises(BrokenStreamError, match="not known"):
        feed(events, met=met)
    assert feed(events, met=met).content() == ({"type": "poem", "text": "a"},)


@pytest.mark.parametrize("kind", ["te<html>xt", "uext", "ext", "texxt", "tex", "Text", "tool_us", "tool_usf", ""])
def test_a_kind_that_is_all_but_a_known_one_is_never_taken_however_often_it_comes(kind):
    events, met = [START, begin(0, type=kind, text="a"), close(0), ends(), STOP], set()
    for _ in range(3):
        with pytest.raises(BrokenStreamError, match="not known"):
            feed(events, met=met)


def test_a_block_whose_first_key_was_garbled_breaks_the_reply_for_it_would_be_sent_back():
    garbled = {"type": "text", "te<html>xt": ""}
    said = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "a"}}
    with pytest.raises(BrokenStreamError, match="begins without `text`"):
        feed([START, begin(0, **garbled), said, close(0), ends(), STOP])


def test_a_compatible_service_may_begin_a_block_with_less():
    said = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "a"}}
    stream = ReplyStream(lax=True)
    for event in (START, begin(0, type="text"), said, close(0), ends(), STOP):
        stream.event(event["type"], json.dumps(event))
    assert stream.content() == ({"type": "text", "text": "a"},)


def test_every_block_that_the_client_names_is_known():
    from typing import get_args

    from anthropic.types import ContentBlock
    from anthropic.types.beta import BetaContentBlock

    named = {
        get_args(block.model_fields["type"].annotation)[0]
        for union in (ContentBlock, BetaContentBlock)
        for block in get_args(get_args(union)[0])
    }
    assert named == KNOWN_BLOCKS


def test_usage_is_what_was_reported_last():
    created = {"ephemeral_5m_input_tokens": 5, "ephemeral_1h_input_tokens": 15}
    usage = {"input_tokens": 1, "output_tokens": 1, "cache_creation_input_tokens": 20, "cache_creation": created}
    started = {"type": "message_start", "message": {"model": "m", "usage": usage}}
    stream = feed([started, ends(input_tokens=4, cache_read_input_tokens=None), ends(output_tokens=11), STOP])
    assert stream.usage() == Usage(4, 11, 0, 5, 15)


def test_text_is_heard_as_it_comes():
    heard = []
    feed([START, *text_block(0, "a", "", "b")], heard.append)
    assert heard == ["a", "b"]


def test_an_error_of_the_listener_is_not_taken_for_a_broken_stream():
    def listener(text):
        raise TypeError(text)

    with pytest.raises(TypeError, match="a"):
        feed([START, *text_block(0, "a")], listener)


BROKEN = {
    "no start": [begin(0, type="text", text="")],
    "two starts": [START, START],
    "a block out of order": [START, begin(1, type="text", text="")],
    "a block twice": [START, *text_block(0, "a"), begin(0, type="text", text="")],
    "an index that is true": [START, *text_block(0, "a"), begin(True, type="text", text="")],
    "a delta of an unknown block": [START, delta(99, "text_delta", text="a")],
    "a delta of a block before the first": [START, *text_block(0, "a"), delta(-1, "text_delta", text="a")],
    "a delta after its block": [START, *text_block(0, "a"), delta(0, "text_delta", text="a")],
    "a block that ends twice": [START, *text_block(0, "a"), close(0)],
    "an end amid a block": [START, begin(0, type="text", text=""), ends(), STOP],
    "an end without a reason": [START, STOP],
    "a delta without a type": [START, begin(0, type="text", text=""), {**delta(0, ""), "delta": {}}],
    "a text that is a number": [START, begin(0, type="text", text=""), delta(0, "text_delta", text=5)],
    "a block that is a list": [START, {"type": "content_block_start", "index": 0, "content_block": []}],
    "a call without a name": [START, begin(0, type="tool_use", id="t", input={}), close(0)],
}


@pytest.mark.parametrize("events", BROKEN.values(), ids=BROKEN.keys())
def test_a_stream_out_of_order_is_broken(events):
    with pytest.raises(BrokenStreamError):
        feed(events)


@pytest.mark.parametrize("data", ["", "{", "[]", '"x"', '{"type": NaN}', "[" * 100_000, '{"x": ' + "9" * 5000 + "}"])
def test_an_event_that_is_no_json_object_is_broken(data):
    with pytest.raises(BrokenStreamError):
        ReplyStream().event("message_start", data)


def test_counts_that_are_no_counts_are_broken():
    for count in (-1, 1.5, "3", True):
        with pytest.raises(BrokenStreamError):
            feed([START, ends(output_tokens=count)]).usage()


def test_pings_and_unknown_events_do_not_count_as_progress():
    stream = ReplyStream()
    assert not stream.event("ping", '{"type": "ping"}')
    assert not stream.event("later", '{"type": "later"}')
    assert stream.event("message_start", json.dumps(START))


def test_an_error_event_carries_what_the_service_said():
    error = {"type": "overloaded_error", "message": "busy", "details": {"error_code": "c"}}
    with pytest.raises(ErrorEventError, match="busy") as caught:
        feed([START, {"type": "error", "error": error}])
    assert (caught.value.error_type, caught.value.code) == ("overloaded_error", "c")
    with pytest.raises(ErrorEventError):
        feed([{"type": "error", "error": "odd"}])


BAD_INPUTS = {
    "a list": "[1]",
    "cut off": '{"pattern": "x',
    "a key twice": '{"a": 1, "a": 2}',
    "a key twice inside": '{"b": {"a": 1, "a": 2}}',
    "not a number": '{"a": NaN}',
    "too large": '{"a": 1e999}',
    "half a character": '{"a": "\\ud800"}',
    "too deep": '{"a":' * 101 + "1" + "}" * 101,
    "far too deep": '{"a":' * 50_000,
    "more after it": '{"a": 1} {"b": 2}',
}


@pytest.mark.parametrize("text", BAD_INPUTS.values(), ids=BAD_INPUTS.keys())
def test_a_call_whose_input_is_unusable_is_never_a_call(text):
    with pytest.raises(ValueError, match=r"^it "):
        strict_object(text)
    with pytest.raises(BrokenStreamError):
        content(*call_block(0, text), reason="tool_use")


def test_half_a_call_is_left_out_where_a_limit_cut_the_reply():
    blocks = content(*text_block(0, "so far"), *call_block(1, '{"pattern": "x'), reason="max_tokens")
    assert blocks == ({"type": "text", "text": "so far"},)


def test_unsigned_thinking_is_left_out_where_a_limit_cut_the_reply():
    thinking = [begin(0, type="thinking", thinking=""), delta(0, "thinking_delta", thinking="hm"), close(0)]
    assert content(*thinking, reason="max_tokens") == ()
    assert content(*thinking) == ({"type": "thinking", "thinking": "hm", "signature": ""},)


def test_a_character_whose_halves_come_apart_is_put_together():
    assert content(*text_block(0, "a\ud83d", "\ude00b", "\ud800")) == ({"type": "text", "text": "a😀b\ufffd"},)


def test_why_the_model_refused_is_kept():
    details = {"type": "refusal", "category": "cyber", "explanation": "no"}
    stop = {"type": "message_delta", "delta": {"stop_reason": "refusal", "stop_details": details}, "usage": {}}
    assert feed([START, stop, STOP]).stop_detail == "cyber: no"


JSONISH = st.recursive(
    st.none() | st.integers(-1, 2) | st.text(max_size=3) | st.sampled_from(["text", "tool_use", "text_delta"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "index", "delta", "content_block", "text", "message", "usage", "model", "id"]),
            inner,
            max_size=4,
        )
    ),
)


@given(st.lists(st.tuples(st.sampled_from([START["type"], "content_block_start", "content_block_delta"]), JSONISH)))
def test_garbage_is_broken_and_nothing_else(events):
    stream = ReplyStream()
    for kind, value in events:
        data = {**value, "type": kind} if isinstance(value, dict) else value
        try:
            stream.event(kind, json.dumps(data))
        except BrokenStreamError:
            return
    assert not stream.stopped


DEEP = json.loads('{"a":' * 150 + "1" + "}" * 150)


def test_a_block_that_could_not_be_walked_through_is_no_reply():
    with pytest.raises(BrokenStreamError, match="nested more than 100 deep"):
        feed([START, begin(0, type="web_search_tool_result", content=DEEP)])


def test_a_number_past_any_float_is_no_event():
    stream = feed([START])
    event = json.dumps(begin(0, type="web_search_tool_result", content=[7])).replace("7", "1e999")
    with pytest.raises(BrokenStreamError, match="not JSON"):
        stream.event("content_block_start", event)
