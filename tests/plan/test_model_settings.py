"""Which models take which `effort` and `thinking`."""

import pytest

from agentflow.plan.model_settings import refused_settings
from agentflow.plan.prices import price_of
from tests.messages_api.models import MODELS

EFFORTS = ("low", "medium", "high", "xhigh", "max")
THINKING = ("adaptive", "between_tools", "disabled")


@pytest.mark.parametrize("model", [name for name in MODELS if price_of(name) is not None])
@pytest.mark.parametrize("thinking", [None, *THINKING])
@pytest.mark.parametrize("effort", [None, *EFFORTS])
def test_what_the_service_refuses_is_refused_and_nothing_else(model: str, effort: str | None, thinking: str | None):
    rules = MODELS[model]
    efforts = rules.efforts if thinking in (None, "adaptive") else set(rules.efforts) & set(rules.quiet_efforts)
    taken = (thinking is None or thinking in rules.thinking) and (effort is None or effort in efforts)
    assert (list(refused_settings(model, effort, thinking)) == []) is taken


def test_a_model_that_nobody_knows_is_not_judged():
    assert list(refused_settings("claude-of-tomorrow", "max", "disabled")) == []


def test_a_setting_of_the_defaults_is_told_where_it_is_written(compiled):
    _, diagnostics = compiled(
        """
        defaults: {effort: max, fallback_model: claude-haiku-4-5}
        steps:
          a: {agent: {}, prompt: Hi}
          b: {agent: {effort: low}, prompt: Hi}
        """
    )
    assert [(found.code, found.place.line) for found in diagnostics] == [("AF203", 4), ("AF203", 7)]
    assert diagnostics[0].message == "`claude-haiku-4-5` does not take `effort: max`"
    assert diagnostics[0].hint == "take `effort` away, or choose another model"
