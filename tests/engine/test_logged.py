import logging
from typing import Any

import pytest

from agentflow.engine.logged import log, logged, told_of
from agentflow.events.codec import VERSIONS
from agentflow.events.run_events import GateAnswered, GateOpened, RunFinished, StepFinished, StepStarted, ToolStepCalled
from agentflow.events.session_events import CompactionFailed, ModelCalled, ModelFailed, SessionStarted, ToolFinished
from agentflow.events.values import Failure, Spent

FAILURE = Failure("timeout", "it took too long")
WRITTEN = "what somebody wrote"


def test_what_people_models_and_tools_wrote_is_not_logged():
    for event in (
        SessionStarted(1.0, "a", "s", WRITTEN, WRITTEN),
        ToolFinished(1.0, "c", WRITTEN),
        GateOpened(1.0, "s", WRITTEN, WRITTEN),
        GateAnswered(1.0, "s", True, "ada", WRITTEN, answers=WRITTEN),
        ToolStepCalled(1.0, "s", "Write", {"content": WRITTEN}),
        StepFinished(1.0, "s", "skipped", output=WRITTEN, reason=WRITTEN),
    ):
        assert WRITTEN not in str(told_of("", event))


def test_a_failure_is_told_with_its_message():
    assert told_of("s", ModelFailed(1.0, 2, 1, FAILURE)) == {
        "stream": "s",
        "turn": 2,
        "attempt": 1,
        "charged_usd": 0.0,
        "failure": "timeout",
        "message": "it took too long",
    }


@pytest.mark.parametrize(
    ("event", "level"),
    [
        (StepStarted(1.0, "s"), "INFO"),
        (StepFinished(1.0, "s", "done"), "INFO"),
        (StepFinished(1.0, "s", "failed", failure=FAILURE), "WARNING"),
        (ModelFailed(1.0, 1, 1, FAILURE), "WARNING"),
        (CompactionFailed(1.0, 1, 1, "summary", FAILURE), "WARNING"),
        (ModelCalled(1.0, 1, 1, "m", 100, 0.1), "DEBUG"),
        (RunFinished(1.0, "failed", None, FAILURE, Spent()), "ERROR"),
        (RunFinished(1.0, "done", {}, None, Spent()), "INFO"),
    ],
)
def test_each_event_has_the_level_of_what_it_means(event: Any, level: str, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.DEBUG, "agentflow.run"):
        log("", event)
    assert [record.levelname for record in caplog.records] == [level]


def test_where_nobody_reads_the_log_nothing_stands_between_a_run_and_who_hears_it():
    def hear(_stream: str, _event: Any) -> None: ...

    assert logged(hear) is hear


def test_events_are_logged_and_passed_on(caplog: pytest.LogCaptureFixture):
    heard: list[tuple[str, Any]] = []
    with caplog.at_level(logging.INFO, "agentflow.run"):
        logged(lambda stream, event: heard.append((stream, event)))("", StepStarted(1.0, "s"))
    assert heard == [("", StepStarted(1.0, "s"))]
    assert caplog.messages == ["step_started step=s attempt=1"]


def test_every_field_that_is_logged_belongs_to_an_event():
    from agentflow.engine.logged import _TOLD

    assert {name for kind in VERSIONS for name in kind.__struct_fields__} >= _TOLD
