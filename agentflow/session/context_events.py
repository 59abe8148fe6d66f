"""What the events of its context make of a session: counts, compactions, and requests that were too long. Pure."""

from msgspec.structs import replace

from agentflow.events.session_events import Compacted, CompactionCalled, CompactionFailed, ModelReplied, TokensCounted
from agentflow.events.values import Failure, Spent
from agentflow.guard.circles import Circles
from agentflow.plan.context_tools import COMPACT, RECALL
from agentflow.session.compaction import ASKING, estimated_tokens, fixed_bytes, folded
from agentflow.session.context_state import CompactionOut, ContextState, ratio_of
from agentflow.session.sizes import size
from agentflow.session.state import Compact, CountTokens, Message, SessionPlan, SessionState

LEARNED = 0.8
"""Of a request that was refused as too long: the threshold from then on."""


def tokens_counted(_plan: SessionPlan, state: SessionState, event: TokensCounted, wanted: object) -> SessionState:
    """The service's count takes the place of the estimate."""
    if not isinstance(wanted, CountTokens):
        raise ValueError("nothing wanted a count of tokens")
    if event.tokens is None:
        return replace(state, context=replace(state.context, counts=False))
    held = state.context.counted_bytes + state.added_bytes
    context = replace(state.context, counted_bytes=held, ratio=ratio_of(event.tokens, held), slack=0)
    return replace(state, context_tokens=event.tokens, added_bytes=0, context=context)


def compaction_called(_plan: SessionPlan, state: SessionState, event: CompactionCalled, wanted: object) -> SessionState:
    """A call that shall compact is out."""
    _check(event, wanted)
    own = state.context
    out = CompactionOut(event.number, event.attempt, event.way, event.max_tokens, event.reserved_usd)
    calls = own.calls + 1 if event.attempt == 1 else own.calls
    return replace(state, context=replace(own, out=out, calls=calls, retry_at=None))


def compaction_failed(_plan: SessionPlan, state: SessionState, event: CompactionFailed, wanted: object) -> SessionState:
    """A way brought nothing: it is tried again, or the next one is."""
    own = state.context
    if own.out is None:
        _check(event, wanted)
    elif (own.out.number, own.out.attempt, own.out.way) != (event.number, event.attempt, event.way):
        raise ValueError("another compaction is out")
    spent = state.spent + Spent(event.usage, event.charged_usd)
    if event.retry_at is not None or event.parked:
        own = replace(
            own,
            out=None,
            attempt=event.attempt,
            retry_at=event.retry_at,
            outages=own.outages + event.outage,
            down_since=(own.down_since or event.at) if event.outage else None,
            last_failure=event.failure,
        )
        return replace(state, spent=spent, context=own, parked=event.parked)
    no_api = own.no_api or (event.way == "api" and event.failure.kind == "model_request_refused")
    own = replace(_untried(own), failed=(*own.failed, event.way), no_api=no_api)
    return replace(state, spent=spent, context=own)


def compacted(plan: SessionPlan, state: SessionState, event: Compacted, wanted: object) -> SessionState:
    """The conversation as a compaction leaves it; how large it is has still to be counted (`recounted`)."""
    own = state.context
    if event.way in ASKING:
        if own.out is None or (own.out.number, own.out.way) != (event.number, event.way):
            raise ValueError("a compaction that was not asked for")
    elif own.out is not None or not isinstance(wanted, Compact) or wanted.way != event.way:
        raise ValueError("nothing wanted this compaction")
    messages, shows_recall = folded(plan, state, event)
    own = replace(
        _untried(own),
        done=event.number,
        settled_turn=state.turn,
        failed=(),
        forced=False,
        summary=event.summary,
    )
    return replace(
        state,
        messages=messages,
        tools=(*state.tools, RECALL) if shows_recall else state.tools,
        # What was made smaller has to be read again.
        circles=Circles(),
        spent=state.spent + Spent(event.usage, event.cost_usd),
        context=own,
    )


def recounted(plan: SessionPlan, state: SessionState, messages: tuple[Message, ...], event: Compacted) -> SessionState:
    """The state with these messages, nothing of which has been counted exactly."""
    held = size([message["content"] for message in messages]) + fixed_bytes(plan, state)
    new = size([*(message["content"] for message in event.head), *event.cleared.values(), RECALL.input_schema])
    whole = state.context_tokens + state.added_bytes - state.context.slack + new + size(RECALL.description)
    context = replace(state.context, counted_bytes=0, slack=max(0, held - whole))
    return replace(state, messages=messages, context_tokens=0, added_bytes=held, context=context)


def counted_by(state: SessionState, event: ModelReplied) -> SessionState:
    """The state with what a reply tells of the context's size; a service that tells none leaves it to the estimate."""
    own = state.context
    sent = own.counted_bytes + state.added_bytes
    tokens = event.usage.input_total
    ratio = ratio_of(tokens, sent) if tokens else own.ratio
    held = tokens + event.usage.output_tokens if tokens else round(sent * ratio)
    own = replace(own, counted_bytes=sent + size(list(event.content)), ratio=ratio, slack=0)
    if event.stop_reason != "model_context_window_exceeded":
        own = replace(own, too_long=None)
    return replace(state, context_tokens=held, added_bytes=0, context=own)


def refused_as_too_long(plan: SessionPlan, state: SessionState, failure: Failure) -> SessionState:
    """One compaction and another try, where the agent has a strategy; the failure where that was tried."""
    own = state.context
    if plan.agent.context is None or own.too_long is not None:
        return replace(state, failure=failure)
    limit = min(int(estimated_tokens(state) * LEARNED), own.limit or plan.agent.context.at)
    return replace(state, context=replace(own, forced=True, too_long=failure, limit=limit))


def asked_for(state: SessionState) -> SessionState:
    """The state with a compaction due, where the agent has just called for one."""
    called = any(
        call.name == COMPACT.name and call.result is not None and not call.result.is_error for call in state.calls
    )
    return replace(state, context=replace(state.context, forced=True)) if called else state


def _untried(own: ContextState) -> ContextState:
    """Nothing is out, and the next way has had no try yet."""
    return replace(own, out=None, attempt=0, retry_at=None, outages=0, down_since=None, last_failure=None)


def _check(event: CompactionCalled | CompactionFailed, wanted: object) -> None:
    named = (event.number, event.attempt, event.way)
    if not isinstance(wanted, Compact) or (wanted.number, wanted.attempt, wanted.way) != named:
        raise ValueError(f"nothing wanted attempt {event.attempt} of compaction {event.number}")
