"""What an event makes of a run. Each function takes the state before and gives the state after."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace
from rpds import HashTrieMap

from agentflow.events.file_events import FileEvent
from agentflow.events.operator_events import BudgetWarned, GateEscalated, MoneyLeased, MoneyWrittenOff
from agentflow.events.run_events import (
    CommandCalled,
    FunctionCalled,
    GateAnswered,
    GateOpened,
    ModelFreed,
    ModelHeld,
    OutcomeUnknown,
    QuestionWithdrawn,
    RetryDue,
    RunCancelled,
    RunEvent,
    RunFinished,
    RunLimitReached,
    RunPaused,
    RunResumed,
    RunStarted,
    StepFinished,
    StepFreed,
    StepHeld,
    StepIdled,
    StepKept,
    StepReset,
    StepRetried,
    StepStarted,
    StepTimedOut,
    ToolStepCalled,
    WorkflowLimitReached,
)
from agentflow.events.values import Failure
from agentflow.plan.model import (
    BlockStepPlan,
    ChooseStepPlan,
    EffectStepPlan,
    ForEachStepPlan,
    GroupStepPlan,
    Plan,
    RepeatStepPlan,
    WorkflowStepPlan,
)
from agentflow.run import clocks, held, questions
from agentflow.run.blocks import fill, loops_around, may_open, only, open_scope
from agentflow.run.files import inputs_for, limited, woken
from agentflow.run.kept import keep, not_kept_inside, used_up
from agentflow.run.moves import counted, due, scope_of, taken, taken_to_begin, with_step
from agentflow.run.reruns import reset
from agentflow.run.retries import check_end, has_another, no_rest, rested, retried, set_aside
from agentflow.run.starting import bound, items_of
from agentflow.run.state import ROOT, ItemResult, LoopState, RunState, ScopeState, StepState, item_of, step_path

JSON = Any


def begin(plan: Plan, event: RunStarted) -> RunState:
    """A run at its beginning."""
    started = datetime.fromtimestamp(event.at, UTC).isoformat(timespec="seconds")
    state = RunState(
        id=event.run,
        inputs=event.inputs,
        run={"id": event.run, "started_at": started, "dir": event.project, "attempt": 1},
        last_at=event.at,
        scopes=HashTrieMap(),
        loops=HashTrieMap(),
        todo=HashTrieMap(),
        folder=event.folder,
    )
    return open_scope(state, ROOT, None, "", plan.root, {})


def apply(plan: Plan, state: RunState, event: RunEvent) -> RunState:
    """The state after `event`. Raises ValueError for an event that nothing asked for."""
    if isinstance(event, FileEvent):
        return state
    if state.finished is not None and not (state.finished.held and isinstance(event, RunResumed)):
        raise ValueError(f"{type(event).__name__} after the run's end")
    worked_until = event.worked_until if isinstance(event, RunResumed) else event.at
    passed = max(0.0, worked_until - state.last_at) if state.at_work else 0.0
    state = replace(state, last_at=event.at, active_seconds=state.active_seconds + passed)
    state = _APPLY[type(event)](plan, state, event)
    path = getattr(event, "step", None)
    if path is not None:
        for loop in loops_around(path):
            state = fill(state, loop)
    return state


# The run as a whole


def _resumed(_plan: Plan, state: RunState, event: RunResumed) -> RunState:
    state = clocks.taken_up(state, event.worked_until)
    state = woken(state, event.worked_until, event.at)
    # A budget that ended the run may have been raised: it goes on from where it was held.
    return replace(state, run={**state.run, "attempt": state.run["attempt"] + 1}, finished=None)


def _paused(_plan: Plan, state: RunState, _event: RunPaused) -> RunState:
    return state


def _model_told(_plan: Plan, state: RunState, _event: ModelHeld | ModelFreed) -> RunState:
    return state


def _limit(_plan: Plan, state: RunState, event: RunLimitReached) -> RunState:
    return replace(state, limit=event.failure)


def _cancelled(_plan: Plan, state: RunState, event: RunCancelled) -> RunState:
    why = f": {event.reason}" if event.reason else ""
    return replace(state, limit=Failure("cancelled", f"{event.by} cancelled the run{why}"))


def _file_limit(_plan: Plan, state: RunState, event: WorkflowLimitReached) -> RunState:
    return limited(state, event.step, event.failure)


def _run_finished(_plan: Plan, state: RunState, event: RunFinished) -> RunState:
    if event.held:
        return replace(state, finished=event)
    if ROOT not in state.todo and state.limit is None:
        raise ValueError("the run finished and its steps have not")
    return replace(state, finished=event, todo=HashTrieMap(), retrying=HashTrieMap(), clocks=HashTrieMap())


def _told(_plan: Plan, state: RunState, _event: BudgetWarned | GateEscalated) -> RunState:
    return state


def _leased(_plan: Plan, state: RunState, event: MoneyLeased) -> RunState:
    return replace(state, leased_usd=state.leased_usd + event.amount_usd)


def _written_off(_plan: Plan, state: RunState, event: MoneyWrittenOff) -> RunState:
    return replace(state, written_off_usd=state.written_off_usd + event.amount_usd)


# Steps


def _step_started(_plan: Plan, state: RunState, event: StepStarted) -> RunState:
    state = taken_to_begin(state, event.step)
    scope, name = scope_of(state, event.step)
    step = scope.block.steps[name]
    failed = scope.steps[name].failed_attempts
    if event.attempt > 1:
        state = not_kept_inside(state, event.step)
    started = StepState(
        status="running",
        attempt=event.attempt,
        session=event.session,
        workspace=event.workspace,
        failed_attempts=failed,
    )
    state = with_step(state, scope, name, started)
    if step.time_limit is not None:
        state = clocks.started(state, event.step)
    if isinstance(step, GroupStepPlan):
        return open_scope(state, event.step, scope.path, name, step.body, {})
    if isinstance(step, ChooseStepPlan):
        return _chosen(state, event, scope.path, step)
    if isinstance(step, WorkflowStepPlan):
        inputs = inputs_for(state, scope, step)
        return open_scope(state, event.step, scope.path, name, step.body, {"inputs": inputs}, file=step)
    if isinstance(step, ForEachStepPlan | RepeatStepPlan):
        loop = _loop(state, event, scope, step)
        state = replace(state, loops=state.loops.insert(event.step, loop))
        return state if may_open(state, loop) else due(state, event.step)
    if event.session is not None:
        state = replace(state, sessions=state.sessions.insert(event.step, event.attempt))
    return counted(replace(state, running=state.running + 1), scope.path, busy=1)


def _loop(state: RunState, event: StepStarted, scope: ScopeState, step: ForEachStepPlan | RepeatStepPlan) -> LoopState:
    if isinstance(step, RepeatStepPlan):
        return LoopState(scope.path, step, range(event.rounds or 1), 1)
    items = items_of(state, scope, step)
    if len(items) != event.items:
        raise ValueError(f"{event.step} has {len(items)} items, not {event.items}")
    return LoopState(scope.path, step, items, bound(state, scope, step.parallel))


def _chosen(state: RunState, event: StepStarted, scope: str, step: ChooseStepPlan) -> RunState:
    if event.choice is None or event.choice not in step.body.steps:
        raise ValueError(f"{event.step} has no case {event.choice}")
    return open_scope(state, event.step, scope, step.id, only(step.body, event.choice), {})


def _step_finished(_plan: Plan, state: RunState, event: StepFinished) -> RunState:
    if event.spent is not None:
        state = replace(state, spent=state.spent + event.spent)
    if (item := item_of(event.step)) is not None:
        return _item_finished(taken(state, event.step), event, *item)
    scope, name = scope_of(state, event.step)
    before = scope.steps[name]
    check_end(state, scope, scope.block.steps[name], event)
    if event.reused:
        state, before = used_up(state, event, before)
    if event.step in state.todo:
        state = taken(state, event.step)
    elif event.step in state.gates:
        state = _gate_closed(state, event.step, scope.path)
    elif event.step in state.retrying:
        state = no_rest(state, event.step)
    elif before.status == "running" and not _is_block(scope, name):
        state = held.freed(state, event.step)
        state = counted(replace(state, running=state.running - 1), scope.path, busy=-1)
    else:
        raise ValueError(f"{event.step} finished and nothing had asked for it")
    state = clocks.stopped(_closed(state, event.step, scope, name), event.step)
    step = scope.block.steps[name]
    if (
        event.status == "failed"
        and not event.reused
        and has_another(state, state.scopes[scope.path], step, event.failure)
    ):
        return set_aside(state, scope, name, event.failure)
    after = StepState(
        status=event.status,
        output=event.output,
        failure=event.failure,
        reason=event.reason,
        exit_code=event.exit_code,
        errors=event.errors,
        approved=event.approved,
        converged=event.converged,
        attempt=before.attempt,
        session=before.session,
        workspace=before.workspace,
    )
    return _ended(state, event.step, scope.path, name, after)


def _ended(state: RunState, path: str, scope_path: str, name: str, after: StepState) -> RunState:
    """A step has ended: those that waited for it wait for one less, and the scope for one step less."""
    state = with_step(state, state.scopes[scope_path], name, after)
    scope = state.scopes[scope_path]
    step = scope.block.steps[name]
    if after.status == "failed" and not step.continues and scope.failing is None:
        failure = after.failure or Failure("step_failed", f"step `{path}` failed")
        failure = failure if failure.step else replace(failure, step=path)
        scope = replace(scope, failing=failure)
        state = replace(state, failing=state.failing + 1)
    waits = scope.waits
    next_up = []
    for follower in scope.block.graph.successors(name):
        left = waits[follower] - 1
        waits = waits.insert(follower, left)
        if left == 0:
            next_up.append(follower)
    scope = replace(scope, waits=waits, open=scope.open - 1)
    state = replace(state, scopes=state.scopes.insert(scope_path, scope))
    for follower in next_up:
        state = due(state, step_path(scope_path, follower))
    return due(state, scope_path) if scope.open == 0 else state


def _item_finished(state: RunState, event: StepFinished, path: str, index: int) -> RunState:
    loop = state.loops[path]
    step = loop.step
    ended = state.scopes[event.step]
    state = replace(state, scopes=state.scopes.remove(event.step))
    failing = loop.failing
    if event.status == "failed" and not (isinstance(step, ForEachStepPlan) and step.collects) and failing is None:
        failing = event.failure
        state = replace(state, failing=state.failing + 1)
    result = ItemResult(event.status, event.output, event.failure)
    loop = replace(loop, results=loop.results.insert(index, result), failing=failing)
    if isinstance(step, RepeatStepPlan):
        loop = replace(loop, last=ended, converged=event.converged is True)
    state = replace(state, loops=state.loops.insert(path, loop))
    if loop.open == 0 and not may_open(state, loop):
        return due(state, path)
    return state


def _closed(state: RunState, path: str, scope: ScopeState, name: str) -> RunState:
    """Forgets the inside of a block that has ended."""
    step = scope.block.steps[name]
    if isinstance(step, GroupStepPlan | ChooseStepPlan | WorkflowStepPlan) and path in state.scopes:
        return replace(state, scopes=state.scopes.remove(path))
    if isinstance(step, ForEachStepPlan | RepeatStepPlan) and path in state.loops:
        return replace(state, loops=state.loops.remove(path))
    return state


def _step_timed_out(_plan: Plan, state: RunState, event: StepTimedOut) -> RunState:
    scope, name = scope_of(state, event.step)
    before = scope.steps[name]
    if before.status != "running" or before.overdue is not None or not _is_block(scope, name):
        raise ValueError(f"no block is at work at {event.step}")
    state = with_step(state, scope, name, replace(before, overdue=event.failure))
    return replace(state, failing=state.failing + 1)


def _outcome_unknown(_plan: Plan, state: RunState, event: OutcomeUnknown) -> RunState:
    scope, name = scope_of(state, event.step)
    before = scope.steps[name]
    _check_effect_at_work(scope, name, event.step)
    state = counted(replace(state, running=state.running - 1), scope.path, busy=-1)
    state = with_step(state, scope, name, replace(before, unknown=True, gate=None, answer=None))
    return due(state, event.step)


def _gate_opened(plan: Plan, state: RunState, event: GateOpened) -> RunState:
    if event.session is not None:
        return questions.opened(plan, state, event)
    state = taken_to_begin(state, event.step)
    scope, name = scope_of(state, event.step)
    before = replace(scope.steps[name], status="running", failure=None, retry_at=None)
    state = with_step(state, scope, name, replace(before, gate=event, answer=None))
    return counted(replace(state, gates=state.gates.insert(event.step, event)), scope.path, asking=1)


def _gate_answered(plan: Plan, state: RunState, event: GateAnswered) -> RunState:
    if event.step in state.gates and state.gates[event.step].session is not None:
        return questions.closed(plan, state, event)
    scope, name = scope_of(state, event.step)
    before = scope.steps[name]
    if event.step not in state.gates:
        raise ValueError(f"nobody was asked about {event.step}")
    state = with_step(state, scope, name, replace(before, answer=event))
    return due(_gate_closed(state, event.step, scope.path), event.step)


def _gate_closed(state: RunState, path: str, scope: str) -> RunState:
    return counted(replace(state, gates=state.gates.remove(path)), scope, asking=-1)


def _called(_plan: Plan, state: RunState, event: CommandCalled | FunctionCalled | ToolStepCalled) -> RunState:
    scope, name = scope_of(state, event.step)
    _check_effect_at_work(scope, name, event.step)
    return with_step(state, scope, name, replace(scope.steps[name], called=True))


def _check_effect_at_work(scope: ScopeState, name: str, path: str) -> None:
    step = scope.steps[name]
    if not isinstance(scope.block.steps[name], EffectStepPlan) or step.status != "running" or step.unknown:
        raise ValueError(f"no command, function or tool is at work at {path}")


def _is_block(scope: ScopeState, name: str) -> bool:
    return isinstance(scope.block.steps[name], BlockStepPlan | WorkflowStepPlan)


_APPLY: Mapping[type[Any], Callable[[Plan, RunState, Any], RunState]] = {
    StepKept: keep,
    RunResumed: _resumed,
    RunPaused: _paused,
    BudgetWarned: _told,
    GateEscalated: _told,
    RunLimitReached: _limit,
    RunCancelled: _cancelled,
    WorkflowLimitReached: _file_limit,
    RunFinished: _run_finished,
    ModelHeld: _model_told,
    ModelFreed: _model_told,
    StepHeld: held.step_held,
    StepFreed: held.step_freed,
    StepStarted: _step_started,
    CommandCalled: _called,
    FunctionCalled: _called,
    ToolStepCalled: _called,
    StepFinished: _step_finished,
    StepRetried: retried,
    RetryDue: rested,
    StepTimedOut: _step_timed_out,
    StepReset: reset,
    OutcomeUnknown: _outcome_unknown,
    GateOpened: _gate_opened,
    GateAnswered: _gate_answered,
    QuestionWithdrawn: questions.closed,
    StepIdled: questions.idled,
    MoneyLeased: _leased,
    MoneyWrittenOff: _written_off,
}
