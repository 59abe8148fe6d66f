"""Tools that are found first, and what stands around them, are taken by an API that refuses what the real one does."""

from typing import Any

import pytest

from tests.acceptance.test_strict_api import run  # noqa: F401
from tests.messages_api import Reply, text, thinking, tool_use, turn_of

TOOLS = """sandbox: "off"
tools:
  count: {description: Counts., input: {type: object, properties: {n: {}}}, run: [seq, "300"], effects: none}
  weigh: {description: Weighs., input: {type: object}, run: [seq, "3"], effects: none}
agents:
  seeker: {instructions: Be kind., tools: [count, weigh, ToolSearch, Read], stop: {turns: 40}%s}
  plain: {instructions: Be kind., tools: [count, weigh, Read]}
  other: {instructions: Be kind., tools: [weigh, ToolSearch]}
  bare: {instructions: Be kind., tools: [Read]}
  mute: {instructions: Be kind.}
"""


def seeks(request: dict[str, Any]) -> Reply:
    """Looks for a tool where it may, calls it again and again, and answers."""
    names = {tool.get("name") for tool in request.get("tools", ())}
    turn = turn_of(request)
    last = request["messages"][-1]["content"][-1]
    fresh = last["type"] == "text" and "nswer" not in str(last)
    if fresh and "ToolSearch" in names and request.get("tool_choice", {}).get("type") != "none":
        return Reply([thinking("Hm."), tool_use("ToolSearch", {"query": "counts weighs"})])
    called = sum(
        block["type"] == "tool_use" and block["name"] == "count"
        for message in request["messages"]
        if message["role"] == "assistant"
        for block in message["content"]
    )
    if "count" in names and called < 3 and not fresh:
        return Reply([thinking("Hm."), tool_use("count", {"n": turn}), tool_use("TodoWrite", {"todos": []})])
    return Reply([text(f"Answer {turn}.")])


@pytest.mark.parametrize("by", ["seeker", "plain", "other", "bare", "mute"])
async def test_what_was_found_stays_with_who_carries_a_session_on(run, by: str):  # noqa: F811
    result, _ = await run(
        f"""{TOOLS % ""}
steps:
  one: {{agent: seeker, prompt: Begin.}}
  two: {{agent: {by}, prompt: Go on., session: {{continue: one}}}}
  three: {{agent: seeker, prompt: Go on., session: {{continue: two}}}}
outputs: {{answer: steps.three.output}}
""",
        seeks,
    )
    assert result.failure is None


@pytest.mark.parametrize("strategy", ["window", "clear_tools", "summarize", "compact"])
async def test_what_was_found_is_found_again_when_the_window_fills(run, strategy: str):  # noqa: F811
    def script(request: dict[str, Any]) -> Reply:
        names = {tool.get("name") for tool in request.get("tools", ())}
        if "count" not in names:
            memory = '{"goals": [], "decisions": [], "facts": [], "open": [], "files": [], "topics": []}'
            return Reply([text(memory)])
        said = str(request["messages"])
        if "ToolSearch" not in said:
            return Reply([tool_use("ToolSearch", {"query": "counts"})])
        turns.append(turn_of(request))
        return Reply([tool_use("count", {"n": len(turns)})] if len(turns) < 20 else [text("Done.")])

    turns: list[int] = []
    more = f", context: {{strategy: {strategy}, at: 4000, keep_last: 2}}"
    result, requests = await run(
        f"{TOOLS % more}\nsteps: {{one: {{agent: seeker, prompt: Begin.}}}}\noutputs: {{a: steps.one.output}}\n", script
    )
    assert result.outputs == {"a": "Done."}, result.failure
    assert len(requests) > 20
