"""What `runs`, `gates`, `spend` and `streams` learn from an event, in the transaction that records it."""

from collections.abc import Callable
from typing import Any

import apsw

from agentflow.events import file_events, operator_events, run_events, session_events
from agentflow.events.codec import dumps, to_body
from agentflow.events.values import Usage
from agentflow.guard.money import day_of
from agentflow.journal import accounts, spending
from agentflow.journal.rows import escaped, escaped_or_none

NO_USAGE = Usage()

Projection = Callable[[apsw.Connection, str, str, Any], None]
"""Takes the connection, the run, the stream and the event."""


def _run_started(connection: apsw.Connection, run: str, stream: str, event: run_events.RunStarted) -> None:
    names = (escaped(event.workflow), escaped(event.path), escaped(event.project))
    connection.execute(
        "INSERT INTO runs (run, workflow, path, project, started_at, status, user, tenant)"
        " VALUES (?, ?, ?, ?, ?, 'running', ?, ?)",
        (run, *names, event.at, escaped(event.user or ""), escaped(event.tenant or "")),
    )
    connection.execute("INSERT INTO spend (run) VALUES (?)", (run,))


def _run_resumed(connection: apsw.Connection, run: str, stream: str, event: run_events.RunResumed) -> None:
    connection.execute(
        "UPDATE runs SET status = 'running', failure_kind = NULL, ended_at = NULL, held = 0 WHERE run = ?", (run,)
    )


def _run_paused(connection: apsw.Connection, run: str, stream: str, event: run_events.RunPaused) -> None:
    connection.execute("UPDATE runs SET status = ? WHERE run = ?", (event.reason, run))
    accounts.give_back_all(connection, run)


def _run_finished(connection: apsw.Connection, run: str, stream: str, event: run_events.RunFinished) -> None:
    kind = None if event.failure is None else event.failure.kind
    connection.execute(
        "UPDATE runs SET status = ?, failure_kind = ?, ended_at = ?, held = ? WHERE run = ?",
        (event.status, kind, event.at, int(event.held), run),
    )
    accounts.give_back_all(connection, run)
    if event.held:
        # It can go on, and what it asks can still be answered.
        return
    connection.execute("DELETE FROM gates WHERE run = ?", (run,))
    connection.execute("DELETE FROM cancellations WHERE run = ?", (run,))


def _run_cancelled(connection: apsw.Connection, run: str, stream: str, event: run_events.RunCancelled) -> None:
    # On record now: whoever asked for it need not ask again.
    connection.execute("DELETE FROM cancellations WHERE run = ?", (run,))


def _gate_opened(connection: apsw.Connection, run: str, stream: str, event: run_events.GateOpened) -> None:
    # Answered by a yes or no as any other; that it is about a call its address tells.
    about = "approve" if event.about == "call" else event.about
    question = (about, escaped(event.message), escaped_or_none(event.show), event.at, event.expires_at)
    form = None if event.form is None else dumps(event.form)
    approvers = None if event.approvers is None else dumps(to_body(event.approvers))
    connection.execute(
        "INSERT OR REPLACE INTO gates (run, step, about, message, show, opened_at, expires_at, form, approvers)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (run, escaped(event.step), *question, form, approvers),
    )


def _gate_answered(
    connection: apsw.Connection, run: str, stream: str, event: run_events.GateAnswered | run_events.QuestionWithdrawn
) -> None:
    connection.execute("DELETE FROM gates WHERE run = ? AND step = ?", (run, escaped(event.step)))


def _step_finished(connection: apsw.Connection, run: str, stream: str, event: run_events.StepFinished) -> None:
    if event.status == "skipped":
        # What was asked about it need not be answered any more.
        connection.execute("DELETE FROM gates WHERE run = ? AND step = ?", (run, escaped(event.step)))


def _money_leased(connection: apsw.Connection, run: str, stream: str, event: operator_events.MoneyLeased) -> None:
    connection.execute("UPDATE spend SET leased_usd = leased_usd + ? WHERE run = ?", (event.amount_usd, run))


def _money_written_off(
    connection: apsw.Connection, run: str, stream: str, event: operator_events.MoneyWrittenOff
) -> None:
    connection.execute("UPDATE spend SET written_off_usd = written_off_usd + ? WHERE run = ?", (event.amount_usd, run))


