from agentflow.events.file_events import FilesRewinding
from agentflow.events.run_events import (
    GateAnswered,
    GateOpened,
    ModelFreed,
    ModelHeld,
    RunFinished,
    RunPaused,
    StepFinished,
    StepFreed,
    StepHeld,
    StepStarted,
)
from agentflow.events.session_events import Compacted, CompactionCalled, CompactionFailed, ModelFailed, ModelReplied
from agentflow.events.values import Failure, Spent, Usage
from agentflow.report.lines import line
from agentflow.report.service_wait import clock_text
from agentflow.report.view import RunView
from tests.builders_web import searched
from tests.report.stories import STARTED, Story, an_agent_with_a_subagent, its_end, session


def lines(story: Story) -> list[str]:
    view = RunView()
    said = []
    for stream, event in story:
        view.apply(stream, event)
        said.append(line(view, stream, event))
    return [text for text in said if text is not None]


def test_a_run_reads_line_by_line():
    assert lines(an_agent_with_a_subagent() + its_end()) == [
        "  0.0s  run  20260101-000000-abcd started: demo (w.yaml)",
        "  1.0s  research  started (3 items)",
        "  1.0s  research[0].find  started",
        "  1.0s  research[1].find  started",
        "  2.0s  research[0].find  done in 1.0s (1 turn, 15 tokens, $0.0100)",
        "  2.0s  research[0]  done in 1.0s (1 turn, 15 tokens, $0.0100)",
        "  3.0s  research[1].find > fetcher  subagent started",
        "  4.0s  research[1].find > fetcher  subagent done (1 turn, 15 tokens, $0.0200)",
        "  5.0s  research[1].find  failed in 4.0s (2 turns, 30 tokens, $0.0300) (step_failed): it went wrong",
        "  5.0s  research[1]  failed in 4.0s (2 turns, 30 tokens, $0.0300) (step_failed): it went wrong",
        "  5.0s  after  skipped: `research` failed",
        "  6.0s  run  failed",
    ]


def test_files_that_are_put_back_have_their_line_and_are_no_part_of_the_runs_time():
    told = lines([*an_agent_with_a_subagent(), *its_end(), ("", FilesRewinding(1e9, 1, "after", "ada", changes=2))])
    assert told[-1] == "  6.0s  run  2 files put back by ada: as before after"
    undone = lines([*an_agent_with_a_subagent(), ("", FilesRewinding(1e9, 2, "", "ada", undoes=1, changes=1))])
    assert undone[-1].endswith("1 file put back by ada: undoing rewind 1")


def test_retries_and_gates_have_their_lines():
    failure = Failure("model_unavailable", "overloaded", retryable=True)
    assert lines(
        [
            ("", STARTED),
            ("s", session(1.0, "one")),
            ("s", ModelFailed(2.0, 3, 1, failure, retry_at=4.5)),
            ("s", ModelFailed(5.0, 3, 2, failure)),
            ("", StepStarted(6.0, "one", attempt=2)),
            ("", GateOpened(7.0, "publish", "Publish\nthis?")),
            ("", GateAnswered(8.0, "publish", False, "ada", "not yet")),
            ("", RunFinished(9.0, "done", {}, None, Spent())),
        ]
    )[1:] == [
        "  2.0s  one  turn 3: overloaded; again in 2.5s",
        "  6.0s  one  started again (attempt 2)",
        "  7.0s  publish  waiting for a person: Publish this?",
        "  8.0s  publish  rejected by ada: not yet",
        "  9.0s  run  done",
    ]


def test_a_search_that_failed_has_its_line():
    content = (*searched(1), *searched(2, error="too_many\nrequests"))
    replied = ModelReplied(2.0, 1, content, "end_turn", "claude", Usage(10, 5, web_searches=1), 0.02)
    told = [("", STARTED), ("s", session(1.0, "one")), ("s", replied)]
    assert lines(told)[1:] == ["  2.0s  one  turn 1: WebSearch failed (too_many requests)"]
    view = RunView()
    for stream, event in told:
        view.apply(stream, event)
    assert (view.root.tool_calls, view.usage.web_searches) == (2, 1)


def test_what_others_said_stays_on_its_line_and_inert():
    failure = Failure("command_failed", "`x` exited with 1:\n\x1b[2J\n 20.0s  run  done")
    said = lines([("", STARTED), ("", StepFinished(1.0, "one", "failed", failure=failure))])
    assert len(said) == 2
    assert "\n" not in said[1]
    assert "\x1b" not in said[1]


