"""Calls that the session answers by itself, from its plan and what has happened in it. Pure."""

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from agentflow.session.state import FINISH, TODO, Call, GiveResult, SessionPlan, SessionState

Answer = Callable[[SessionPlan, SessionState, Call], GiveResult]
Note = Callable[[SessionPlan, SessionState, Call], SessionState]


def _finish(_plan: SessionPlan, _state: SessionState, call: Call) -> GiveResult:
    return GiveResult(call, "Accepted.", is_error=False)


def _finished(plan: SessionPlan, state: SessionState, call: Call) -> SessionState:
    value = call.input if plan.agent.output is not None else call.input["result"]
    return replace(state, ending="finish", result=value)


def _todo(_plan: SessionPlan, _state: SessionState, call: Call) -> GiveResult:
    todos = call.input["todos"]
    left = [todo["content"] for todo in todos if todo["status"] != "completed"]
    if not todos:
        return GiveResult(call, "The list is empty now.", is_error=False)
    if not left:
        return GiveResult(call, f"The list is noted: all {len(todos)} done.", is_error=False)
    begun = [todo["content"] for todo in todos if todo["status"] == "in_progress"]
    now = f"In progress: {'; '.join(begun)}." if begun else f"Begin with: {left[0]}."
    return GiveResult(call, f"The list is noted: {len(todos) - len(left)} of {len(todos)} done. {now}", is_error=False)


def _noted(_plan: SessionPlan, state: SessionState, call: Call) -> SessionState:
    return replace(state, todos=tuple(call.input["todos"]))


ANSWERS: Mapping[str, Answer] = {FINISH: _finish, TODO: _todo}
"""What each tool `by: session` gives; its input has met the tool's schema."""

NOTED: Mapping[str, Note] = {FINISH: _finished, TODO: _noted}
"""What such a call leaves in the session once all results of its reply are in."""
