"""The tool calls of a reply: which may run, which are refused and in what words, and which end the session."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from agentflow.events.values import Failure, FailureKind, Spent
from agentflow.plan.service_tools import SERVICE_TOOLS, service_calls
from agentflow.session.breakers import repeats
from agentflow.session.state import AGENT, FINISH, Call, SessionPlan, SessionState

JSON = Any

_CALL_ID = re.compile(r"[A-Za-z0-9_-]{1,256}")
_CALL_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")
"""The API refuses to take back a call of any other name (`tool_use.name` of the Messages API)."""


def calls_of(plan: SessionPlan, state: SessionState, content: Iterable[Mapping[str, JSON]]) -> SessionState:
    """The state with a reply's tool calls taken up, or failed where they pass a bound or cannot be told apart."""
    calls = tuple(_call(plan, block) for block in content if block.get("type") == "tool_use")
    if not calls:
        return _fail(state, "unexpected_reply", "the model stopped for a tool call and made none")
    ids = [call.id for call in calls]
    # Results, idempotency keys and the streams of subagents go by these ids.
    told_apart = len(set(ids)) == len(ids) and not any(name in state.call_ids for name in ids)
    if not told_apart or not all(_CALL_ID.fullmatch(name) for name in ids):
        return _fail(state, "unexpected_reply", "the model's tool calls carry ids that are not unique or not allowed")
    if not all(_CALL_NAME.fullmatch(call.name) for call in calls):
        return _fail(state, "unexpected_reply", "the model called a tool by a name that no tool can have")
    state = replace(state, call_ids=state.call_ids.update(ids))
    counts = dict(state.counts)
    for call in calls:
        counts[call.name] = counts.get(call.name, 0) + 1
    state = replace(state, calls=calls, counts=counts, last_calls=len(calls))
    failure = too_many_calls(plan, counts)
    if failure is not None:
        return replace(state, failure=failure)
    return replace(state, trip=repeats(plan, state))


def with_service_calls(state: SessionState, content: Iterable[Mapping[str, JSON]]) -> SessionState:
    """The state with the calls counted that the service answered itself in a reply."""
    used = service_calls(content)
    if not used:
        return state
    counts = dict(state.counts)
    for name in used:
        counts[name] = counts.get(name, 0) + 1
    return replace(state, counts=counts, spent=state.spent + Spent(tool_calls=len(used)))


def too_many_calls(plan: SessionPlan, counts: Mapping[str, int]) -> Failure | None:
    """The bound on tool calls, where they pass it; `finish` is how the agent is to end, so it is not among them."""
    most = plan.agent.stop.tool_calls
    if most is None or sum(counts.values()) - counts.get(FINISH, 0) <= most:
        return None
    return Failure("tool_calls", f"the agent wants more than its {most} tool calls")


def _call(plan: SessionPlan, block: Mapping[str, JSON]) -> Call:
    name, tool_input = str(block["name"]), block["input"]
    return Call(str(block["id"]), name, tool_input, _refusal(plan, name, tool_input))


def _refusal(plan: SessionPlan, name: str, tool_input: Mapping[str, JSON]) -> str | None:
    """Why a call may not run, in words the model can act on, or None."""
    tool = plan.by_name.get(name)
    if tool is not None and tool.by == "service":
        return f"`{name}` is no tool to call: search with `{SERVICE_TOOLS[name].name}`."
    if tool is None:
        known = [each.name for each in plan.tools]
        return f"There is no tool `{name}`. You have: {', '.join(known) or 'no tools'}."
    problems = plan.contracts[name].problems(tool_input)
    if problems:
        listed = "\n".join(f"- {problem}" for problem in problems)
        return f"The input of `{name}` does not meet its schema:\n{listed}\nCall it again with these corrected."
    if name == AGENT and tool_input["subagent_type"] not in plan.may_call:
        return f"You cannot call `{tool_input['subagent_type']}`. You may call: {', '.join(plan.may_call) or 'nobody'}."
    if name == AGENT and not str(tool_input["prompt"]).strip():
        return "The prompt is empty. A subagent sees nothing but its prompt: say everything it needs to know."
    return None


def _fail(state: SessionState, kind: FailureKind, message: str) -> SessionState:
    return replace(state, failure=Failure(kind, message))
