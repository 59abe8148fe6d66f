"""How the service is to answer an agent's requests, and which of that has no price.

Source: the types of the client, and the data residency, fast mode and service tier pages of the Claude API. A tier
changes what is billed only where capacity was bought beforehand, and then not upwards.
"""

from collections.abc import Iterator

from agentflow.plan.agent_plan import ServiceSettings
from agentflow.plan.prices import GEO_PRICES, price_for, price_of
from agentflow.spec.agents import AgentDefaults


def service_of(agent: AgentDefaults) -> ServiceSettings:
    """What an agent, its defaults merged in, says of the service."""
    user_id = None if agent.metadata is None else agent.metadata.user_id
    return ServiceSettings(agent.inference_geo, agent.service_tier, agent.speed, user_id)


def unpriced_settings(model: str, service: ServiceSettings) -> Iterator[tuple[str, str, str]]:
    """The settings without a price, which no cap on money could hold: the key, what is wrong, and the next move."""
    if service.inference_geo is not None and service.inference_geo not in GEO_PRICES:
        known = ", ".join(f"`{geo}`" for geo in GEO_PRICES)
        message = f"`inference_geo: {service.inference_geo}` has no price, and the cap on money could not hold"
        yield "inference_geo", message, f"use one that has: {known}"
    known_to_cost = price_of(model) is not None
    if service.speed == "fast" and known_to_cost and price_for(model, ServiceSettings(speed="fast")) is None:
        message = f"`{model}` has no price for `speed: fast`, and the cap on money could not hold"
        yield "speed", message, "take `speed` away, or choose a model that has it, as `claude-opus-5-5`"
