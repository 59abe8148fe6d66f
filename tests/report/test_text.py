from agentflow.events.run_events import StepFinished, StepStarted
from agentflow.journal.port import Gate, RunSummary
from agentflow.report.style import Paint
from agentflow.report.text import gate_text, outputs_text, runs_table, totals, tree
from agentflow.report.view import RunView
from tests.report.stories import STARTED, an_agent_with_a_subagent, its_end
from tests.report.test_view import told


def test_a_single_output_stands_alone():
    assert outputs_text({"report": "Line one\nLine two"}) == "Line one\nLine two"
    assert outputs_text({"report": ["é", 1]}) == '[\n  "é",\n  1\n]'


def test_several_outputs_stand_under_their_names():
    assert outputs_text({"report": "text", "score": 7}) == "report:\ntext\n\nscore:\n7"


def test_outputs_are_inert():
    assert outputs_text({"a": "\x1b[2J"}) == "␛[2J"
    assert "\u202e" not in outputs_text({"a": {"k": "\u202e"}})


def test_what_a_gate_shows_is_cut_where_it_is_long():
    shown = gate_text(Gate("r", "g", "approve", "Go?", "line\n" * 100, 0.0, None), limit=3)
    assert shown.split("\n") == ["Go?", "", "  line", "  line", "  line", "  … 97 more lines", ""]


def test_a_tree_tells_states_costs_and_reasons():
    view = told(an_agent_with_a_subagent() + its_end())
    assert list(tree(view.root, Paint(False), 6.0)) == [
        "■ research  stopped  3 items  3 turns, 45 tokens, $0.0400  5.0s",
        "  ✓ [0]  done  1 turn, 15 tokens, $0.0100  1.0s",
        "    ✓ find  agent finder  done  1 turn, 15 tokens, $0.0100  1.0s",
        "  ✗ [1]  failed  2 turns, 30 tokens, $0.0300  4.0s\n      step_failed: it went wrong",
        "    ✗ find  agent finder  failed  2 turns, 30 tokens, $0.0300  4.0s\n        step_failed: it went wrong",
        "      ✓ fetcher  done  1 turn, 15 tokens, $0.0200  1.0s",
        "○ after  skipped\n    `research` failed",
    ]
    assert totals(view) == "6.0s · 3 turns · 45 tokens · $0.0400"


def test_a_table_of_runs_is_aligned():
    done = RunSummary("20260101-000000-abcd", "démo", "w.yaml", "/p", 0.0, 5.0, "done", None, 0.5, 12)
    failed = RunSummary("20260101-000001-abcd", "x\x1b[1m", "w.yaml", "/p", 0.0, 65.0, "failed", "turns", 0.0, 3)
    head, *rows = runs_table([done, failed], 100.0).split("\n")
    assert head.startswith("RUN                   STATUS          WORKFLOW")
    assert [row.split()[-3:] for row in rows] == [["5.0s", "12", "$0.50"], ["1m05s", "3", "$0.00"]]
    assert "failed (turns)" in rows[1]
    assert "\x1b" not in rows[1]


def test_what_nobody_is_at_work_on_is_not_called_running():
    rows = list(tree(told(an_agent_with_a_subagent()).root, Paint(False), 4.0, running=False))
    assert "● research  not ended" in rows[0]
    assert not any("running" in row for row in rows)


def test_a_tree_tells_of_rounds_and_of_what_was_chosen():
    view = RunView()
    for event in (
        STARTED,
        StepStarted(1.0, "report", rounds=3),
        StepStarted(1.0, "report[0].route", choice="2"),
        StepFinished(2.0, "report[0].route.2", "done"),
        StepFinished(2.0, "report[0].route", "done"),
        StepFinished(2.0, "report[0]", "done", converged=False),
        StepFinished(2.0, "report", "done", converged=False),
    ):
        view.apply("", event)
    assert list(tree(view.root, Paint(False), 6.0)) == [
        "✓ report  done  1 of at most 3 rounds, not converged  1.0s",
        "  ✓ [0]  done  1.0s",
        "    ✓ route  done  case 2  1.0s",
        "      ✓ case 2  done",
    ]
