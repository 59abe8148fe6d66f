"""What `runs`, `gates`, `spend` and `streams` learn from an event, in the transaction that records it."""

from collections.abc import Callable
from typing import Any

import apsw

from agentflow.events import file_events, run_events, session_events
from agentflow.events.codec import dumps
from agentflow.journal.rows import escaped, escaped_or_none

Projection = Callable[[apsw.Connection, str, str, Any], None]
"""Takes the connection, the run, the stream and the event."""


def _run_started(connection: apsw.Connection, run: str, stream: str, event: run_events.RunStarted) -> None:
    names = (escaped(event.workflow), escaped(event.path), escaped(event.project))
    connection.execute(
        "INSERT INTO runs (run, workflow, path, project, started_at, status) VALUES (?, ?, ?, ?, ?, 'running')",
        (run, *names, event.at),
    )
    connection.execute("INSERT INTO spend (run) VALUES (?)", (run,))


def _run_resumed(connection: apsw.Connection, run: str, stream: str, event: run_events.RunResumed) -> None:
    connection.execute("UPDATE runs SET status = 'running' WHERE run = ?", (run,))


def _run_paused(connection: apsw.Connection, run: str, stream: str, event: run_events.RunPaused) -> None:
    connection.execute("UPDATE runs SET status = ? WHERE run = ?", (event.reason, run))


def _run_finished(connection: apsw.Connection, run: str, stream: str, event: run_events.RunFinished) -> None:
    kind = None if event.failure is None else event.failure.kind
    connection.execute(
        "UPDATE runs SET status = ?, failure_kind = ?, ended_at = ? WHERE run = ?", (event.status, kind, event.at, run)
    )
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
    connection.execute(
        "INSERT OR REPLACE INTO gates (run, step, about, message, show, opened_at, expires_at, form)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (run, escaped(event.step), *question, form),
    )


def _gate_answered(
    connection: apsw.Connection, run: str, stream: str, event: run_events.GateAnswered | run_events.QuestionWithdrawn
) -> None:
    connection.execute("DELETE FROM gates WHERE run = ? AND step = ?", (run, escaped(event.step)))


def _step_finished(connection: apsw.Connection, run: str, stream: str, event: run_events.StepFinished) -> None:
    if event.status == "skipped":
        # What was asked about it need not be answered any more.
        connection.execute("DELETE FROM gates WHERE run = ? AND step = ?", (run, escaped(event.step)))


def _money_leased(connection: apsw.Connection, run: str, stream: str, event: run_events.MoneyLeased) -> None:
    connection.execute("UPDATE spend SET leased_usd = leased_usd + ? WHERE run = ?", (event.amount_usd, run))


def _money_written_off(connection: apsw.Connection, run: str, stream: str, event: run_events.MoneyWrittenOff) -> None:
    connection.execute("UPDATE spend SET written_off_usd = written_off_usd + ? WHERE run = ?", (event.amount_usd, run))


def _model_called(connection: apsw.Connection, run: str, stream: str, event: session_events.ModelCalled) -> None:
    _reserve(connection, run, stream, event.reserved_usd)


def _model_replied(connection: apsw.Connection, run: str, stream: str, event: session_events.ModelReplied) -> None:
    _reserve(connection, run, stream, 0.0)
    connection.execute(
        "UPDATE spend SET settled_usd = settled_usd + ?, turns = turns + 1 WHERE run = ?", (event.cost_usd, run)
    )


def _model_failed(connection: apsw.Connection, run: str, stream: str, event: session_events.ModelFailed) -> None:
    _reserve(connection, run, stream, 0.0)
    connection.execute("UPDATE spend SET settled_usd = settled_usd + ? WHERE run = ?", (event.charged_usd, run))


def _compaction_called(
    connection: apsw.Connection, run: str, stream: str, event: session_events.CompactionCalled
) -> None:
    _reserve(connection, run, stream, event.reserved_usd)


def _compaction_failed(
    connection: apsw.Connection, run: str, stream: str, event: session_events.CompactionFailed
) -> None:
    _reserve(connection, run, stream, 0.0)
    connection.execute("UPDATE spend SET settled_usd = settled_usd + ? WHERE run = ?", (event.charged_usd, run))


def _compacted(connection: apsw.Connection, run: str, stream: str, event: session_events.Compacted) -> None:
    _reserve(connection, run, stream, 0.0)
    connection.execute("UPDATE spend SET settled_usd = settled_usd + ? WHERE run = ?", (event.cost_usd, run))


def _reserve(connection: apsw.Connection, run: str, stream: str, amount_usd: float) -> None:
    # A session has one model call in flight: what it reserves stands in its stream, not in a sum that could drift.
    connection.execute("UPDATE streams SET reserved_usd = ? WHERE run = ? AND stream = ?", (amount_usd, run, stream))


PROJECTIONS: dict[type[Any], Projection | None] = {
    run_events.RunStarted: _run_started,
    run_events.StepKept: None,
    run_events.RunResumed: _run_resumed,
    run_events.RunPaused: _run_paused,
    run_events.RunLimitReached: None,
    run_events.RunCancelled: _run_cancelled,
    run_events.WorkflowLimitReached: None,
    run_events.RunFinished: _run_finished,
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
    run_events.GateAnswered: _gate_answered,
    run_events.QuestionWithdrawn: _gate_answered,
    run_events.StepIdled: None,
    run_events.MoneyLeased: _money_leased,
    run_events.MoneyWrittenOff: _money_written_off,
    session_events.SessionStarted: None,
    session_events.SessionKept: None,
    session_events.SessionResumed: None,
    session_events.SessionRested: None,
    session_events.ModelCalled: _model_called,
    session_events.ModelReplied: _model_replied,
    session_events.ModelFailed: _model_failed,
    session_events.CallAsked: None,
    session_events.CallApproved: None,
    session_events.ToolCalled: None,
    session_events.ToolFinished: None,
    session_events.ToolRetried: None,
    session_events.TokensCounted: None,
    session_events.CompactionCalled: _compaction_called,
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
