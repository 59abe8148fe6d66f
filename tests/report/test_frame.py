"""What the live display shows, at several widths, as text to compare."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.events.codec import Event
from agentflow.events.run_events import (
    CommandCalled,
    GateOpened,
    ModelFreed,
    ModelHeld,
    RunCancelled,
    StepFinished,
    StepStarted,
)
from agentflow.events.session_events import ModelFailed
from agentflow.events.values import Failure
from agentflow.report.doing import Bar
from agentflow.report.frame import _bar, ended_tree, frame, plain
from agentflow.report.outline import Outline
from agentflow.report.style import cell_width
from agentflow.report.view import RunView
from tests.report.stories import STARTED, called, ended, replied, session, use
from tests.report.test_layout import a_crowd

OUTLINE = Outline(("plan", "read", "write", "send"), 2.0, 600.0, {"reader": 12})


def a_fan(items: int, at_work: int, failed: int = 1) -> RunView:
    """A loop of agents: the first failed, those after them done, and then those that are at work."""
    view = RunView()
    view.planned(OUTLINE)
    for stream, event in _fan(items, at_work, failed):
        view.apply(stream, event)
    return view


def _fan(items: int, at_work: int, failed: int) -> Iterator[tuple[str, Event]]:
    yield "", STARTED
    yield "", StepStarted(1.0, "plan")
    yield "", CommandCalled(1.0, "plan", ("ls", "notes"))
    yield "", StepFinished(2.0, "plan", "done")
    yield "", StepStarted(2.0, "read", items=items)
    wrong = Failure("refusal", "it will not\x1b[2J read this")
    done = items // 3
    for index in range(failed + done + at_work):
        path = f"read[{index}].look"
        yield "", StepStarted(2.0, path, session=path)
        yield path, session(2.0, path, "reader")
        yield path, called(3.0, turn=2)
        if index < failed + done:
            yield path, replied(4.0)
            yield path, ended(4.0, wrong if index < failed else None)
            for at in (path, f"read[{index}]"):
                status = "failed" if index < failed else "done"
                yield "", StepFinished(4.0, at, status, failure=wrong if index < failed else None)
        elif index % 3 == 0:
            yield path, replied(4.0, use("c", "Grep", pattern="始まり|begin", path="docs"))
        elif index % 3 == 1:
            failure = Failure("model_unavailable", "overloaded", retryable=True)
            yield path, ModelFailed(4.0, 2, 1, failure, retry_at=20.0)


def text(view: RunView, columns: int, lines: int, *, unicode: bool = True) -> str:
    shown = frame(view, columns, lines, 10.0, unicode)
    return "\n".join(plain(line).rstrip() for line in shown.lines)


def test_at_120_columns_all_numbers_are_there():
    assert (
        text(a_fan(6, 3), 120, 20)
        == """\
