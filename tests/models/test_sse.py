import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.models.sse import EventDecoder

STREAM = 'event: a\ndata: {"x": "é…"}\n\n: a comment\nretry: 5\ndata: one\ndata:two\n\nevent: ping\n\n'.encode()
EVENTS = [("a", '{"x": "é…"}'), ("", "one\ntwo"), ("ping", "")]


def decoded(stream, cuts=()):
    decoder = EventDecoder()
    places = [0, *sorted(cuts), len(stream)]
    return [event for start, end in itertools.pairwise(places) for event in decoder.feed(stream[start:end])]


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r"])
@given(cuts=st.lists(st.integers(0, len(STREAM) + 10), max_size=8))
def test_events_are_the_same_however_the_bytes_are_cut(ending, cuts):
    stream = STREAM.replace(b"\n", ending)
    assert decoded(stream, [min(cut, len(stream)) for cut in cuts]) == EVENTS


@given(st.integers(0, len(STREAM)))
def test_an_event_that_is_cut_off_never_comes(end):
    whole = decoded(STREAM[:end])
    assert whole == EVENTS[: len(whole)]


def test_bytes_that_are_not_utf_8_are_refused():
    with pytest.raises(UnicodeDecodeError):
        EventDecoder().feed(b"data: \xff\xfe\n\n")


@given(st.binary(max_size=200))
def test_no_bytes_but_those_raise_anything_else(junk):
    try:
        events = EventDecoder().feed(junk)
    except UnicodeDecodeError:
        return
    assert all(isinstance(name, str) and isinstance(data, str) for name, data in events)
