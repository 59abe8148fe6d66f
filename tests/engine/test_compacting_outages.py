"""The service's bad days while a conversation is being made smaller: waited for and accounted for as for any turn."""

import json

import pytest
from msgspec.structs import replace

from agentflow.events.run_events import ModelHeld, StepHeld
from agentflow.events.session_events import Compacted, CompactionCalled, ModelCalled
from agentflow.models.faults import FAULTS
from agentflow.models.retry import OUTAGE_PATIENCE_SECONDS
from agentflow.session.compaction_request import SUFFIX
from agentflow.tools.port import ToolOutput
from tests.builders import TOOLS
from tests.engine.doubles import Clock, ModelDouble, ToolsDouble, reply
from tests.engine.test_service_waits import HOUR, failing, hurry

LOOKS = 6
SUMMARY = json.dumps({"goals": [], "decisions": [], "facts": ["17 lamps"], "open": [], "files": [], "topics": []})

FILE = f"""{TOOLS}
limits: {{wall_time: 10m, turns: 12}}
agents:
  x:
    model: claude-opus-5-5
    tools: [look, Compact]
    context: {{strategy: summarize, keep_last: 2}}
steps: {{a: {{agent: x, prompt: go, timeout: 5m}}}}
outputs: {{a: steps.a.output}}
"""


def compacts(request):
    return request.session.endswith(SUFFIX)


def turns(request):
    """Looks six times, asks for a compaction, and is done."""
    if compacts(request):
        return reply(SUMMARY)
    if request.turn <= LOOKS:
        return reply("", (f"look-{request.turn}", "look", {"at": str(request.turn)}))
    if request.turn == LOOKS + 1:
        return reply("", ("c", "Compact", {}))
    return reply("done")


def session(setting, failed, file=FILE, **around):
    """A run whose calls that compact fail as `failed` says, which is asked for an error or None."""

    def answer(request):
        error = failed(request) if compacts(request) else None
        if error is not None:
            raise error
        return turns(request)

    tools = ToolsDouble(lambda name, given: ToolOutput("lamp " * 800))
    return setting(file, model=ModelDouble(answer), tools=tools, around={"chance": lambda: 0.0, **around})


def asked_to_compact(run):
    return [request for request in run.model.requests if compacts(request)]


@pytest.mark.parametrize("fault", [name for name, row in FAULTS.items() if row.course == "park"])
async def test_a_run_pauses_where_a_person_must_act_before_a_summary_is_had(setting, fault):
    acted = []
    run = session(setting, lambda _: None if acted else failing(fault, retry_after=HOUR))
    outcome = await run.run()
    assert (outcome.status, outcome.until) == ("waiting", None)
    assert outcome.service.message == f"it is {fault}"
    assert len(asked_to_compact(run)) == 1
    still = await run.run()
    assert (still.status, len(asked_to_compact(run))) == ("waiting", 2)
    acted.append("paid")
    assert await run.outputs() == {"a": "done"}
    assert [event.way for event in run.events(Compacted)] == ["summary"]


async def test_a_long_wait_for_a_summary_is_one_without_a_process(setting):
    clock = Clock()

    def failed(_request):
        if len(asked_to_compact(run)) == 1:
            return failing("rate_limited", retry_after=HOUR, overloaded=True, request_id="r")
        return None

    run = session(setting, failed, clock=clock)
    began = clock.now
    first = await run.run()
    assert (first.status, first.until) == ("waiting", began + HOUR)
    assert len(run.events(StepHeld)) == 1
    clock.now = began + HOUR / 2
    early = await run.run()
    assert (early.status, early.until, len(asked_to_compact(run))) == ("waiting", began + HOUR, 1)
    clock.now = began + HOUR
    assert await run.outputs() == {"a": "done"}
    assert run.engine.live.run.active_seconds < 60


async def test_an_outage_while_a_summary_is_asked_for_uses_up_no_turns_and_pauses_the_run_after_hours(setting):
    clock, back = Clock(), []
    run = session(setting, lambda _: None if back else failing("unreachable"), clock=clock)
    began = clock.now
    outcome = await run.run(lambda engine: hurry(run, clock, engine))
    assert (outcome.status, outcome.until) == ("waiting", None)
    assert clock.now - began >= OUTAGE_PATIENCE_SECONDS
    assert len(run.events(CompactionCalled)) > 12, "more than `limits.turns`"
    assert run.events(ModelHeld)
    back.append(True)
    assert await run.outputs() == {"a": "done"}


async def test_a_cut_reply_after_an_outage_is_not_the_last_try_of_a_summary(setting):
    clock = Clock()
    faults = iter([*["unreachable"] * 4, "cut"])
    run = session(setting, lambda _: failing(name) if (name := next(faults, None)) else None, clock=clock)
    outcome = await run.run(lambda engine: hurry(run, clock, engine))
    assert outcome.finished.status == "done"
    assert [event.way for event in run.events(Compacted)] == ["summary"]


async def test_a_summary_that_cannot_be_had_is_tried_three_times_and_then_done_without(setting):
    clock = Clock()
    run = session(setting, lambda _: failing("garbage"), clock=clock)
    outcome = await run.run(lambda engine: hurry(run, clock, engine))
    assert outcome.finished.status == "done"
    assert len(asked_to_compact(run)) == 3
    assert [event.way for event in run.events(Compacted)] == ["window"]


async def test_the_fallback_compacts_while_the_model_is_left_alone(setting):
    clock = Clock()
    file = FILE.replace("model: claude-opus-5-5", "model: claude-opus-5-5\n    fallback_model: claude-fable-5-2")
    file = file.replace("strategy: summarize", "strategy: compact")

    def failed(request):
        return failing("overloaded", overloaded=True, request_id="r") if request.model == "claude-opus-5-5" else None

    run = session(setting, failed, file, clock=clock)

    def answer(request):
        if compacts(request) and request.compact and request.model == "claude-fable-5-2":
            content = ({"type": "compaction", "content": "17 lamps"},)
            return replace(reply(stop_reason="compaction"), content=content)
        if (error := failed(request)) and compacts(request):
            raise error
        return turns(request)

    run.model.answer = answer
    outcome = await run.run(lambda engine: hurry(run, clock, engine))
    assert outcome.finished.status == "done"
    assert [event.way for event in run.events(Compacted)] == ["api"]
    assert run.events(CompactionCalled)[-1].model == "claude-fable-5-2"
    assert {event.model for event in run.events(ModelCalled)[:LOOKS]} == {"claude-opus-5-5"}
