"""What counts as going round in circles."""

from hypothesis import given
from hypothesis import strategies as st

from agentflow.guard.circles import Circles, circle_in, made, with_call, with_turn


def after(*turns):
    """What turns come to, each a list of `(input, result)`."""
    circles = Circles()
    for number, calls in enumerate(turns):
        ended = [
            made(number, f"c{number}.{index}", "look", {"at": at}).ended(result, is_error=False)
            for index, (at, result) in enumerate(calls)
        ]
        circles = with_turn(circles, tuple(ended))
    return circles


def test_a_round_of_up_to_four_calls_is_seen():
    for size in (2, 3, 4):
        circles = after(*([[(f"{number % size}", "x")] for number in range(size * 6)]))
        found = circle_in(circles, 3)
        assert found is not None
        assert (len(found.calls), found.times) == (size, 6)


def test_a_round_whose_results_change_is_none():
    assert circle_in(after(*([[(f"{number % 2}", f"x{number}")] for number in range(40)])), 3) is None


def test_content_blocks_are_results_as_texts_are():
    image = [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aaaa"}}]
    other = [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "bbbb"}}]
    assert circle_in(after([("a", image)], [("a", image)], [("a", image)]), 3) is not None
    assert circle_in(after([("a", image)], [("a", other)], [("a", image)]), 3) is None


def test_an_error_and_a_result_of_the_same_words_are_not_the_same():
    call = made(1, "c", "look", {})
    assert call.ended("x", is_error=True).gave != call.ended("x", is_error=False).gave


def test_a_call_that_has_given_nothing_yet_is_taken_to_give_what_it_gave_before():
    circles = with_call(after([("a", "x")], [("a", "x")]), made(3, "c3", "look", {"at": "a"}))
    assert circle_in(circles, 3) is not None


def test_half_a_surrogate_pair_does_no_harm():
    assert circle_in(after([("\ud800", "\udc00")]), 3) is None


@given(st.lists(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xy")), max_size=3), max_size=30))
def test_what_is_kept_does_not_grow_but_by_what_is_new(turns):
    circles = after(*turns)
    assert len(circles.last) <= 4
    assert len(circles.known) <= 4
    assert circles.stale <= len(turns)


@given(st.lists(st.integers(), max_size=40, unique=True))
def test_calls_that_are_all_different_are_no_circle(inputs):
    assert circle_in(after(*([[(str(value), "ok")] for value in inputs])), 2) is None
