"""How the service is to answer: passed on as it is, and priced, or refused where no cap could hold."""

import pytest

from agentflow.api import check
from agentflow.plan.agent_plan import ServiceSettings
from agentflow.plan.cost import run_cost
from agentflow.plan.prices import price_for, price_of, price_of_reply
from tests.builders import plan_of

ONE = "steps: {{a: {{agent: {{{}}}, prompt: go}}}}"


def test_what_defaults_say_an_agent_may_say_otherwise():
    plan = plan_of(
        "defaults: {inference_geo: us, service_tier: auto, metadata: {user_id: d}}\n"
        "agents: {x: {inference_geo: global, speed: standard, metadata: {user_id: x}}}\n"
        "steps: {a: {agent: x, prompt: go}, b: {agent: {}, prompt: go}}"
    )
    assert plan.agents["x"].service == ServiceSettings("global", "auto", "standard", "x")
    assert plan.root.steps["b"].agent.service == ServiceSettings("us", "auto", None, "d")


@pytest.mark.parametrize(
    ("says", "code", "words"),
    [
        ("inference_geo: mars", "AF601", "`inference_geo: mars` has no price"),
        ("speed: fast, model: claude-haiku-5-5", "AF601", "`claude-haiku-5-5` has no price for `speed: fast`"),
        (
            "speed: fast, model: claude-opus-5-5, fallback_model: claude-haiku-5-5",
            "AF601",
            "`claude-haiku-5-5` has no price for `speed: fast`",
        ),
        ("speed: slow", "AF203", "speed"),
        ("service_tier: priority", "AF203", "service_tier"),
        ("metadata: {name: Ada}", "AF201", "name"),
        ("inference_geo: ''", "AF203", "inference_geo"),
    ],
)
def test_what_has_no_price_or_is_no_value_is_refused_by_name(tmp_path, says, code, words):
    file = tmp_path / "w.yaml"
    file.write_text(f"agentflow: 1\nname: t\n{ONE.format(says)}\n")
    found = check(file).diagnostics
    assert code in [one.code for one in found]
    assert words in "".join(one.message for one in found)


def test_a_place_and_a_speed_make_every_token_dearer_and_both_together():
    plain = price_of("claude-opus-5-5")
    us = price_for("claude-opus-5-5", ServiceSettings("us"))
    fast = price_for("claude-opus-5-5", ServiceSettings(speed="fast"))
    both = price_for("claude-opus-5-5", ServiceSettings("us", speed="fast"))
    assert us.input == pytest.approx(1.1 * plain.input)
    assert us.cache_write_5m == pytest.approx(1.1 * plain.cache_write_5m)
    assert fast.output == pytest.approx(2 * plain.output)
    assert both.output == pytest.approx(1.1 * fast.output)
    assert price_for("claude-opus-5-5", ServiceSettings("global", "standard_only", "standard", "u")) == plain


def test_longer_inputs_are_dearer_there_too():
    (_, tier), *_ = price_for("claude-haiku-5-5", ServiceSettings("us")).tiers
    (_, plain), *_ = price_of("claude-haiku-5-5").tiers
    assert tier.input == pytest.approx(1.1 * plain.input)


def test_a_reply_costs_what_it_says_of_itself():
    model, asked = "claude-opus-5-5", ServiceSettings(speed="fast")
    assert price_of_reply(model, asked, None, None) == price_for(model, asked)
    assert price_of_reply(model, asked, "us", "standard") == price_for(model, ServiceSettings("us"))
    assert price_of_reply(model, ServiceSettings("us"), "not_available", None) == price_of(model)
    assert price_of_reply(model, asked, "mars", None) is None


def test_what_a_run_can_cost_counts_the_turn_that_a_fallback_takes_over():
    def most(says):
        plan = plan_of(f"limits: {{cost_usd: 100000}}\n{ONE.format(says)}")
        return run_cost(plan, {}).others[0].usd.once

    alone = most("model: claude-haiku-5-5")
    assert most("model: claude-haiku-5-5, fallback_model: claude-haiku-5-5") == alone
    assert most("model: claude-haiku-5-5, fallback_model: claude-haiku-4-5") > alone
    assert most("model: claude-haiku-5-5, inference_geo: us") == pytest.approx(1.1 * alone)
