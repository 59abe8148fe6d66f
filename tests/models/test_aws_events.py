import base64
import binascii
import itertools
import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.models.aws_events import LONGEST_MESSAGE, AwsEventDecoder
from agentflow.models.stream import BrokenStreamError
from tests.compatible_server import chunk, frame

EVENTS = [{"type": "message_start", "message": {"x": "ü"}}, {"type": "ping"}, {"type": "message_stop"}]
STREAM = b"".join(map(chunk, EVENTS))


def decoded(pieces: list[bytes]) -> list[tuple[str, str]]:
    decoder = AwsEventDecoder()
    return [event for piece in pieces for event in decoder.feed(piece)]


@given(st.lists(st.integers(0, len(STREAM)), max_size=8))
def test_wherever_the_bytes_are_cut_the_events_are_the_same(cuts: list[int]):
    edges = [0, *sorted(cuts), len(STREAM)]
    pieces = [STREAM[start:end] for start, end in itertools.pairwise(edges)]
    assert [json.loads(data) for _, data in decoded(pieces)] == EVENTS


def test_what_the_end_of_the_stream_cuts_off_never_comes():
    for length in range(len(STREAM)):
        assert len(decoded([STREAM[:length]])) < len(EVENTS)


@pytest.mark.parametrize("at", range(len(chunk(EVENTS[0]))))
def test_a_damaged_byte_never_gives_another_event(at: int):
    damaged = bytearray(chunk(EVENTS[0]))
    damaged[at] ^= 1
    with pytest.raises(BrokenStreamError):
        decoded([bytes(damaged)])


def test_an_exception_of_the_service_is_an_error_event_of_the_api():
    headers = {":message-type": "exception", ":exception-type": "throttlingException"}
    (event,) = decoded([frame(headers, b'{"message": "Too many tokens"}')])
    name, data = event
    error = json.loads(data)["error"]
    assert (name, error["type"]) == ("error", "rate_limit_error")
    assert error["message"] == "throttlingException: Too many tokens"


def test_an_exception_that_is_not_known_is_an_error_of_the_service():
    headers = {":message-type": "error", ":error-code": "Odd", ":error-message": "no idea"}
    ((_, data),) = decoded([frame(headers, b"{}")])
    assert json.loads(data)["error"] == {"type": "api_error", "message": "Odd: no idea"}


def test_other_events_are_passed_over():
    assert decoded([frame({":message-type": "event", ":event-type": "initial-response"}, b"")]) == []


def _chunk_of(payload: bytes) -> bytes:
    return frame({":message-type": "event", ":event-type": "chunk"}, payload)


@pytest.mark.parametrize(
    "message",
    [
        b"<html><body>Bad gateway</body></html>",
        _chunk_of(b"not JSON"),
        _chunk_of(b"{}"),
        _chunk_of(b'{"bytes": 7}'),
        _chunk_of(b'{"bytes": "***"}'),
        _chunk_of(json.dumps({"bytes": base64.b64encode(b"\xff\xfe").decode()}).encode()),
        _chunk_of(b"\xff"),
        frame({}, b""),
    ],
    ids=["html", "no_json", "no_bytes", "number", "no_base64", "no_utf8", "binary", "no_headers"],
)
def test_rubbish_is_no_reply(message: bytes):
    with pytest.raises(BrokenStreamError):
        decoded([message])


def test_a_message_of_a_length_that_cannot_be_is_refused_before_it_is_waited_for():

    prelude = struct.pack(">II", LONGEST_MESSAGE + 1, 0)
    with pytest.raises(BrokenStreamError, match="impossible length"):
        decoded([prelude + struct.pack(">I", binascii.crc32(prelude))])
