"""A run as plain lines, one for each thing worth knowing: stable, and made for `grep` and for logs."""

from agentflow.events.codec import Event
from agentflow.events.file_events import FilesRewinding
from agentflow.events.operator_events import BudgetWarned, GateEscalated
from agentflow.events.run_events import (
    GateAnswered,
    GateOpened,
    ModelFreed,
    ModelHeld,
    OutcomeUnknown,
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
    StepTimedOut,
    WorkflowLimitReached,
)
from agentflow.events.session_events import (
    Compacted,
    CompactionFailed,
    ModelFailed,
    ModelReplied,
    SessionFinished,
    SessionStarted,
    ToolFinished,
    ToolRetried,
)
from agentflow.events.values import Denial, Failure
from agentflow.plan.service_tools import service_errors
from agentflow.report.budgets import finished_text, operator_line, resumed_text
from agentflow.report.contexts import compaction_line
from agentflow.report.inert import inert_line
from agentflow.report.kept import kept_text
from agentflow.report.lineage import lineage_text
from agentflow.report.node import Node
from agentflow.report.service_wait import held_text, paused_text
from agentflow.report.style import case_name, count, duration, money, tokens
from agentflow.report.view import RunView


def line(view: RunView, stream: str, event: Event) -> str | None:
    """The line for an event that the view has just taken up, as `12.3s  research[1].find  started (agent finder)`.

    None for events that only matter to who wants to know everything.
    """
    said = _in_session(view, stream, event) if stream else _in_run(view, event)
    if said is None:
        return None
    about, what = said
    return f"{duration(view.seconds(event.at)):>6}  {inert_line(about)}  {what}"


def _in_run(view: RunView, event: Event) -> tuple[str, str] | None:
    match event:
        case RunStarted():
            said = f"{event.run} started: {inert_line(event.workflow)} ({inert_line(event.path)})"
            return "run", said if event.lineage is None else f"{said}; {lineage_text(event.lineage)}"
        case RunResumed():
            return "run", resumed_text(view.run, event)
        case RunPaused(reason="waiting", service=Failure()) if not event.waiting:
            return "run", f"paused: {paused_text(event, event.at)}"
        case RunPaused(reason="waiting"):
            return "run", f"paused: it waits for {count(len(event.waiting), 'answer')}"
        case RunPaused():
            return "run", "interrupted"
        case ModelHeld():
            wait = duration(event.until - event.at)
            return "run", f"{inert_line(event.model)} is not asked for {wait}: {inert_line(event.failure.message, 500)}"
        case ModelFreed():
            return "run", f"{inert_line(event.model)} answers again"
        case RunLimitReached():
            return "run", f"{event.failure.kind}: {inert_line(event.failure.message, 500)}"
        case RunCancelled():
            why = f": {inert_line(event.reason, 500)}" if event.reason else ""
            return "run", f"cancelled by {inert_line(event.by)}{why}"
        case RunFinished():
            return "run", finished_text(event)
        case BudgetWarned() | GateEscalated():
            return operator_line(event)
        case FilesRewinding():
            return "run", _rewinding(event)
    return _of_step(view, event)


def _of_step(view: RunView, event: Event) -> tuple[str, str] | None:
    match event:
        case StepStarted():
            return event.step, _started(event, view.step(event.step))
        case StepFinished():
            return event.step, _finished(event, view.step(event.step))
        case StepRetried():
            return event.step, f"again in {duration(event.next_at - event.at)} (attempt {event.attempt})"
        case StepTimedOut():
            return event.step, f"timeout: {inert_line(event.failure.message, 500)}"
        case StepReset():
            return event.step, "runs again: the run was resumed, and nothing has used its output"
        case OutcomeUnknown():
            return event.step, "outcome unknown: a crash cut it off"
        case GateOpened():
            return event.step, f"waiting for a person: {inert_line(event.message, 500)}"
        case GateAnswered():
            return event.step, answered(event)
        case StepHeld():
            return event.step, held_text(event, event.at)
        case StepFreed():
            return event.step, "goes on"
        case WorkflowLimitReached():
            return event.step, f"{event.failure.kind}: {inert_line(event.failure.message, 500)}"
    return None


