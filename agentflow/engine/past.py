"""An older run, read for what a new one can keep of it."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from agentflow.engine.live import Live
from agentflow.events.codec import Event
from agentflow.events.run_events import (
    CommandCalled,
    FunctionCalled,
    GateOpened,
    OutcomeUnknown,
    RunStarted,
    StepFinished,
    StepKept,
    StepReset,
    StepStarted,
    ToolStepCalled,
)
from agentflow.events.session_events import SessionKept, SessionStarted
from agentflow.events.values import Workspace
from agentflow.journal.port import RUN_STREAM, Recorded
from agentflow.plan.model import ChooseStepPlan, EffectStepPlan, Plan, StepPlan
from agentflow.run.halts import halted
from agentflow.run.moves import scope_of
from agentflow.run.reuse import Past
from agentflow.run.state import ScopeState, item_of
from agentflow.session.state import Earlier


@dataclass(slots=True)
class OlderRun:
    """A run as its events left it, and what each of its steps came to.

    Attributes:
        agents: of each session, the agent and the step it worked for.
        workspaces: of the steps whose session worked on files of its own.
    """

    started: RunStarted
    live: Live
    settled: dict[str, StepKept] = field(default_factory=dict)
    unsettled: dict[str, str] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    cut_off: set[str] = field(default_factory=set)
    agents: dict[str, tuple[str, str]] = field(default_factory=dict)
    workspaces: dict[str, Workspace] = field(default_factory=dict)

    @classmethod
    def read(cls, plan: Plan, recorded: Iterable[Recorded]) -> "OlderRun":
        """Reads a run from its events, in their order."""
        entries = iter(recorded)
        started = next(entries).event
        if not isinstance(started, RunStarted):
            raise ValueError("a run begins with RunStarted")
        older = cls(started, Live.begin(plan, started, keeps=True))
        for entry in entries:
            older.apply(entry.stream, entry.event)
        return older

    @property
    def past(self) -> Past:
        """What its steps came to."""
        return Past(self.settled, self.unsettled, frozenset(self.failed), frozenset(self.cut_off))

    def left(self, stream: str) -> Earlier | None:
        """What a session that has ended leaves to one that carries it on."""
        return self.live.ended.get(stream)

    def apply(self, stream: str, event: Event) -> None:
        """Takes an event up."""
        if stream != RUN_STREAM:
            if isinstance(event, SessionStarted | SessionKept):
                self.agents[stream] = (event.agent, event.step)
            self.live.apply(stream, event)
            return
        if isinstance(event, StepFinished):
            self._finished(event)
            return
        self.live.apply(stream, event)
        if isinstance(event, StepKept):
            self.settled[event.step] = event
        elif isinstance(event, StepStarted | GateOpened | StepReset):
            self._begun(event)
        elif isinstance(event, OutcomeUnknown):
            self.cut_off.add(event.step)
        elif isinstance(event, CommandCalled | FunctionCalled | ToolStepCalled):
            scope, name = scope_of(self.live.run, event.step)
            step = scope.block.steps[name]
            if isinstance(step, EffectStepPlan) and step.effects != "none":
                self.cut_off.add(event.step)

    def _begun(self, event: StepStarted | GateOpened | StepReset) -> None:
        path = event.step
        if isinstance(event, StepReset) or (isinstance(event, StepStarted) and event.attempt > 1):
            self._forget_inside(path)
        self._forget(path)
        self.unsettled[path] = "it has not finished" if not isinstance(event, StepReset) else "it was to run again"
        if isinstance(event, StepStarted):
            self.workspaces.pop(path, None)
            if event.workspace is not None:
                self.workspaces[path] = event.workspace

    def _finished(self, event: StepFinished) -> None:
        path = event.step
        if item_of(path) is not None:
            self.live.apply(RUN_STREAM, event)
            if event.status == "failed" and event.failure is not None and event.failure.step == path:
                self.unsettled[path] = "it failed"
                self.failed.add(path)
            return
        state = self.live.run
        scope, name = scope_of(state, path)
        before, step = scope.steps[name], scope.block.steps[name]
        kept = state.kept.get(path)
        stopped = halted(state, scope, step) is not None or state.limit is not None
        self.live.apply(RUN_STREAM, event)
        if event.reused:
            return
        if event.status == "skipped" and kept is not None:
            # It was not come to, and can be kept once more.
            return
        self._forget(path)
        if _is_settled(event, step, stopped, before.status == "waiting"):
            self.settled[path] = self._as_kept(event, scope, name)
            return
        self.unsettled[path] = "it failed" if event.status == "failed" else "it has not run"
        if event.status == "failed":
            self.failed.add(path)
            if event.failure is not None and event.failure.kind == "outcome_unknown":
                self.cut_off.add(path)

    def _as_kept(self, event: StepFinished, before: ScopeState, name: str) -> StepKept:
        step = before.steps[name]
        return StepKept(
            at=event.at,
            step=event.step,
            status=event.status,
            output=event.output,
            failure=event.failure,
            reason=event.reason,
            exit_code=event.exit_code,
            errors=event.errors,
            approved=event.approved,
            converged=event.converged,
            session=step.session,
            attempt=max(step.attempt, 1),
        )

    def _forget(self, path: str) -> None:
        self.settled.pop(path, None)
        self.unsettled.pop(path, None)
        self.failed.discard(path)
        self.cut_off.discard(path)

    def _forget_inside(self, path: str) -> None:
        for known in (self.settled, self.unsettled):
            for inner in [name for name in known if name.startswith((f"{path}.", f"{path}["))]:
                self._forget(inner)


def _is_settled(event: StepFinished, step: StepPlan, stopped: bool, had_not_begun: bool) -> bool:
    """Whether the run went on with how a step ended: it would end so again.

    Parameters:
        stopped: something around it had failed, or a bound of the run was reached, so that nothing new could start.
    """
    if event.status in ("done", "rejected"):
        return True
    if stopped:
        return False
    if event.status == "failed":
        return step.continues
    # A block or gate that had begun is skipped only where it was cut short; a choice also where its case was.
    return had_not_begun or isinstance(step, ChooseStepPlan)
