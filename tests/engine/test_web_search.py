"""Money of searches: held before a request, settled by what the service says it did."""

import pytest

from agentflow.events.session_events import ModelCalled, ModelReplied
from agentflow.events.values import Usage
from agentflow.plan.prices import price_of
from agentflow.plan.service_tools import RESULT_TOKENS, SEARCHES_PER_REQUEST
from tests.engine.doubles import ModelDouble, reply

FILE = """
agents:
  a: {{tools: [{tools}], max_tokens: 2000, stop: {{cost_usd: {cap}}}}}
steps: {{s: {{agent: a, prompt: go}}}}
outputs: {{s: steps.s.output}}
"""


def file(tools: str = "WebSearch", cap: float = 5) -> str:
    return FILE.format(tools=tools, cap=cap)


async def held_for(setting, tools):
    run = setting(file(tools), model=ModelDouble(lambda request: reply("x")))
    await run.outputs()
    return run.events(ModelCalled)[0].reserved_usd


async def test_the_price_of_all_searches_that_may_come_is_held(setting):
    price = price_of("claude-sonnet-5-5")
    most = SEARCHES_PER_REQUEST * (price.web_search + RESULT_TOKENS * price.cache_write_5m)
    assert await held_for(setting, "WebSearch") == pytest.approx(await held_for(setting, "") + most, abs=0.003)


async def test_what_was_searched_is_paid_for(setting):
    run = setting(file(), model=ModelDouble(lambda request: reply("x", usage=Usage(0, 0, web_searches=3))))
    await run.outputs()
    assert run.events(ModelReplied)[0].cost_usd == pytest.approx(0.03)


async def test_an_agent_without_the_money_for_its_searches_does_not_begin(setting):
    run = setting(file(cap=0.10), model=ModelDouble(lambda request: reply("x")))
    assert await run.failure() == "cost_usd"
    assert run.events(ModelCalled) == []


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("permissions: {deny: [WebSearch]}", None),
        ("permissions: {deny: ['WebSearch(domain:x.org)']}", {"blocked_domains": ["x.org"]}),
    ],
)
async def test_what_is_denied_of_the_search_is_not_in_the_request(setting, said, told):
    run = setting(f"{said}\nsteps: {{a: {{agent: {{tools: [WebSearch]}}, prompt: go}}}}\n")
    await run.run()
    (request,) = run.model.requests
    searches = [tool.service for tool in request.tools if tool.name == "WebSearch"]
    if told is None:
        assert searches == []
    else:
        assert told.items() <= searches[0].items()
