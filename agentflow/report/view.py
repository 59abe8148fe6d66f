"""A run as a reader sees it: a tree of steps, items and agents, kept up by one event at a time.

The work per event does not depend on how large the run is, so that a display can follow thousands of agents.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from agentflow.events.codec import Event
from agentflow.events.operator_events import BudgetWarned
from agentflow.events.run_events import (
    CommandCalled,
    FunctionCalled,
    GateAnswered,
    GateOpened,
    ModelFreed,
    ModelHeld,
    OutcomeUnknown,
    QuestionWithdrawn,
    RunCancelled,
    RunFinished,
    RunLimitReached,
    RunPaused,
    RunResumed,
    RunStarted,
    StepFinished,
    StepFreed,
    StepHeld,
    StepReset,
    StepRetried,
    StepStarted,
    ToolStepCalled,
)
from agentflow.events.session_events import (
    Compacted,
    CompactionCalled,
    CompactionFailed,
    ModelCalled,
    ModelFailed,
    ModelReplied,
    SessionFinished,
    SessionStarted,
    ToolCalled,
    ToolFinished,
)
from agentflow.events.values import Failure, Usage
from agentflow.plan.service_tools import service_calls
from agentflow.report.again import step_reset, step_retried
from agentflow.report.budgets import budget_warned, take_up
from agentflow.report.contexts import compacted, compaction_called, compaction_failed
from agentflow.report.gates import gate_answered, gate_opened, question_withdrawn
from agentflow.report.inert import inert_line
from agentflow.report.node import OPEN, Node, State, open_nodes
from agentflow.report.outline import Outline
from agentflow.report.tally import Tally, worked_at
from agentflow.report.tool_words import brief_of, call_in_words

_TAIL = 160


class RunView:
    """The state of a run, from its events.

    Parameters:
        steps: the ids of the file's steps where they are known, in order; they show as waiting until they start.

    Attributes:
        root: holds the steps.
        status: as the events tell it; whether a process is at work on it, they do not.
        paused: how the last process let the run go; None: it went on since.
        models_held: the models that are not asked now, and why.
        gates: the nodes that ask a person, by path.
        outline: what is known of the plan.
        tally: what it has used.
        warnings: shares of caps that are taken, in words; `raised`: bounds that a resume changed.
        stopping: what ends it, while it is being ended.
        changes: how often anything here has changed: a display that shows the last of them need not draw.
        idle_seconds: time in which nobody worked on the run.
    """

    def __init__(self, steps: tuple[str, ...] = ()) -> None:
        self.root = Node("", "", "step", None, state="running")
        self.run = ""
        self.workflow = ""
        self.started: RunStarted | None = None
        self.finished: RunFinished | None = None
        self.status: Literal["running", "waiting", "interrupted", "done", "failed"] = "running"
        self.paused: RunPaused | None = None
        self.models_held: dict[str, ModelHeld] = {}
        self.gates: dict[str, Node] = {}
        self.outline = Outline(steps)
        self.tally = Tally()
        self.stopping: Failure | None = None
        self.warnings, self.raised = list[str](), dict[str, float]()
        self.last_at = 0.0
        self.changes = 0
        self.idle_seconds = 0.0
        self._steps: dict[str, Node] = {"": self.root}
        self._sessions: dict[str, Node] = {}
        for step in steps:
            self.made(step)

    @property
    def usage(self) -> Usage:
        """Its tokens."""
        return self.tally.usage

    def planned(self, outline: Outline) -> None:
        """Takes up what is known of its plan; steps that have not begun show as waiting."""
        self.outline = outline
        for step in outline.steps:
            self.made(step)

    def apply(self, stream: str, event: Event) -> Node | None:
        """Takes an event up; returns the node it is about, if it is about one."""
        self.changes += 1
        self.last_at = max(self.last_at, worked_at(event))
        self.tally.take(stream, event)
        if stream:
            return self._in_session(stream, event)
        handle = _RUN_EVENTS.get(type(event))
        return handle(self, event) if handle is not None else None

    def hear(self, stream: str, text: str) -> None:
        """Takes up text as the model writes it."""
        node = self._sessions.get(stream)
        if node is not None:
            node.tail = (node.tail + text)[-_TAIL:]
            self.changes += 1

    def node(self, stream: str) -> Node | None:
        """The node of a session."""
        return self._sessions.get(stream)

    def step(self, path: str) -> Node | None:
        """The node of a step or item."""
        return self._steps.get(path)

    def seconds(self, now: float | None = None) -> float:
        """How long the run was worked on, up to now or to its last event."""
        if self.started is None:
            return 0.0
        until = self.last_at if now is None or self.status != "running" else max(now, self.last_at)
        return max(0.0, until - self.started.at - self.idle_seconds)

    # The run

    def _run_started(self, event: RunStarted) -> None:
        self.started, self.run, self.workflow = event, event.run, event.workflow
        self.root.started_at = event.at

    def _run_resumed(self, event: RunResumed) -> None:
        self.status, self.paused = "running", None
        for held in take_up(self, event, [*self._steps.values(), *self._sessions.values()]):
            self._open(held, event.at)
        self.models_held.clear()
        self.idle_seconds += max(0.0, event.at - event.worked_until)
        for node in self._sessions.values():
            # What was out when the process ended is not out any more.
            node.calls.clear()
            node.calling = False

    def _run_paused(self, event: RunPaused) -> None:
        self.status, self.paused = event.reason, event

    def _model_held(self, event: ModelHeld) -> None:
        self.models_held[event.model] = event

    def _model_freed(self, event: ModelFreed) -> None:
        self.models_held.pop(event.model, None)

    def _limit_reached(self, event: RunLimitReached) -> None:
        self.stopping = event.failure

    def _run_cancelled(self, event: RunCancelled) -> None:
        self.stopping = Failure("cancelled", f"{event.by} cancelled the run")

    def _run_finished(self, event: RunFinished) -> None:
        self.status, self.finished, self.stopping = event.status, event, None
        self.gates = self.gates if event.held else {}
        for node in list(open_nodes(self.root)):
            self.close(node, "stopped", event.at)

    # Steps

    def _step_started(self, event: StepStarted) -> Node:
        node = self.made(event.step)
        node.attempt, node.items, node.rounds, node.choice = event.attempt, event.items, event.rounds, event.choice
        node.workspace = event.workspace
        node.failure = node.reason = node.retry = node.retry_at = None
        node.turn = 0
        self._open(node, event.at)
        return node

    def _step_finished(self, event: StepFinished) -> Node:
        node = self.made(event.step)
        node.failure, node.reason, node.exit_code, node.errors = (
            event.failure,
            event.reason,
            event.exit_code,
            event.errors,
        )
        node.converged, node.reused = event.converged, event.reused
        node.retry = node.retry_at = node.held = None
        self.gates.pop(node.path, None)
        self.close(node, event.status, event.at)
        return node

    def _effect_called(self, event: CommandCalled | FunctionCalled | ToolStepCalled) -> Node:
        node = self.made(event.step)
        if isinstance(event, CommandCalled):
            words = " ".join(event.argv[:8])
        elif isinstance(event, FunctionCalled):
            words = f"{event.function}()"
        else:
            words = call_in_words({"name": event.tool, "input": event.input})
        node.calls["effect"] = inert_line(words, 80)
        return node

    def _outcome_unknown(self, event: OutcomeUnknown) -> Node:
        node = self.made(event.step)
        node.reason = "a crash cut it off; whether it happened cannot be told"
        return node

    def _step_held(self, event: StepHeld) -> Node:
        node = self.made(event.step)
        node.held = event
        return node

    def _step_freed(self, event: StepFreed) -> Node:
        node = self.made(event.step)
        node.held = None
        return node

    # Sessions

    def _in_session(self, stream: str, event: Event) -> Node | None:
        if isinstance(event, SessionStarted):
            return self._session_started(stream, event)
        node = self._sessions.get(stream)
        handle = _SESSION_EVENTS.get(type(event))
        if node is not None and handle is not None:
            handle(self, node, event)
        return node

    def _session_started(self, stream: str, event: SessionStarted) -> Node:
        above = None if event.parent is None else self._sessions.get(event.parent)
        if above is None:
            node = self.made(event.step)
        else:
            node = above.inner.setdefault(stream, Node(stream, event.agent, "agent", above))
            node.brief = above.briefs.pop(event.parent_call or "", node.brief)
        node.agent, node.workspace = event.agent, event.workspace
        self._sessions[stream] = node
        self._open(node, event.at)
        for around in node.around():
            around.at_work += 1
        return node

    def _model_called(self, node: Node, event: ModelCalled) -> None:
        node.turn, node.calling, node.tail = event.turn, True, ""
        node.retry = node.retry_at = None

    def _model_replied(self, node: Node, event: ModelReplied) -> None:
        self._call_ended(node)
        for around in node.around():
            around.turns += 1
            around.tokens += event.usage.total
            around.cost_usd += event.cost_usd
        for block in event.content:
            if block.get("type") == "tool_use":
                node.calls[str(block.get("id"))] = call_in_words(block)
                if brief := brief_of(block):
                    node.briefs[str(block.get("id"))] = brief
        used = len(service_calls(event.content))
        for around in node.around():
            around.tool_calls += used

    def _model_failed(self, node: Node, event: ModelFailed) -> None:
        self._call_ended(node)
        node.retry, node.retry_at = event.failure, event.retry_at
        for around in node.around():
            around.cost_usd += event.charged_usd

    def _call_ended(self, node: Node) -> None:
        node.calling, node.tail = False, ""

    def _tool_called(self, node: Node, event: ToolCalled) -> None:
        node.calls.setdefault(event.call, inert_line(event.tool, 40))

    def _tool_finished(self, node: Node, event: ToolFinished) -> None:
        node.calls.pop(event.call, None)
        for around in node.around():
            around.tool_calls += 1

    def _session_finished(self, node: Node, event: SessionFinished) -> None:
        self._call_ended(node)
        node.calls.clear()
        for around in node.around():
            around.at_work -= 1
        if node.kind == "agent":
            node.failure = event.failure
            self.close(node, "done" if event.failure is None else "failed", event.at)

    # The tree

    def reopened(self, path: str, at: float) -> Node:
        """The node of a step that goes on, although it had ended."""
        node = self.made(path)
        self._open(node, at)
        return node

    def put_back(self, path: str) -> Node:
        """The node of a step that waits to begin, although it had ended."""
        node = self.made(path)
        node.taken_back()
        node.state, node.started_at, node.ended_at = "waiting", None, None
        return node

    def made(self, path: str) -> Node:
        """The node of a step or item; one that has not been heard of is made."""
        node = self._steps.get(path)
        if node is None:
            above, name = parent_of(path)
            parent = self.made(above)
            node = Node(path, name, "item" if path.endswith("]") else "step", parent)
            self._steps[path] = parent.inner[path] = node
        return node

    def _open(self, node: Node, at: float) -> None:
        """Marks a node as at work, and what it is in: an item has no event of its own that says it began."""
        node.ended_at = None
        for inside in node.around():
            above = inside.above
            if above is None:
                return
            if inside is not node and inside.state in OPEN:
                return
            inside.taken_back()
            if inside.started_at is None:
                inside.started_at = at
            inside.state = "running"
            above.open[inside.path] = inside

    def close(self, node: Node, state: State, at: float) -> None:
        """Marks a node as ended."""
        above = node.above
        if above is None:
            return
        node.taken_back()
        above.open.pop(node.path, None)
        node.closed(state)
        node.calls.clear()
        node.state, node.ended_at = state, at


def parent_of(path: str) -> tuple[str, str]:
    """The path a step or item is in, and its name there: `research[3].find` is `find` in `research[3]`."""
    if path.endswith("]"):
        above, _, index = path.rpartition("[")
        return above, f"[{index}"
    above, _, name = path.rpartition(".")
    return above, name


_RUN_EVENTS: Mapping[type[Any], Callable[[RunView, Any], Node | None]] = {
    RunStarted: RunView._run_started,
    RunResumed: RunView._run_resumed,
    RunPaused: RunView._run_paused,
    RunLimitReached: RunView._limit_reached,
    RunCancelled: RunView._run_cancelled,
    RunFinished: RunView._run_finished,
    BudgetWarned: budget_warned,
    StepStarted: RunView._step_started,
    StepFinished: RunView._step_finished,
    CommandCalled: RunView._effect_called,
    FunctionCalled: RunView._effect_called,
    ToolStepCalled: RunView._effect_called,
    StepRetried: step_retried,
    StepReset: step_reset,
    ModelHeld: RunView._model_held,
    ModelFreed: RunView._model_freed,
    StepHeld: RunView._step_held,
    StepFreed: RunView._step_freed,
    OutcomeUnknown: RunView._outcome_unknown,
    GateOpened: gate_opened,
    GateAnswered: gate_answered,
    QuestionWithdrawn: question_withdrawn,
}
_SESSION_EVENTS: Mapping[type[Any], Callable[[RunView, Node, Any], None]] = {
    ModelCalled: RunView._model_called,
    ModelReplied: RunView._model_replied,
    ModelFailed: RunView._model_failed,
    ToolCalled: RunView._tool_called,
    ToolFinished: RunView._tool_finished,
    CompactionCalled: compaction_called,
    Compacted: compacted,
    CompactionFailed: compaction_failed,
    SessionFinished: RunView._session_finished,
}
