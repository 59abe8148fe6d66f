"""A run with many agents against a service that admits few calls at once: found out by few refusals, not by many."""

from pathlib import Path

import pytest

from agentflow import api
from agentflow.models.anthropic import AnthropicModel
from tests.messages_api import MessagesAPI, Reply, text
from tests.messages_api.errors import ApiError

AGENTS, ADMITTED = 200, 20
WORKFLOW = f"""\
agentflow: 1
name: many
inputs: {{items: {{type: array, items: {{type: integer}}}}}}
limits: {{parallel: {AGENTS}, agents: {AGENTS}, cost_usd: 50}}
steps:
  all:
    for_each: inputs.items
    max: {AGENTS}
    parallel: {AGENTS}
    step: {{agent: {{model: claude-haiku-5-5}}, prompt: "{{{{ item }}}}"}}
outputs: {{all: steps.all.output}}
"""


@pytest.mark.parametrize("status", [429, 529])
async def test_a_service_that_admits_few_calls_at_once_refuses_few(
    status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "made-up-key")
    (tmp_path / "many.yaml").write_text(WORKFLOW)
    refused = 0

    def script(_request: object) -> Reply:
        nonlocal refused
        if service.in_flight > ADMITTED:
            refused += 1
            kind = "rate_limit_error" if status == 429 else "overloaded_error"
            raise ApiError(kind, "too many at once", status, None, {})
        return Reply((text("done"),))

    async with MessagesAPI(script, latency=0.02) as service:
        model = AnthropicModel(base_url=service.base_url, connections=AGENTS)
        try:
            result = await api.run(tmp_path / "many.yaml", {"items": [*range(AGENTS)]}, api.RunOptions(model=model))
        finally:
            await model.close()
    assert result.status == "done", result.failure
    assert result.outputs == {"all": ["done"] * AGENTS}
    assert service.max_in_flight > ADMITTED / 2
    assert refused <= AGENTS / 4
