"""Taking a run up again: what was out when its process ended is judged before anything new is decided."""

from collections.abc import Callable, Mapping

from agentflow.engine.deadlines import end_overdue
from agentflow.engine.effects import want_effect
from agentflow.engine.file_limits import watch_file
from agentflow.engine.idle import idle_since
from agentflow.engine.leave import take_up_asked
from agentflow.engine.live import effects_at_work
from agentflow.engine.port import Loop
from agentflow.engine.questions import take_up_question, withdraw_answered
from agentflow.engine.retries import wait
from agentflow.engine.service_waits import free_all
from agentflow.engine.session_actions import UNKNOWN_OUTCOME, perform_tool, tool_context
from agentflow.engine.session_clock import watch_the_clock
from agentflow.events.operator_events import MoneyWrittenOff
from agentflow.events.run_events import OutcomeUnknown, RunResumed, StepReset
from agentflow.events.session_events import CompactionFailed, ModelFailed, SessionResumed, ToolFinished
from agentflow.events.values import Failure
from agentflow.journal.port import RUN_STREAM
from agentflow.plan.agent_plan import AnsweredBy
from agentflow.plan.secrets import SecretMissingError
from agentflow.run.reruns import stale_steps
from agentflow.session.state import Call


def recover(loop: Loop) -> None:
    """Goes through what is open: model calls are charged and asked again, effects that may have happened are told as
    unknown, everything else goes on where it was."""
    live = loop.live
    now = loop.now()
    worked_until = max([live.run.last_at, *(state.last_at for state in live.sessions.values())])
    loop.happen(RUN_STREAM, RunResumed(now, worked_until, loop.around.limits))
    loop.purse.recover(survived=loop.lease.survived)
    free_all(loop)
    unaccounted = live.ledger.unaccounted_usd()
    if not loop.lease.survived and unaccounted > 0:
        loop.happen(RUN_STREAM, MoneyWrittenOff(now, unaccounted), durable=True)
    for stream, since in [(stream, idle_since(live, stream)) for stream in live.sessions]:
        loop.happen(stream, SessionResumed(now, worked_until if since is None else min(since, worked_until)))
        watch_the_clock(loop, stream)
        _recover_session(loop, stream)
    withdraw_answered(loop)
    end_overdue(loop)
    for path in stale_steps(live.run):
        loop.happen(RUN_STREAM, StepReset(now, path))
    for path, next_at in list(live.run.retrying.items()):
        wait(loop, path, next_at)
    loop.deadlines.follow_all()
    for path in list(live.run.gates):
        loop.people.opened(path)
    _recover_effects(loop)
    for scope in list(live.run.scopes.values()):
        watch_file(loop, scope.path)
    loop.people.look()


def _recover_session(loop: Loop, stream: str) -> None:
    state = loop.live.sessions[stream]
    now = loop.now()
    if (out := state.in_flight) is not None:
        failure = Failure("model_unavailable", "the process ended before the reply came", retryable=True)
        # The service may have answered and billed; the most it can have cost stays charged.
        failed = ModelFailed(now, out.turn, out.attempt, failure, out.reserved_usd, retry_at=now, fault="lost")
        loop.happen(stream, failed)
    if (compacting := state.context.out) is not None:
        failure = Failure("model_unavailable", "the process ended before the answer came", retryable=True)
        number, attempt, way = compacting.number, compacting.attempt, compacting.way
        charged = compacting.reserved_usd
        loop.happen(stream, CompactionFailed(now, number, attempt, way, failure, charged, retry_at=now, fault="lost"))
    for call in state.calls:
        if call.result is None and call.awaits_leave:
            take_up_asked(loop, stream, call)
        elif call.result is None and call.started:
            _TAKE_UP[loop.live.plans[stream].by_name[call.name].by](loop, stream, call)


def _recover_call(loop: Loop, stream: str, call: Call) -> None:
    if loop.live.plans[stream].by_name[call.name].effects != "none":
        loop.happen(stream, ToolFinished(loop.now(), call.id, UNKNOWN_OUTCOME, is_error=True, unknown=True))
        return

    def begin() -> bool:
        try:
            context = tool_context(loop, stream, call)
        except SecretMissingError as error:
            loop.happen(stream, ToolFinished(loop.now(), call.id, f"Not run: `env`: {error}", is_error=True))
            return False
        perform_tool(loop, stream, call, context)
        return True

    loop.slots.request(stream, call.id, begin)


def _recover_effects(loop: Loop) -> None:
    for path, step, state in effects_at_work(loop.live.run):
        if state.called and step.effects != "none":
            loop.happen(RUN_STREAM, OutcomeUnknown(loop.now(), path))
        else:
            want_effect(loop, path)


def _let_be(_loop: Loop, _stream: str, _call: Call) -> None:
    """A subagent is a session of its own, and taken up as one."""


_TAKE_UP: Mapping[AnsweredBy, Callable[[Loop, str, Call], None]] = {
    "toolbox": _recover_call,
    "subagent": _let_be,
    "person": take_up_question,
    "journal": _recover_call,
}
"""What becomes of a call that was out when the process ended, by who answers it. Others never are out."""
