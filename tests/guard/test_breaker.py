from hypothesis import given
from hypothesis import strategies as st

from agentflow.guard.breaker import (
    FAILURES_TO_OPEN,
    FIRST_COOL_DOWN_SECONDS,
    LONGEST_COOL_DOWN_SECONDS,
    Breaker,
    answered,
    failed,
    going,
    held_until,
    probe_gone,
)


def opened(now=100.0):
    breaker = Breaker()
    for _ in range(FAILURES_TO_OPEN):
        breaker = failed(breaker, now, 0.999999)
    return breaker


def test_a_few_failures_hold_nobody():
    breaker = Breaker()
    for _ in range(FAILURES_TO_OPEN - 1):
        breaker = failed(breaker, 1.0, 0.5)
        assert held_until(breaker, 1.0) is None


def test_an_answer_in_between_begins_the_count_anew():
    breaker = Breaker()
    for number in range(50):
        breaker = failed(breaker, 1.0, 0.5)
        if number % (FAILURES_TO_OPEN - 1) == 0:
            breaker = answered(breaker)
        assert held_until(breaker, 1.0) is None


def test_after_the_cool_down_one_call_goes_and_the_others_wait_for_it():
    breaker = opened()
    until = held_until(breaker, 100.0)
    assert until is not None
    assert FIRST_COOL_DOWN_SECONDS / 2 <= until - 100.0 <= FIRST_COOL_DOWN_SECONDS
    assert held_until(breaker, until) is None
    probing = going(breaker)
    assert held_until(probing, until) == until
    assert held_until(probing, until + 1000) == until + 1000
    assert held_until(answered(probing), until) is None
    assert held_until(probe_gone(probing), until) is None


def test_each_try_that_fails_doubles_the_rest_up_to_a_bound():
    breaker, now, rests = opened(), 100.0, []
    for _ in range(12):
        now = held_until(breaker, now)
        breaker = failed(going(breaker), now, 0.999999)
        rests.append(round(held_until(breaker, now) - now, 3))
    assert rests == sorted(rests)
    assert rests[:3] == [2 * FIRST_COOL_DOWN_SECONDS, 4 * FIRST_COOL_DOWN_SECONDS, 8 * FIRST_COOL_DOWN_SECONDS]
    assert rests[-1] <= LONGEST_COOL_DOWN_SECONDS


def test_calls_that_went_out_before_it_opened_do_not_open_it_again():
    breaker = opened()
    until = held_until(breaker, 100.0)
    assert held_until(failed(breaker, 101.0, 0.5), 101.0) == until


@given(st.lists(st.tuples(st.sampled_from(["failed", "answered", "going", "gone"]), st.floats(0, 50)), max_size=60))
def test_nobody_is_held_for_ever(story):
    breaker, now = Breaker(), 0.0
    for event, passed in story:
        now += passed
        if event == "failed":
            breaker = failed(breaker, now, 0.5)
        elif event == "answered":
            breaker = answered(breaker)
        else:
            breaker = going(breaker) if event == "going" else probe_gone(breaker)
    assert held_until(probe_gone(breaker), now + LONGEST_COOL_DOWN_SECONDS) is None
