"""Making a conversation smaller: counted by the service, left out here, or asked of a model under the same accounts."""

import time
from collections.abc import Callable, Coroutine
from typing import Any

from msgspec.structs import replace

from agentflow.engine.port import Loop
from agentflow.events.run_events import MoneyLeased
from agentflow.events.session_events import Compacted, CompactionCalled, CompactionFailed, TokensCounted
from agentflow.events.values import Failure
from agentflow.guard.ledger import Reservation, Wait
from agentflow.journal.port import RUN_STREAM
from agentflow.models.port import Model, ModelError, TokenCounter
from agentflow.models.retry import delay
from agentflow.plan.prices import Price, cost, price_of
from agentflow.session.compaction import Answer, answered, compacted
from agentflow.session.compaction_request import compaction_bound, compaction_request, longest_answer
from agentflow.session.context import Request, request_of
from agentflow.session.context_state import CompactionOut
from agentflow.session.state import Compact, CountTokens, SessionPlan, SessionState

MAX_ATTEMPTS = 3
"""Calls of one way to compact, the first included: there is a next way, and an agent that waits."""


def count_tokens(loop: Loop, stream: str, action: CountTokens) -> None:
    """Has the service count the next request; where it does not, the estimate stands."""
    counter: object = loop.model
    if not isinstance(counter, TokenCounter):
        loop.happen(stream, TokensCounted(loop.now(), None))
        return

    async def count(asked: Request) -> TokensCounted:
        return TokensCounted(loop.now(), await counter.count(asked))

    def begin() -> bool:
        asked = request_of(loop.live.plans[stream], loop.live.sessions[stream], stream, action.model, 1)
        loop.perform(stream, lambda: count(asked))
        return True

    loop.slots.request(stream, "model", begin)


def compact(loop: Loop, stream: str, action: Compact) -> None:
    """Makes a session's conversation smaller: at once, or by a call when it is due and a slot is free."""
    model = action.model
    if model is None:
        plan, state = loop.live.plans[stream], loop.live.sessions[stream]
        loop.happen(stream, compacted(plan, state, action.way, loop.now()))
        return
    wanted = time.perf_counter()

    def begin() -> bool:
        return _reserve_and_ask(loop, stream, action, model, wanted)

    if action.not_before is not None and action.not_before > loop.now():

        def due() -> None:
            loop.slots.request(stream, "model", begin)
            loop.settle()

        loop.timers.set(stream, "retry", action.not_before - loop.now(), due)
    else:
        loop.slots.request(stream, "model", begin)


def _reserve_and_ask(loop: Loop, stream: str, action: Compact, model: str, wanted: float) -> bool:
    live = loop.live
    plan, state = live.plans[stream], live.sessions[stream]
    price = price_of(model)
    if price is None:
        raise ValueError(f"the plan lets the model {model} through, which has no price")
    asked = compaction_request(plan, state, stream, model, action.way)
    held = live.ledger.reserve(stream, price, compaction_bound(state, asked), longest_answer(plan, model))
    if isinstance(held, Wait):
        loop.short_of_money[stream] = lambda: _reserve_and_ask(loop, stream, action, model, wanted)
        return False
    if not isinstance(held, Reservation):
        # It is no reason to end: what is left may do for the next turn, of a conversation cut for nothing.
        failure = held if isinstance(held, Failure) else held.failure
        loop.happen(stream, CompactionFailed(loop.now(), action.number, action.attempt, action.way, failure))
        return False
    _ask(loop, stream, action, replace(asked, max_tokens=held.max_tokens), price, held, wanted)
    return True


def _ask(
    loop: Loop, stream: str, action: Compact, asked: Request, price: Price, held: Reservation, wanted: float
) -> None:
    live, model, now = loop.live, loop.model, loop.now()
    if model is None:
        raise ValueError("an agent is at work in a run that was started without a model")
    leased = live.ledger.lease(held.usd)
    if leased > 0:
        loop.happen(RUN_STREAM, MoneyLeased(now, leased), durable=True)
    loop.happen(
        stream,
        CompactionCalled(now, action.number, action.attempt, action.way, asked.model, held.max_tokens, held.usd),
    )
    plan, state = live.plans[stream], live.sessions[stream]
    queued = time.perf_counter() - wanted
    loop.perform(stream, _asking(model, asked, price, plan, state, queued, loop.now, loop.around.chance))


def _asking(
    model: Model,
    asked: Request,
    price: Price,
    plan: SessionPlan,
    state: SessionState,
    queued: float,
    clock: Callable[[], float],
    chance: Callable[[], float],
) -> Callable[[], Coroutine[Any, Any, Compacted | CompactionFailed]]:
    async def ask() -> Compacted | CompactionFailed:
        out = state.context.out
        assert out is not None
        try:
            reply = await model.reply(asked, None)
        except ModelError as error:
            return _failed(error, out, clock(), chance())
        usage = reply.usage
        paid = cost(
            price,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cache_read_tokens=usage.cache_read_tokens,
            cache_write_5m_tokens=usage.cache_write_5m_tokens,
            cache_write_1h_tokens=usage.cache_write_1h_tokens,
        )
        answer = Answer(reply.content, reply.stop_reason, reply.model, usage, paid, reply.request_id)
        event = answered(plan, state, answer, clock())
        return replace(event, timings=replace(reply.timings, queued=queued)) if isinstance(event, Compacted) else event

    return ask


def _failed(error: ModelError, out: CompactionOut, now: float, chance: float) -> CompactionFailed:
    again = error.failure.retryable and out.attempt < MAX_ATTEMPTS
    return CompactionFailed(
        at=now,
        number=out.number,
        attempt=out.attempt,
        way=out.way,
        failure=error.failure,
        charged_usd=out.reserved_usd if error.billed else 0.0,
        retry_at=now + delay(out.attempt, error.retry_after, chance) if again else None,
        request_id=error.request_id,
    )
