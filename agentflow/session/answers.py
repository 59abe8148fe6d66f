"""Calls that the session answers by itself, from its plan and what has happened in it. Pure."""

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from agentflow.plan.context_tools import COMPACT
from agentflow.session.state import FINISH, SKILL, TODO, TOOL_SEARCH, Call, GiveResult, SessionPlan, SessionState
from agentflow.session.tool_search import DEFAULT_RESULTS, found

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


def _skill(plan: SessionPlan, _state: SessionState, call: Call) -> GiveResult:
    skill = next((skill for skill in plan.skills if skill.name == call.input["skill"]), None)
    if skill is None:
        names = ", ".join(skill.name for skill in plan.skills)
        return GiveResult(call, f"There is no skill `{call.input['skill']}`. You have: {names}.", is_error=True)
    where = f"Files that it speaks of are in the folder `{skill.folder}`."
    return GiveResult(call, f"{where}\n\n{skill.body}", is_error=False)


def _tool_search(plan: SessionPlan, _state: SessionState, call: Call) -> GiveResult:
    deferred = [tool for tool in plan.tools if tool.deferred]
    names = found(call.input["query"], deferred, call.input.get("max_results", DEFAULT_RESULTS))
    if not names:
        listed = ", ".join(tool.name for tool in deferred)
        message = f"No tool matches `{call.input['query']}`. There are: {listed}. Name those you want: `select:name`."
        return GiveResult(call, message, is_error=False)
    return GiveResult(call, [{"type": "tool_reference", "tool_name": name} for name in names], is_error=False)


def _compact(_plan: SessionPlan, _state: SessionState, call: Call) -> GiveResult:
    return GiveResult(call, "Room is made before your next turn, where there is something to leave out.", False)


ANSWERS: Mapping[str, Answer] = {
    FINISH: _finish,
    TODO: _todo,
    SKILL: _skill,
    TOOL_SEARCH: _tool_search,
    COMPACT.name: _compact,
}
"""What each tool `by: session` gives; its input has met the tool's schema."""

NOTED: Mapping[str, Note] = {FINISH: _finished, TODO: _noted}
"""What such a call leaves in the session once all results of its reply are in."""