demo  1 of 4 steps                                                                             run 20260101-000000-abcd
✓ plan                                                                                                             1.0s
● read               ━━━━━━✗✗✗╍╍╍╍╍╍╍╍╍╍─  3 of 6 items, 1 failed                    4 turns     60 tok  $0.0400     8s
  ● [3].look reader  calling Grep "始まり|begin"                                   turn 2/12     15 tok  $0.0100     8s
  ● [4].look reader  again in 10s: overloaded                                      turn 2/12                         8s
  ● [5].look reader  thinking                                                      turn 2/12                         8s
  ✗ [0].look reader  refusal: it will not␛[2J read this                               1 turn     15 tok  $0.0100   2.0s
· write
· send

10s  ·  $0.0400 of $2.00 (2%)  ·  3 agents at work  ·  1 retry  ·  4 turns  ·  60 tokens"""
    )


def test_at_80_columns_cost_and_time_are_left_and_the_turn_stands_with_what_is_done():
    assert (
        text(a_fan(6, 3), 80, 12)
        == """\
demo  1 of 4 steps                                     run 20260101-000000-abcd
✓ plan                                                                     1.0s
● read               ━━━✗╍╍╍╍╍─  3 of 6 items, 1 failed          $0.0400     8s
  ● [3].look reader  turn 2/12, calling Grep "始まり|begin"      $0.0100     8s
  ● [4].look reader  turn 2/12, again in 10s: overloaded                     8s
  ● [5].look reader  turn 2/12, thinking                                     8s
  ✗ [0].look reader  refusal: it will not␛[2J read this          $0.0100   2.0s
· write
· send
10s  ·  $0.0400 of $2.00 (2%)  ·  3 agents at work  ·  1 retry  ·  4 turns"""
    )


def test_at_60_columns_the_time_is_left_and_the_bar_makes_room_for_words():
    assert (
        text(a_fan(6, 3), 60, 12)
        == """\
demo  1 of 4 steps                 run 20260101-000000-abcd
✓ plan                                                 1.0s
● read               3 of 6 items, 1 failed              8s
  ● [3].look reader  turn 2/12, calling Grep "始ま…      8s
  ● [4].look reader  turn 2/12, again in 10s: overl…     8s
  ● [5].look reader  turn 2/12, thinking                 8s
  ✗ [0].look reader  refusal: it will not␛[2J read …   2.0s
· write
· send
10s  ·  $0.0400 of $2.00 (2%)  ·  3 agents at work"""
    )


def test_at_40_columns_and_seven_lines_the_steps_and_the_money_are_left():
    assert (
        text(a_fan(6, 3), 40, 7)
        == """\
✓ plan
● read        3 of 6 items, 1 failed
· write
· send
10s  ·  $0.0400 of $2.00 (2%)"""
    )


def test_three_hundred_items_are_counted_with_some_at_work_and_the_last_failure():
    assert (
        text(a_fan(300, 60, 9), 80, 14)
        == """\
demo  1 of 4 steps                                     run 20260101-000000-abcd
✓ plan                                                                     1.0s
● read                 ━━━✗╍╍────  109 of 300 items, 9 failed      $1.29     8s
  ● [109].look reader  turn 2/12, again in 10s: overloaded                   8s
  ● [110].look reader  turn 2/12, thinking                                   8s
  ● [111].look reader  turn 2/12, calling Grep "始まり|begin"    $0.0100     8s
  ● [112].look reader  turn 2/12, again in 10s: overloaded                   8s
  ✗ [8].look reader    refusal: it will not␛[2J read this        $0.0100   2.0s
  … 56 more at work, 8 more failed
· write
· send
10s  ·  $1.29 of $2.00 (65%)  ·  60 agents at work  ·  20 retries  ·  129 turns"""
    )


def test_a_terminal_without_unicode_gets_signs_that_it_has():
    assert (
        text(a_fan(300, 60, 9), 80, 10, unicode=False)
        == """\
demo  1 of 4 steps                                     run 20260101-000000-abcd
+ plan                                                                     1.0s
* read                 ###x>>----  109 of 300 items, 9 failed      $1.29     8s
  * [109].look reader  turn 2/12, again in 10s: overloaded                   8s
  ... 59 more at work, 9 more failed
. write
. send
10s  |  $1.29 of $2.00 (65%)  |  60 agents at work  |  20 retries  |  129 turns"""
    )


@given(st.integers(0, 12), st.integers(0, 200), st.integers(0, 20), st.integers(1, 210), st.integers(1, 60))
def test_a_frame_is_never_wider_or_higher_than_the_terminal(
    steps: int, agents: int, failed: int, columns: int, lines: int
):
    for view in (a_crowd(steps, agents), a_fan(400, agents, failed)):
        shown = frame(view, columns, lines, 10.0).lines
        assert len(shown) <= max(lines - 2, 1)
        assert all(cell_width(plain(line)) < max(columns, 9) for line in shown)
        assert len(ended_tree(view, columns, lines, 10.0)) <= max(lines - 2, 1)


def test_on_a_very_wide_terminal_the_numbers_stay_near_the_names():
    shown = frame(a_fan(6, 3), 200, 50, 10.0).lines
    assert max(cell_width(plain(line)) for line in shown) == 150


def test_names_do_not_make_the_columns_jump_back():
    wide = frame(a_fan(300, 60), 80, 24, 10.0)
    view = RunView(("a",))
    view.apply("", STARTED)
    assert frame(view, 80, 24, 10.0, name_width=wide.name_width).name_width == wide.name_width


def test_money_close_to_its_cap_stands_out():
    view = a_fan(6, 3)
    colours = []
    for spent in (0.5, 1.6, 1.9):
        view.root.cost_usd = spent
        totals = frame(view, 80, 24, 10.0).lines[-1]
        colours.append(next(span.style for span in totals if "of $2.00" in span.text))
    assert colours == ["", "yellow", "red"]


def test_a_run_that_is_being_stopped_says_why():
    view = a_fan(6, 3)
    view.apply("", RunCancelled(9.0, "ada", "not wanted"))
    assert text(view, 80, 10).splitlines()[-1].startswith("stopping: ada cancelled the run  ·  10s")


def test_a_step_that_asks_a_person_says_so_in_both_places():
    view = RunView(("send",))
    view.apply("", STARTED)
    view.apply("", GateOpened(1.0, "send", "Send it?"))
    shown = text(view, 80, 10).splitlines()
    assert shown[1].startswith("? send        waiting for a person: Send it?")
    assert "1 question open" in shown[-1]


def test_a_step_at_work_says_what_it_runs():
    view = RunView(("plan",))
    view.apply("", STARTED)
    view.apply("", StepStarted(1.0, "plan"))
    view.apply("", CommandCalled(1.0, "plan", ("ls", "-l", "notes")))
    assert "ls -l notes" in text(view, 80, 10)


@pytest.mark.parametrize(
    ("bar", "shown"),
    [
        (Bar(0, 0, 0, 300), "----------"),
        (Bar(1, 1, 1, 300), "#x>-------"),
        (Bar(297, 1, 1, 300), "########x>"),
        (Bar(300, 0, 0, 300), "##########"),
        (Bar(299, 1, 0, 300), "#########x"),
    ],
)
def test_no_part_of_a_bar_is_lost_in_rounding(bar: Bar, shown: str):
    assert "".join(span.text for span in _bar(bar, 10, False)) == shown


def test_a_model_that_is_not_asked_for_a_while_is_told_and_what_waits_for_it_counts_no_seconds_that_are_over():
    view = a_fan(12, 3)
    overloaded = Failure("model_unavailable", "overloaded", retryable=True)
    view.apply("", ModelHeld(5.0, "claude-sonnet-5-5", 40.0, overloaded))
    assert "claude-sonnet-5-5 not asked for 30s  ·  " in text(view, 100, 24)
    later = "\n".join(plain(line) for line in frame(view, 100, 24, 25.0, True).lines)
    assert "waiting for the model's service" in later
    assert "again in 0" not in later
    view.apply("", ModelFreed(41.0, "claude-sonnet-5-5"))
    assert "not asked" not in text(view, 100, 24)
