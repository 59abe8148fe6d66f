"""Questions of agents to people, and the clocks of those who have nothing left but to wait for an answer."""

from agentflow.engine.idle import idle_since
from agentflow.engine.live import Live
from agentflow.engine.port import Loop
from agentflow.engine.service_waits import free
from agentflow.engine.session_clock import watch_the_clock
from agentflow.events.run_events import GateOpened, QuestionWithdrawn, StepIdled
from agentflow.events.session_events import SessionRested, ToolCalled, ToolFinished
from agentflow.events.values import JSON
from agentflow.journal.port import RUN_STREAM
from agentflow.run.moves import scope_of
from agentflow.run.questions import next_address
from agentflow.session.questions import question_of, told
from agentflow.session.state import AskPerson, Call


def ask_person(loop: Loop, stream: str, action: AskPerson) -> None:
    """Puts a question to a person; it stays open until it has its answer, also when this process ends."""
    call = action.call
    key = f"{loop.live.run.id}/{stream}/{call.id}"
    loop.happen(stream, ToolCalled(loop.now(), call.id, call.name, "none", key))
    _open(loop, stream, call)


def take_up_question(loop: Loop, stream: str, call: Call) -> None:
    """Puts a question again that was about to be put when the process ended."""
    if not any(gate.session == stream and gate.call == call.id for gate in loop.live.run.gates.values()):
        _open(loop, stream, call)


def answer_question(loop: Loop, gate: GateOpened, answers: JSON, comment: str | None) -> None:
    """Gives an agent the answer to its question; the gate itself is closed by who calls this, afterwards.

    A crash in between leaves a gate whose call has its result; it is then closed without giving the answer again.
    """
    stream = gate.session
    assert stream is not None
    state = loop.live.sessions.get(stream)
    call = next((call for call in state.calls if call.id == gate.call), None) if state is not None else None
    if call is None or call.result is not None:
        return
    go_on(loop, stream)
    loop.happen(stream, ToolFinished(loop.now(), call.id, told(call.input, answers, comment)), durable=True)


def withdraw_questions(loop: Loop, stream: str) -> None:
    """Nobody need answer any more what a session asks: it has ended."""
    for address in [path for path, gate in loop.live.run.gates.items() if gate.session == stream]:
        loop.happen(RUN_STREAM, QuestionWithdrawn(loop.now(), address))
        loop.people.closed(address)


def withdraw_answered(loop: Loop) -> None:
    """Closes the questions whose calls have their results: a crash came between the two."""
    for address, gate in list(loop.live.run.gates.items()):
        if gate.session is not None and not _is_open(loop.live, gate):
            loop.happen(RUN_STREAM, QuestionWithdrawn(loop.now(), address))


def rest_idle(loop: Loop, stream: str) -> None:
    """Stops the clocks of a session, and of those above it, that have come to wait for people alone."""
    live, above = loop.live, stream if stream in loop.live.sessions else None
    while above is not None:
        since = idle_since(live, above)
        if since is None:
            return
        state = live.sessions[above]
        if above not in live.idle:
            live.idle[above] = since
            loop.timers.forget(above, "clock")
            if state.parent is None:
                _say_idle(loop, state.step, idle=True)
        above = state.parent


def go_on(loop: Loop, stream: str) -> None:
    """Has the clocks of a session, and of those above it, go on; to be called before what it waited for happens."""
    live, above = loop.live, stream if stream in loop.live.sessions else None
    going: list[str] = []
    while above is not None:
        state = live.sessions[above]
        since = live.idle.get(above)
        if since is not None:
            loop.happen(above, SessionRested(loop.now(), since))
            going.append(above)
        if state.parent is None:
            _say_idle(loop, state.step, idle=False)
        above = state.parent
    # Last, since until its answer is there a session that something happens to is found waiting, and rests again.
    for each in going:
        live.idle.pop(each, None)
        watch_the_clock(loop, each)


def _open(loop: Loop, stream: str, call: Call) -> None:
    state = loop.live.sessions[stream]
    asked = question_of(loop.live.plans[stream].agent.name, call.input)
    address = next_address(loop.live.run, state.step)
    gate = GateOpened(
        loop.now(), address, asked.message, asked.show, "ask", form=asked.form, session=stream, call=call.id
    )
    loop.happen(RUN_STREAM, gate, durable=True)
    rest_idle(loop, stream)
    loop.recorder.then(lambda: loop.people.opened(address))


def _say_idle(loop: Loop, path: str, *, idle: bool) -> None:
    scope, name = scope_of(loop.live.run, path)
    if scope.steps[name].idle != idle:
        free(loop, path)
        loop.happen(RUN_STREAM, StepIdled(loop.now(), path, idle))


def _is_open(live: Live, gate: GateOpened) -> bool:
    state = live.sessions.get(gate.session or "")
    waits = gate.about != "call"
    return state is not None and any(
        call.id == gate.call and call.result is None and (waits or call.awaits_leave) for call in state.calls
    )