def _session_started(connection: apsw.Connection, run: str, stream: str, event: session_events.SessionStarted) -> None:
    connection.execute("UPDATE streams SET agent = ? WHERE run = ? AND stream = ?", (escaped(event.agent), run, stream))


def _call_went_out(
    connection: apsw.Connection,
    run: str,
    stream: str,
    event: session_events.ModelCalled | session_events.CompactionCalled,
) -> None:
    # A session has one model call in flight: what it reserves stands in its stream, not in a sum that could drift.
    connection.execute(
        "UPDATE streams SET reserved_usd = ?, model = ?, day = ? WHERE run = ? AND stream = ?",
        (event.reserved_usd, escaped(event.model), event.day or day_of(event.at), run, stream),
    )


def _call_ended(
    connection: apsw.Connection, run: str, stream: str, cost_usd: float, usage: Usage = NO_USAGE, turns: int = 0
) -> None:
    connection.execute(
        "UPDATE streams SET reserved_usd = 0 WHERE run = ? AND stream = ? AND reserved_usd <> 0", (run, stream)
    )
    if not (turns or cost_usd or connection.changes()):
        # No call went out, or one to a model that costs nothing and did not answer.
        return
    connection.execute(
        "UPDATE spend SET settled_usd = settled_usd + ?, turns = turns + ? WHERE run = ?", (cost_usd, turns, run)
    )
    spending.add(connection, run, stream, cost_usd, usage)
    accounts.settle(connection, run, stream, cost_usd)


def _model_replied(connection: apsw.Connection, run: str, stream: str, event: session_events.ModelReplied) -> None:
    _call_ended(connection, run, stream, event.cost_usd, event.usage, turns=1)


def _model_failed(connection: apsw.Connection, run: str, stream: str, event: session_events.ModelFailed) -> None:
    _call_ended(connection, run, stream, event.charged_usd)


def _compaction_failed(
    connection: apsw.Connection, run: str, stream: str, event: session_events.CompactionFailed
) -> None:
    _call_ended(connection, run, stream, event.charged_usd, event.usage)


def _compacted(connection: apsw.Connection, run: str, stream: str, event: session_events.Compacted) -> None:
    _call_ended(connection, run, stream, event.cost_usd, event.usage)


PROJECTIONS: dict[type[Any], Projection | None] = {
    run_events.RunStarted: _run_started,
    run_events.StepKept: None,
    run_events.RunResumed: _run_resumed,
    run_events.RunPaused: _run_paused,
    run_events.RunLimitReached: None,
    run_events.RunCancelled: _run_cancelled,
    run_events.WorkflowLimitReached: None,
    run_events.RunFinished: _run_finished,
    operator_events.BudgetWarned: None,
    run_events.ModelHeld: None,
    run_events.ModelFreed: None,
    run_events.StepHeld: None,
    run_events.StepFreed: None,
    run_events.StepStarted: None,
    run_events.CommandCalled: None,
    run_events.FunctionCalled: None,
    run_events.ToolStepCalled: None,
    run_events.StepFinished: _step_finished,
    run_events.StepRetried: None,
    run_events.RetryDue: None,
    run_events.StepTimedOut: None,
    run_events.StepReset: None,
    run_events.OutcomeUnknown: None,
    run_events.GateOpened: _gate_opened,
    operator_events.GateEscalated: None,
    run_events.GateAnswered: _gate_answered,
    run_events.QuestionWithdrawn: _gate_answered,
    run_events.StepIdled: None,
    operator_events.MoneyLeased: _money_leased,
    operator_events.MoneyWrittenOff: _money_written_off,
    session_events.SessionStarted: _session_started,
    session_events.SessionKept: None,
    session_events.SessionResumed: None,
    session_events.SessionRested: None,
    session_events.ModelCalled: _call_went_out,
    session_events.ModelReplied: _model_replied,
    session_events.ModelFailed: _model_failed,
    session_events.CallAsked: None,
    session_events.CallApproved: None,
    session_events.ToolCalled: None,
    session_events.ToolFinished: None,
    session_events.ToolRetried: None,
    session_events.TokensCounted: None,
    session_events.CompactionCalled: _call_went_out,
    session_events.CompactionFailed: _compaction_failed,
    session_events.Compacted: _compacted,
    session_events.BreakerTripped: None,
    session_events.LimitReached: None,
    session_events.SessionFinished: None,
    file_events.FileChanging: None,
    file_events.FilesRewinding: None,
    file_events.FilesRewound: None,
}
"""One line per event type; None: nothing to learn from it."""
