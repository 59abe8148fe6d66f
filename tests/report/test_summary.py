from msgspec.structs import replace

from agentflow.events.run_events import GateAnswered, GateOpened, RunFinished, StepFinished, StepRetried, StepStarted
from agentflow.events.session_events import ModelCalled, ModelFailed, ModelReplied, ToolCalled, ToolFinished
from agentflow.events.values import Failure, Spent, Usage
from agentflow.report.outline import Outline
from agentflow.report.style import Paint
from agentflow.report.summary import summary_json, summary_of, summary_text
from agentflow.report.view import RunView
from tests.report.stories import STARTED, Story, ended, session

WRONG = Failure("step_failed", "it went wrong\x1b[2J", step="bad")
OVERLOADED = Failure("model_unavailable", "overloaded", retryable=True)


def a_run() -> Story:
    opus = ModelReplied(
        4.0, 1, (), "end_turn", "claude-opus-4-8-20260401", Usage(1_000, 200, 3_000, 500, 500), cost_usd=0.3
    )
    haiku = ModelReplied(6.0, 1, (), "end_turn", "claude-haiku-5-5", Usage(500, 100), cost_usd=0.01)
    return [
        ("", STARTED),
        ("", StepStarted(0.0, "one", session="one")),
        ("one", session(0.0, "one", "writer")),
        ("one", ModelCalled(1.0, 1, 1, "claude-opus-4-8", 1000, 1.0)),
        ("one", ModelFailed(2.0, 1, 1, OVERLOADED, charged_usd=0.05, retry_at=3.0)),
        ("one", ModelCalled(3.0, 1, 2, "claude-opus-4-8", 1000, 1.0)),
        ("one", opus),
        ("one", ToolCalled(4.0, "c", "Read", "none", "k")),
        ("one", ToolFinished(4.0, "c", "no such file", is_error=True)),
        ("one", ended(5.0)),
        ("", StepFinished(5.0, "one", "done")),
        ("", StepStarted(5.0, "two", session="two")),
        ("two", session(5.0, "two", "reader")),
        ("two", ModelCalled(5.0, 1, 1, "claude-haiku-5-5", 1000, 1.0)),
        ("two", haiku),
        ("two", ended(6.0)),
        ("", StepFinished(6.0, "two", "done")),
        ("", GateOpened(6.0, "ask", "Well?")),
        ("", StepFinished(60.0, "ask", "rejected", reason="ada said no")),
        ("", StepStarted(60.0, "bad")),
        ("", StepRetried(60.0, "bad", 2, WRONG, 60.5)),
        ("", StepStarted(60.5, "bad", 2)),
        ("", StepFinished(61.0, "bad", "failed", failure=WRONG)),
        ("", StepFinished(61.0, "x", "skipped", reason="it needs `bad`, which failed")),
        ("", StepFinished(61.0, "y", "skipped", reason="it needs `bad`, which failed")),
        ("", RunFinished(61.0, "failed", None, WRONG, Spent())),
    ]


def view_of(story: Story) -> RunView:
    view = RunView()
    view.planned(Outline(("one", "two", "ask", "bad", "x", "y", "z"), 2.0))
    for stream, event in story:
        view.apply(stream, event)
    return view


def test_the_block_says_each_thing_once():
    assert (
        summary_text(summary_of(view_of(a_run())), Paint(False), WRONG)
        == """\
  steps    2 done, 1 failed, 1 rejected, 2 skipped, 1 not begun
  agents   2, 2 turns, 1 tool call (1 failed)
  tokens   1.5k in, 3.0k read from the cache (55%), 1.0k written to it, 300 out
  cost     $0.36 of $2.00: claude-opus-4-8 $0.35, claude-haiku-5-5 $0.0100
  again    1 call to a model, 1 step
  slowest  one 5.0s, two 1.0s, bad 1.0s
  rejected ask: ada said no
  skipped  x, y: it needs `bad`, which failed"""
    )


