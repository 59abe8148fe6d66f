"""Taking a run up again: what was out when its process ended is judged before anything new is decided."""

from typing import TYPE_CHECKING

from agentflow.engine.live import commands_at_work
from agentflow.engine.run_actions import want_command
from agentflow.engine.session_actions import UNKNOWN_OUTCOME, perform_tool, tool_context, watch_the_clock
from agentflow.events.run_events import MoneyWrittenOff, OutcomeUnknown, RunResumed
from agentflow.events.session_events import ModelFailed, SessionResumed, ToolFinished
from agentflow.events.values import Failure
from agentflow.journal.port import RUN_STREAM
from agentflow.session.state import AGENT, Call

if TYPE_CHECKING:
    from agentflow.engine.local import LocalEngine


def recover(engine: "LocalEngine") -> None:
    """Goes through what is open: model calls are charged and asked again, effects that may have happened are told as
    unknown, everything else goes on where it was."""
    live = engine.live
    now = engine.now()
    worked_until = max([live.run.last_at, *(state.last_at for state in live.sessions.values())])
    engine.happen(RUN_STREAM, RunResumed(now, worked_until))
    unaccounted = live.ledger.unaccounted_usd()
    if not engine.lease.survived and unaccounted > 0:
        engine.happen(RUN_STREAM, MoneyWrittenOff(now, unaccounted), durable=True)
    for stream in list(live.sessions):
        engine.happen(stream, SessionResumed(now))
        watch_the_clock(engine, stream)
        _recover_session(engine, stream)
    for path in list(live.run.gates):
        engine.gate_opened(path)
    _recover_commands(engine)
    engine.look_for_answers()


def _recover_session(engine: "LocalEngine", stream: str) -> None:
    state = engine.live.sessions[stream]
    now = engine.now()
    if (out := state.in_flight) is not None:
        failure = Failure("model_unavailable", "the process ended before the reply came", retryable=True)
        # The service may have answered and billed; the most it can have cost stays charged.
        failed = ModelFailed(now, out.turn, out.attempt, failure, out.reserved_usd, retry_at=now)
        engine.happen(stream, failed)
    for call in state.calls:
        if call.result is None and call.started and call.name != AGENT:
            _recover_call(engine, stream, call)


def _recover_call(engine: "LocalEngine", stream: str, call: Call) -> None:
    if engine.live.plans[stream].by_name[call.name].effects != "none":
        engine.happen(stream, ToolFinished(engine.now(), call.id, UNKNOWN_OUTCOME, is_error=True, unknown=True))
        return

    def begin() -> bool:
        perform_tool(engine, stream, call, tool_context(engine, stream, call))
        return True

    engine.slots.request(stream, call.id, begin)


def _recover_commands(engine: "LocalEngine") -> None:
    for path, step, state in commands_at_work(engine.live.run):
        if state.called and step.effects != "none":
            engine.happen(RUN_STREAM, OutcomeUnknown(engine.now(), path))
        else:
            want_command(engine, path)