def test_rounds_and_choices_have_their_lines():
    failure = Failure("max_rounds", "after 1 round `until` does not hold")
    assert lines(
        [
            ("", STARTED),
            ("", StepStarted(1.0, "report", rounds=3)),
            ("", StepStarted(1.0, "report[0].route", choice="2")),
            ("", StepFinished(2.0, "report[0].route.2", "done")),
            ("", StepFinished(2.0, "report[0].route", "done")),
            ("", StepFinished(2.0, "report[0]", "done", converged=True)),
            ("", StepFinished(2.0, "report", "done", converged=True)),
            ("", StepStarted(2.0, "again", rounds=1)),
            ("", StepFinished(3.0, "again[0]", "done", converged=False)),
            ("", StepFinished(3.0, "again", "done", converged=False)),
            ("", StepStarted(3.0, "never", rounds=1)),
            ("", StepFinished(3.0, "never", "failed", failure=failure, converged=False)),
            ("", StepStarted(3.0, "else", choice="otherwise")),
        ]
    )[1:] == [
        "  1.0s  report  started (at most 3 rounds)",
        "  1.0s  report[0].route  started (case 2)",
        "  2.0s  report[0].route.2  done",
        "  2.0s  report[0].route  done in 1.0s",
        "  2.0s  report[0]  done in 1.0s",
        "  2.0s  report  done, converged after 1 round in 1.0s",
        "  2.0s  again  started (at most 1 round)",
        "  3.0s  again[0]  done",
        "  3.0s  again  done, accepted as it is after 1 round in 1.0s",
        "  3.0s  never  started (at most 1 round)",
        "  3.0s  never  failed in 0.0s (max_rounds): after 1 round `until` does not hold",
        "  3.0s  else  started (otherwise)",
    ]


def test_waits_for_the_service_have_their_lines():
    down = Failure("model_unavailable", "it is down", retryable=True)
    said = lines(
        [
            ("", STARTED),
            ("", ModelHeld(1.0, "claude-haiku-5-5", 31.0, down)),
            ("", StepHeld(2.0, "one", 302.0, down)),
            ("", StepFreed(302.0, "one")),
            ("", ModelFreed(303.0, "claude-haiku-5-5")),
            ("", StepHeld(304.0, "one", None, Failure("model_access", "no credit; add some"))),
            ("", RunPaused(305.0, "waiting", (), None, Failure("model_access", "no credit; add some"))),
        ]
    )[1:]
    assert [text.lstrip().split("  ", 1)[1].replace(clock_text(302.0), "THEN") for text in said] == [
        "run  claude-haiku-5-5 is not asked for 30s: it is down",
        "one  waiting for the model's service, until THEN (in 5m00s): it is down",
        "one  goes on",
        "run  claude-haiku-5-5 answers again",
        "one  waiting for a person to act: no credit; add some",
        "run  paused: waiting for a person to act: no credit; add some",
    ]


def test_a_compaction_that_is_tried_again_is_waited_for():
    failure = Failure("model_unavailable", "overloaded", retryable=True)
    story: Story = [
        ("", STARTED),
        ("", StepStarted(1.0, "one", session="s")),
        ("s", session(1.0, "one")),
        ("s", CompactionCalled(2.0, 1, 1, "summary", "mini", 1000, 0.1)),
        ("s", CompactionFailed(3.0, 1, 1, "summary", failure, retry_at=8.0)),
    ]
    assert lines(story)[-1] == "  3.0s  one  making room: overloaded; again in 5.0s"
    view = RunView()
    for stream, event in story:
        view.apply(stream, event)
    node = view.node("s")
    assert (node.calling, node.retry, node.retry_at) == (False, failure, 8.0)
    view.apply("s", CompactionCalled(8.0, 1, 2, "summary", "mini", 1000, 0.1))
    assert (node.calling, node.retry, node.retry_at) == (True, None, None)


def test_compactions_have_their_lines_and_their_money():
    failure = Failure("unexpected_reply", "no summary")
    summary = Compacted(3.0, 1, "summarize", "summary", 4, (), {}, 160_000, 40_000, model="mini", cost_usd=0.25)
    story = [
        ("", STARTED),
        ("s", session(1.0, "one")),
        ("s", CompactionFailed(2.0, 1, 1, "api", failure, 0.5, Usage(10, 1))),
        ("s", summary),
        ("s", Compacted(4.0, 2, "summarize", "window", 4, (), {}, 150_000, 30_000)),
    ]
    assert lines(story)[1:] == [
        "  3.0s  one  conversation summarised by mini: 160.0k to 40.0k tokens ($0.25)",
        "  4.0s  one  conversation without its oldest turns: 150.0k to 30.0k tokens",
    ]
    view = RunView()
    for stream, event in story:
        view.apply(stream, event)
    assert view.root.cost_usd == 0.75
    assert view.usage.input_tokens == 10
    node = view.step("one")
    assert node is not None
    assert node.compactions == 2
