"""What an event makes of a session. Each function takes the state before and gives the state after."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from msgspec.structs import replace
from rpds import HashTrieSet

from agentflow.events.session_events import (
    LimitReached,
    ModelCalled,
    ModelFailed,
    ModelReplied,
    SessionEvent,
    SessionFinished,
    SessionResumed,
    SessionStarted,
    ToolCalled,
    ToolFinished,
)
from agentflow.events.values import NOTHING_SPENT, Failure, FailureKind, Spent
from agentflow.plan.service_tools import without_open_calls
from agentflow.session.answers import NOTED
from agentflow.session.calls import calls_of, too_many_calls, with_service_calls
from agentflow.session.decide import decide
from agentflow.session.ending import ended_turn
from agentflow.session.sizes import most_tokens
from agentflow.session.state import (
    AskPerson,
    Call,
    CallModel,
    Earlier,
    InFlight,
    Message,
    RunTool,
    SessionPlan,
    SessionState,
    Spawn,
)

JSON = Any


def begin(plan: SessionPlan, event: SessionStarted, earlier: Earlier | None = None) -> SessionState:
    """A session at its beginning; `earlier` is what it carries on."""
    shown = plan.tools
    carried: tuple[Message, ...] = ()
    if earlier is not None:
        # The API wants tools where the messages hold calls: an agent without any is shown those, and may call none.
        shown = plan.tools or earlier.tools
        carried = _answered(earlier.messages)
        if (event.instructions, shown) != (earlier.system, earlier.tools):
            carried = _without_thinking(carried)
    messages = with_user_text(carried, event.prompt)
    tools = [(tool.name, tool.description, tool.input_schema) for tool in shown]
    return SessionState(
        started_at=event.at,
        last_at=event.at,
        step=event.step,
        depth=event.depth,
        parent=event.parent,
        parent_call=event.parent_call,
        workspace=event.workspace,
        system=event.instructions,
        messages=messages,
        tools=shown,
        call_ids=HashTrieSet(_call_ids(messages)),
        added_bytes=most_tokens([event.instructions, tools, plan.agent.output, messages]),
    )


def _call_ids(messages: tuple[Message, ...]) -> Iterator[str]:
    return (
        block["id"]
        for message in messages
        if message["role"] == "assistant"
        for block in message["content"]
        if block["type"] == "tool_use"
    )


def apply(plan: SessionPlan, state: SessionState, event: SessionEvent) -> SessionState:
    """The state after `event`. Raises ValueError for an event that nothing asked for."""
    if state.finished is not None:
        raise ValueError(f"{type(event).__name__} after the session's end")
    until = event.worked_until if isinstance(event, SessionResumed) else event.at
    worked = state.active_seconds + max(0.0, until - state.last_at)
    state = replace(state, last_at=event.at, active_seconds=worked)
    return _APPLY[type(event)](plan, state, event)


def with_user_text(messages: tuple[Message, ...], text: str) -> tuple[Message, ...]:
    """The conversation with `text` said by the user; it joins a user message that is last, results first."""
    block = {"type": "text", "text": text}
    if messages and messages[-1]["role"] == "user":
        return (*messages[:-1], {"role": "user", "content": [*messages[-1]["content"], block]})
    return (*messages, {"role": "user", "content": [block]})


def left_by(state: SessionState) -> Earlier:
    """What an ended session leaves to one that carries it on."""
    return Earlier(state.messages, state.system, state.tools)


def _without_thinking(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """The conversation without thinking, which newer models bind to the system prompt and the tools it came under."""
    kept: list[Message] = []
    for message in messages:
        content = [block for block in message["content"] if block["type"] not in _THINKING]
        if content:
            kept.append({**message, "content": content})
    return _alternating(kept)


_THINKING = frozenset({"thinking", "redacted_thinking"})


def _alternating(messages: list[Message]) -> tuple[Message, ...]:
    """The messages, those of the user that now follow each other in one."""
    joined: list[Message] = []
    for message in messages:
        if joined and joined[-1]["role"] == message["role"]:
            joined[-1] = {**message, "content": [*joined[-1]["content"], *message["content"]]}
        else:
            joined.append(message)
    return tuple(joined)


def _answered(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """The conversation with a result for each call that it ends on: a session may end on calls it did not make."""
    if not messages or messages[-1]["role"] != "assistant":
        return messages
    last = without_open_calls(messages[-1]["content"])
    messages = (*messages[:-1], {**messages[-1], "content": last}) if last else messages[:-1]
    content = "Not run: the session ended first."
    results = [
        {"type": "tool_result", "tool_use_id": block["id"], "content": content, "is_error": True}
        for block in last
        if block["type"] == "tool_use"
    ]
    return (*messages, {"role": "user", "content": results}) if results else messages


def _resumed(_plan: SessionPlan, state: SessionState, _event: SessionResumed) -> SessionState:
    return state


def _called(plan: SessionPlan, state: SessionState, event: ModelCalled) -> SessionState:
    wanted = ((action.turn, action.attempt) for action in decide(plan, state) if isinstance(action, CallModel))
    if (event.turn, event.attempt) not in wanted:
        raise ValueError(f"nothing wanted attempt {event.attempt} of turn {event.turn}")
    in_flight = InFlight(event.turn, event.attempt, event.max_tokens, event.reserved_usd)
    state = replace(state, turn=event.turn, in_flight=in_flight, retry_at=None)
    if event.note is None:
        return state
    messages = with_user_text(_answered(state.messages), event.note)
    added = state.added_bytes + most_tokens(event.note)
    return replace(state, messages=messages, added_bytes=added, closing=True, correction=None)


def _failed(_plan: SessionPlan, state: SessionState, event: ModelFailed) -> SessionState:
    if state.in_flight is None:
        raise ValueError("a failed model call that was not made")
    state = replace(
        state,
        in_flight=None,
        attempt=event.attempt,
        overloads=state.overloads + 1 if event.overloaded else 0,
        spent=state.spent + Spent(cost_usd=event.charged_usd),
        retry_at=event.retry_at,
    )
    return state if event.retry_at is not None else replace(state, failure=event.failure)


def _replied(plan: SessionPlan, state: SessionState, event: ModelReplied) -> SessionState:
    asked = state.in_flight
    if asked is None or asked.turn != event.turn:
        raise ValueError("a reply to a model call that was not made")
    text = "".join(block["text"] for block in event.content if block.get("type") == "text")
    messages = state.messages
    if event.content:
        messages = (*messages, {"role": "assistant", "content": list(event.content)})
    state = replace(
        state,
        in_flight=None,
        attempt=0,
        overloads=0,
        messages=messages,
        spent=state.spent + Spent(event.usage, event.cost_usd, turns=1),
        text=text or state.text,
        last_calls=0,
        context_tokens=event.usage.input_total + event.usage.output_tokens,
        added_bytes=0,
    )
    state = with_service_calls(state, event.content)
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


def _too_long(plan: SessionPlan, state: SessionState, _event: ModelReplied, _asked: InFlight) -> SessionState:
    return _fail(
        state,
        "context_window",
        f"the conversation no longer fits the context window of {plan.agent.model}; "
        "give the agent less to read, or split its work between subagents",
    )


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


def _tool_called(plan: SessionPlan, state: SessionState, event: ToolCalled) -> SessionState:
    wanted = decide(plan, state)
    if not any(isinstance(action, RunTool | AskPerson | Spawn) and action.call.id == event.call for action in wanted):
        raise ValueError(f"nothing wanted call {event.call} now")
    return replace(state, calls=_with_call(state, event.call, lambda call: replace(call, started=True)))


def _tool_finished(plan: SessionPlan, state: SessionState, event: ToolFinished) -> SessionState:
    calls = _with_call(state, event.call, lambda call: replace(call, result=event))
    spent = state.spent + Spent(tool_calls=1) + (event.spent or NOTHING_SPENT)
    state = replace(state, calls=calls, spent=spent)
    if any(call.result is None for call in calls):
        return state
    return _all_results_in(plan, state)


def _all_results_in(plan: SessionPlan, state: SessionState) -> SessionState:
    """One user message with a result for each call, in the calls' order, whatever order they came in."""
    results = []
    failed, added = state.failed, 0
    for call in state.calls:
        if call.result is None:
            raise ValueError(f"call {call.id} has no result")
        result: dict[str, JSON] = {"type": "tool_result", "tool_use_id": call.id}
        if call.result.content:
            result["content"] = call.result.content
        if call.result.is_error:
            result["is_error"] = True
        results.append(result)
        added += most_tokens(result, media=call.result.media_tokens)
        failed = failed + 1 if call.result.is_error else 0
        if call.name in NOTED and not call.result.is_error:
            state = NOTED[call.name](plan, state, call)
    state = replace(
        state,
        calls=(),
        failed=failed,
        messages=(*state.messages, {"role": "user", "content": results}),
        added_bytes=state.added_bytes + added,
    )
    if failed >= plan.agent.stop.failed_calls and state.ending is None:
        return _fail(state, "failed_calls", f"{failed} tool calls in a row failed; the last: {_last_error(results)}")
    return state


def _limit(_plan: SessionPlan, state: SessionState, event: LimitReached) -> SessionState:
    return replace(state, failure=event.failure)


def _finished(_plan: SessionPlan, state: SessionState, event: SessionFinished) -> SessionState:
    return replace(state, finished=event)


def _with_call(state: SessionState, name: str, change: Callable[[Call], Call]) -> tuple[Call, ...]:
    if not any(call.id == name and call.result is None for call in state.calls):
        raise ValueError(f"the last reply has no open call {name}")
    return tuple(change(call) if call.id == name else call for call in state.calls)


def _last_error(results: list[dict[str, JSON]]) -> str:
    content = results[-1].get("content", "")
    return content[:200] if isinstance(content, str) else json.dumps(content)[:200]


def _fail(state: SessionState, kind: FailureKind, message: str) -> SessionState:
    return replace(state, failure=Failure(kind, message))


_APPLY: Mapping[type[Any], Callable[[SessionPlan, SessionState, Any], SessionState]] = {
    SessionResumed: _resumed,
    ModelCalled: _called,
    ModelReplied: _replied,
    ModelFailed: _failed,
    ToolCalled: _tool_called,
    ToolFinished: _tool_finished,
    LimitReached: _limit,
    SessionFinished: _finished,
}
