"""Leave for calls of tools: what runs, what is refused, and what a person is asked about before it is announced."""

from collections.abc import Callable
from typing import Any, Literal

from agentflow.engine.live import Live
from agentflow.engine.permits import decision_on, decision_on_step
from agentflow.engine.port import Answer, Loop
from agentflow.engine.questions import go_on, rest_idle
from agentflow.events.run_events import GateOpened, StepFinished
from agentflow.events.session_events import CallApproved, CallAsked, ToolFinished
from agentflow.events.values import Denial, Failure
from agentflow.guard.calls import call_text, digest_of
from agentflow.guard.lookalikes import shown
from agentflow.guard.permissions import Decision
from agentflow.journal.port import RUN_STREAM
from agentflow.run.moves import scope_of
from agentflow.run.questions import next_address
from agentflow.run.state import StartTool
from agentflow.session.state import FINISH, Call

JSON = Any
_CALL: Literal["call"] = "call"


def with_leave(perform: Callable[[Loop, str, Any], None]) -> Callable[[Loop, str, Any], None]:
    """An action of a session that makes a call, done where the call may run."""

    def permitted(loop: Loop, stream: str, action: Any) -> None:
        _judge_new(loop, stream)
        state = loop.live.sessions[stream]
        call = next((call for call in state.calls if call.id == action.call.id and call.result is None), None)
        if (
            call is not None
            and not call.awaits_leave
            and (not _is_judged(loop, stream, call) or may(loop, stream, call))
        ):
            perform(loop, stream, action)

    return permitted


def _judge_new(loop: Loop, stream: str) -> None:
    """Judges every call of a reply as soon as the first is to begin: who must be asked about any is asked at once."""
    decisions = loop.live.permits.decisions.setdefault(stream, {})
    for call in loop.live.sessions[stream].calls:
        new = call.id not in decisions and call.result is None and not (call.started or call.awaits_leave)
        if new and _is_judged(loop, stream, call):
            may(loop, stream, call)


def _is_judged(loop: Loop, stream: str, call: Call) -> bool:
    """Whether rules are about a call: it could run, and is not how the agent ends."""
    return call.refusal is None and call.name in loop.live.plans[stream].by_name and call.name != FINISH


def may(loop: Loop, stream: str, call: Call) -> bool:
    """Whether a call may run now; one that may not was refused, or a person is asked about it."""
    found = decision_on(loop, stream, call)
    digest = digest_of(call.name, call.input)
    if found.verdict == "deny":
        _refuse(loop, stream, call, Denial(found.why, found.rule, found.where))
    elif found.verdict == "ask" and call.asked is None:
        asked = CallAsked(loop.now(), call.id, call.name, digest, found.why, found.rule, found.where)
        loop.happen(stream, asked, durable=True)
        _open(loop, stream, call, found)
    elif found.verdict == "ask" and call.approved != digest:
        _refuse(loop, stream, call, Denial("the call is not the one that was approved", found.rule, found.where))
    else:
        return True
    return False


def take_up_asked(loop: Loop, stream: str, call: Call) -> None:
    """Asks again about a call that somebody was about to be asked about when the process ended."""
    if not any(gate.session == stream and gate.call == call.id for gate in loop.live.run.gates.values()):
        found = decision_on(loop, stream, call)
        if found.verdict == "deny":  # who runs it allows less than when it was asked
            _refuse(loop, stream, call, Denial(found.why, found.rule, found.where))
        else:
            _open(loop, stream, call, found)


def answer_call(loop: Loop, gate: GateOpened, answer: Answer) -> None:
    """Lets a call run, or tells the agent that it may not; the gate is closed by who calls this, afterwards.

    A crash in between leaves a gate whose call has its answer; it is then closed without answering again.
    """
    stream = gate.session
    assert stream is not None
    call = asked_call(loop.live, gate)
    if call is None:
        return
    go_on(loop, stream)
    found = decision_on(loop, stream, call)
    if answer.approved and gate.digest == call.asked == digest_of(call.name, call.input):
        approved = CallApproved(loop.now(), call.id, call.asked, answer.by, answer.comment)
        loop.happen(stream, approved, durable=True)
        return
    why = f"{answer.by} said no" + (f": {answer.comment}" if answer.comment else "")
    if answer.approved:
        why = "the call is not the one that was approved"
    _refuse(loop, stream, call, Denial(why, found.rule, found.where, by=answer.by))


def asked_call(live: Live, gate: GateOpened) -> Call | None:
    """The call that a gate is about, while it waits for its answer."""
    state = live.sessions.get(gate.session or "")
    calls = () if state is None else state.calls
    return next((call for call in calls if call.id == gate.call and call.result is None and call.awaits_leave), None)


def _refuse(loop: Loop, stream: str, call: Call, denial: Denial) -> None:
    content = f"Not run: {_told(denial)}. Go on without it, or say what you would need; do not seek a way around it."
    finished = ToolFinished(loop.now(), call.id, content, is_error=True, seconds=0.0, denied=denial)
    loop.happen(stream, finished, durable=True)


def _told(denial: Denial) -> str:
    if denial.rule is None:
        return denial.why
    named = "" if f"`{denial.rule}`" in denial.why else f" (the rule `{denial.rule}`)"
    return f"{denial.why}{named}" + (f" ({denial.where})" if denial.where else "")


def _open(loop: Loop, stream: str, call: Call, found: Decision) -> None:
    state, agent = loop.live.sessions[stream], loop.live.plans[stream].agent.name
    address = next_address(loop.live.run, state.step, _CALL)
    digest = digest_of(call.name, call.input)
    message = f"{agent} wants to call `{call.name}`, and {found.why}. May it?"
    text = loop.secrets.redacted(_shown(call.name, call.input, found, digest))
    gate = GateOpened(loop.now(), address, message, text, _CALL, session=stream, call=call.id, digest=digest)
    loop.happen(RUN_STREAM, gate, durable=True)
    rest_idle(loop, stream)
    loop.recorder.then(lambda: loop.people.opened(address))


def _shown(tool: str, tool_input: JSON, found: Decision, digest: str) -> str:
    where = "" if found.where is None else f"\nasked by {found.where}"
    return f"{call_text(tool, tool_input)}{shown(where)}\ndigest {digest}"


def step_may(loop: Loop, action: StartTool) -> bool:
    """Whether the call of a `tool` step may run now; else the step was failed, or a person is asked about it."""
    found = decision_on_step(loop, action)
    if found.verdict == "allow":
        return True
    name = action.tool.name
    if found.verdict == "deny":
        _fail_step(loop, action.step, _told(Denial(found.why, found.rule, found.where)), name)
        return False
    digest = digest_of(name, action.input)
    scope, step = scope_of(loop.live.run, action.step)
    before = scope.steps[step]
    if before.gate is not None and before.gate.digest == digest and before.answer is not None:
        return before.answer.approved
    message = f"step `{action.step}` is to call `{name}`, and {found.why}. May it?"
    text = loop.secrets.redacted(_shown(name, action.input, found, digest))
    gate = GateOpened(loop.now(), action.step, message, text, _CALL, digest=digest)
    loop.happen(RUN_STREAM, gate, durable=True)
    loop.recorder.then(lambda: loop.people.opened(action.step))
    return False


def _fail_step(loop: Loop, path: str, why: str, tool: str) -> None:
    failure = Failure("denied", f"`{tool}` was not run: {why}", step=path)
    loop.happen(RUN_STREAM, StepFinished(loop.now(), path, "failed", failure=failure))
