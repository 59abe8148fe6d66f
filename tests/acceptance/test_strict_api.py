"""Nothing that a run sends is refused by an API that refuses what the real one does."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from agentflow import api
from agentflow.models.anthropic import AnthropicModel
from tests.messages_api import MessagesAPI, Reply, text, thinking, tool_use, turn_of

Script = Callable[[dict[str, Any]], Reply]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Runs a workflow, its first two lines left out, against the strict API; gives its result and the requests."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "test")
    (tmp_path / ".git").mkdir()
    (tmp_path / "a.txt").write_text("a file")

    async def run(workflow: str, script: Script, inputs: Mapping[str, Any] | None = None):
        file = tmp_path / "w.yaml"
        file.write_text(f"agentflow: 1\nname: t\n{workflow}")
        async with MessagesAPI(script) as server:
            model = AnthropicModel(base_url=server.base_url, connections=8)
            try:
                result = await api.run(file, inputs or {}, api.RunOptions(model=model))
            finally:
                await model.close()
        assert [request.message for request in server.refused] == []
        return result, [request.body for request in server.requests]

    return run


def reads_then_answers(request: dict[str, Any]) -> Reply:
    """Thinks, reads a file where it may, and answers."""
    fresh = request["messages"][-1]["content"][-1]["type"] == "text"
    if fresh and request.get("tools") and request.get("tool_choice", {}).get("type") != "none":
        return Reply([thinking(f"Turn {turn_of(request)}."), tool_use("Read", {"file_path": "a.txt"})])
    return Reply([thinking("Enough."), text(f"Answer {turn_of(request)}.")])


AGENTS = """
agents:
  first: {{instructions: Be kind., model: {model}, tools: [Read]}}
  other: {{instructions: Be terse., model: {model}, tools: [Read]}}
  more: {{instructions: Be kind., model: {model}, tools: [Read, Glob]}}
  mute: {{instructions: Be kind., model: {model}}}
  dumb: {{instructions: Be brief., model: {model}}}
"""


@pytest.mark.parametrize("model", ["claude-sonnet-5-5", "claude-opus-5-5", "claude-haiku-5-5", "claude-haiku-4-5"])
@pytest.mark.parametrize("carried_on_by", ["first", "other", "more", "mute", "dumb"])
async def test_a_session_is_carried_on_by_an_agent_with_other_words_and_tools(run, model: str, carried_on_by: str):
    result, _ = await run(
        f"""{AGENTS.format(model=model)}
steps:
  one: {{agent: first, prompt: Begin.}}
  two: {{agent: {carried_on_by}, prompt: Go on., session: {{continue: one}}}}
  three: {{agent: {carried_on_by}, prompt: Go on., session: {{continue: two}}}}
  four: {{agent: first, prompt: End., session: {{continue: three}}}}
outputs: {{answer: steps.four.output}}
""",
        reads_then_answers,
    )
    assert result.failure is None


async def test_an_agent_without_tools_that_carries_on_one_with_tools_is_kept_from_calling_them(run):
    result, requests = await run(
        f"""{AGENTS.format(model="claude-sonnet-5-5")}
steps:
  one: {{agent: first, prompt: Begin.}}
  two: {{agent: dumb, prompt: Go on., session: {{continue: one}}}}
outputs: {{answer: steps.two.output}}
""",
        reads_then_answers,
    )
    assert result.failure is None
    assert [tool["name"] for tool in requests[-1]["tools"]] == ["Read"], "the history holds its calls"
    assert requests[-1]["tool_choice"] == {"type": "none"}


@pytest.mark.parametrize(
    ("said", "sent"),
    [("a \ud800 b", "a ⟦U+D800⟧ b"), ("a \ud83d\ude00 b", "a \U0001f600 b"), ("\udc80\x00", "⟦U+DC80⟧␀")],
)
async def test_half_a_character_is_written_out_before_it_is_sent_and_two_halves_are_joined(run, said: str, sent: str):
    result, requests = await run(
        """
inputs: {said: {type: string}}
steps:
  one: {agent: {tools: [Read]}, prompt: "{{ inputs.said }}"}
outputs: {answer: steps.one.output}
""",
        reads_then_answers,
        {"said": said},
    )
    assert result.failure is None
    assert len(requests) == 2
    assert all(request["messages"][0]["content"][0]["text"] == sent for request in requests)


@pytest.mark.parametrize("name", ["", "two words", "n" * 129, "né"])
async def test_a_call_of_a_name_that_cannot_be_sent_back_is_a_failure_of_its_own(run, name: str):
    result, requests = await run(
        "steps: {one: {agent: {tools: [Read]}, prompt: Go.}}\noutputs: {answer: steps.one.output}\n",
        lambda _request: Reply([tool_use(name)]),
    )
    assert result.failure is not None
    assert result.failure.kind == "unexpected_reply"
    assert len(requests) == 1
