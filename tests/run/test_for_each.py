"""What LANGUAGE promises of `for_each`."""

import pytest

from tests.builders import Run

LOOP = """
inputs: {items: {type: array, items: {}}}
steps:
  l: {for_each: inputs.items, %sstep: {run: [work], stdin: "{{ item }}"}}
outputs: {l: steps.l.output}
"""


def loop(more: str = "", count: int = 4) -> Run:
    return Run(LOOP % more, items=list(range(count)))


def paths(run: Run) -> list[str]:
    return [path.split(".")[0] for path in run.at_work]


def leaf(index: int) -> str:
    run = loop(count=1)
    return run.at_work[0].replace("[0]", f"[{index}]")


def test_the_body_runs_once_per_item_and_gives_a_list_in_item_order():
    run = loop()
    for index in (2, 0, 3, 1):
        run.finish(leaf(index), f"out {index}")
    assert run.outputs == {"l": ["out 0", "out 1", "out 2", "out 3"]}


def test_parallel_bounds_the_items_at_work_and_each_end_opens_the_next():
    run = loop("parallel: 2, ")
    assert paths(run) == ["l[0]", "l[1]"]
    run.finish(leaf(1))
    assert paths(run) == ["l[0]", "l[2]"]


def test_parallel_may_come_from_an_input():
    run = Run(
        """
        inputs: {n: {type: integer, maximum: 9}}
        steps: {l: {for_each: "[1, 2, 3, 4]", parallel: inputs.n, step: {run: [work]}}}
    """,
        n=3,
    )
    assert len(run.at_work) == 3


def test_items_pass_through_the_body_at_their_own_pace():
    run = Run("""
        steps:
          l: {for_each: "[0, 1]", steps: {a: {run: [work]}, b: {run: [work], needs: [a]}}}
    """)
    run.finish("l[0].a")
    assert run.at_work == ["l[1].a", "l[0].b"]


def test_an_empty_list_gives_an_empty_list():
    run = loop(count=0)
    assert run.outputs == {"l": []}


def test_an_empty_list_that_collects_has_no_errors():
    run = Run(
        (LOOP % "on_error: collect, ").replace("l: steps.l.output", "l: '[steps.l.output, steps.l.errors]'"), items=[]
    )
    assert run.outputs == {"l": [[], []]}


def test_a_list_longer_than_max_fails_before_the_first_item():
    run = loop("max: 3, ")
    assert run.started == []
    assert run.finished.failure.kind == "max_items"
    assert "4 items" in run.finished.failure.message


def test_max_is_100_unless_the_file_says_otherwise():
    assert loop(count=101).finished.failure.kind == "max_items"
    assert loop(count=100).at_work


def test_max_may_come_from_an_input():
    text = """
        inputs: {n: {type: integer, maximum: 9}}
        steps: {l: {for_each: "[1, 2, 3]", max: inputs.n, step: {run: [work]}}}
    """
    assert Run(text, n=2).finished.failure.kind == "max_items"
    assert len(Run(text, n=3).at_work) == 3


def test_what_is_not_a_list_fails_the_step():
    run = Run("steps: {a: {run: [work], parse: json}, l: {for_each: steps.a.output, step: {run: [work]}}}")
    run.finish("a", {"not": "a list"})
    assert run.finished.failure.kind == "expression"
    assert "not a list" in run.finished.failure.message


def test_the_body_sees_the_item_its_name_and_its_number():
    run = Run("""
        steps:
          l: {for_each: "['a', 'b']", as: letter, step: {value: "letter ~ loop.index"}}
        outputs: {l: steps.l.output}
    """)
    assert run.outputs == {"l": ["a1", "b2"]}


def test_nested_loops_see_both_items_and_the_inner_number():
    run = Run("""
        steps:
          o:
            for_each: "[1, 2]"
            as: a
            steps:
              i: {for_each: "['x', 'y']", as: b, step: {value: "a ~ b ~ loop.index"}}
            output: steps.i.output
        outputs: {o: steps.o.output}
    """)
    assert run.outputs == {"o": [["1x1", "1y2"], ["2x1", "2y2"]]}


def test_a_failed_item_fails_the_loop_opens_none_and_lets_those_at_work_finish():
    run = loop("parallel: 2, ")
    run.fail(leaf(0))
    assert paths(run) == ["l[1]"]
    assert run.state.finished is None
    run.finish(leaf(1))
    assert run.finished.failure.step == leaf(0)
    assert len(run.started) == 2


