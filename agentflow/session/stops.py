"""How a reply ends, by its stop reason, and what that makes of the session. Pure."""

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from agentflow.events.session_events import ModelReplied
from agentflow.events.values import Failure, FailureKind
from agentflow.session import context_events
from agentflow.session.calls import calls_of, too_many_calls
from agentflow.session.ending import ended_turn
from agentflow.session.state import InFlight, SessionPlan, SessionState


def stopped(plan: SessionPlan, state: SessionState, event: ModelReplied, asked: InFlight) -> SessionState:
    """What a whole reply, which stands in the conversation already, comes to."""
    return _STOPPED.get(event.stop_reason, _unexpected)(plan, state, event, asked)


def _wants_tools(plan: SessionPlan, state: SessionState, event: ModelReplied, _asked: InFlight) -> SessionState:
    if state.closing:
        return _fail(state, "output_invalid", "the agent called a tool in place of correcting its output")
    return calls_of(plan, state, event.content)


def _ended(plan: SessionPlan, state: SessionState, event: ModelReplied, _asked: InFlight) -> SessionState:
    text = "".join(block["text"] for block in event.content if block.get("type") == "text")
    return ended_turn(plan, state, text)


def _cut_short(plan: SessionPlan, state: SessionState, _event: ModelReplied, asked: InFlight) -> SessionState:
    if asked.max_tokens < plan.agent.max_tokens:
        return _fail(
            state, "cost_usd", f"the money left bounded the reply to {asked.max_tokens} tokens, and it was cut"
        )
    return _fail(
        state, "max_tokens", f"the reply was cut at {asked.max_tokens} tokens; raise `max_tokens`, or ask for less"
    )


def _goes_on(plan: SessionPlan, state: SessionState, event: ModelReplied, _asked: InFlight) -> SessionState:
    # Sent back as it came, a call of ours in it would never get its result.
    if any(block.get("type") == "tool_use" for block in event.content):
        return _fail(state, "unexpected_reply", "the model paused its turn in the middle of a tool call")
    failure = too_many_calls(plan, state.counts)
    return state if failure is None else replace(state, failure=failure)


def _refused(_plan: SessionPlan, state: SessionState, event: ModelReplied, _asked: InFlight) -> SessionState:
    why = f" ({event.stop_detail})" if event.stop_detail else ""
    return _fail(state, "refusal", f"the model refused to answer{why}; reword the prompt, or use another model")


def _too_long(plan: SessionPlan, state: SessionState, event: ModelReplied, _asked: InFlight) -> SessionState:
    message = (
        f"the conversation no longer fits the context window of {plan.agent.model}; "
        "give the agent less to read, or split its work between subagents"
    )
    if event.content and plan.agent.context is not None and state.context.too_long is None:
        # The turn is made again from what came before it, and half a reply would stand in its way.
        state = replace(state, messages=state.messages[:-1])
    return context_events.refused_as_too_long(plan, state, Failure("context_window", message))


def _unexpected(_plan: SessionPlan, state: SessionState, event: ModelReplied, _asked: InFlight) -> SessionState:
    return _fail(state, "unexpected_reply", f"the model stopped with `{event.stop_reason}`, which is not known here")


_Stop = Callable[[SessionPlan, SessionState, ModelReplied, InFlight], SessionState]
_STOPPED: Mapping[str, _Stop] = {
    "tool_use": _wants_tools,
    "end_turn": _ended,
    "stop_sequence": _ended,
    "max_tokens": _cut_short,
    "pause_turn": _goes_on,
    "refusal": _refused,
    "model_context_window_exceeded": _too_long,
}


def _fail(state: SessionState, kind: FailureKind, message: str) -> SessionState:
    return replace(state, failure=Failure(kind, message))
