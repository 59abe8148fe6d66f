"""The line of a call to a model: from when it is wanted until it is due, a slot is free and the service has room."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

from agentflow.engine.port import Loop
from agentflow.engine.service import LONG_WAIT_SECONDS, Waiting
from agentflow.engine.service_waits import free
from agentflow.events.operator_events import MoneyLeased
from agentflow.events.values import Failure
from agentflow.guard.ledger import Reservation
from agentflow.journal.port import RUN_STREAM
from agentflow.models.port import Model
from agentflow.plan.agent_plan import ServiceSettings
from agentflow.plan.prices import Price, price_for


@dataclass(slots=True, frozen=True)
class ServiceCall:
    """A call on its way.

    Attributes:
        stream: of the session that makes it.
        wanted_model: the model that the session wants asked.
        wanted_at: when it was wanted, by the counter of performance, in seconds.
    """

    loop: Loop
    stream: str
    wanted_model: str
    wanted_at: float

    @abstractmethod
    def prepared(self, model: str) -> tuple[int, Callable[[], bool]]:
        """About how many tokens the request to a model has, and what reserves its money and sends it."""

    def wait(self, not_before: float | None, why: Failure | None) -> None:
        """Stands in line, now or when it is due.

        Parameters:
            not_before: in seconds since the epoch.
            why: what the last attempt met.
        """
        loop, now = self.loop, self.loop.now()
        if not_before is None or not_before <= now:
            self._stand_in_line()
            return
        if not_before - now >= LONG_WAIT_SECONDS and why is not None:
            loop.service.waiting[self.stream] = Waiting(not_before, why)

        def due() -> None:
            loop.service.forget(self.stream)
            self._stand_in_line()
            loop.settle()

        loop.timers.set(self.stream, "retry", not_before - now, due)

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
        tokens, go = self.prepared(model)
        at = service.may_go_at(model, tokens, now)
        if at is None or at > now:
            service.hold(loop, self.stream, model, at, self._stand_in_line)
            return False
        return go()

    def going(self, model: str, tokens: int, held: Reservation) -> Model:
        """Tells everybody that it goes out now, and leases its money; returns whom it goes to."""
        loop = self.loop
        if loop.model is None:
            raise ValueError("an agent is at work in a run that was started without a model")
        free(loop, loop.live.sessions[self.stream].step)
        loop.service.going(self.stream, model, tokens, loop.now())
        leased = loop.live.ledger.lease(held.usd)
        if leased > 0:
            loop.happen(RUN_STREAM, MoneyLeased(loop.now(), leased), durable=True)
        return loop.model

    def _stand_in_line(self) -> None:
        self.loop.service.asks[self.stream] = self._model()
        self.loop.slots.request(self.stream, "model", self.begin)

    def _model(self) -> str:
        """The model that is asked: the fallback where the agent's is known to be down, and the fallback is not."""
        agent, service, now = self.loop.live.plans[self.stream].agent, self.loop.service, self.loop.now()
        wanted, other = self.wanted_model, agent.fallback_model
        down = other is not None and wanted == agent.model and not service.is_open(wanted, now)
        return other if down and other is not None and service.is_open(other, now) else wanted


def known_price(model: str, service: ServiceSettings) -> Price:
    """The price of a model that a plan lets through. Raises ValueError where it has none, which no plan allows."""
    price = price_for(model, service)
    if price is None:
        raise ValueError(f"the plan lets the model {model} through, which has no price")
    return price
