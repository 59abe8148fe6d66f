from collections.abc import Callable

import pytest

from agentflow.plan.agent_plan import ToolSpec
from agentflow.session.context import Request

GREP = ToolSpec(
    "Grep",
    "Finds lines.",
    {"type": "object", "properties": {"pattern": {"type": "string"}}, "required": ["pattern"]},
    "none",
)

DEFAULTS = {
    "session": "run/s1",
    "agent": "researcher",
    "turn": 1,
    "model": "claude-opus-5-5",
    "system": "Answer from sources you opened.",
    "messages": ({"role": "user", "content": "What is a sandbox?"},),
    "tools": (GREP,),
    "tool_choice": "auto",
    "max_tokens": 1000,
    "effort": None,
    "thinking": None,
    "output_schema": None,
    "cache": "conversation",
}


@pytest.fixture
def ask() -> Callable[..., Request]:
    """A request; what is not said stands in DEFAULTS."""
    return lambda **changes: Request(**{**DEFAULTS, **changes})


@pytest.fixture(autouse=True)
def _only_a_made_up_key(monkeypatch, tmp_path):
    for name in (
        "ANTHROPIC_AUTH_TOKEN",
        "ANTHROPIC_BASE_URL",
        "ANTHROPIC_CONFIG_DIR",
        "ANTHROPIC_PROFILE",
        "ANTHROPIC_CUSTOM_HEADERS",
        "HTTP_PROXY",
        "http_proxy",
        "ALL_PROXY",
        "all_proxy",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("ANTHROPIC_API_KEY", "made-up-key")
