"""What a model costs and how much it holds, from the generated table."""

import re
from functools import lru_cache

from msgspec import Struct
from msgspec.structs import replace

from agentflow.plan.agent_plan import ServiceSettings
from agentflow.plan.declared_models import DeclaredModel, declared
from agentflow.plan.price_table import FAST, MODELS, Rates

_MILLION = 1_000_000

GEO_PRICES = {"global": 1.0, "us": 1.1}
"""By what every kind of token is dearer where the place of inference is chosen. Source: the data residency and pricing
pages of the Claude API, read in November 2026."""

_NO_GEO = "not_available"


class Price(Struct, frozen=True):
    """US dollars per token.

    Attributes:
        input: a token that is neither read from nor written to the cache.
        output: a token of the reply, thinking included.
        cache_read: a token read from the cache.
        cache_write_5m: a token written to the cache for five minutes.
        cache_write_1h: a token written to the cache for an hour.
        tiers: prices of longer inputs, rising: the input tokens, cached or not, above which one holds, and what then
            every token of the call costs.
        web_search: US dollars per search of the server's own tool, or None where the model has no price for it.
    """

    input: float
    output: float
    cache_read: float
    cache_write_5m: float
    cache_write_1h: float
    tiers: tuple[tuple[int, "Price"], ...] = ()
    web_search: float | None = None

    def times(self, factor: float) -> "Price":
        """Returns the price with every token, but no search, so much dearer."""
        if factor == 1.0:
            return self
        return Price(
            input=factor * self.input,
            output=factor * self.output,
            cache_read=factor * self.cache_read,
            cache_write_5m=factor * self.cache_write_5m,
            cache_write_1h=factor * self.cache_write_1h,
            tiers=tuple((start, tier.times(factor)) for start, tier in self.tiers),
            web_search=self.web_search,
        )

    def at(self, input_tokens: int) -> "Price":
        """Returns the price of a call whose input, cached or not, has so many tokens."""
        held = self
        for above, tier in self.tiers:
            if input_tokens > above:
                held = tier
        return held


class _Model(Struct, frozen=True):
    """A model of the table; sizes in tokens."""

    price: Price
    fast: Price | None
    context_window: int | None
    max_output: int | None


def price_of(model: str) -> Price | None:
    """Returns what `model`, an id of the Messages API or one of its aliases, costs, or None for an unknown one."""
    found = _find(model)
    return None if found is None else found.price


def price_for(model: str, service: ServiceSettings) -> Price | None:
    """Returns what `model` costs when it is asked so, or None where there is no price for that."""
    found = _find(model)
    price = None if found is None else found.fast if service.speed == "fast" else found.price
    factor = GEO_PRICES.get(service.inference_geo or "global")
    return None if price is None or factor is None else price.times(factor)


def price_of_reply(model: str, service: ServiceSettings, geo: str | None, speed: str | None) -> Price | None:
    """Returns what a reply cost, which tells where and how it was made; None where that has no price.

    Parameters:
        service: how it was asked for, which holds where the reply does not tell.
    """
    told = service.inference_geo if geo is None else "global" if geo == _NO_GEO else geo
    return price_for(model, ServiceSettings(told, speed=speed or service.speed))


def context_window(model: str) -> int | None:
    """Returns how many tokens `model` can take in, where known."""
    found = _find(model)
    return None if found is None else found.context_window


def max_output_tokens(model: str) -> int | None:
    """Returns how many tokens the longest reply of `model` has, where known."""
    found = _find(model)
    return None if found is None else found.max_output


def known_models() -> tuple[str, ...]:
    """Returns the ids of the models that have a price, with the aliases that are written out, for suggestions."""
    names = dict.fromkeys(row[0] for row in MODELS)
    names.update(dict.fromkeys(text for row in MODELS for kind, text in row[3] if kind == "equals"))
    return tuple(names)


def cost(
    price: Price,
    *,
    input_tokens: int,
    output_tokens: int,
    cache_read_tokens: int,
    cache_write_5m_tokens: int,
    cache_write_1h_tokens: int,
    web_searches: int = 0,
) -> float:
    """Returns what one call costs in US dollars; `input_tokens` excludes what was read from or written to the cache."""
    total_input = input_tokens + cache_read_tokens + cache_write_5m_tokens + cache_write_1h_tokens
    price = price.at(total_input)
    return (
        input_tokens * price.input
        + output_tokens * price.output
        + cache_read_tokens * price.cache_read
        + cache_write_5m_tokens * price.cache_write_5m
        + cache_write_1h_tokens * price.cache_write_1h
        + web_searches * (price.web_search or 0.0)
    )


def _find(model: str) -> _Model | DeclaredModel | None:
    """What is declared of the model here, completed from the table; None where neither has a price for it."""
    catalogue, listed = declared(), _in_table(model)
    if listed is not None and catalogue.dearer != 1.0:
        fast = None if listed.fast is None else listed.fast.times(catalogue.dearer)
        listed = replace(listed, price=listed.price.times(catalogue.dearer), fast=fast)
    own = catalogue.model(model)
    if own is None or listed is None:
        return listed if own is None else own
    return DeclaredModel(
        own.id,
        own.price or listed.price,
        own.context_window or listed.context_window,
        own.max_output or listed.max_output,
    )


@lru_cache(maxsize=256)
def _in_table(model: str) -> _Model | None:
    for name, window, longest, rules, rates, tiers, searches in MODELS:
        if any(_holds(kind, text, model) for kind, text in rules):
            per_search = None if searches is None else searches / 1000
            above = tuple((start, _price(higher, (), per_search)) for start, higher in tiers)
            fast = _price(FAST[name], (), per_search) if name in FAST else None
            return _Model(_price(rates, above, per_search), fast, window, longest)
    return None


def _price(rates: Rates, tiers: tuple[tuple[int, Price], ...], per_search: float | None) -> Price:
    # Divided here, so that the table stays in the unit of the published price list.
    into, out, read, write_5m, write_1h = (rate / _MILLION for rate in rates)
    return Price(into, out, read, write_5m, write_1h, tiers, per_search)


def _holds(kind: str, text: str, model: str) -> bool:
    if kind == "equals":
        return model == text
    if kind == "prefix":
        return model.startswith(text)
    if kind == "contains":
        return text in model
    return re.fullmatch(text, model) is not None
