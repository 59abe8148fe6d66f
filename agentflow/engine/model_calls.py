"""A session's next request: when it may go out, to which model, for how much money, and what is heard of it."""

import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from agentflow.engine.file_limits import reach_limit
from agentflow.engine.perform import Asking, call_model
from agentflow.engine.port import Loop
from agentflow.engine.service import LONG_WAIT_SECONDS, Waiting
from agentflow.engine.service_waits import free
from agentflow.events.run_events import MoneyLeased
from agentflow.events.session_events import LimitReached, ModelCalled, ModelFailed, ModelReplied
from agentflow.events.values import Failure
from agentflow.guard.ledger import Exhausted, Reservation, UsedUp, Wait
from agentflow.journal.port import RUN_STREAM
from agentflow.plan.prices import Price, price_for
from agentflow.plan.service_tools import RESULT_TOKENS
from agentflow.session.context import input_bound, request, searches_bound
from agentflow.session.state import CallModel, SessionState

BYTES_OF_A_TOKEN = 4
"""About: for what the service counts, not for what money is kept back."""


def send(loop: Loop, stream: str, action: CallModel) -> None:
    """Has the session's next request go out when it is due, a slot is free, the service has room, and the money for it
    is there."""
    _Sending(loop, stream, action, time.perf_counter()).wait()


def asked_model(loop: Loop, stream: str, wanted: str) -> str:
    """The model that is asked: the fallback where the agent's is known to be down, and the fallback is not."""
    agent, service, now = loop.live.plans[stream].agent, loop.service, loop.now()
    other = agent.fallback_model
    down = other is not None and wanted == agent.model and not service.is_open(wanted, now)
    return other if down and other is not None and service.is_open(other, now) else wanted


@dataclass(slots=True, frozen=True)
class _Sending:
    """One request on its way."""

    loop: Loop
    stream: str
    action: CallModel
    wanted: float

    @property
    def state(self) -> SessionState:
        return self.loop.live.sessions[self.stream]

    def wait(self) -> None:
        """Stands in line, now or when the next attempt is due."""
        loop, at = self.loop, self.action.not_before
        now = loop.now()
        if at is None or at <= now:
            self._stand_in_line()
            return
        if at - now >= LONG_WAIT_SECONDS and self.state.last_failure is not None:
            loop.service.waiting[self.stream] = Waiting(at, self.state.last_failure)

        def due() -> None:
            loop.service.forget(self.stream)
            self._stand_in_line()
            loop.settle()

        loop.timers.set(self.stream, "retry", at - now, due)

    def _stand_in_line(self) -> None:
        self.loop.service.asks[self.stream] = self._model()
        self.loop.slots.request(self.stream, "model", self.begin)

    def _model(self) -> str:
        return asked_model(self.loop, self.stream, self.action.model)

    def begin(self) -> bool:
        """Sends it, or sees to it that it is asked for again; whether it went out."""
        loop, service = self.loop, self.loop.service
        if service.barred is not None:
            service.waiting[self.stream] = Waiting(None, service.barred)
            return False
        model, now = self._model(), loop.now()
        if service.asks.get(self.stream) != model:
            self._stand_in_line()
            return False
        tokens = self.state.context_tokens + self.state.added_bytes // BYTES_OF_A_TOKEN
        at = service.may_go_at(model, tokens, now)
        if at is None or at > now:
            service.hold(loop, self.stream, model, at, self._stand_in_line)
            return False
        return self._reserve_and_send(model, tokens)

    def _reserve_and_send(self, model: str, tokens: int) -> bool:
        loop, stream, live = self.loop, self.stream, self.loop.live
        agent = live.plans[stream].agent
        price = price_for(model, agent.service)
        if price is None:
            raise ValueError(f"the plan lets the model {model} through, which has no price")
        searches = searches_bound(live.plans[stream], self.state, self.action.note)
        added = input_bound(self.state, self.action.note) + searches * RESULT_TOKENS
        held = live.ledger.reserve(stream, price, added, agent.max_tokens, searches)
        loop.exhausted.pop(stream, None)
        if isinstance(held, Exhausted):
            loop.exhausted[stream] = held.failure
        if isinstance(held, Wait | Exhausted):
            loop.short_of_money[stream] = self.begin
            return False
        if isinstance(held, UsedUp):
            reach_limit(loop, held.part, held.failure)
            held = held.failure
        if isinstance(held, Failure):
            loop.happen(stream, LimitReached(loop.now(), held))
            return False
        free(loop, self.state.step)
        loop.service.going(stream, model, tokens, loop.now())
        self._send(model, price, held)
        return True

    def _send(self, model: str, price: Price, held: Reservation) -> None:
        loop, stream, action, live = self.loop, self.stream, self.action, self.loop.live
        client, now = loop.model, loop.now()
        if client is None:
            raise ValueError("an agent is at work in a run that was started without a model")
        leased = live.ledger.lease(held.usd)
        if leased > 0:
            loop.happen(RUN_STREAM, MoneyLeased(now, leased), durable=True)
        loop.happen(
            stream, ModelCalled(now, action.turn, action.attempt, model, held.max_tokens, held.usd, action.note)
        )
        state, hear = self.state, loop.around.hear
        in_flight = state.in_flight
        assert in_flight is not None
        asked = request(live.plans[stream], state, stream, model)
        asking = Asking(
            price,
            in_flight,
            time.perf_counter() - self.wanted,
            loop.now,
            loop.around.chance,
            has_answered=loop.service.has_answered or live.spent().turns > 0,
            on_limits=lambda limits: loop.service.told(model, limits, loop.now()),
        )

        def not_sent(failure: Failure) -> ModelFailed:
            return ModelFailed(loop.now(), in_flight.turn, in_flight.attempt, failure, 0.0)

        def ask() -> Coroutine[Any, Any, ModelReplied | ModelFailed]:
            return call_model(client, asked, asking, _heard_by(hear, stream))

        # Before the first request, so that an agent without the files it is to work on costs nothing.
        loop.perform(stream, lambda: loop.workspaces.within(state.workspace, ask, not_sent))


def _heard_by(hear: Callable[[str, str], None] | None, stream: str) -> Callable[[str], None] | None:
    return None if hear is None else (lambda text: hear(stream, text))
