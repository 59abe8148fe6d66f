"""A long session goes on for as long as it is let, whatever its strategy, against an API that holds to its window."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from agentflow.engine.port import Outcome
from agentflow.events.session_events import Compacted, CompactionCalled, CompactionFailed, ModelCalled, ModelReplied
from agentflow.models.anthropic import AnthropicModel
from agentflow.tools.port import ToolOutput
from tests.builders import TOOLS, unanswered
from tests.engine.doubles import Setting, ToolsDouble
from tests.messages_api import MODELS, MessagesAPI, Reply, text, tool_use
from tests.messages_api.script import texts_of

WINDOW = 20_000
AT = 14_000
TURNS = 120
"""Of 2,000 bytes and more each: three windows of a real agent's day, in a hundredth of its size."""

STRATEGIES = ["compact", "window", "summarize", "clear_tools"]

MEMORY = {
    "goals": ["count the lamps"],
    "decisions": ["count by floors, since rooms repeat"],
    "facts": ["floor 3 has 17 lamps"],
    "open": ["floor 4"],
    "files": [{"path": "floors.txt", "what": "the plan"}],
    "topics": [{"topic": "floors", "summary": "Three floors were counted."}],
}


def small(window: int = WINDOW, *, compaction: bool = True) -> Mapping[str, Any]:
    return {name: replace(rules, context=window, compaction=compaction) for name, rules in MODELS.items()}


def answer(body: dict[str, Any]) -> Reply:
    """Works on, one call a turn, until the tool's last result says that it is enough."""
    if body.get("compaction"):
        return Reply([text("The agent counts lamps; floor 3 has 17.")])
    if "You keep the memory" in texts_of(body.get("system")):
        return Reply([text(json.dumps(MEMORY))])
    last = texts_of(body["messages"][-1]["content"])
    if "result " not in last:
        return Reply([tool_use("look", {"at": "1"})])
    number = int(last.rpartition("result ")[2].split()[0])
    if number >= TURNS:
        return Reply([text("Enough.")])
    return Reply([text("I look on."), tool_use("look", {"at": str(number + 1)})])


def looks(name: str, given: Mapping[str, object]) -> ToolOutput:
    """A result of 2,000 bytes; every fortieth is as large as a window."""
    number = int(str(given["at"]))
    words = "lamp " * (12_000 if number % 40 == 0 else 400)
    return ToolOutput(f"{words}result {number} ")


def long_session(setting, api: MessagesAPI, strategy: str, **more: object) -> Setting:
    context = json.dumps({"strategy": strategy, "at": AT, "keep_last": 6, **more})
    file = f"""{TOOLS}
limits: {{turns: 1000, cost_usd: 100}}
steps:
  s:
    agent:
      model: claude-opus-5-5
      max_tokens: 2000
      instructions: Count the lamps.
      tools: [look]
      stop: {{turns: 400}}
      context: {context}
    prompt: How many lamps are there in the house?
outputs: {{s: steps.s.output}}
"""
    model = AnthropicModel(base_url=api.base_url, connections=4)
    return setting(file, model=model, tools=ToolsDouble(looks))


@pytest.fixture(autouse=True)
def _key(monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "test-key")


async def ended(run: Setting) -> Outcome:
    try:
        outcome = await run.run()
    finally:
        await run.model.close()
    return outcome


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_a_session_many_times_the_window_never_overflows(setting, strategy):
    async with MessagesAPI(answer, models=small()) as api:
        run = long_session(setting, api, strategy)
        outcome = await ended(run)
    assert outcome.finished.status == "done", outcome.finished.failure
    assert [record.error for record in api.refused] == []
    replies = run.events(ModelReplied)
    assert len(replies) == TURNS + 1
    done = run.events(Compacted)
    assert len(done) > 5
    assert all(event.tokens_after < 0.75 * event.tokens_before for event in done)
    used = [reply.usage.input_total for reply in replies]
    assert max(used) <= WINDOW
    ways = {"compact": "api", "summarize": "summary", "window": "window", "clear_tools": "clear"}
    assert {event.way for event in done} == {ways[strategy]}


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_every_request_holds_the_prompt_and_whole_pairs(setting, strategy):
    async with MessagesAPI(answer, models=small()) as api:
        run = long_session(setting, api, strategy)
        await ended(run)
    for record in api.requests:
        if record.body.get("tools") is None or record.body.get("compaction"):
            continue
        assert unanswered(record.body["messages"]) == []
        assert "How many lamps are there in the house?" in texts_of(
            [block for message in record.body["messages"][:2] for block in message["content"]]
        )


