"""Events and a clock for the tests of the journal."""

from dataclasses import dataclass

from agentflow.events.run_events import GateOpened, RunFinished, RunStarted, StepStarted
from agentflow.events.session_events import ModelCalled, ModelReplied, SessionStarted
from agentflow.events.values import Failure, Spent, Usage
from agentflow.journal.port import RUN_STREAM, Entry, Journal


@dataclass
class Clock:
    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now


def started(run: str = "run-a", at: float = 1_000.0, **changes: object) -> RunStarted:
    fields: dict[str, object] = {
        "at": at,
        "run": run,
        "workflow": "research",
        "path": "flows/research.yaml",
        "project": "/home/ada/project",
        "sources": {"flows/research.yaml": "agentflow: 1\n"},
        "plan_digest": "0f" * 32,
        "inputs": {"topic": "tides"},
    }
    return RunStarted(**{**fields, **changes})


def finished(status: str = "done", at: float = 2_000.0) -> RunFinished:
    failure = None if status == "done" else Failure("step_failed", "step `plan` failed")
    return RunFinished(at, status, {"report": "ok"} if status == "done" else None, failure, Spent())


def step(name: str, at: float = 1_001.0) -> StepStarted:
    return StepStarted(at, name)


def session(at: float = 1_002.0) -> SessionStarted:
    return SessionStarted(at, "planner", "plan", "Plan it.", None)


def called(reserved_usd: float = 0.5, at: float = 1_003.0) -> ModelCalled:
    return ModelCalled(at, 1, 1, "claude-sonnet-5-5", 4_096, reserved_usd)


def replied(cost_usd: float = 0.25, at: float = 1_004.0, text: str = "Done.") -> ModelReplied:
    content = ({"type": "text", "text": text},)
    return ModelReplied(at, 1, content, "end_turn", "claude-sonnet-5-5", Usage(10, 20), cost_usd)


def gate(at_step: str, at: float = 1_005.0, **changes: object) -> GateOpened:
    return GateOpened(at, at_step, f"Go on with {at_step}?", **changes)


def of_run(*events: object) -> list[Entry]:
    return [Entry(RUN_STREAM, event) for event in events]


def of(stream: str, *events: object) -> list[Entry]:
    return [Entry(stream, event) for event in events]


def events_of(journal: Journal, run: str = "run-a", stream: str | None = None) -> list[object]:
    return [recorded.event for recorded in journal.read(run, stream)]
