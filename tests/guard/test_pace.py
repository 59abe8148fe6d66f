from math import inf

from hypothesis import given
from hypothesis import strategies as st

from agentflow.guard.pace import LONGEST_HOLD_SECONDS, RateLimits, may_go_at, pace, refused, replied, sent, told


def test_calls_double_with_each_round_until_the_first_refusal():
    known = pace(1000, 16)
    assert known.allowed == 16
    for _ in range(16):
        known = replied(known)
    assert known.allowed == 32


def test_of_all_calls_in_flight_together_the_first_refusal_halves_and_the_others_do_not():
    known = refused(pace(1000, 64), sent_at=1.0, in_flight=64, now=2.0, retry_after=None)
    assert known.allowed == 32
    for _ in range(20):
        known = refused(known, sent_at=1.5, in_flight=64, now=3.0, retry_after=None)
    assert known.allowed == 32
    assert refused(known, sent_at=2.5, in_flight=32, now=4.0, retry_after=None).allowed == 16


def test_after_a_refusal_a_full_round_of_replies_lets_one_more_in():
    known = refused(pace(1000, 20), sent_at=1.0, in_flight=20, now=2.0, retry_after=None)
    assert known.allowed == 10
    for _ in range(11):
        known = replied(known)
    assert known.allowed == 11


def test_what_was_in_flight_counts_not_what_might_have_been():
    assert refused(pace(1000), sent_at=1.0, in_flight=30, now=2.0, retry_after=None).allowed == 15


@given(
    st.integers(1, 50), st.lists(st.sampled_from(["reply", "refusal"]), max_size=200), st.none() | st.integers(1, 99)
)
def test_never_none_and_never_more_than_may_be(most, story, at_first):
    known = pace(most, at_first)
    for now, event in enumerate(story):
        known = replied(known) if event == "reply" else refused(known, now, known.allowed, now + 0.5, None)
        assert 1 <= known.allowed <= most


def test_after_a_refusal_nothing_goes_before_the_service_wants_it():
    known = refused(pace(9), sent_at=0.0, in_flight=1, now=100.0, retry_after=7.0)
    assert may_go_at(known, 1, 101.0) == 107.0
    assert may_go_at(known, 1, 108.0) == 108.0
    assert may_go_at(refused(known, 0.0, 1, 100.0, inf), 1, 101.0) == 107.0


def test_a_used_up_limit_holds_calls_until_it_is_full_again():
    known = told(pace(9), RateLimits(requests=1, requests_in=20.0, tokens=5000, tokens_in=30.0), 100.0)
    assert may_go_at(known, 4000, 100.0) == 100.0
    assert may_go_at(known, 6000, 100.0) == 130.0
    after = sent(known, 4000)
    assert may_go_at(after, 10, 101.0) == 120.0
    assert may_go_at(after, 2000, 101.0) == 130.0
    # Once it should be full the call goes, however large it is: the service says what it makes of it.
    assert may_go_at(after, 10**9, 131.0) == 131.0


def test_a_clock_that_is_off_holds_nobody_longer_than_a_minute():
    known = told(pace(9), RateLimits(requests=0, requests_in=1e9), 100.0)
    assert may_go_at(known, 1, 100.0) == 100.0 + LONGEST_HOLD_SECONDS
