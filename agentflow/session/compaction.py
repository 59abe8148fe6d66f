"""When a conversation is made smaller, how, and what it then is. Pure.

The ways of a strategy are tried in turn: `compact` asks the service to compact, then a model to summarise, and leaves
the oldest turns out where neither brings anything; so a strategy never keeps an agent from going on. All go down to
half of the threshold, so that the cached prefix is broken rarely.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from agentflow.events.session_events import Compacted, CompactionFailed
from agentflow.events.values import CompactionWay, Failure, Usage
from agentflow.plan.agent_plan import ContextPlan
from agentflow.plan.context_tools import RECALL
from agentflow.session import summaries
from agentflow.session.context import bytes_added, input_bound
from agentflow.session.sizes import size
from agentflow.session.state import Compact, CountTokens, End, SessionPlan, SessionState
from agentflow.session.windows import Shape, is_compaction, replaced, shape_of

JSON = Any
Message = Mapping[str, JSON]

WAYS: Mapping[str, tuple[CompactionWay, ...]] = {
    "compact": ("api", "summary", "window"),
    "summarize": ("summary", "window"),
    "window": ("window",),
    "clear_tools": ("clear",),
}
"""How each strategy makes room, by what is tried in turn."""

ASKING: frozenset[CompactionWay] = frozenset({"api", "summary"})
"""The ways that ask a model."""

GOAL = 0.5
"""Of the threshold: what a compaction goes down to."""

SUMMARY_SHARE = 0.15
"""Of that, what a summary may hold."""

LEAST_BUDGET = 6_000
"""Bytes of conversation that always stay: instructions and tools that fill the threshold are not cut here."""

WORTH = 0.9
"""A compaction that leaves more than this share of the conversation is not made."""

DOUBT = (0.7, 1.4)
"""How far an estimate of what was added may be off; between the two the service is asked to count."""


def next_step(plan: SessionPlan, state: SessionState, note: str | None) -> Compact | CountTokens | End | None:
    """What is to be done about the context before the next turn, which `note` begins; None: nothing."""
    context, own = plan.agent.context, state.context
    # A turn that the service paused is not compacted: it would not know its own half-finished work again.
    if context is None or not state.messages or state.messages[-1]["role"] != "user":
        return None
    if not own.forced:
        at = threshold(context, state)
        if own.settled_turn == state.turn or input_bound(state, note) <= at:
            return None
        added = bytes_added(state, note) * own.ratio
        low, high = (state.context_tokens + added * off for off in DOUBT)
        if high < at:
            return None
        if low < at and own.counts and state.added_bytes:
            return CountTokens(plan.agent.model)
        if state.context_tokens + added < at:
            return None
    shape = wanted_shape(plan, state)
    if shape is None:
        return None if own.too_long is None else End(own.too_long.kind, None, own.too_long)
    way = next(way for way in WAYS[context.strategy] if _is_open(plan, state, way, shape))
    model = {"api": plan.agent.model, "summary": context.model}.get(way)
    return Compact(own.done + 1, own.attempt + 1, way, model, own.retry_at)


def _is_open(plan: SessionPlan, state: SessionState, way: CompactionWay, shape: Shape) -> bool:
    own = state.context
    if way not in ASKING:
        return True
    if way in own.failed or (way == "api" and own.no_api) or shape.until == 0:
        return False
    # Each call is one of the agent's turns, and one must be left to go on with.
    return own.attempt > 0 or state.turn + own.calls + 2 <= plan.agent.stop.turns


def wanted_shape(plan: SessionPlan, state: SessionState) -> Shape | None:
    """What a compaction now would leave; None where it would gain nothing."""
    context = plan.agent.context
    assert context is not None
    shape = shape_of(
        state.messages,
        context.keep_last,
        context.keep,
        _budget(plan, state, context),
        clear=context.strategy == "clear_tools",
        recall=bool(plan.tools),
    )
    if shape.left_bytes > WORTH * size([message["content"] for message in state.messages]):
        return None
    return shape


def _budget(plan: SessionPlan, state: SessionState, context: ContextPlan) -> int:
    """Bytes of conversation that shall stay, beside the instructions, tools and schema of every request."""
    at = threshold(context, state)
    if state.context.forced:
        # There may be little: half of that, then.
        at = min(at, estimated_tokens(state))
    goal = int(at * GOAL / state.context.ratio)
    return max(goal - fixed_bytes(plan, state), LEAST_BUDGET)


def threshold(context: ContextPlan, state: SessionState) -> int:
    """The tokens from which on a conversation is made smaller: the plan's, or less where the model holds less."""
    return context.at if state.context.limit is None else min(context.at, state.context.limit)


def estimated_tokens(state: SessionState) -> int:
    """What the next request would hold, as far as it can be told without asking."""
    return state.context_tokens + round(state.added_bytes * state.context.ratio)


def fixed_bytes(plan: SessionPlan, state: SessionState) -> int:
    """What every request of a session holds beside its messages."""
    tools = [(tool.name, tool.description, tool.input_schema) for tool in state.tools]
    return size([state.system, tools, plan.agent.output])


class Answer(Struct, frozen=True):
    """What a model answered that was asked to compact or to summarise."""

    content: Sequence[Mapping[str, JSON]]
    stop_reason: str
    model: str
    usage: Usage
    cost_usd: float
    request_id: str | None


