import importlib.metadata
import runpy
from pathlib import Path

import pytest
from genai_prices import Usage, calc_price
from genai_prices.data import providers

from agentflow.plan import price_table, prices

SCRIPT = Path(__file__).parents[2] / "scripts" / "generate_prices.py"
IDS = [model.id for provider in providers if provider.id == "anthropic" for model in provider.models]
NAMES = [
    *IDS,
    "claude-sonnet-4-5-20250929",
    "claude-sonnet-4-20250514",
    "claude-opus-4-20250514",
    "claude-opus-5-20260724",
    "claude-haiku-4-5-20251001",
    "claude-3-5-haiku-20241022",
    "claude-opus-5.5",
    "anything-claude-v2",
]
USAGES = [
    (0, 0, 0, 0, 0),
    (1_000, 500, 0, 0, 0),
    (1, 0, 90_000, 7_000, 3_000),
    (100_000, 7, 0, 0, 0),
    (100_001, 7, 0, 0, 0),
    (150_000, 64_000, 40_000, 9_999, 1),
    (150_000, 64_000, 40_000, 9_999, 2),
    (3, 128_000, 900_000, 0, 50_000),
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("tokens", USAGES, ids=str)
def test_every_model_costs_what_genai_prices_says(name: str, tokens: tuple[int, int, int, int, int]):
    fresh, output, read, write_5m, write_1h = tokens
    usage = Usage(
        input_tokens=fresh + read + write_5m + write_1h,
        output_tokens=output,
        cache_read_tokens=read,
        cache_write_tokens=write_5m + write_1h,
        cache_write_5m_tokens=write_5m,
        cache_write_1h_tokens=write_1h,
    )
    price = prices.price_of(name)
    assert price is not None
    ours = prices.cost(
        price,
        input_tokens=fresh,
        output_tokens=output,
        cache_read_tokens=read,
        cache_write_5m_tokens=write_5m,
        cache_write_1h_tokens=write_1h,
    )
    theirs = calc_price(usage, model_ref=name, provider_id="anthropic").total_price
    assert ours == pytest.approx(float(theirs), rel=1e-9, abs=1e-12)


def test_the_table_is_what_the_script_makes_of_the_same_version():
    if importlib.metadata.version("genai-prices") != price_table.GENAI_PRICES_VERSION:
        pytest.skip("another version of genai-prices is installed than the table was made from")
    script = runpy.run_path(str(SCRIPT))
    assert script["source"]() == Path(price_table.__file__).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "name", ["", "claude", "gpt-5", "claude-opus-5-5-20260724\n", " claude-opus-5-5", "c" * 10_000]
)
def test_an_unknown_model_has_no_price_rather_than_a_guess(name: str):
    assert prices.price_of(name) is None
    assert prices.max_output_tokens(name) is None
    assert prices.context_window(name) is None


def test_every_known_model_has_a_price():
    assert set(IDS) <= set(prices.known_models())
    assert all(prices.price_of(name) is not None for name in prices.known_models())


def test_a_longer_input_costs_the_higher_tier_for_all_of_its_tokens():
    price = prices.price_of("claude-haiku-5-5")
    assert price is not None
    (above, higher), *_ = price.tiers
    none = {"output_tokens": 0, "cache_read_tokens": 0, "cache_write_5m_tokens": 0, "cache_write_1h_tokens": 0}
    assert prices.cost(price, input_tokens=above, **none) == pytest.approx(above * price.input)
    assert prices.cost(price, input_tokens=above + 1, **none) == pytest.approx((above + 1) * higher.input)
    assert higher.input > price.input


def test_sizes_are_told_where_they_are_known():
    assert prices.max_output_tokens("claude-opus-5-5") == 128_000
    assert prices.max_output_tokens("claude-haiku-4-5-20251001") == 64_000
    assert prices.context_window("claude-sonnet-5-5") == 1_000_000
    assert prices.max_output_tokens("claude-2") is None
