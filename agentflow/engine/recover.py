"""Taking a run up again: what was out when its process ended is judged before anything new is decided."""

from agentflow.engine.file_limits import watch_file
from agentflow.engine.live import commands_at_work
from agentflow.engine.port import Loop
from agentflow.engine.run_actions import want_command
from agentflow.engine.session_actions import UNKNOWN_OUTCOME, perform_tool, tool_context, watch_the_clock
from agentflow.events.run_events import MoneyWrittenOff, OutcomeUnknown, RunResumed
from agentflow.events.session_events import ModelFailed, SessionResumed, ToolFinished
from agentflow.events.values import Failure
from agentflow.journal.port import RUN_STREAM
from agentflow.session.state import AGENT, Call


def recover(loop: Loop) -> None:
    """Goes through what is open: model calls are charged and asked again, effects that may have happened are told as
    unknown, everything else goes on where it was."""
    live = loop.live
    now = loop.now()
    worked_until = max([live.run.last_at, *(state.last_at for state in live.sessions.values())])
    loop.happen(RUN_STREAM, RunResumed(now, worked_until))
    unaccounted = live.ledger.unaccounted_usd()
    if not loop.lease.survived and unaccounted > 0:
        loop.happen(RUN_STREAM, MoneyWrittenOff(now, unaccounted), durable=True)
    for stream in list(live.sessions):
        loop.happen(stream, SessionResumed(now, worked_until))
        watch_the_clock(loop, stream)
        _recover_session(loop, stream)
    for path in list(live.run.gates):
        loop.people.opened(path)
    _recover_commands(loop)
    for scope in list(live.run.scopes.values()):
        watch_file(loop, scope.path)
    loop.people.look()


def _recover_session(loop: Loop, stream: str) -> None:
    state = loop.live.sessions[stream]
    now = loop.now()
    if (out := state.in_flight) is not None:
        failure = Failure("model_unavailable", "the process ended before the reply came", retryable=True)
        # The service may have answered and billed; the most it can have cost stays charged.
        failed = ModelFailed(now, out.turn, out.attempt, failure, out.reserved_usd, retry_at=now)
        loop.happen(stream, failed)
    for call in state.calls:
        if call.result is None and call.started and call.name != AGENT:
            _recover_call(loop, stream, call)


def _recover_call(loop: Loop, stream: str, call: Call) -> None:
    if loop.live.plans[stream].by_name[call.name].effects != "none":
        loop.happen(stream, ToolFinished(loop.now(), call.id, UNKNOWN_OUTCOME, is_error=True, unknown=True))
        return

    def begin() -> bool:
        perform_tool(loop, stream, call, tool_context(loop, stream, call))
        return True

    loop.slots.request(stream, call.id, begin)


def _recover_commands(loop: Loop) -> None:
    for path, step, state in commands_at_work(loop.live.run):
        if state.called and step.effects != "none":
            loop.happen(RUN_STREAM, OutcomeUnknown(loop.now(), path))
        else:
            want_command(loop, path)
