"""What a run's events have come to so far, in memory: a cache of the journal, and nothing else."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath

from agentflow.engine.own_files import own_files
from agentflow.engine.permit_cache import Permits
from agentflow.engine.tool_history import Caller, ToolHistory
from agentflow.events.codec import Event
from agentflow.events.operator_events import BudgetWarned, GateEscalated, MoneyLeased, MoneyWrittenOff
from agentflow.events.run_events import (
    GateOpened,
    RunResumed,
    RunStarted,
    StepFinished,
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
    SessionKept,
    SessionStarted,
    ToolCalled,
    ToolFinished,
)
from agentflow.events.values import Spent
from agentflow.guard.ledger import Ledger, UsedUp
from agentflow.guard.tranches import Tranches
from agentflow.journal.port import RUN_STREAM, Recorded
from agentflow.plan.agent_plan import AgentPlan
from agentflow.plan.model import AgentStepPlan, Block, EffectStepPlan, Plan, ToolStepPlan, every_step
from agentflow.plan.permission_plan import denied_sites
from agentflow.plan.secrets import EnvText, environment_text
from agentflow.plan.service_tools import SEARCH
from agentflow.run import apply as run_apply
from agentflow.run.files import file_of, files_around, folder_of
from agentflow.run.names import names_for
from agentflow.run.state import ROOT, RunState, ScopeState, StepState, split, step_path
from agentflow.run.workspaces import workspace_of
from agentflow.session import apply as session_apply
from agentflow.session.kept import earlier_of
from agentflow.session.plans import session_plan
from agentflow.session.state import Earlier, SessionPlan, SessionState


@dataclass(slots=True)
class Live:
    """The run's state, its open sessions' and its ledger.

    Attributes:
        plans, sessions: of the sessions that have not ended, by stream.
        children: the open subagents of a session.
        idle: sessions that have nothing left but people to wait for, and since when.
        ended: what ended sessions leave, kept only where the plan has a step that carries one on.
        tools: what earlier calls of the file's own tools mean for later ones.
        own_files: what no tool of the run may change, relative to the project.
        permits: what its sessions and steps may do.
        tranches: what it holds of the caps of its user and tenant.
        escalated: the gates that others may answer, too, by now.
        warned: its author has heard of the share of its money that is spent.
    """

    plan: Plan
    run: RunState
    ledger: Ledger
    plans: dict[str, SessionPlan] = field(default_factory=dict)
    sessions: dict[str, SessionState] = field(default_factory=dict)
    children: dict[str, dict[str, None]] = field(default_factory=dict)
    idle: dict[str, float] = field(default_factory=dict)
    ended: dict[str, Earlier] = field(default_factory=dict)
    tools: ToolHistory = field(default_factory=ToolHistory)
    own_files: tuple[str, ...] = ()
    permits: Permits = field(default_factory=Permits)
    tranches: Tranches = field(default_factory=Tranches)
    warned: bool = False
    escalated: set[str] = field(default_factory=set)
    _keeps: bool = False
    _known: dict[tuple[int, bool, PurePath, tuple[str, ...] | None], SessionPlan] = field(default_factory=dict)

    def scope_of(self, step: str) -> ScopeState:
        """The root of the file that a step at work stands in."""
        return file_of(self.run, self.run.scopes[split(step)[0]]) or self.run.scopes[ROOT]

    def plan_of(self, step: str) -> Plan:
        """The plan of the file that a step at work stands in."""
        file = self.scope_of(step).file
        return self.plan if file is None else file.plan

    def env_of(self, step: str) -> Mapping[str, EnvText]:
        """The variables for commands of the file that a step at work stands in, rendered but for the secrets in them.

        Raises:
            ExpressionError: one of them cannot be.
        """
        env = self.plan_of(step).env
        names = names_for(self.run, self.scope_of(step), *env.values())
        return {name: environment_text(value, names) for name, value in env.items()}

    def depth_at(self, step: str) -> int:
        """How deep agents may call agents below a step: what the files around it allow, and the run."""
        files = (scope.file for scope in files_around(self.run, step))
        depths = [file.limits.depth for file in files if file is not None and file.limits.depth is not None]
        return min([self.plan.limits.depth, *depths])

    @classmethod
    def begin(cls, plan: Plan, started: RunStarted, *, keeps: bool = False) -> "Live":
        """A run that has only just started; `keeps`: what its sessions leave is kept whether or not a step wants it."""
        limits = plan.limits
        ledger = Ledger(limits.cost_usd, limits.turns, limits.agents)
        keeps = keeps or _continues_any(plan.root)
        return cls(plan, run_apply.begin(plan, started), ledger, own_files=own_files(started), _keeps=keeps)

    @classmethod
    def replay(cls, plan: Plan, events: Iterable[Recorded]) -> "Live":
        """A run as its recorded events, in their order, have left it."""
        recorded = iter(events)
        first = next(recorded).event
        if not isinstance(first, RunStarted):
            raise ValueError("a run begins with RunStarted")
        live = cls.begin(plan, first)
        for entry in recorded:
            live.apply(entry.stream, entry.event)
        return live

    def apply(self, stream: str, event: Event) -> None:
        """Takes an event up."""
        if stream == RUN_STREAM:
            self.run = run_apply.apply(self.plan, self.run, event)  # type: ignore[arg-type]  # run events by the stream
            if isinstance(event, RunResumed):
                self.ledger.change(event.limits)
                self.warned = self.warned and "cost_usd" not in event.limits
            elif isinstance(event, BudgetWarned):
                self.warned = self.warned or event.whose == "run"
            elif isinstance(event, GateOpened):
                self.escalated.discard(event.step)
            elif isinstance(event, GateEscalated):
                self.escalated.add(event.step)
            elif isinstance(event, MoneyLeased):
                self.ledger.leased(event.amount_usd)
            elif isinstance(event, MoneyWrittenOff):
                self.ledger.write_off(event.amount_usd)
            elif isinstance(event, StepStarted):
                self._open_file(event.step)
            elif isinstance(event, StepFinished):
                self.ledger.close_part(event.step)
                self.tools.ended(stream, event.step, event.output, event.at, good=event.status == "done")
            elif isinstance(event, ToolStepCalled):
                self._step_called(event)
        elif isinstance(event, SessionStarted):
            self._open(stream, event)
        elif isinstance(event, SessionKept):
            if self._keeps:
                self.ended[stream] = earlier_of(event)
        else:
            before = self.sessions[stream]
            self._account(stream, before, event)
            self._call_changed(stream, before, event)
            after = session_apply.apply(self.plans[stream], before, event)  # type: ignore[arg-type]  # likewise
            if isinstance(event, SessionFinished):
                self._close(stream, after)
            else:
                self.sessions[stream] = after

    def spent(self) -> Spent:
        """What the run has spent so far, sessions at work included."""
        total = self.run.spent
        for state in self.sessions.values():
            total = total + state.spent
        return total

    def no_more_agents_at(self, step: str) -> UsedUp | None:
        """What keeps another session from starting at a step: the bounds of the files around it."""
        return self.ledger.no_more_agents_in(self._part(step))

    def _open_file(self, path: str) -> None:
        """Opens the account of a file that a step runs."""
        scope = self.run.scopes.get(path)
        if scope is None or scope.file is None:
            return
        limits = scope.file.limits
        caps = (limits.cost_usd, limits.turns, limits.agents)
        self.ledger.open_part(path, f"`{scope.file.file}`, run by step `{path}`,", caps, self._part(path))

    def _part(self, step: str) -> str | None:
        """The path of the step whose file a step stands in."""
        around = files_around(self.run, step)
        return around[0].path if around else None

    def _open(self, stream: str, event: SessionStarted) -> None:
        agent = self._agent(event)
        siblings = event.parent is not None or "[" in event.step
        folder = folder_of(self.run, event.step)
        denied = self._denied_sites(event, agent)
        key = (id(agent), siblings, folder, denied)
        if key not in self._known:
            self._known[key] = session_plan(
                agent, self.plan_of(event.step).agents, siblings=siblings, folder=folder, denied=denied
            )
        self.plans[stream] = self._known[key]
        earlier = self.ended.get(event.continues) if event.continues is not None else None
        self.sessions[stream] = session_apply.begin(self.plans[stream], event, earlier)
        self.ledger.open(stream, agent.name, agent.stop.cost_usd, event.parent, self._part(event.step))
        if event.parent is not None:
            self.children.setdefault(event.parent, {})[stream] = None

    def _denied_sites(self, event: SessionStarted, agent: AgentPlan) -> tuple[str, ...] | None:
        """What the service's search may not find for an agent, which nobody can judge once it is asked."""
        if not any(grant.tool.by == "service" for grant in agent.grants):
            return ()
        levels = [self.plan.permissions, agent.permissions]
        levels += [
            scope.file.plan.permissions for scope in files_around(self.run, event.step) if scope.file is not None
        ]
        above = event.parent
        while above is not None:
            levels.append(self.plans[above].agent.permissions)
            above = self.sessions[above].parent
        return denied_sites(levels, SEARCH)

    def _close(self, stream: str, state: SessionState) -> None:
        del self.sessions[stream], self.plans[stream]
        self.ledger.close(stream)
        self.idle.pop(stream, None)
        self.permits.forget(stream)
        self.children.pop(stream, None)
        if state.parent is not None:
            del self.children[state.parent][stream]
        elif self._keeps:
            self.ended[stream] = session_apply.left_by(state)

    def _account(self, stream: str, before: SessionState, event: Event) -> None:
        if isinstance(event, ModelCalled | CompactionCalled):
            self.ledger.called(stream, event.reserved_usd)
            self.tranches.called(stream, event.day, event.reserved_usd)
        elif isinstance(event, Compacted | CompactionFailed) and before.context.out is not None:
            charged = event.cost_usd if isinstance(event, Compacted) else event.charged_usd
            self.ledger.settled(stream, before.context.out.reserved_usd, charged)
            self.tranches.settled(stream, charged)
            if isinstance(event, CompactionFailed) and event.outage:
                self.ledger.not_taken(stream)
        elif isinstance(event, ModelReplied | ModelFailed) and before.in_flight is not None:
            charged = event.cost_usd if isinstance(event, ModelReplied) else event.charged_usd
            self.ledger.settled(stream, before.in_flight.reserved_usd, charged)
            self.tranches.settled(stream, charged)
            if isinstance(event, ModelFailed) and event.outage:
                self.ledger.not_taken(stream)

    def caller_of(self, stream: str, call: str) -> Caller:
        """Who makes a session's call, and where."""
        state = self.sessions[stream]
        workspace = "" if state.workspace is None else state.workspace.folder
        form = "in part" if self.can_read(stream) else "whole"
        scope = self.scope_of(state.step)
        return Caller(stream, call, self.plan_of(state.step).path, scope.path, workspace, form)

    def caller_of_step(self, path: str) -> Caller:
        """Who makes a step's own call, and where."""
        workspace = workspace_of(self.run, path)
        folder = "" if workspace is None else workspace.folder
        return Caller(RUN_STREAM, path, self.plan_of(path).path, self.scope_of(path).path, folder, "value")

    def can_read(self, stream: str) -> bool:
        """Whether a session can open files: then it is shown large results in part."""
        return "Read" in self.plans[stream].by_name

    def _call_changed(self, stream: str, before: SessionState, event: Event) -> None:
        if isinstance(event, ToolCalled):
            tool = self.plans[stream].by_name.get(event.tool)
            call = next((call for call in before.calls if call.id == event.call), None)
            if tool is not None and call is not None and (tool.options.rate is not None or tool.options.cache):
                self.tools.began(self.caller_of(stream, event.call), tool, call.input, event.at)
        elif isinstance(event, ToolFinished):
            good = not (event.is_error or event.unknown)
            self.tools.ended(stream, event.call, event.content, event.at, good=good)

    def _step_called(self, event: ToolStepCalled) -> None:
        scope, name = split(event.step)
        step = self.run.scopes[scope].block.steps[name]
        if isinstance(step, ToolStepPlan):
            self.tools.began(self.caller_of_step(event.step), step.tool, event.input, event.at)

    def _agent(self, event: SessionStarted) -> AgentPlan:
        if event.parent is not None:
            return self.plan_of(event.step).agents[event.agent]
        scope, name = split(event.step)
        step = self.run.scopes[scope].block.steps[name]
        if not isinstance(step, AgentStepPlan):
            raise ValueError(f"{event.step} is not an agent's step")
        return step.agent


def _continues_any(block: Block) -> bool:
    return any(isinstance(step, AgentStepPlan) and step.continues_session for step in every_step(block))


def effects_at_work(run: RunState) -> list[tuple[str, EffectStepPlan, StepState]]:
    """The commands, functions and tools of steps that have started and not ended, by the path of their step."""
    return [
        (step_path(scope.path, name), step, state)
        for scope in run.scopes.values()
        for name, state in scope.steps.items()
        if state.status == "running" and not state.unknown and state.gate is None
        if isinstance(step := scope.block.steps[name], EffectStepPlan)
    ]
