"""Reports to look at, made of events and a small workflow."""

from typing import Any

from agentflow import api
from agentflow.events.run_events import GateAnswered, GateOpened, RunFinished, StepFinished, StepRetried, StepStarted
from agentflow.events.session_events import (
    Compacted,
    CompactionCalled,
    CompactionFailed,
    ModelFailed,
    SessionRested,
    TokensCounted,
    ToolCalled,
    ToolFinished,
    ToolRetried,
)
from agentflow.events.values import Failure, Spent, Usage
from agentflow.journal.port import Gate, RunSummary
from agentflow.report.page.report_json import Around, Gathered
from tests.report.stories import STARTED, Story, an_agent_with_a_subagent, called, ended, its_end, replied, session, use

FLOW = b"""\
agentflow: 1
name: demo
description: What is to be seen.
inputs: {topic: {type: string}, names: {type: array, items: {type: string}, default: []}}
agents:
  fetcher: {description: Fetches., instructions: Fetch.}
  finder: {instructions: Find., tools: [Read, Agent(fetcher)]}
steps:
  research:
    for_each: inputs.names
    step: {agent: finder, prompt: "{{ inputs.topic }}"}
  after: {agent: finder, prompt: "{{ steps.research.output }}"}
  last: {agent: finder, prompt: "{{ steps.research.output }} {{ steps.after.output }}"}
outputs: {last: steps.last.output}
"""

BAIT = (
    "</script><script>document.title='hit'</script><img src=x onerror=\"document.title='hit'\">"
    "<!--<script> ]]> javascript:document.title='hit' [link](javascript:document.title='hit') @somebody "
    "https://example.com `code` ``` | \u202egnp.exe\u202c \u200bzero\u200b \U000e0041tag \ufe0f\x1b[31m \ud800"
)
"""Text that wants to be more than text."""

PICTURE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "QUJD"}}


def around(status: str = "done", waiting: tuple[Gate, ...] = (), *, plan: bool = True) -> Around:
    summary: Any = RunSummary(
        run=STARTED.run,
        workflow=STARTED.workflow,
        path=STARTED.path,
        project=STARTED.project,
        started_at=0.0,
        updated_at=6.0,
        status=status,  # type: ignore[arg-type]
        failure_kind=None,
        cost_usd=0.0,
        turns=0,
    )
    made = api.check("w.yaml", FLOW).plan
    assert made is not None
    return Around(summary, made if plan else None, waiting, [("go on", "agentflow resume x")], "0.1.0", 10.0)


def report(story: Story, given: Around | None = None) -> dict[str, Any]:
    gathered = Gathered()
    for stream, event in story:
        gathered.apply(stream, event)
    return gathered.report(given or around())


def whole() -> dict[str, Any]:
    return report([*an_agent_with_a_subagent(), *its_end()])


def troubled() -> Story:
    """A step with a failed request, a failed attempt, a refused call, a cut-off call and a question."""
    overload = Failure("model_unavailable", "the service is overloaded", retryable=True)
    turns = Failure("turns", "the agent has used its 25 turns")
    return [
        ("", STARTED),
        ("", StepStarted(0.5, "after", session="after")),
        ("after", session(0.5, "after")),
        ("after", called(1.0)),
        ("after", ModelFailed(1.5, 1, 1, overload, charged_usd=0.25, retry_at=2.0)),
        ("after", called(2.0)),
        ("after", replied(3.0, {"type": "thinking", "thinking": "hm"}, use("a", "Read", path="x"), use("b", "Edit"))),
        ("after", ToolFinished(3.0, "a", "there is no such tool", is_error=True)),
        ("after", ToolCalled(3.0, "b", "Edit", "writes", "k")),
        ("after", ToolFinished(3.5, "b", [PICTURE], unknown=True)),
        ("after", ended(4.0, turns)),
        ("", StepRetried(4.0, "after", 2, turns, 5.0)),
        ("", GateOpened(5.0, "last", "Is it good?", show="what there is")),
        ("", GateAnswered(6.0, "last", True, "ada", "yes indeed")),
    ]  # fmt: skip


def lengthy() -> Story:
    """A session that was counted, compacted at the second try, waited, and called a tool that needed two tries."""
    overload = Failure("model_unavailable", "the service is overloaded", retryable=True)
    summary = {"role": "user", "content": [{"type": "text", "text": "what was said before"}, PICTURE]}
    haiku = "claude-haiku-5-5"
    return [
        ("", STARTED),
        ("", StepStarted(0.5, "after", session="after")),
        ("after", session(0.5, "after")),
        ("after", TokensCounted(0.6, 160_000)),
        ("after", CompactionCalled(1.0, 1, 1, "summary", haiku, 1000, 0.1)),
        ("after", CompactionFailed(2.0, 1, 1, "summary", overload, 0.25, retry_at=3.0)),
        ("after", CompactionCalled(3.0, 1, 2, "summary", haiku, 1000, 0.1)),
        ("after", Compacted(4.0, 1, "summarize", "summary", 9, (summary,), {}, 160_000, 20_000, model=haiku,
                            usage=Usage(9000, 100), cost_usd=0.5)),
        ("after", SessionRested(5.0, 4.0)),
        ("after", called(5.0)),
        ("after", replied(6.0, use("a", "Read", path="x"), use("b", "TodoWrite", todos=[{"status": "completed"}]))),
        ("after", ToolFinished(6.0, "b", "noted")),
        ("after", ToolCalled(6.0, "a", "Read", "none", "k")),
        ("after", ToolRetried(6.5, "a", "Read", 1, "busy", "busy", 8.5)),
        ("after", ToolFinished(9.0, "a", [PICTURE])),
    ]  # fmt: skip


def hostile() -> dict[str, Any]:
    """A run in which every text that others wrote is bait."""
    failure = Failure("failed", BAIT, step="after")
    story: Story = [
        ("", STARTED.__class__(0.0, STARTED.run, BAIT, BAIT, BAIT, {BAIT: BAIT}, BAIT, {"topic": BAIT, BAIT: [BAIT]})),
        ("", StepStarted(1.0, "after", session="after")),
        ("after", session(1.0, "after", BAIT)),
        ("after", called(1.0)),
        ("after", replied(2.0, {"type": "text", "text": BAIT}, {"type": "thinking", "thinking": BAIT},
                          {"type": BAIT, BAIT: BAIT}, use(BAIT, BAIT, file_path=BAIT))),
        ("after", ToolCalled(2.0, BAIT, BAIT, "none", "k")),
        ("after", ToolFinished(3.0, BAIT, BAIT, is_error=True)),
        ("after", ended(4.0, failure)),
        ("", StepFinished(4.0, "after", "failed", BAIT, failure, BAIT)),
        ("", GateOpened(4.0, "last", BAIT, show=BAIT)),
        ("", RunFinished(5.0, "failed", {BAIT: BAIT}, failure, Spent())),
    ]  # fmt: skip
    given = around("failed", (Gate(STARTED.run, "last", "approve", BAIT, BAIT, 4.0, None),))
    made = report(story, given)
    made["run"] |= {"workflow": BAIT, "path": BAIT, "project": BAIT, "description": BAIT}
    made["graph"]["steps"][1]["lines"] = [BAIT, BAIT]
    made["next"] = [{"what": BAIT, "command": BAIT}]
    made["notes"] = [BAIT]
    return made
