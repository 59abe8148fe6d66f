import json
import sys

from agentflow.cli.progress import Progress
from agentflow.events.run_events import RunStarted, StepStarted
from agentflow.report.view import RunView

LONG_AGO = RunStarted(0.0, "20260101-000000-abcd", "demo", "w.yaml", "/p", {"w.yaml": ""}, "digest", {})
LATER = 1e12


class Gone:
    """A stream whose reader has left."""

    def write(self, _text: object) -> int:
        raise BrokenPipeError

    def flush(self) -> None:
        raise BrokenPipeError


def test_the_past_of_a_resumed_run_is_taken_up_and_not_told_again(capsys):
    progress = Progress(RunView(), "stream-json", quiet=False, broken=lambda: None)
    progress.observe("", LONG_AGO)
    progress.observe("", StepStarted(LATER, "one"))
    told = capsys.readouterr()
    assert progress.view.run == "20260101-000000-abcd"
    assert [json.loads(row)["type"] for row in told.out.splitlines()] == ["step_started"]
    assert told.err.endswith("  one  started\n")
    assert "20260101" not in told.err


def test_quiet_is_quiet_on_standard_error_alone(capsys):
    progress = Progress(RunView(), "stream-json", quiet=True, broken=lambda: None)
    progress.observe("", StepStarted(LATER, "one"))
    told = capsys.readouterr()
    assert (bool(told.out), told.err) == (True, "")


def test_a_reader_of_standard_output_that_leaves_is_told_of_once(monkeypatch):
    broken = []
    progress = Progress(RunView(), "stream-json", quiet=True, broken=lambda: broken.append(True))
    monkeypatch.setattr(sys, "stdout", Gone())
    progress.observe("", StepStarted(LATER, "one"))
    progress.observe("", StepStarted(LATER, "two"))
    assert broken == [True]


def test_a_reader_of_standard_error_that_leaves_stops_nothing(monkeypatch):
    broken = []
    progress = Progress(RunView(), "text", quiet=False, broken=lambda: broken.append(True))
    monkeypatch.setattr(sys, "stderr", Gone())
    progress.observe("", StepStarted(LATER, "one"))
    progress.observe("", StepStarted(LATER, "two"))
    assert broken == []
    assert len(progress.view.root.open) == 2
