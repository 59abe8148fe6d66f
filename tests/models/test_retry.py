import math

from hypothesis import given
from hypothesis import strategies as st

from agentflow.models.retry import BASE_SECONDS, CAP_SECONDS, RETRY_AFTER_CAP_SECONDS, delay

RANDOM = st.floats(0, 1, exclude_max=True)
ATTEMPT = st.integers(-5, 10**6)


@given(ATTEMPT, RANDOM)
def test_a_wait_is_never_longer_than_the_cap(attempt, random):
    assert 0 <= delay(attempt, None, random) <= CAP_SECONDS


@given(ATTEMPT, st.floats(), RANDOM)
def test_a_wait_that_was_asked_for_is_kept_and_capped_at_a_minute(attempt, asked, random):
    waited = delay(attempt, asked, random)
    assert 0 <= waited <= RETRY_AFTER_CAP_SECONDS
    if not math.isnan(asked):
        assert waited >= min(RETRY_AFTER_CAP_SECONDS, asked)


def test_the_bound_doubles_with_each_attempt_and_jitter_is_full():
    assert [delay(attempt, None, 0.5) for attempt in (1, 2, 3, 4)] == [0.25, 0.5, 1.0, 2.0]
    assert delay(1, None, 0.0) == 0
    assert delay(1, None, 0.999) < BASE_SECONDS
    assert delay(7, None, 0.5) == delay(8, None, 0.5) == CAP_SECONDS / 2


def test_callers_told_the_same_second_do_not_return_together():
    assert delay(1, 7.0, 0.1) != delay(1, 7.0, 0.9)
