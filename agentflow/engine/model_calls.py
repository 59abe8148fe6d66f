"""A session's next request: for how much money it goes out, and what is heard of it."""

import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from agentflow.engine.file_limits import reach_limit
from agentflow.engine.perform import Asking, call_model
from agentflow.engine.port import Loop
from agentflow.engine.purse import Covered
from agentflow.engine.service_line import ServiceCall, known_price
from agentflow.events.session_events import LimitReached, ModelCalled, ModelFailed, ModelReplied
from agentflow.events.values import Failure
from agentflow.guard.ledger import Exhausted, Reservation, UsedUp, Wait
from agentflow.plan.prices import Price
from agentflow.plan.service_tools import RESULT_TOKENS
from agentflow.session.context import input_bound, request, searches_bound
from agentflow.session.state import CallModel, SessionState

Came = ModelReplied | ModelFailed
BYTES_OF_A_TOKEN = 4
"""About: for what the service counts, not for what money is kept back."""


def send(loop: Loop, stream: str, action: CallModel) -> None:
    """Has the session's next request go out when it is due, a slot is free, the service has room, and the money for it
    is there."""
    failure = loop.live.sessions[stream].last_failure
    _Sending(loop, stream, action.model, time.perf_counter(), action).wait(action.not_before, failure)


@dataclass(slots=True, frozen=True)
class _Sending(ServiceCall):
    """One request on its way."""

    action: CallModel

    @property
    def state(self) -> SessionState:
        return self.loop.live.sessions[self.stream]

    def prepared(self, model: str) -> tuple[int, Callable[[], bool]]:
        """About how many tokens it has, and what reserves its money and sends it."""
        tokens = self.state.context_tokens + self.state.added_bytes // BYTES_OF_A_TOKEN
        return tokens, lambda: self._reserve_and_send(model, tokens)

    def _reserve_and_send(self, model: str, tokens: int) -> bool:
        loop, stream, live = self.loop, self.stream, self.loop.live
        agent = live.plans[stream].agent
        price = known_price(model, agent.service)
        searches = searches_bound(live.plans[stream], self.state, self.action.note)
        added = input_bound(self.state, self.action.note) + searches * RESULT_TOKENS
        held = live.ledger.reserve(stream, price, added, agent.max_tokens, searches)
        loop.exhausted.pop(stream, None)
        covered = loop.purse.cover(held, price.at(added).output) if isinstance(held, Reservation) else held
        if isinstance(covered, Exhausted):
            loop.exhausted[stream] = covered
        if isinstance(covered, Wait | Exhausted):
            loop.short_of_money[stream] = self.begin
            return False
        if isinstance(covered, UsedUp):
            reach_limit(loop, covered.part, covered.failure)
            covered = covered.failure
        if isinstance(covered, Failure):
            loop.happen(stream, LimitReached(loop.now(), covered))
            return False
        self._send(model, tokens, price, covered)
        return True

    def _send(self, model: str, tokens: int, price: Price, covered: Covered) -> None:
        loop, stream, action, live = self.loop, self.stream, self.action, self.loop.live
        held = covered.held
        client, now = self.going(model, tokens, held), loop.now()
        called = (model, held.max_tokens, held.usd, action.note, covered.day)
        loop.happen(stream, ModelCalled(now, action.turn, action.attempt, *called))
        state = self.state
        in_flight = state.in_flight
        assert in_flight is not None
        asked = request(live.plans[stream], state, stream, model)
        asking = Asking(
            price,
            in_flight,
            time.perf_counter() - self.wanted_at,
            loop.now,
            loop.around.chance,
            has_answered=loop.service.has_answered or live.spent().turns > 0,
            on_limits=lambda limits: loop.service.told(model, limits, loop.now()),
        )

        def not_sent(failure: Failure) -> ModelFailed:
            return ModelFailed(loop.now(), in_flight.turn, in_flight.attempt, failure, 0.0)

        def ask() -> Coroutine[Any, Any, ModelReplied | ModelFailed]:
            return _heard(loop, stream, lambda say: call_model(client, asked, asking, say))

        # Before the first request, so that an agent without the files it is to work on costs nothing.
        loop.perform(stream, lambda: loop.workspaces.within(state.workspace, ask, not_sent))


async def _heard(
    loop: Loop, stream: str, ask: Callable[[Callable[[str], None] | None], Coroutine[Any, Any, Came]]
) -> Came:
    """What came of a request, whose words are heard as they come, without the values of secrets."""
    hear = loop.around.hear
    if hear is None:
        return await ask(None)
    take = loop.secrets.pieces(lambda text: hear(stream, text))
    try:
        return await ask(take)
    finally:
        take(None)
