from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from agentflow.guard.pace import RateLimits
from agentflow.models.rate_limits import rate_limits

NOW = 1_800_000_000.0


def at(seconds):
    return datetime.fromtimestamp(NOW + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def headers(**values):
    return {f"anthropic-ratelimit-{name.replace('_', '-')}": value for name, value in values.items()}


def test_what_is_left_is_read_with_the_time_until_it_is_full():
    said = headers(requests_remaining="7", requests_reset=at(12), tokens_remaining="900", tokens_reset=at(30))
    assert rate_limits(said, NOW) == RateLimits(7, 12.0, 900, 30.0)


def test_the_tighter_limit_of_tokens_counts():
    said = headers(tokens_remaining="900", tokens_reset=at(30), input_tokens_remaining="500", input_tokens_reset=at(9))
    assert rate_limits(said, NOW) == RateLimits(None, 0.0, 500, 9.0)


def test_a_service_that_says_nothing_is_not_held_to_anything():
    assert rate_limits({}, NOW) is None
    assert rate_limits(headers(requests_remaining="many"), NOW) is None


def test_a_time_that_is_past_or_no_time_holds_nobody():
    for reset in (at(-5), "soon", "", "2026-01-01T00:00:00", "99999-01-01T00:00:00Z"):
        assert rate_limits(headers(requests_remaining="0", requests_reset=reset), NOW) == RateLimits(0, 0.0)


@given(st.text(max_size=30), st.text(max_size=30))
def test_no_header_breaks_the_reading(remaining, reset):
    found = rate_limits(headers(requests_remaining=remaining, requests_reset=reset), NOW)
    assert found is None or (found.requests >= 0 and found.requests_in >= 0)
