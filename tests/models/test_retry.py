import math

from hypothesis import given
from hypothesis import strategies as st

from agentflow.models.retry import (
    BASE_SECONDS,
    CAP_SECONDS,
    MAX_ATTEMPTS,
    OUTAGE_CAP_SECONDS,
    OUTAGE_PATIENCE_SECONDS,
    RETRY_AFTER_CAP_SECONDS,
    Tries,
    delay,
    next_try,
)

RANDOM = st.floats(0, 1, exclude_max=True)
ATTEMPT = st.integers(-5, 10**6)


@given(ATTEMPT, RANDOM)
def test_a_wait_is_never_longer_than_the_cap(attempt, random):
    assert 0 <= delay(attempt, None, random) <= CAP_SECONDS


@given(ATTEMPT, st.floats(), RANDOM)
def test_a_wait_that_was_asked_for_is_kept_and_capped_at_a_day(attempt, asked, random):
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


def test_what_a_person_must_mend_is_not_tried_again():
    assert next_try("park", Tries(1), None, 100.0, 0.5) == (None, True)


def test_a_reply_that_cannot_be_had_is_tried_eight_times_whatever_outages_came_between():
    assert next_try("again", Tries(MAX_ATTEMPTS - 1), None, 100.0, 0.0) == (100.0, False)
    assert next_try("again", Tries(MAX_ATTEMPTS), None, 100.0, 0.0) == (None, False)
    assert next_try("again", Tries(MAX_ATTEMPTS + 40, outages=41), None, 100.0, 0.0) == (100.0, False)


def test_an_outage_is_waited_for_by_the_clock_and_not_by_tries():
    long = Tries(500, outages=500, down_since=0.0)
    assert next_try("wait", long, None, OUTAGE_PATIENCE_SECONDS - 1, 0.0)[0] is not None
    assert next_try("wait", long, None, OUTAGE_PATIENCE_SECONDS, 0.0) == (None, True)
    assert next_try("wait", Tries(2, outages=2, down_since=0.0), None, 2 * OUTAGE_PATIENCE_SECONDS, 0.0)[0] is not None


@given(st.integers(1, 10**6), RANDOM)
def test_a_service_that_is_down_is_asked_every_five_minutes_at_least(outages, random):
    at, parked = next_try("wait", Tries(outages, outages=outages, down_since=0.0), None, 1.0, random)
    assert not parked
    assert 0 <= at - 1.0 <= OUTAGE_CAP_SECONDS


def test_a_service_that_never_answered_is_tried_as_often_as_a_reply():
    unknown = Tries(MAX_ATTEMPTS, outages=MAX_ATTEMPTS, down_since=99.0, has_answered=False)
    assert next_try("wait", unknown, None, 100.0, 0.0) == (None, True)


def test_what_would_only_come_again_is_not_tried():
    for course in ("give_up", "shorten"):
        assert next_try(course, Tries(1), None, 100.0, 0.5) == (None, False)