def test_a_failed_item_starts_nothing_new_in_the_others():
    run = Run("steps: {l: {for_each: '[0, 1]', steps: {a: {run: [work]}, b: {run: [work], needs: [a]}}}}")
    run.fail("l[0].a")
    run.finish("l[1].a")
    assert run.started == ["l[0].a", "l[1].a"]
    assert run.finished.failure.step == "l[0].a"


def test_collect_keeps_the_successes_in_order_and_tells_the_errors():
    run = Run(
        (LOOP % "on_error: collect, ").replace("l: steps.l.output", "l: steps.l.output, e: steps.l.errors"),
        items=list(range(4)),
    )
    run.fail(leaf(2))
    run.finish(leaf(3), "d")
    run.fail(leaf(0), kind="timeout")
    run.finish(leaf(1), "b")
    assert run.outputs["l"] == ["b", "d"]
    assert [(error["index"], error["kind"]) for error in run.outputs["e"]] == [(0, "timeout"), (2, "command_failed")]


def test_collect_opens_further_items_after_a_failure():
    run = loop("on_error: collect, parallel: 1, ", count=2)
    run.fail(leaf(0))
    assert paths(run) == ["l[1]"]


def test_a_loop_whose_every_item_failed_collects_nothing_and_is_done():
    run = loop("on_error: collect, ", count=2)
    run.fail(leaf(0))
    run.fail(leaf(1))
    assert run.outputs == {"l": []}


def test_continue_on_a_loop_counts_its_failure_as_a_skip():
    run = loop("on_error: continue, if_skipped: none, ", count=2)
    run.fail(leaf(0))
    run.finish(leaf(1))
    assert run.outputs == {"l": "none"}


def test_a_loop_at_work_opens_no_item_after_a_failure_outside():
    run = Run("steps: {a: {run: [work]}, l: {for_each: '[0, 1, 2]', parallel: 1, step: {run: [work]}}}")
    run.fail("a")
    run.finish(run.at_work[0])
    assert len(run.started) == 2
    assert run.ended("l").status == "skipped"
    assert run.finished.failure.step == "a"


def test_a_loop_that_was_through_when_something_failed_outside_is_done():
    run = Run("steps: {a: {run: [work]}, l: {for_each: '[0]', step: {run: [work]}}}")
    run.fail("a")
    run.finish(run.at_work[0], "x")
    assert run.ended("l").status == "done"
    assert run.ended("l").output == ["x"]


def test_a_loop_in_an_item_that_fails_fails_only_its_item_where_the_outer_collects():
    run = Run("""
        steps:
          o:
            for_each: "[0, 1]"
            on_error: collect
            steps:
              i: {for_each: "[0, 1]", as: inner, parallel: 1, step: {run: [work]}}
            output: steps.i.output
        outputs: {o: steps.o.output, e: "steps.o.errors | map(attribute='index')"}
    """)
    first = [path for path in run.at_work if path.startswith("o[0]")]
    run.fail(first[0])
    while run.at_work:
        run.finish(run.at_work[0], "x")
    assert run.outputs == {"o": [["x", "x"]], "e": [0]}


def test_a_body_with_steps_and_no_output_gives_nulls():
    run = Run("steps: {l: {for_each: '[0, 1]', steps: {a: {run: [work]}}}}")
    run.finish("l[0].a", "x")
    run.finish("l[1].a", "x")
    assert run.ended("l").output == [None, None]


@pytest.mark.parametrize("failing", [True, False])
def test_an_items_output_that_has_no_value_is_a_failure_of_the_item(failing: bool):
    run = Run("""
        steps:
          l:
            for_each: "[0]"
            steps: {a: {run: [work], parse: json}}
            output: steps.a.output.x
        outputs: {l: steps.l.output}
    """)
    run.finish("l[0].a", {} if failing else {"x": 1})
    if failing:
        assert run.finished.failure.kind == "expression"
    else:
        assert run.outputs == {"l": [1]}


def test_ten_thousand_items_hold_no_more_open_than_parallel_and_cost_the_same_each():
    """Counts what is held and what is decided, not time."""
    run = loop("max: 10000, parallel: 7, ", count=10_000)
    for index in range(10_000):
        loop_state = run.state.loops["l"]
        assert loop_state.open == min(7, 10_000 - index)
        assert len(run.state.scopes) == loop_state.open + 1
        assert run.state.running == loop_state.open
        before = len(run.events)
        run.finish(run.started[index], index)
        assert len(run.events) - before <= 4
    assert run.outputs["l"] == list(range(10_000))
