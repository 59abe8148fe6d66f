"""What an event makes of a session. Each function takes the state before and gives the state after."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from msgspec.structs import replace
from rpds import HashTrieSet

from agentflow.events.file_events import FileChanging
from agentflow.events.session_events import (
    BreakerTripped,
    CallApproved,
    CallAsked,
    Compacted,
    CompactionCalled,
    CompactionFailed,
    LimitReached,
    ModelCalled,
    ModelFailed,
    ModelReplied,
    SessionEvent,
    SessionFinished,
    SessionRested,
    SessionResumed,
    SessionStarted,
    TokensCounted,
    ToolCalled,
    ToolFinished,
    ToolRetried,
)
from agentflow.events.values import NOTHING_SPENT, Spent
from agentflow.plan.context_tools import RECALL
from agentflow.plan.service_tools import without_open_calls
from agentflow.session import context_events
from agentflow.session.answers import NOTED
from agentflow.session.breakers import after_results, circles_after
from agentflow.session.calls import with_service_calls
from agentflow.session.context_state import ContextState
from agentflow.session.decide import decide
from agentflow.session.refusals import falls_back, may_fall_back
from agentflow.session.sizes import size
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
from agentflow.session.stops import stopped
from agentflow.source.visible import visible, visible_blocks

JSON = Any


def begin(plan: SessionPlan, event: SessionStarted, earlier: Earlier | None = None) -> SessionState:
    """A session at its beginning; `earlier` is what it carries on."""
    shown = plan.tools
    system = None if event.instructions is None else visible(event.instructions)
    prompt = visible(event.prompt)
    carried: tuple[Message, ...] = ()
    if earlier is not None:
        # The API wants tools where the messages hold calls: an agent without any is shown those, and may call none.
        shown = plan.tools or earlier.tools
        carried = _answered(earlier.messages)
        if plan.tools and RECALL in earlier.tools and RECALL.name in plan.by_name and RECALL not in shown:
            # What is carried on was compacted, and says where the rest is found.
            shown = (*shown, RECALL)
        if (system, shown) != (earlier.system, earlier.tools):
            carried = _without_thinking(carried)
    messages = with_user_text(carried, prompt)
    tools = [(tool.name, tool.description, tool.input_schema) for tool in shown]
    return SessionState(
        started_at=event.at,
        last_at=event.at,
        step=event.step,
        depth=event.depth,
        parent=event.parent,
        parent_call=event.parent_call,
        workspace=event.workspace,
        system=system,
        messages=messages,
        tools=shown,
        call_ids=HashTrieSet(_call_ids(messages)),
        added_bytes=size([system, tools, plan.agent.output, [each["content"] for each in messages]]),
        context=ContextState(prompt=prompt),
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
    until = event.worked_until if isinstance(event, SessionResumed | SessionRested) else event.at
    worked = state.active_seconds + max(0.0, until - state.last_at)
    state = replace(state, last_at=event.at, active_seconds=worked)
    if isinstance(event, FileChanging):
        return state
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
    # Somebody took the run up again: what kept it from asking may be gone, and an outage is waited for anew.
    return replace(state, parked=False, down_since=None, context=replace(state.context, down_since=None))


def _rested(_plan: SessionPlan, state: SessionState, _event: SessionRested) -> SessionState:
    return state


def _called(plan: SessionPlan, state: SessionState, event: ModelCalled) -> SessionState:
    wanted = ((action.turn, action.attempt) for action in decide(plan, state) if isinstance(action, CallModel))
    if (event.turn, event.attempt) not in wanted:
        raise ValueError(f"nothing wanted attempt {event.attempt} of turn {event.turn}")
    in_flight = InFlight(
        event.turn, event.attempt, event.max_tokens, event.reserved_usd, event.model, state.outages, state.down_since
    )
    # What was asked for and would have gained nothing is not made up for later.
    context = replace(state.context, forced=False)
    state = replace(state, turn=event.turn, in_flight=in_flight, retry_at=None, context=context)
    if event.note is None:
        return state
    messages = with_user_text(_answered(state.messages), event.note)
    added = state.added_bytes + size(event.note)
    return replace(state, messages=messages, added_bytes=added, closing=True, correction=None)


def _failed(plan: SessionPlan, state: SessionState, event: ModelFailed) -> SessionState:
    if state.in_flight is None:
        raise ValueError("a failed model call that was not made")
    down_since = state.down_since or event.at
    failure = event.failure
    state = replace(
        state,
        in_flight=None,
        attempt=event.attempt,
        overloads=state.overloads + 1 if event.overloaded else 0,
        outages=state.outages + 1 if event.outage else state.outages,
        down_since=down_since if event.outage else None,
        spent=state.spent + Spent(cost_usd=event.charged_usd),
        retry_at=event.retry_at,
        last_failure=event.failure,
        parked=event.parked,
    )
    if event.retry_at is not None or event.parked:
        return state
    if failure.kind == "context_window":
        return context_events.refused_as_too_long(plan, state, failure)
    return replace(state, failure=failure)


def _replied(plan: SessionPlan, state: SessionState, event: ModelReplied) -> SessionState:
    asked = state.in_flight
    if asked is None or asked.turn != event.turn:
        raise ValueError("a reply to a model call that was not made")
    if event.stop_reason == "refusal" and may_fall_back(plan, asked):
        return falls_back(state, event, asked)
    text = "".join(block["text"] for block in event.content if block.get("type") == "text")
    messages = state.messages
    if event.content:
        messages = (*messages, {"role": "assistant", "content": list(event.content)})
    state = replace(
        state,
        in_flight=None,
        attempt=0,
        overloads=0,
        outages=0,
        down_since=None,
        last_failure=None,
        falls_back=False,
        messages=messages,
        spent=state.spent + Spent(event.usage, event.cost_usd, turns=1),
        text=text or state.text,
        last_calls=0,
    )
    state = with_service_calls(state, event.content)
    state = context_events.counted_by(state, event)
    return stopped(plan, state, event, asked)


def _tool_called(plan: SessionPlan, state: SessionState, event: ToolCalled) -> SessionState:
    wanted = decide(plan, state)
    if not any(isinstance(action, RunTool | AskPerson | Spawn) and action.call.id == event.call for action in wanted):
        raise ValueError(f"nothing wanted call {event.call} now")
    return replace(state, calls=_with_call(state, event.call, lambda call: replace(call, started=True)))


def _asked(_plan: SessionPlan, state: SessionState, event: CallAsked) -> SessionState:
    if any(call.id == event.call and (call.started or call.asked is not None) for call in state.calls):
        raise ValueError(f"call {event.call} was asked about, or has begun")
    return replace(state, calls=_with_call(state, event.call, lambda call: replace(call, asked=event.digest)))


def _approved(_plan: SessionPlan, state: SessionState, event: CallApproved) -> SessionState:
    if not any(call.id == event.call and call.awaits_leave and call.asked == event.digest for call in state.calls):
        raise ValueError(f"nobody was asked about call {event.call} as it was approved")
    return replace(state, calls=_with_call(state, event.call, lambda call: replace(call, approved=event.digest)))


def _tool_retried(_plan: SessionPlan, state: SessionState, event: ToolRetried) -> SessionState:
    if not any(call.id == event.call and call.started for call in state.calls):
        raise ValueError(f"call {event.call} has not begun")
    again = _with_call(
        state,
        event.call,
        lambda call: replace(call, started=False, failures=call.failures + 1, retry_at=event.next_at),
    )
    return replace(state, calls=again)


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
            # As it is shown, not as it is on record: what hides from people must not reach the model unseen.
            result["content"] = visible_blocks(call.result.content)
        if call.result.is_error:
            result["is_error"] = True
        results.append(result)
        added += size(result, media=call.result.media_tokens)
        failed = failed + 1 if call.result.is_error else 0
        if call.name in NOTED and not call.result.is_error:
            state = NOTED[call.name](plan, state, call)
    state = context_events.asked_for(state)
    state = replace(
        state,
        circles=circles_after(state),
        calls=(),
        failed=failed,
        messages=(*state.messages, {"role": "user", "content": results}),
        added_bytes=state.added_bytes + added,
    )
    if state.ending is not None:
        return state
    return replace(state, trip=after_results(plan, state))


def _tripped(_plan: SessionPlan, state: SessionState, event: BreakerTripped) -> SessionState:
    if state.trip is None:
        raise ValueError("a breaker that did not trip")
    return replace(state, trip=None, failure=event.failure)


def _limit(_plan: SessionPlan, state: SessionState, event: LimitReached) -> SessionState:
    return replace(state, failure=event.failure)


def _finished(_plan: SessionPlan, state: SessionState, event: SessionFinished) -> SessionState:
    return replace(state, finished=event)


def _with_call(state: SessionState, name: str, change: Callable[[Call], Call]) -> tuple[Call, ...]:
    if not any(call.id == name and call.result is None for call in state.calls):
        raise ValueError(f"the last reply has no open call {name}")
    return tuple(change(call) if call.id == name else call for call in state.calls)


def _in_context(plan: SessionPlan, state: SessionState, event: Any) -> SessionState:
    """An event of the context, which is only accepted where it is what the session wants done."""
    wanted = next(iter(decide(plan, state)), None)
    state = _CONTEXT[type(event)](plan, state, event, wanted)
    if not isinstance(event, Compacted):
        return state
    # Thinking is bound to what came before it.
    return context_events.recounted(plan, state, _without_thinking(state.messages), event)


_CONTEXT: Mapping[type[Any], Callable[[SessionPlan, SessionState, Any, object], SessionState]] = {
    TokensCounted: context_events.tokens_counted,
    CompactionCalled: context_events.compaction_called,
    CompactionFailed: context_events.compaction_failed,
    Compacted: context_events.compacted,
}
_APPLY: Mapping[type[Any], Callable[[SessionPlan, SessionState, Any], SessionState]] = {
    SessionResumed: _resumed,
    SessionRested: _rested,
    ModelCalled: _called,
    ModelReplied: _replied,
    ModelFailed: _failed,
    CallAsked: _asked,
    CallApproved: _approved,
    ToolCalled: _tool_called,
    ToolFinished: _tool_finished,
    ToolRetried: _tool_retried,
    **dict.fromkeys(_CONTEXT, _in_context),
    BreakerTripped: _tripped,
    LimitReached: _limit,
    SessionFinished: _finished,
}
