"""An agent finds what was left out of its conversation, and a process that dies in a compaction loses nothing."""

import json

import pytest
from msgspec.structs import replace

from agentflow.events.run_events import RunFinished
from agentflow.events.session_events import (
    Compacted,
    CompactionCalled,
    CompactionFailed,
    ModelCalled,
    ModelFailed,
    ToolFinished,
)
from agentflow.events.values import Usage
from agentflow.models.port import ModelError, Request
from agentflow.tools.port import ToolOutput
from tests.builders import TOOLS, unanswered
from tests.engine.doubles import CrashError, ModelDouble, Setting, ToolsDouble, others, reply

FILE = f"""{TOOLS}
steps:
  s:
    agent:
      tools: [look, send]
      stop: {{turns: 40}}
      context: {{strategy: %s, at: 4000, keep_last: 2}}
    prompt: go
outputs: {{s: steps.s.output}}
"""

MEMORY = {"goals": ["go"], "decisions": [], "facts": ["f"], "open": [], "files": [], "topics": []}
TURNS = 9


def size(request: Request) -> int:
    return len(json.dumps(request.messages)) // 3 + 300


def answer(request: Request):
    """Looks, sends now and then, and ends by what it recalls of its first look."""
    if request.agent == "s#context":
        if request.compact:
            block = {"type": "compaction", "content": "In short.", "signature": "s"}
            return replace(reply(usage=Usage(900, 90), stop_reason="compaction"), content=(block,))
        return reply(json.dumps(MEMORY), usage=Usage(900, 90))
    assert unanswered(request.messages) == []
    usage = Usage(size(request), 20)
    if request.turn <= TURNS:
        calls = [(f"l{request.turn}", "look", {"at": str(request.turn)})]
        if request.turn % 3 == 0:
            calls.append((f"s{request.turn}", "send", {"at": str(request.turn)}))
        return reply("", *calls, usage=usage)
    if request.turn == TURNS + 1:
        return reply("", ("r", "Recall", {"words": "needle"}), usage=usage)
    return reply(request.messages[-1]["content"][0]["content"], usage=usage)


def looks(name: str, given) -> ToolOutput:
    if name == "send":
        return ToolOutput("sent")
    return ToolOutput(f"{'hay ' * 700}{'needle 42' if given['at'] == '1' else ''} {'hay ' * 100}")


def session(setting, strategy: str, answering=answer) -> Setting:
    return setting(FILE % strategy, model=ModelDouble(answering), tools=ToolsDouble(looks))


@pytest.mark.parametrize("strategy", ["compact", "summarize", "window", "clear_tools"])
async def test_what_was_left_out_is_found_again_word_for_word(setting, strategy):
    run = session(setting, strategy)
    told = (await run.outputs())["s"]
    assert run.events(Compacted)
    assert "[turn 1, call l1]" in told
    assert "needle 42" in told
    assert "needle" not in json.dumps(run.model.requests[-3].messages), "it had been left out"


async def test_a_recall_takes_no_tool_and_changes_nothing(setting):
    run = session(setting, "window")
    await run.outputs()
    assert not any(done.startswith("Recall") for done in run.tools.done)


@pytest.mark.parametrize(
    ("strategy", "recorded"), [("compact", False), ("summarize", True)], ids=["before the record", "after it"]
)
async def test_a_crash_at_any_record_of_a_session_that_compacts_loses_and_doubles_nothing(setting, strategy, recorded):
    probe = session(setting, strategy)
    expected = await probe.outputs()
    compactions = len(probe.events(Compacted))
    assert compactions >= 2
    for crash_at in range(len(probe.journal.appended) + 1):
        run = session(setting, strategy)
        run.journal.crash_at, run.journal.recorded = crash_at, recorded
        try:
            await run.run()
        except CrashError:
            assert others() == set()
        run.journal.crash_at = None
        if any(isinstance(event, RunFinished) for event in run.events()):
            continue
        assert await run.outputs() == expected, f"crashed at {crash_at}"
        assert [event.number for event in run.events(Compacted)] == list(range(1, compactions + 1))
        sends = [done for done in run.tools.done if done.startswith("send")]
        assert len(sends) == len(set(sends)), f"an effect was repeated after a crash at {crash_at}"
        out = len(run.events(CompactionCalled)) - len(run.events(Compacted))
        assert out == len(run.events(CompactionFailed)), "each call has one end"
        run.sqlite.close()


async def test_a_compaction_that_was_out_is_charged_and_made_again(setting):
    def dies(request: Request):
        if request.agent == "s#context" and len(run.events(CompactionCalled)) == 1:
            raise CrashError
        return answer(request)

    run = session(setting, "summarize", dies)
    with pytest.raises(CrashError):
        await run.run()
    (called,) = run.events(CompactionCalled)
    await run.outputs()
    assert run.events(CompactionFailed)[0].charged_usd == called.reserved_usd > 0
    assert [(event.number, event.attempt) for event in run.events(CompactionCalled)][:2] == [(1, 1), (1, 2)]


async def test_a_service_that_is_busy_is_asked_again_and_then_done_without(setting):
    def busy(request: Request):
        if request.agent == "s#context":
            raise ModelError("model_unavailable", "busy", retryable=True)
        return answer(request)

    run = session(setting, "summarize", busy)
    run.around = {"chance": lambda: 0.0}
    await run.outputs()
    first = [event for event in run.events(CompactionFailed) if event.number == 1]
    assert [event.attempt for event in first] == [1, 2, 3]
    assert {event.way for event in run.events(Compacted)} == {"window"}


async def test_a_run_that_has_no_call_left_spends_none_on_a_summary(setting):
    probe = session(setting, "summarize")
    await probe.outputs()
    events = probe.events()
    before = events[: next(index for index, event in enumerate(events) if isinstance(event, CompactionCalled))]
    turns = sum(isinstance(event, ModelCalled) for event in before)
    run = setting(
        f"limits: {{turns: {turns}}}\n" + FILE % "summarize", model=ModelDouble(answer), tools=ToolsDouble(looks)
    )
    assert await run.failure() == "turns"
    assert run.events(CompactionCalled) == []
    assert [event.failure.kind for event in run.events(CompactionFailed)] == ["turns"]


async def test_a_prompt_that_is_too_long_is_compacted_once_and_sent_again(setting):
    refused = []

    def strict(request: Request):
        if request.turn == 5 and not refused:
            refused.append(request)
            raise ModelError("context_window", "prompt is too long", retryable=False)
        return answer(request)

    run = setting(
        FILE.replace("at: 4000", "at: 150000") % "window", model=ModelDouble(strict), tools=ToolsDouble(looks)
    )
    await run.outputs()
    assert len(run.events(ModelFailed)) == 1
    assert len(run.events(Compacted)) >= 1


async def test_what_is_recalled_is_bounded_and_says_how_to_go_on(setting):
    def reads(request: Request):
        if request.turn == 1:
            return reply("", *((f"l{n}", "look", {"at": str(n)}) for n in range(12)), usage=Usage(900, 20))
        if request.turn == 2:
            return reply("", ("r", "Recall", {"from_turn": 1}), ("n", "Recall", {"from_turn": 7}), usage=Usage(900, 20))
        return reply("done", usage=Usage(900, 20))

    run = session(setting, "window", reads)
    await run.outputs()
    told = {event.call: event for event in run.events(ToolFinished) if event.call in "rn"}
    assert len(told["r"].content) < 21_000
    assert "call again with `offset: 20000`" in told["r"].content
    assert told["n"].is_error
    assert "the last one is 2" in told["n"].content
