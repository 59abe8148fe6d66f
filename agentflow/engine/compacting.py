"""Making a conversation smaller: counted by the service, left out here, or asked of a model under the same accounts."""

import time
from dataclasses import dataclass

from msgspec.structs import replace

from agentflow.engine.model_calls import asked_model
from agentflow.engine.port import Loop
from agentflow.engine.service import LONG_WAIT_SECONDS, Waiting
from agentflow.engine.service_waits import free
from agentflow.events.run_events import MoneyLeased
from agentflow.events.session_events import Compacted, CompactionCalled, CompactionFailed, TokensCounted
from agentflow.events.values import Failure
from agentflow.guard.ledger import Reservation, Wait
from agentflow.journal.port import RUN_STREAM
from agentflow.models.faults import course_of
from agentflow.models.port import Model, ModelError, RateLimits, TokenCounter
from agentflow.models.retry import Tries, next_try
from agentflow.plan.prices import Price, cost, price_for, price_of_reply
from agentflow.session.compaction import Answer, answered, compacted
from agentflow.session.compaction_request import compaction_bound, compaction_request, longest_answer
from agentflow.session.context import Request, request_of
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
        if loop.service.barred is not None:
            loop.service.waiting[stream] = Waiting(None, loop.service.barred)
            return False
        asked = request_of(loop.live.plans[stream], loop.live.sessions[stream], stream, action.model, 1)
        loop.perform(stream, lambda: count(asked))
        return True

    loop.slots.request(stream, "model", begin)


def compact(loop: Loop, stream: str, action: Compact) -> None:
    """Makes a session's conversation smaller: at once, or by a call when it is due, a slot is free and the service has
    room."""
    if action.model is None:
        plan, state = loop.live.plans[stream], loop.live.sessions[stream]
        loop.happen(stream, compacted(plan, state, action.way, loop.now()))
    else:
        _Compacting(loop, stream, action, action.model, time.perf_counter()).wait()


@dataclass(slots=True, frozen=True)
class _Compacting:
    """One such call on its way."""

    loop: Loop
    stream: str
    action: Compact
    model: str
    wanted: float

    def wait(self) -> None:
        """Stands in line, now or when the next attempt is due."""
        loop, at, now = self.loop, self.action.not_before, self.loop.now()
        if at is None or at <= now:
            self._stand_in_line()
            return
        failure = loop.live.sessions[self.stream].context.last_failure
        if at - now >= LONG_WAIT_SECONDS and failure is not None:
            loop.service.waiting[self.stream] = Waiting(at, failure)

        def due() -> None:
            loop.service.forget(self.stream)
            self._stand_in_line()
            loop.settle()

        loop.timers.set(self.stream, "retry", at - now, due)

    def _stand_in_line(self) -> None:
        self.loop.service.asks[self.stream] = self._model()
        self.loop.slots.request(self.stream, "model", self.begin)

    def _model(self) -> str:
        return asked_model(self.loop, self.stream, self.model)

    def begin(self) -> bool:
        """Sends it, or sees to it that it is asked for again; whether it went out."""
        loop, service, now = self.loop, self.loop.service, self.loop.now()
        if service.barred is not None:
            service.waiting[self.stream] = Waiting(None, service.barred)
            return False
        model = self._model()
        if service.asks.get(self.stream) != model:
            self._stand_in_line()
            return False
        plan, state = loop.live.plans[self.stream], loop.live.sessions[self.stream]
        asked = compaction_request(plan, state, self.stream, model, self.action.way)
        bound = compaction_bound(state, asked)
        at = service.may_go_at(model, bound, now)
        if at is None or at > now:
            service.hold(loop, self.stream, model, at, self._stand_in_line)
            return False
        return self._reserve_and_ask(asked, bound)

    def _reserve_and_ask(self, asked: Request, bound: int) -> bool:
        loop, service, now = self.loop, self.loop.service, self.loop.now()
        plan, state = loop.live.plans[self.stream], loop.live.sessions[self.stream]
        price = price_for(asked.model, asked.service)
        if price is None:
            raise ValueError(f"the plan lets the model {asked.model} through, which has no price")
        held = loop.live.ledger.reserve(self.stream, price, bound, longest_answer(plan, asked.model))
        if isinstance(held, Wait):
            loop.short_of_money[self.stream] = self.begin
            return False
        if not isinstance(held, Reservation):
            # It is no reason to end: what is left may do for the next turn, of a conversation cut for nothing.
            failure = held if isinstance(held, Failure) else held.failure
            number, attempt, way = self.action.number, self.action.attempt, self.action.way
            loop.happen(self.stream, CompactionFailed(now, number, attempt, way, failure))
            return False
        free(loop, state.step)
        service.going(self.stream, asked.model, bound, now)
        queued = time.perf_counter() - self.wanted
        _ask(loop, self.stream, self.action, replace(asked, max_tokens=held.max_tokens), price, held, queued)
        return True


def _ask(
    loop: Loop, stream: str, action: Compact, asked: Request, price: Price, held: Reservation, queued: float
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
    state = live.sessions[stream]
    has_answered = loop.service.has_answered or live.spent().turns > 0
    asking = _Asking(loop, live.plans[stream], state, price, queued, has_answered)
    loop.perform(stream, lambda: asking.ask(model, asked))


@dataclass(slots=True, frozen=True)
class _Asking:
    """What a call is accounted by, from the moment that it goes out."""

    loop: Loop
    plan: SessionPlan
    state: SessionState
    price: Price
    queued: float
    has_answered: bool

    async def ask(self, model: Model, asked: Request) -> Compacted | CompactionFailed:
        """Sends it."""
        try:
            reply = await model.reply(asked, None)
        except ModelError as error:
            self._told(asked, error.limits)
            return self._failed(error)
        self._told(asked, reply.limits)
        usage = reply.usage
        paid = cost(
            price_of_reply(asked.model, asked.service, reply.inference_geo, reply.speed) or self.price,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cache_read_tokens=usage.cache_read_tokens,
            cache_write_5m_tokens=usage.cache_write_5m_tokens,
            cache_write_1h_tokens=usage.cache_write_1h_tokens,
        )
        answer = Answer(reply.content, reply.stop_reason, reply.model, usage, paid, reply.request_id)
        event = answered(self.plan, self.state, answer, self.loop.now())
        if isinstance(event, CompactionFailed):
            return event
        return replace(event, timings=replace(reply.timings, queued=self.queued))

    def _told(self, asked: Request, limits: RateLimits | None) -> None:
        self.loop.service.told(asked.model, limits, self.loop.now())

    def _failed(self, error: ModelError) -> CompactionFailed:
        own, now = self.state.context, self.loop.now()
        out = own.out
        assert out is not None
        course = course_of(error.fault, retryable=error.failure.retryable)
        outage = course == "wait"
        tries = Tries(out.attempt, own.outages + outage, own.down_since, self.has_answered or bool(error.request_id))
        retry_at, parked = next_try(course, tries, error.retry_after, now, self.loop.around.chance())
        if course == "again" and tries.attempt - tries.outages >= MAX_ATTEMPTS:
            retry_at = None
        return CompactionFailed(
            at=now,
            number=out.number,
            attempt=out.attempt,
            way=out.way,
            failure=error.failure,
            charged_usd=out.reserved_usd if error.billed else 0.0,
            retry_at=retry_at,
            request_id=error.request_id,
            overloaded=error.overloaded,
            fault=error.fault or None,
            outage=outage,
            parked=parked,
        )
