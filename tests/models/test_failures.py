from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.models.failures import Refusal, model_error, quote, retry_after

NOW = 1_800_000_000.0


@pytest.mark.parametrize("status", [400, 404, 405, 422])
def test_a_refused_request_is_not_tried_again(status):
    error = model_error(Refusal(status, message="no"), NOW)
    assert (error.failure.kind, error.failure.retryable) == ("model_request_refused", False)


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529])
def test_a_busy_or_broken_service_is_tried_again(status):
    error = model_error(Refusal(status, headers={"retry-after": "3"}, request_id="r"), NOW)
    assert (error.failure.kind, error.failure.retryable) == ("model_unavailable", True)
    assert (error.retry_after, error.request_id, error.overloaded) == (3.0, "r", status in (429, 529))


@pytest.mark.parametrize(
    "refusal",
    [
        Refusal(401),
        Refusal(402),
        Refusal(403),
        Refusal(429, "rate_limit_error", "enforced_spend_limit_reached"),
        Refusal(429, "rate_limit_error", message="Your organization has reached its spend limit."),
        Refusal(429, headers={"x-should-retry": "false"}),
        Refusal(400, "invalid_request_error", message="Your credit balance is too low to access the API."),
        Refusal(400, "invalid_request_error", message="You have reached your specified API usage limits."),
        Refusal(403, "permission_error", "organization_on_hold"),
        Refusal(200, "billing_error"),
    ],
)
def test_missing_access_or_money_is_permanent_and_names_the_next_move(refusal):
    error = model_error(refusal, NOW)
    assert (error.failure.kind, error.failure.retryable, error.retry_after) == ("model_access", False, None)
    assert "; " in error.failure.message or refusal.code == "organization_on_hold"


def test_a_conversation_too_long_for_the_model_is_named_as_one():
    said = "prompt is too long: 1403142 tokens > 1000000 maximum"
    error = model_error(Refusal(400, "invalid_request_error", message=said), NOW)
    assert (error.failure.kind, error.failure.retryable) == ("context_window", False)
    assert "subagents" in error.failure.message


def test_no_next_move_names_what_the_language_lacks_or_a_resume_of_a_run_that_failed():
    for status in (402, 413):
        message = model_error(Refusal(status), NOW).failure.message
        assert "context.at" not in message
        assert "resume" not in message


def test_a_growth_limit_passes():
    assert model_error(Refusal(429, "rate_limit_error", "ramp_limit_exceeded"), NOW).failure.retryable


def test_a_redirect_is_refused_and_points_at_the_address():
    error = model_error(Refusal(302), NOW)
    assert error.failure.kind == "model_request_refused"
    assert "ANTHROPIC_BASE_URL" in error.failure.message


def test_an_error_amid_the_stream_is_judged_by_its_type_and_billed():
    error = model_error(Refusal(200, "overloaded_error", message="Overloaded"), NOW, billed=True)
    assert (error.failure.kind, error.overloaded, error.billed) == ("model_unavailable", True, True)
    assert model_error(Refusal(200, "of_the_future"), NOW).failure.retryable


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "3600"}, 3600.0),
        ({"retry-after": "1e9"}, 86400.0),
        ({"retry-after": "inf"}, 86400.0),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "-5"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after-ms": "x", "retry-after": "9"}, 9.0),
        ({"retry-after": formatdate(NOW + 20, usegmt=True)}, 20.0),
        ({"retry-after": formatdate(NOW - 20, usegmt=True)}, 0.0),
    ],
)
def test_the_wait_that_was_asked_for_is_read_and_capped(headers, seconds):
    assert retry_after(headers, NOW) == seconds


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_header_breaks_the_reading(seconds, milliseconds):
    found = retry_after({"retry-after": seconds, "retry-after-ms": milliseconds}, NOW)
    assert found is None or 0 <= found <= 86400


@given(st.text(max_size=3000))
def test_words_of_others_are_one_bounded_printable_line(text):
    line = quote(text)
    assert len(line) <= 500
    assert line.isprintable()