def compacted(plan: SessionPlan, state: SessionState, way: CompactionWay, at: float) -> Compacted:
    """A compaction that asks nobody."""
    shape = wanted_shape(plan, state)
    assert shape is not None
    layers = state.context.summary
    head = _head(plan, state, shape, None, layers, summarised=False) if shape.until else ()
    return _event(plan, state, way, shape, head, layers, at)


def answered(plan: SessionPlan, state: SessionState, answer: Answer, at: float) -> Compacted | CompactionFailed:
    """What an answer to the call that is out comes to."""
    out, shape = state.context.out, wanted_shape(plan, state)
    assert out is not None
    assert shape is not None
    try:
        if out.way == "api":
            block, layers = _block_of(answer), None
        else:
            block, layers = None, _layers_of(plan, state, answer)
    except summaries.NoSummaryError as error:
        return CompactionFailed(
            at,
            out.number,
            out.attempt,
            out.way,
            Failure("unexpected_reply", str(error)),
            charged_usd=answer.cost_usd,
            usage=answer.usage,
            request_id=answer.request_id,
        )
    head = _head(plan, state, shape, block, layers, summarised=True)
    event = _event(plan, state, out.way, shape, head, layers, at)
    return replace(
        event, model=answer.model, usage=answer.usage, cost_usd=answer.cost_usd, request_id=answer.request_id
    )


def _block_of(answer: Answer) -> Mapping[str, JSON]:
    for block in answer.content:
        if block.get("type") == "compaction" and block.get("content"):
            return block
    raise summaries.NoSummaryError(f"the service compacted nothing (`{answer.stop_reason}`)")


def _layers_of(plan: SessionPlan, state: SessionState, answer: Answer) -> Mapping[str, JSON]:
    if answer.stop_reason not in ("end_turn", "stop_sequence"):
        raise summaries.NoSummaryError(f"the summary is not whole (`{answer.stop_reason}`)")
    text = "".join(block["text"] for block in answer.content if block.get("type") == "text")
    context = plan.agent.context
    assert context is not None
    budget = int(_budget(plan, state, context) * SUMMARY_SHARE)
    return summaries.merged(state.context.summary, summaries.read(text), max(budget, LEAST_BUDGET // 4))


def _event(
    plan: SessionPlan,
    state: SessionState,
    way: CompactionWay,
    shape: Shape,
    head: tuple[Message, ...],
    summary: Mapping[str, JSON] | None,
    at: float,
) -> Compacted:
    context, own = plan.agent.context, state.context
    assert context is not None
    staying = (*head, *replaced(state.messages[shape.until :], shape.cleared))
    held = size([message["content"] for message in staying]) + fixed_bytes(plan, state)
    return Compacted(
        at=at,
        number=own.done + 1,
        strategy=context.strategy,
        way=way,
        until=shape.until,
        head=head,
        cleared=shape.cleared,
        tokens_before=estimated_tokens(state),
        tokens_after=round(held * own.ratio),
        summary=summary,
    )


def _head(
    plan: SessionPlan,
    state: SessionState,
    shape: Shape,
    block: Mapping[str, JSON] | None,
    layers: Mapping[str, JSON] | None,
    *,
    summarised: bool,
) -> tuple[Message, ...]:
    """What stands in the place of what goes: the prompt as it was, what is known of the rest, the turns that stay.

    Parameters:
        block: the service's own compaction.
        layers: a model's summary, older ones in it.
        summarised: it is what goes now that was summarised.
    """
    messages = state.messages
    head: list[Message] = []
    if block is not None:
        head.append({"role": "assistant", "content": [dict(block)]})
    elif is_compaction(messages[0]) and layers is None:
        # It is all that is left of what came before it.
        head.append(messages[0])
    content = []
    if prompt_index(messages, state.context.prompt) < shape.until:
        content.append({"type": "text", "text": state.context.prompt})
    content.append({"type": "text", "text": _notice(plan, state, shape, layers, summarised=summarised)})
    head.append({"role": "user", "content": content})
    for start, end in shape.kept:
        head.extend(replaced(messages[start:end], shape.cleared))
    return tuple(head)


def prompt_index(messages: Sequence[Message], prompt: str) -> int:
    """Where the session's own prompt stands: the last place, since one that it carries on may have had the same."""
    for index in range(len(messages) - 1, -1, -1):
        if messages[index]["role"] == "user" and any(
            block["type"] == "text" and block["text"] == prompt for block in messages[index]["content"]
        ):
            return index
    return 0


def _notice(
    plan: SessionPlan, state: SessionState, shape: Shape, layers: Mapping[str, JSON] | None, *, summarised: bool
) -> str:
    stays = sum(message["role"] == "assistant" for message in state.messages[shape.until :])
    until = state.turn - stays
    turns = "" if until < 1 else " (turn 1)" if until == 1 else f" (turns 1 to {until})"
    what = "is summarised" if summarised else "was left out"
    recall = " Recall finds what was said in it, word for word." if plan.tools else ""
    notice = f"[The earlier part of this conversation{turns} {what} to make room.{recall}]"
    return notice if layers is None else f"{notice}\n\n{summaries.text_of(layers)}"


def folded(plan: SessionPlan, state: SessionState, event: Compacted) -> tuple[tuple[Message, ...], bool]:
    """The conversation that a compaction leaves, and whether the agent is shown `Recall` from now on."""
    messages = (*event.head, *replaced(state.messages[event.until :], event.cleared))
    shown = bool(plan.tools) and all(tool.name != RECALL.name for tool in state.tools)
    return messages, shown
