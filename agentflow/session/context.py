"""What is sent to the model."""

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from agentflow.plan.agent_plan import AS_THE_SERVICE_LIKES, ServiceSettings, ToolSpec
from agentflow.plan.service_tools import most_uses
from agentflow.session.state import Message, SessionPlan, SessionState

JSON = Any


class Request(Struct, frozen=True):
    """One model call.

    Attributes:
        session: the stream of the session that asks.
        agent: the agent's name, or the path of the step that holds it.
        turn: of the session, from 1.
        system: the system prompt, or None.
        messages: the conversation in the API's own form; never changed by the client.
        tools: what may be called; `tool_choice` `none` keeps them from being called in this reply.
        tool_choice: `auto`, `none`, or the name of the one tool that must be called.
        effort, thinking: as the workflow says; None leaves them to the API.
        output_schema: the author's JSON Schema for the final text, or None: where the text may hold citations, which do
            not go together with a format, the schema is asked for in the turn without tools.
        cache: `conversation`: the next turn will read what this one sends; `prefix`: only tools and system will be
            read again; `none`.
        service: how the service is to answer.
        compact: the service shall answer with what can stand in the place of these messages, and with nothing else.
    """

    session: str
    agent: str
    turn: int
    model: str
    system: str | None
    messages: tuple[Message, ...]
    tools: tuple[ToolSpec, ...]
    tool_choice: str
    max_tokens: int
    effort: str | None
    thinking: str | None
    output_schema: Mapping[str, JSON] | None
    cache: Literal["conversation", "prefix", "none"]
    service: ServiceSettings = AS_THE_SERVICE_LIKES
    compact: bool = False


def request(plan: SessionPlan, state: SessionState, session: str, model: str) -> Request:
    """The request of the model call that is in flight. Raises ValueError where none is."""
    if state.in_flight is None:
        raise ValueError("no model call is in flight")
    return request_of(plan, state, session, model, state.in_flight.max_tokens)


def request_of(plan: SessionPlan, state: SessionState, session: str, model: str, max_tokens: int) -> Request:
    """The request that a model call would send now."""
    agent = plan.agent
    return Request(
        session=session,
        agent=agent.name,
        turn=state.turn,
        model=model,
        system=state.system,
        messages=state.messages,
        tools=state.tools,
        tool_choice="none" if state.closing or (state.tools and not plan.tools) else "auto",
        max_tokens=max_tokens,
        effort=agent.effort,
        thinking=agent.thinking,
        output_schema=None if not state.closing and (agent.finish or most_uses(plan.tools)) else agent.output,
        cache=_cache(plan, state),
        service=agent.service,
    )


def input_bound(state: SessionState, note: str | None) -> int:
    """The most tokens that the next request can count.

    What the last reply's usage said is exact; what was said since counts its bytes, for no token is shorter. The
    margin is for what the API adds around messages and tools.
    """
    return state.context_tokens + bytes_added(state, note) - state.context.slack + _MARGIN


def bytes_added(state: SessionState, note: str | None) -> int:
    """What was said since the last exact count, a note that is to come included."""
    return state.added_bytes + (len(note.encode("utf-8", "surrogatepass")) if note else 0)


_MARGIN = 1000


def searches_bound(plan: SessionPlan, state: SessionState, note: str | None) -> int:
    """How often the service may use its own tools for the next request."""
    return 0 if state.closing or note is not None else most_uses(plan.tools)


def _cache(plan: SessionPlan, state: SessionState) -> Literal["conversation", "prefix", "none"]:
    """Where a breakpoint will be read again: by the next turn, by a sibling's first, or nowhere."""
    if plan.tools and not state.closing:
        return "conversation"
    return "prefix" if plan.siblings else "none"