def test_a_failure_that_nobody_else_tells_is_in_the_block():
    told = summary_text(summary_of(view_of(a_run())), Paint(False))
    assert "  failed   bad: it went wrong␛[2J (step_failed)" in told


def test_a_run_without_agents_has_no_rows_about_them():
    story: Story = [
        ("", STARTED),
        ("", StepStarted(0.0, "one")),
        ("", StepFinished(0.1, "one", "done")),
        ("", RunFinished(0.2, "done", {}, None, Spent())),
    ]
    view = RunView()
    for stream, event in story:
        view.apply(stream, event)
    assert summary_text(summary_of(view), Paint(False)) == ""


def test_many_reasons_are_cut_and_counted():
    view = RunView()
    view.apply("", STARTED)
    for index in range(500):
        view.apply("", StepFinished(1.0, f"s{index}", "skipped", reason=f"reason {index % 20}"))
    summary = summary_of(view)
    rows = summary_text(summary, Paint(False)).splitlines()
    assert rows[0] == "  steps    500 skipped"
    assert rows[1] == "  skipped  s0, s20, s40 and 2 more: reason 0"
    assert rows[-1].strip() == "and 15 more reasons; `agentflow show` has them all"
    assert len(rows) == 7
    assert (len(summary.not_done), summary.not_done_total) == (100, 500)


def test_what_the_end_cut_off_has_not_failed_by_itself():
    cut_off = Failure("cancelled", "the run ended before this did", step="one")
    cancelled = Failure("cancelled", "ada cancelled the run")
    view = RunView()
    for event in (
        STARTED,
        StepStarted(0.0, "one"),
        StepFinished(1.0, "one", "failed", failure=cut_off),
        RunFinished(1.0, "failed", None, cancelled, Spent()),
    ):
        view.apply("", event)
    assert summary_of(view).steps == {"stopped": 1}
    assert "stopped" not in summary_text(summary_of(view), Paint(False), cancelled)


def test_programs_get_the_same_as_data():
    body = summary_json(summary_of(view_of(a_run())))
    assert body["steps"] == {"done": 2, "failed": 1, "rejected": 1, "skipped": 2, "waiting": 1}
    assert body["tokens"] == {"input": 1_500, "cache_read": 3_000, "cache_write": 1_000, "output": 300}
    assert body["cached_share"] == round(3_000 / 5_500, 4)
    assert [(model["model"], model["turns"], model["cost_usd"]) for model in body["models"]] == [
        ("claude-opus-4-8", 1, 0.35),
        ("claude-haiku-5-5", 1, 0.01),
    ]
    assert (body["model_calls_again"], body["steps_again"], body["tool_errors"]) == (1, 1, 1)
    assert body["slowest"][0] == {"path": "one", "seconds": 5.0}
    assert {"path": "x", "status": "skipped", "reason": "it needs `bad`, which failed"} in body["not_done"]


def test_a_cap_that_is_not_known_is_not_made_up():
    view = view_of(a_run())
    view.outline = replace(view.outline, cost_cap=None)
    assert "cost     $0.36: " in summary_text(summary_of(view), Paint(False))


def test_questions_of_agents_are_no_steps():
    question = GateOpened(1.0, "one.question1", "Which?", about="ask", session="one", call="c")
    story: Story = [
        ("", STARTED),
        ("", StepStarted(0.0, "one", session="one")),
        ("one", session(0.0, "one", "writer")),
        ("", question),
        ("", GateAnswered(9.0, "one.question1", approved=True, by="ada", comment=None)),
        ("one", ended(10.0)),
        ("", StepFinished(10.0, "one", "done")),
        ("", StepStarted(10.0, "two", session="two")),
        ("", StepFinished(11.0, "two", "done")),
    ]
    summary = summary_of(view_of(story))
    assert summary.steps["done"] == 2
    assert [path for path, _ in summary.slowest] == ["one", "two"]
