"""A whole run as one JSON object, for programs, and for the pages that are made of it.

Fields may be added; one that changes its meaning or goes makes the next `version`. Times are seconds since the epoch,
money is in US dollars, `null` stands for what is not there. Texts are as they were recorded: those of models, tools
and files are data of others. Pictures and documents are told as `{type, media_type, bytes}`.

- `type` (`report`), `version` (1), `made_at`, `made_by` (agentflow's version).
- `run`: `run`, `workflow`, `description`, `path`, `project`, `status` (as of `agentflow runs`), `started_at`,
  `updated_at`, `seconds` (at work), `idle_seconds` (nobody's).
- `totals`: `cost_usd`, `cost_cap_usd`, `usage` (tokens by kind), `tokens`, `turns`, `tool_calls`, `sessions`, `steps`
  (how many ended how, by state; items and rounds not counted).
- `inputs`; `outputs`; `failure` (`kind`, `message`, `retryable`, `step`); `waiting`: questions to people, as of
  `agentflow show --output-format json`; `service`: of a run that waits for the model's service, `told` in words,
  `until` and the `failure` of the last call; else null; `next`: what can be done now, a list of `what` and `command`.
- `failures`: a list of `where` (a step's path or a session), `what` (`step`, `session`, `attempt`), and of a failure
  as above; those that only pass on one from inside are left out.
- `graph`: the steps as they were planned: `steps`, a list of `id`, `kind`, `lines`, `state`, `inside` (a graph, or
  null), and `edges`, a list of `source`, `target`, `why`; null where the file cannot be read any more.
- `steps`: every step and item, each before what is inside it: as of `show`, without `inside`, and `name`, `depth`,
  `drawn` (its `id` in the graph), `output`, `did` (`what`: `command` with `argv`, `function` with `function` and
  `arguments`, `tool` with `tool` and `input`), `gate` (`message`, `show`, `opened_at`, `answer`, …), `attempts` (those
  before the last, with their `failure`), `sessions`. `state` is `stopped` of what had begun and nobody is at work on.
- `sessions`: a list of `session`, `agent`, `step`, `depth`, `parent` and `continues` (sessions), `started_at`,
  `ended_at`, `ending`, `failure`, `turns`, `tool_calls`, `usage` and `cost_usd` (its own, without its subagents'),
  `models`, `instructions`, `prompt`, `output`, and `entries`, in order, each with its `kind`:
  - `turn`: a request: `turn`, `attempt`, `model`, `at`, `ended_at`, `note`, `blocks` (each `type`, `text`, and `data`
    where it is neither text nor thinking), `stop_reason`, `usage`, `cost_usd`, `failure`, `retry_at`.
  - `tool`: a call: `call`, `tool`, `input`, `effects`, `at`, `ended_at`, `session` (of a subagent), `result`,
    `is_error`, `unknown` (a crash cut it off). `at` is null where it was refused before it began.
  - `event`: anything else, as of `agentflow show --events --output-format json`, and `told`: what it says to people;
    null where it says nothing to them.
- `costs`: `by_model`, `by_agent` (their own), `by_step` (with all inside), the dearest first.
- `lineage`: `plan_digest`, `files` (names of the texts that the run was started with), `source` (of the workflow's
  own), `history`: starts, pauses and resumes, a list of `what` and `at`; `began`: what else the run's first event says;
  `goes_on_from`: the older run that it takes up, as of `show`, `told` in words, and the steps `reused`; else null.
- `notes`: what the reader should know of this report, in words.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import Struct, structs

from agentflow.events.codec import Event
from agentflow.events.operator_events import BudgetWarned
from agentflow.events.run_events import RunFinished, RunPaused, RunResumed, RunStarted
from agentflow.events.session_events import SessionStarted
from agentflow.journal.port import Gate, RunSummary
from agentflow.plan.model import Plan
from agentflow.report.budgets import warned_text
from agentflow.report.drawing import Picture, picture, states_of
from agentflow.report.json_out import event_json, gate_json
from agentflow.report.lineage import lineage_json, lineage_text
from agentflow.report.page.conversations import Conversation, failure_json, usage_json
from agentflow.report.page.costs import costs_json
from agentflow.report.page.steps import Details, steps_json
from agentflow.report.service_wait import paused_text
from agentflow.report.view import RunView

JSON = Any
VERSION = 1

_PASSED_ON = frozenset({"step_failed"})
_TOLD_ELSEWHERE = frozenset(
    {"stream", "type", "at", "run", "workflow", "path", "project", "sources", "plan_digest", "inputs"}
)


class Around(Struct, frozen=True):
    """What events do not tell of a run.

    Attributes:
        plan: that it was started with; None where this agentflow reads the file otherwise.
        waiting: its open questions.
        next: what can be done now, each in words and as a command line.
        made_by: the version of agentflow.
        now: seconds since the epoch.
    """

    summary: RunSummary
    plan: Plan | None
    waiting: Sequence[Gate]
    next: Sequence[tuple[str, str]]
    made_by: str
    now: float


class Gathered:
    """A run, from its events."""

    def __init__(self) -> None:
        self.view = RunView()
        self.details = Details()
        self.conversations: dict[str, Conversation] = {}
        self.history: list[dict[str, JSON]] = []

    def apply(self, stream: str, event: Event) -> None:
        """Takes an event up."""
        self.view.apply(stream, event)
        if stream:
            self._in_session(stream, event)
            return
        self.details.apply(event)
        if isinstance(event, RunStarted | RunResumed | RunFinished):
            self.history.append({"what": type(event).__name__.removeprefix("Run").lower(), "at": event.at})
        elif isinstance(event, RunPaused):
            self.history.append({"what": event.reason, "at": event.at})
        elif isinstance(event, BudgetWarned):
            self.history.append({"what": warned_text(event), "at": event.at})

    def _in_session(self, stream: str, event: Event) -> None:
        known = self.conversations.get(stream)
        if known is not None:
            known.apply(event)
        elif isinstance(event, SessionStarted):
            self.conversations[stream] = Conversation(stream, event)
            if event.parent is None:
                self.details.of(event.step).sessions.append(stream)

    def report(self, around: Around) -> dict[str, JSON]:
        """The whole run as JSON data, of the shape that this module describes."""
        view, at_work = self.view, around.summary.status == "running"
        steps = steps_json(view.root, self.details, at_work=at_work)
        sessions = [conversation.as_json() for conversation in self.conversations.values()]
        finished = view.finished
        return {
            "type": "report",
            "version": VERSION,
            "made_at": around.now,
            "made_by": around.made_by,
            "run": self._run(around),
            "totals": self._totals(around.plan, steps),
            "inputs": {} if view.started is None else dict(view.started.inputs),
            "outputs": None if finished is None else finished.outputs,
            "failure": None if finished is None or finished.failure is None else failure_json(finished.failure),
            "waiting": [gate_json(gate) for gate in around.waiting],
            "service": self._service(around),
            "next": [{"what": what, "command": command} for what, command in around.next],
            "failures": list(_failures(steps, sessions)),
            "graph": None if around.plan is None else _drawn(picture(around.plan, states_of(view, at_work=at_work))),
            "steps": steps,
            "sessions": sessions,
            "costs": costs_json(self.conversations.values(), view.root),
            "lineage": self._lineage() | {"goes_on_from": self._goes_on_from(steps)},
            "notes": []
            if around.plan is not None
            else ["The graph is missing: this version reads the file otherwise."],
        }

    def _run(self, around: Around) -> dict[str, JSON]:
        summary = around.summary
        return {
            "run": summary.run,
            "workflow": summary.workflow,
            "description": "" if around.plan is None else around.plan.description,
            "path": summary.path,
            "project": summary.project,
            "status": summary.status,
            "started_at": summary.started_at,
            "updated_at": self.view.last_at,
            "seconds": round(self.view.seconds(around.now if summary.status == "running" else None), 3),
            "idle_seconds": round(self.view.idle_seconds, 3),
        }

    def _totals(self, plan: Plan | None, steps: Iterable[dict[str, JSON]]) -> dict[str, JSON]:
        root = self.view.root
        return {
            "cost_usd": round(root.cost_usd, 9),
            "cost_cap_usd": None if plan is None else self.view.raised.get("cost_usd", plan.limits.cost_usd),
            "usage": usage_json(self.view.usage),
            "tokens": root.tokens,
            "turns": root.turns,
            "tool_calls": root.tool_calls,
            "sessions": len(self.conversations),
            "steps": dict(Counter(row["state"] for row in steps if row["kind"] == "step")),
        }

    def _service(self, around: Around) -> dict[str, JSON] | None:
        paused = self.view.paused
        if around.summary.status != "waiting" or paused is None or paused.service is None:
            return None
        told = paused_text(paused, around.now)
        return {"told": told, "until": paused.until, "failure": failure_json(paused.service)}

    def _lineage(self) -> dict[str, JSON]:
        started = self.view.started
        if started is None:
            return {"plan_digest": None, "files": [], "source": None, "history": self.history, "began": {}}
        return {
            "plan_digest": started.plan_digest,
            "files": sorted(started.sources),
            "source": started.sources.get(started.path),
            "history": self.history,
            "began": {
                name: value
                for name, value in event_json("", started).items()
                if name not in _TOLD_ELSEWHERE and value not in (None, {})
            },
        }

    def _goes_on_from(self, steps: Iterable[dict[str, JSON]]) -> dict[str, JSON] | None:
        started = self.view.started
        if started is None or started.lineage is None:
            return None
        reused = [row["path"] for row in steps if row["reused"]]
        return {**lineage_json(started.lineage), "told": lineage_text(started.lineage), "reused": reused}


def _failures(steps: Iterable[dict[str, JSON]], sessions: Iterable[dict[str, JSON]]) -> Iterable[dict[str, JSON]]:
    """Each failure once, where it came up: a block or step that only passes one on is left out."""
    of_steps = set()
    for step in steps:
        for attempt in step["attempts"]:
            if attempt["failure"]["kind"] not in _PASSED_ON:
                yield {"where": step["path"], "what": "attempt", **attempt["failure"]}
        failure = step["failure"]
        if failure is None or failure["kind"] in _PASSED_ON or failure["step"] not in (None, step["path"]):
            continue
        of_steps.add((step["path"], failure["message"]))
        yield {"where": step["path"], "what": "step", **failure}
    for session in sessions:
        failure = session["failure"]
        if failure is not None and (session["step"], failure["message"]) not in of_steps:
            yield {"where": session["session"], "what": "session", **failure}


def _drawn(drawn: Picture) -> dict[str, JSON]:
    return {
        "steps": [
            {
                "id": step.id,
                "kind": step.kind,
                "lines": list(step.lines),
                "state": step.state,
                "inside": None if step.inside is None else _drawn(step.inside),
            }
            for step in drawn.steps
        ],
        "edges": [structs.asdict(edge) | {"why": list(edge.why)} for edge in drawn.edges],
    }
