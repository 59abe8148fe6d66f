"""What can go wrong with a model call, and what is done about it: one table, which the code goes by.

Source: the errors, streaming, stop reason and rate limit pages of the Messages API, the client's own error types, and
what a local server was seen to do to the client. `docs/faults.md` shows it; a test goes through every row.
"""

from typing import Literal

from msgspec import Struct

from agentflow.events.values import FailureKind

Course = Literal["wait", "again", "park", "shorten", "fall_back", "go_on", "give_up"]
Billed = Literal["no", "if begun", "as counted", "at most"]

COURSES: dict[Course, str] = {
    "wait": "The service is not there, or has no room. The turn is tried again: soon, then ever more rarely, or when "
    "the service said (`retry-after`). What lies far away is waited for without a process. After hours of it the run "
    "pauses.",
    "again": "This reply cannot be had. The turn is tried again with growing waits, eight times in all; then the agent "
    "fails.",
    "park": "Nothing helps until a person has acted. No other call goes out, the run pauses, and `agentflow resume` "
    "asks again.",
    "shorten": "The conversation is too long for the model. The agent fails, unless its conversation can be made "
    "shorter.",
    "fall_back": "The agent's `fallback_model` takes the turn over, once; without one the agent fails.",
    "go_on": "Nothing is wrong: the conversation goes back as it is, as the next turn.",
    "give_up": "The same request would meet the same again. The agent fails.",
}
BILLED: dict[Billed, str] = {
    "no": "nothing",
    "if begun": "the most that the call can have cost, once the reply had begun; else nothing",
    "as counted": "what the reply's `usage` says",
    "at most": "the most that the call can have cost",
}


class Fault(Struct, frozen=True):
    """One thing that can go wrong.

    Attributes:
        seen: what comes from the service.
        course: what is done.
        kind: the kind of the failure where it comes to one; None: it does not.
        billed: what is charged to the caps on money.
    """

    name: str
    seen: str
    course: Course
    kind: FailureKind | None
    billed: Billed = "no"


_TABLE = (
    # The service has no room, or is not there.
    Fault("rate_limited", "429 `rate_limit_error`", "wait", "model_unavailable"),
    Fault("overloaded", "529 `overloaded_error`", "wait", "model_unavailable"),
    Fault("server_error", "500 and other 5xx", "wait", "model_unavailable"),
    Fault("timed_out", "504 or 408", "wait", "model_unavailable"),
    Fault("unreachable", "no connection, or one that ends before the answer begins", "wait", "model_unavailable"),
    Fault("unanswered", "no byte of an answer for two minutes", "wait", "model_unavailable"),
    Fault("conflict", "409 `conflict_error`", "again", "model_unavailable"),
    # Money and access.
    Fault("spend_limit", "a spend limit or the credit is used up: 400, 403 or 429", "park", "model_access"),
    Fault("billing", "402 `billing_error`", "park", "model_access"),
    Fault("key_refused", "401 `authentication_error`, or credentials that cannot be used", "park", "model_access"),
    Fault("not_permitted", "403 `permission_error`", "park", "model_access"),
    Fault("on_hold", "the organization is on hold", "park", "model_access"),
    Fault("no_retry", "429 with `x-should-retry: false`", "park", "model_access"),
    # The request.
    Fault("too_long", "400 `prompt is too long`", "shorten", "context_window"),
    Fault("too_large", "413 `request_too_large`", "shorten", "context_window"),
    Fault("bad_request", "400 and other 4xx", "give_up", "model_request_refused"),
    Fault("not_found", "404 `not_found_error`", "give_up", "model_request_refused"),
    Fault("redirected", "3xx, which is not followed", "give_up", "model_request_refused"),
    Fault("unwritable", "the request cannot be written as JSON", "give_up", "model_request_refused"),
    # The reply.
    Fault(
        "error_event",
        "an `error` event amid the stream, of a type that may pass; others are judged as their status",
        "again",
        "model_unavailable",
        "if begun",
    ),
    Fault("cut", "the connection or the stream ends before `message_stop`", "again", "model_unavailable", "if begun"),
    Fault("silent", "no byte for two minutes amid the answer", "again", "model_unavailable", "if begun"),
    Fault(
        "stalled", "pings for ever, or a stream that brings next to nothing", "again", "model_unavailable", "if begun"
    ),
    Fault("no_stream", "a 200 with a page or another thing that is no stream", "again", "model_unavailable"),
    Fault(
        "garbage",
        "a 200 whose events are not UTF-8, not JSON, out of order or without an end",
        "again",
        "model_unavailable",
        "if begun",
    ),
    Fault(
        "unusable_call",
        "a tool call whose input is no JSON object, cut off, or holds a key twice",
        "again",
        "model_unavailable",
        "if begun",
    ),
    Fault("endless", "a reply of over 64 MiB", "again", "model_unavailable", "if begun"),
    Fault("lost", "our own process ended before the reply came", "again", "model_unavailable", "at most"),
    # How a whole reply can end.
    Fault("refusal", "stop reason `refusal`", "fall_back", "refusal", "as counted"),
    Fault("paused", "stop reason `pause_turn`", "go_on", None, "as counted"),
    Fault("window_full", "stop reason `model_context_window_exceeded`", "shorten", "context_window", "as counted"),
    Fault("cut_short", "stop reason `max_tokens`: no call in it is run", "give_up", "max_tokens", "as counted"),
    Fault(
        "unknown_stop",
        "a stop reason that is not known, or `tool_use` without a call",
        "give_up",
        "unexpected_reply",
        "as counted",
    ),
)
FAULTS: dict[str, Fault] = {fault.name: fault for fault in _TABLE}


def course_of(fault: str, *, retryable: bool) -> Course:
    """What is done about a fault; one that is not in the table goes by whether the same may succeed later."""
    known = FAULTS.get(fault)
    if known is None:
        return "again" if retryable else "give_up"
    return known.course
