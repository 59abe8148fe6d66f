"""Retries, reruns and timeouts as a reader sees them."""

from agentflow.events.run_events import (
    GateAnswered,
    StepFinished,
    StepReset,
    StepRetried,
    StepStarted,
    StepTimedOut,
)
from agentflow.events.values import Failure
from agentflow.report.json_out import node_json
from agentflow.report.layout import doing
from agentflow.report.lines import line
from agentflow.report.style import Paint
from agentflow.report.text import tree
from agentflow.report.view import RunView
from tests.report.stories import STARTED, called, ended, replied, session

BROKE = Failure("command_failed", "it broke", step="g")


def seen(*events: object) -> RunView:
    view = RunView()
    view.apply("", STARTED)
    for event in events:
        stream, event = event if isinstance(event, tuple) else ("", event)
        view.apply(stream, event)
    return view


def a_block_that_is_tried_again() -> list[object]:
    return [
        StepStarted(1.0, "g"),
        StepStarted(1.0, "g.s", session="g.s"),
        ("g.s", session(1.0, "g.s")),
        ("g.s", called(1.0)),
        ("g.s", replied(2.0)),
        ("g.s", ended(2.0)),
        StepFinished(2.0, "g.s", "done"),
        StepStarted(2.0, "g.c"),
        StepFinished(3.0, "g.c", "failed", failure=BROKE),
        StepFinished(3.0, "g", "failed", failure=BROKE),
        StepRetried(3.0, "g", 2, BROKE, 13.0),
    ]


def test_a_step_at_rest_is_open_says_why_and_keeps_what_it_spent():
    view = seen(*a_block_that_is_tried_again())
    node = view.step("g")
    assert (node.state, node.attempt, node.turns, node.cost_usd) == ("running", 2, 1, 0.01)
    assert doing(node, 3.0) == "again in 10s: it broke"
    shown = "\n".join(tree(view.root, Paint(False), 3.0, running=False))
    assert "g  not ended  attempt 2" in shown
    assert "command_failed: it broke; it is tried again" in shown
    assert {inner["path"]: inner["state"] for inner in node_json(node)["inside"]} == {
        "g.s": "waiting",
        "g.c": "waiting",
    }
    assert view.root.ended.get("failed", 0) == 0


def test_the_next_attempt_counts_what_ends_in_it_alone():
    view = seen(
        *a_block_that_is_tried_again(),
        StepStarted(13.0, "g", 2),
        StepStarted(13.0, "g.s", 2, session="g.s#2"),
        ("g.s#2", session(13.0, "g.s")),
        ("g.s#2", called(13.0)),
        ("g.s#2", replied(14.0)),
        ("g.s#2", ended(14.0)),
        StepFinished(14.0, "g.s", "done"),
        StepStarted(14.0, "g.c", 2),
        StepFinished(15.0, "g.c", "done"),
        StepFinished(15.0, "g", "done"),
    )
    node = view.step("g")
    assert (node.state, node.turns, node.ended, node.retry) == ("done", 2, {"done": 2}, None)
    assert view.root.ended == {"failed": 0, "done": 1}


def test_a_step_that_is_put_back_waits_and_takes_its_own_time_anew():
    view = seen(StepStarted(1.0, "a"), StepFinished(2.0, "a", "done", "x"), StepReset(50.0, "a"))
    node = view.step("a")
    assert (node.state, node.seconds(60.0), view.root.ended["done"]) == ("waiting", None, 0)
    view.apply("", StepStarted(61.0, "a", 2))
    assert node.seconds(62.0) == 1.0


def test_each_has_its_line():
    view = seen(*a_block_that_is_tried_again())
    said = [
        StepRetried(3.0, "g", 2, BROKE, 13.0),
        StepTimedOut(4.0, "g", Failure("timeout", "too long")),
        StepReset(5.0, "a"),
        GateAnswered(6.0, "q", True, "ada", "so", answers={"n": 1}),
    ]
    lines = [str(line(view, "", event)).split(maxsplit=1)[1] for event in said]
    assert lines == [
        "g  again in 10s (attempt 2)",
        "g  timeout: too long",
        "a  runs again: the run was resumed, and nothing has used its output",
        "q  answered by ada: so",
    ]


def test_what_is_in_a_block_takes_its_own_time_in_each_attempt():
    view = seen(*a_block_that_is_tried_again(), StepStarted(13.0, "g", 2), StepStarted(14.0, "g.c"))
    assert view.step("g.c").seconds(14.5) == 0.5
    finished = StepFinished(15.0, "g.c", "done")
    view.apply("", finished)
    assert str(line(view, "", finished)).endswith("g.c  done in 1.0s")


def test_the_rounds_of_earlier_attempts_are_not_counted_again():
    view = seen(
        StepStarted(1.0, "r", rounds=3),
        StepStarted(1.0, "r[0].c"),
        StepFinished(2.0, "r[0].c", "done"),
        StepFinished(2.0, "r[0]", "done"),
        StepStarted(2.0, "r[1].c"),
        StepFinished(3.0, "r[1].c", "failed", failure=BROKE),
        StepFinished(3.0, "r[1]", "failed", failure=BROKE),
        StepFinished(3.0, "r", "failed", failure=BROKE),
        StepRetried(3.0, "r", 2, BROKE, 4.0),
        StepStarted(4.0, "r", 2, rounds=3),
        StepStarted(4.0, "r[0].c"),
        StepFinished(5.0, "r[0].c", "done"),
        StepFinished(5.0, "r[0]", "done"),
    )
    finished = StepFinished(5.0, "r", "done", converged=True)
    view.apply("", finished)
    assert "converged after 1 round " in str(line(view, "", finished))
    shown = "\n".join(tree(view.root, Paint(False), 5.0, running=False))
    assert "1 of at most 3 rounds" in shown
    assert "[1]" not in shown