def _rewinding(event: FilesRewinding) -> str:
    how = f"as before {inert_line(event.to)}" if event.undoes is None else f"undoing rewind {event.undoes}"
    return f"{count(event.changes, 'file')} put back by {inert_line(event.by)}: {how}"


def answered(event: GateAnswered) -> str:
    """Who answered a gate, and how."""
    if event.answers is not None:
        comment = f": {inert_line(event.comment)}" if event.comment else ""
        return f"answered by {inert_line(event.by)}{comment}"
    how = "approved" if event.approved else "rejected"
    comment = f": {inert_line(event.comment)}" if event.comment else ""
    return f"{how} by {inert_line(event.by)}{comment}"


def _in_session(view: RunView, stream: str, event: Event) -> tuple[str, str] | None:
    node = view.node(stream)
    about = stream if node is None else place(node)
    match event:
        case SessionStarted(parent=str()):
            return about, f"subagent started{'' if event.workspace is None else f' in {kept_text(event.workspace)}'}"
        case SessionFinished() if node is not None and node.kind == "agent":
            ended = "done" if event.failure is None else f"failed ({event.failure.kind})"
            return about, f"subagent {ended}{_cost(node)}"
        case ModelFailed(retry_at=float() | int() as retry_at):
            wait = duration(retry_at - event.at)
            return about, f"turn {event.turn}: {inert_line(event.failure.message)}; again in {wait}"
        case ModelReplied() if errors := service_errors(event.content):
            told = ", ".join(f"{name} failed ({inert_line(code, 60)})" for name, code in errors)
            return about, f"turn {event.turn}: {told}"
        case ToolFinished(denied=Denial() as denied):
            where = "" if denied.where is None else f" ({inert_line(denied.where)})"
            return about, f"a call was denied: {inert_line(denied.why, 300)}{where}"
        case ToolRetried():
            wait = duration(event.next_at - event.at)
            return about, f"tool {inert_line(event.tool, 60)}: {inert_line(event.message, 300)}; again in {wait}"
        case CompactionFailed(retry_at=float() | int() as retry_at):
            wait = duration(retry_at - event.at)
            return about, f"making room: {inert_line(event.failure.message)}; again in {wait}"
        case Compacted():
            return about, compaction_line(event)
    return None


def place(node: Node) -> str:
    """A session as `research[1].find > fetcher > fetcher`: the step, and the agents down to it."""
    names = [inert_line(around.name, 60) for around in node.around() if around.kind == "agent"]
    step = next(around for around in node.around() if around.kind != "agent")
    return " > ".join([step.path, *reversed(names)])


def _started(event: StepStarted, node: Node | None) -> str:
    again = f" again (attempt {event.attempt})" if event.attempt > 1 else ""
    inside = f" ({count(event.items, 'item')})" if event.items is not None else ""
    if event.rounds is not None:
        inside = f" (at most {count(event.rounds, 'round')})"
    elif event.choice is not None:
        inside = f" ({case_name(event.choice)})"
    where = f" in {kept_text(event.workspace)}" if event.workspace is not None else ""
    return f"started{again}{inside}{where}"


def _finished(event: StepFinished, node: Node | None) -> str:
    why = " (reused)" if event.reused else ""
    if event.failure is not None:
        why = f" ({event.failure.kind}): {inert_line(event.failure.message, 500)}"
    elif event.reason is not None:
        why = f": {inert_line(event.reason, 500)}"
    seconds = None if node is None else node.seconds(event.at)
    took = f" in {duration(seconds)}" if seconds is not None and event.status in ("done", "failed") else ""
    settled = ""
    if node is not None and node.rounds is not None and event.converged is not None and event.status == "done":
        settled = f", {'converged' if event.converged else 'accepted as it is'} after {count(node.begun, 'round')}"
    return f"{event.status}{settled}{took}{'' if node is None else _cost(node)}{why}"


def _cost(node: Node) -> str:
    if not node.turns:
        return ""
    return f" ({count(node.turns, 'turn')}, {tokens(node.tokens)} tokens, {money(node.cost_usd)})"
