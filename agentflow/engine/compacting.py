"""Making a conversation smaller: counted by the service, left out here, or asked of a model under the same accounts."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from msgspec.structs import replace

from agentflow.engine.perform import cost_of
from agentflow.engine.port import Loop
from agentflow.engine.purse import Covered
from agentflow.engine.service import Waiting
from agentflow.engine.service_line import ServiceCall, known_price
from agentflow.events.session_events import Compacted, CompactionCalled, CompactionFailed, TokensCounted
from agentflow.events.values import Failure
from agentflow.guard.ledger import Reservation, Wait
from agentflow.models.faults import course_of
from agentflow.models.port import Model, ModelError, RateLimits, TokenCounter
from agentflow.models.retry import Tries, next_try
from agentflow.plan.prices import Price
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
        failure = loop.live.sessions[stream].context.last_failure
        _Compacting(loop, stream, action.model, time.perf_counter(), action).wait(action.not_before, failure)


@dataclass(slots=True, frozen=True)
class _Compacting(ServiceCall):
    """One such call on its way."""

    action: Compact

    def prepared(self, model: str) -> tuple[int, Callable[[], bool]]:
        """About how many tokens it has, and what reserves its money and sends it."""
        plan, state = self.loop.live.plans[self.stream], self.loop.live.sessions[self.stream]
        asked = compaction_request(plan, state, self.stream, model, self.action.way)
        bound = compaction_bound(state, asked)
        return bound, lambda: self._reserve_and_ask(asked, bound)

    def _reserve_and_ask(self, asked: Request, bound: int) -> bool:
        loop, stream, action = self.loop, self.stream, self.action
        price = known_price(asked.model, asked.service)
        held = loop.live.ledger.reserve(stream, price, bound, longest_answer(loop.live.plans[stream], asked.model))
        covered = loop.purse.cover(held, price.at(bound).output) if isinstance(held, Reservation) else held
        if isinstance(covered, Wait):
            loop.short_of_money[stream] = self.begin
            return False
        if not isinstance(covered, Covered):
            # It is no reason to end: what is left may do for the next turn, of a conversation cut for nothing.
            failure = covered if isinstance(covered, Failure) else covered.failure
            loop.happen(stream, CompactionFailed(loop.now(), action.number, action.attempt, action.way, failure))
            return False
        self._ask(replace(asked, max_tokens=covered.held.max_tokens), bound, price, covered)
        return True

    def _ask(self, asked: Request, bound: int, price: Price, covered: Covered) -> None:
        loop, stream, action, live = self.loop, self.stream, self.action, self.loop.live
        held = covered.held
        model = self.going(asked.model, bound, held)
        queued = time.perf_counter() - self.wanted_at
        called = (action.number, action.attempt, action.way, asked.model, held.max_tokens, held.usd, covered.day)
        loop.happen(stream, CompactionCalled(loop.now(), *called))
        has_answered = loop.service.has_answered or live.spent().turns > 0
        asking = _Asking(loop, live.plans[stream], live.sessions[stream], price, queued, has_answered)
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
        paid = cost_of(asked, reply, self.price)
        answer = Answer(reply.content, reply.stop_reason, reply.model, reply.usage, paid, reply.request_id)
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
