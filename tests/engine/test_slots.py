"""The line of calls that wait for a place."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from agentflow.engine.slots import Slots


def beginning(begun: list[str], name: str, goes: bool = True) -> Callable[[], bool]:
    def begin() -> bool:
        begun.append(name)
        return goes

    return begin


def test_calls_begin_in_the_order_in_which_they_asked():
    slots, begun = Slots(2), []
    for name in "abc":
        slots.request(name, "model", beginning(begun, name))
    assert slots.fill()
    assert begun == ["a", "b"]
    slots.release()
    slots.fill()
    assert begun == ["a", "b", "c"]
    assert slots.idle


def test_a_call_that_asks_twice_stands_in_line_once():
    slots, begun = Slots(1), []
    slots.request("a", "model", beginning(begun, "first"))
    slots.request("a", "model", beginning(begun, "second"))
    slots.fill()
    slots.release()
    assert not slots.fill()
    assert begun == ["first"]


def test_a_call_that_does_not_go_gives_its_place_to_the_next():
    slots, begun = Slots(1), []
    slots.request("a", "model", beginning(begun, "a", goes=False))
    slots.request("b", "model", beginning(begun, "b"))
    assert slots.fill()
    assert begun == ["a", "b"]


def test_a_stream_that_is_forgotten_may_ask_again():
    slots, begun = Slots(1), []
    slots.request("a", "one", beginning(begun, "gone"))
    slots.forget("a")
    assert slots.idle
    slots.request("b", "two", beginning(begun, "b"))
    slots.request("a", "one", beginning(begun, "again"))
    slots.fill()
    slots.release()
    slots.fill()
    assert sorted(begun) == ["again", "b"]


@given(st.integers(1, 4), st.lists(st.sampled_from(["ask", "fill", "release", "forget"]), max_size=60))
def test_no_more_are_out_than_there_are_places(count, moves):
    slots, begun, out = Slots(count), [], 0
    for number, move in enumerate(moves):
        if move == "ask":
            slots.request(f"s{number % 5}", str(number), beginning(begun, str(number)))
        elif move == "fill":
            before = len(begun)
            slots.fill()
            out += len(begun) - before
        elif move == "release" and out:
            slots.release()
            out -= 1
        elif move == "forget":
            slots.forget(f"s{number % 5}")
        assert 0 <= out <= count


def bounded(most: int = 9, **bounds: int) -> tuple[Slots, list[str]]:
    """Slots in which a call `a.b.1` is bounded by `a` and `b`; and what has begun."""
    return Slots(most, lambda _stream, call: {name: bounds[name] for name in call.split(".")[:-1]}), []


def want(slots: Slots, began: list[str], *calls: str) -> None:
    for call in calls:
        slots.request(call, call, lambda call=call: began.append(call) is None)


def test_a_call_waits_for_one_that_shares_its_bound_and_those_behind_it_do_not():
    slots, began = bounded(a=1)
    want(slots, began, "a.1", "a.2", "3")
    slots.fill()
    assert began == ["a.1", "3"]
    slots.release(("a",))
    slots.fill()
    assert began == ["a.1", "3", "a.2"]


def test_a_call_that_is_let_in_by_one_bound_and_held_by_another_lets_the_next_one_in():
    slots, began = bounded(a=1, b=1)
    want(slots, began, "a.1", "b.1", "a.b.1", "a.2")
    slots.fill()
    assert began == ["a.1", "b.1"]
    slots.release(("a",))
    slots.fill()
    assert began == ["a.1", "b.1", "a.2"]


def test_a_call_that_was_forgotten_while_it_was_held_lets_the_next_one_in():
    slots, began = bounded(a=1)
    want(slots, began, "a.1", "a.2", "a.3")
    slots.fill()
    slots.forget("a.2")
    slots.release(("a",))
    slots.fill()
    assert began == ["a.1", "a.3"]


def test_a_call_that_does_not_begin_after_all_gives_its_bounds_back():
    slots, began = bounded(a=1)
    slots.request("no", "a.0", lambda: False)
    want(slots, began, "a.1")
    slots.fill()
    assert began == ["a.1"]
