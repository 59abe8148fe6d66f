"""Runs to read, as lists of events."""

from agentflow.events.codec import Event
from agentflow.events.run_events import RunFinished, RunStarted, StepFinished, StepStarted
from agentflow.events.session_events import (
    ModelCalled,
    ModelReplied,
    SessionFinished,
    SessionStarted,
    ToolCalled,
    ToolFinished,
)
from agentflow.events.values import Failure, Spent, Usage

Story = list[tuple[str, Event]]

STARTED = RunStarted(0.0, "20260101-000000-abcd", "demo", "w.yaml", "/p", {}, "digest", {"topic": "tea"})


def called(at: float, turn: int = 1) -> ModelCalled:
    return ModelCalled(at, turn, 1, "claude-sonnet-5-5", 1000, 0.1)


def replied(at: float, *blocks: dict[str, object], turn: int = 1, cost: float = 0.01) -> ModelReplied:
    stop = "tool_use" if blocks else "end_turn"
    return ModelReplied(at, turn, blocks, stop, "claude-sonnet-5-5", Usage(10, 5), cost)


def use(call: str, tool: str, **given: object) -> dict[str, object]:
    return {"type": "tool_use", "id": call, "name": tool, "input": given}


def session(at: float, step: str, agent: str = "finder", parent: str | None = None) -> SessionStarted:
    return SessionStarted(at, agent, step, "prompt", None, depth=1 if parent is None else 2, parent=parent)


def ended(at: float, failure: Failure | None = None) -> SessionFinished:
    return SessionFinished(at, "done" if failure is None else failure.kind, "text", "text", failure, Spent())


def an_agent_with_a_subagent() -> Story:
    """Of three items one is done, one has a subagent at work, and one was not begun."""
    return [
        ("", STARTED),
        ("", StepStarted(1.0, "research", items=3)),
        ("", StepStarted(1.0, "research[0].find", session="research[0].find")),
        ("research[0].find", session(1.0, "research[0].find")),
        ("", StepStarted(1.0, "research[1].find", session="research[1].find")),
        ("research[1].find", session(1.0, "research[1].find")),
        ("research[0].find", called(1.1)),
        ("research[1].find", called(1.1)),
        ("research[0].find", replied(2.0)),
        ("research[0].find", ended(2.0)),
        ("", StepFinished(2.0, "research[0].find", "done", "text")),
        ("", StepFinished(2.0, "research[0]", "done", "text")),
        (
            "research[1].find",
            replied(3.0, use("c1", "Agent", subagent_type="fetcher"), use("c2", "Read", path="a.txt")),
        ),
        ("research[1].find", ToolCalled(3.0, "c1", "Agent", "none", "k", session="research[1].find/c1")),
        ("research[1].find/c1", session(3.0, "research[1].find", "fetcher", "research[1].find")),
        ("research[1].find", ToolCalled(3.0, "c2", "Read", "none", "k")),
        ("research[1].find", ToolFinished(3.5, "c2", "text")),
        ("research[1].find/c1", called(3.6)),
    ]


def its_end() -> Story:
    failure = Failure("step_failed", "it went wrong", step="research[1].find")
    return [
        ("research[1].find/c1", replied(4.0, cost=0.02)),
        ("research[1].find/c1", ended(4.0)),
        ("research[1].find", ToolFinished(4.0, "c1", "text")),
        ("research[1].find", ended(5.0, failure)),
        ("", StepFinished(5.0, "research[1].find", "failed", failure=failure)),
        ("", StepFinished(5.0, "research[1]", "failed", failure=failure)),
        ("", StepFinished(5.0, "after", "skipped", reason="`research` failed")),
        ("", RunFinished(6.0, "failed", None, failure, Spent())),
    ]