async def test_compaction_is_rare_so_that_the_cached_prefix_holds(setting):
    async with MessagesAPI(answer, models=small()) as api:
        run = long_session(setting, api, "window")
        await ended(run)
    assert len(run.events(Compacted)) < len(run.events(ModelCalled)) / 5


async def test_a_model_without_compaction_of_its_own_is_asked_once_and_then_a_cheaper_one_summarises(setting):
    async with MessagesAPI(answer, models=small(compaction=False)) as api:
        run = long_session(setting, api, "compact")
        outcome = await ended(run)
    assert outcome.finished.status == "done"
    assert [record.error for record in api.refused] == ["compaction: Extra inputs are not permitted"]
    done = run.events(Compacted)
    assert {event.way for event in done} == {"summary"}
    assert {event.model for event in done} == {"claude-haiku-5-5"}
    assert done[-1].summary["facts"] == ["floor 3 has 17 lamps"]


async def test_where_nobody_can_summarise_the_oldest_turns_are_left_out(setting):
    def mute(body):
        if "You keep the memory" in texts_of(body.get("system")):
            return Reply([text("I would rather not.")])
        return answer(body)

    async with MessagesAPI(mute, models=small()) as api:
        run = long_session(setting, api, "summarize")
        outcome = await ended(run)
    assert outcome.finished.status == "done"
    assert {event.way for event in run.events(Compacted)} == {"window"}
    failed = run.events(CompactionFailed)
    assert failed
    assert all(event.charged_usd > 0 for event in failed)
    assert outcome.finished.spent.cost_usd >= sum(event.charged_usd for event in failed)


async def test_calls_that_compact_count_as_turns_and_their_money_as_money(setting):
    async with MessagesAPI(answer, models=small()) as api:
        run = long_session(setting, api, "summarize")
        outcome = await ended(run)
    asked, done = run.events(CompactionCalled), run.events(Compacted)
    assert len(asked) == len(done)
    assert sum(event.cost_usd for event in done) > 0
    replies = run.events(ModelReplied)
    total = sum(event.cost_usd for event in (*done, *replies))
    assert outcome.finished.spent.cost_usd == pytest.approx(total)
    assert run.sqlite.summary("run-1").cost_usd == pytest.approx(total)


async def test_without_a_strategy_a_full_window_is_a_failure(setting):
    async with MessagesAPI(answer, models=small()) as api:
        run = long_session(setting, api, "none")
        outcome = await ended(run)
    assert outcome.finished.failure.kind == "context_window"
    assert run.events(Compacted) == []


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_a_model_that_holds_less_than_was_thought_costs_one_refusal_each_time_it_is_found_out(setting, strategy):
    async with MessagesAPI(answer, models=small()) as api:
        run = long_session(setting, api, strategy, at=500_000)
        outcome = await ended(run)
    assert outcome.finished.status == "done", outcome.finished.failure
    refused = [record for record in api.refused if record.error.startswith("prompt is too long")]
    assert len(refused) <= 3, "what was learned is remembered"
    assert len(run.events(Compacted)) > 5


async def test_what_stays_too_long_after_a_compaction_fails_as_what_it_is(setting):
    async with MessagesAPI(answer, models=small(200)) as api:
        run = long_session(setting, api, "window", at=500_000)
        outcome = await ended(run)
    assert outcome.finished.failure.kind == "context_window"
