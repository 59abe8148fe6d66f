"""What becomes of a run while the model's service is not there, or wants something of a person first."""

import asyncio
import itertools

import pytest

from agentflow.events.run_events import ModelFreed, ModelHeld, RunPaused, StepFreed, StepHeld
from agentflow.events.session_events import ModelCalled, ModelFailed
from agentflow.guard.breaker import FAILURES_TO_OPEN
from agentflow.models.faults import FAULTS
from agentflow.models.port import ModelError
from agentflow.models.retry import MAX_ATTEMPTS, OUTAGE_PATIENCE_SECONDS
from tests.engine.doubles import FAN, Clock, ModelDouble, echo, prompt_of, reply, until

ONE = "steps: {a: {agent: {}, prompt: go}}\noutputs: {a: steps.a.output}"
TWO = (
    "steps: {a: {agent: {}, prompt: one}, b: {agent: {}, prompt: two}}\noutputs: {a: steps.a.output, b: steps.b.output}"
)
HOUR = 3600.0


def failing(name, **more):
    """What the client raises for a row of the table."""
    kind = FAULTS[name].kind
    return ModelError(kind, f"it is {name}", retryable=kind == "model_unavailable", fault=name, **more)


def until_then(holds, error):
    """A model that fails until something holds."""

    def answer(request):
        if not holds():
            raise error
        return echo(request)

    return ModelDouble(answer)


def wait(engine, clock):
    """Lets the time pass until the next attempt; the loop's own clock cannot be set."""
    waiting = [handles["retry"] for handles in engine.timers._handles.values() if "retry" in handles]
    if waiting:
        first = min(waiting, key=lambda handle: handle.when())
        clock.now += max(0.0, first.when() - asyncio.get_running_loop().time()) + 0.001
        first._run()


async def hurry(run, clock, engine):
    """As `wait`, until the run is let go."""
    async with asyncio.timeout(20):
        while run.sqlite.summary("run-1").status == "running":
            wait(engine, clock)
            await asyncio.sleep(0.001)


@pytest.mark.parametrize("fault", [name for name, row in FAULTS.items() if row.course == "park"])
async def test_a_run_pauses_where_a_person_must_act_and_a_resume_asks_again(setting, fault):
    acted = []
    run = setting(ONE, model=until_then(lambda: acted, failing(fault)))
    outcome = await run.run()
    assert (outcome.status, outcome.until, outcome.service.message) == ("waiting", None, f"it is {fault}")
    assert run.events(RunPaused)[-1].service.kind == "model_access"
    assert len(run.model.requests) == 1
    still = await run.run()
    assert (still.status, len(run.model.requests)) == ("waiting", 2)
    acted.append("paid")
    assert await run.outputs() == {"a": "got go"}


async def test_nothing_more_is_asked_while_a_person_must_act(setting):
    run = setting(
        FAN % (1, 50), model=until_then(lambda: False, failing("spend_limit")), inputs={"items": [*range(50)]}
    )
    outcome = await run.run()
    assert outcome.status == "waiting"
    assert len(run.model.requests) == 1


async def test_what_else_is_at_work_ends_first(setting):
    acted = []

    async def answer(request):
        if prompt_of(request) == "one":
            await asyncio.sleep(0.05)
            return reply("slow")
        if not acted:
            raise failing("spend_limit")
        return reply("paid")

    run = setting(TWO, model=ModelDouble(answer))
    assert (await run.run()).status == "waiting"
    acted.append(True)
    assert await run.outputs() == {"a": "slow", "b": "paid"}
    assert [prompt_of(request) for request in run.model.requests].count("one") == 1


async def test_a_wait_of_an_hour_is_one_without_a_process_and_takes_no_working_time(setting):
    clock, asked = Clock(), itertools.count(1)

    def answer(request):
        if next(asked) == 1:
            raise failing("rate_limited", retry_after=HOUR, overloaded=True, request_id="r")
        return echo(request)

    text = f"limits: {{wall_time: 10m}}\n{ONE}"
    run = setting(text, model=ModelDouble(answer), around={"clock": clock, "chance": lambda: 0.0})
    began = clock.now
    first = await run.run()
    assert (first.status, first.until) == ("waiting", began + HOUR)
    clock.now = began + HOUR / 2
    early = await run.run()
    assert (early.status, early.until, len(run.model.requests)) == ("waiting", began + HOUR, 1)
    clock.now = began + HOUR
    assert await run.outputs() == {"a": "got go"}
    assert run.engine.live.run.active_seconds < 60


async def test_a_process_that_stays_waits_and_the_clocks_stand_still(setting):
    clock, asked = Clock(), itertools.count(1)

    def answer(request):
        if next(asked) == 1:
            raise failing("rate_limited", retry_after=HOUR, overloaded=True, request_id="r")
        return echo(request)

    text = """
limits: {wall_time: 10m}
agents: {x: {stop: {wall_time: 5m}}}
steps: {a: {agent: x, prompt: go, timeout: 5m}}
outputs: {a: steps.a.output}
"""
    run = setting(text, model=ModelDouble(answer), around={"clock": clock, "stays": True, "chance": lambda: 0.0})

    async def hour_passes(engine):
        await until(lambda: run.events(StepHeld))
        wait(engine, clock)

    finished = (await run.run(hour_passes)).finished
    assert (finished.status, finished.outputs) == ("done", {"a": "got go"})
    assert [type(event) for event in run.events() if isinstance(event, StepHeld | StepFreed)] == [StepHeld, StepFreed]
    assert run.engine.live.run.active_seconds < 60


async def test_an_outage_fails_no_run_and_pauses_it_after_hours(setting):
    clock, back = Clock(), []

    def answer(request):
        if len(run.model.requests) == 1:
            return reply("", ("g", "Glob", {"pattern": "*"}))
        if not back:
            raise failing("overloaded", overloaded=True, request_id="r")
        return reply("done")

    text = "steps: {a: {agent: {tools: [Glob]}, prompt: go}}\noutputs: {a: steps.a.output}\nlimits: {turns: 9}"
    run = setting(text, model=ModelDouble(answer), around={"clock": clock, "chance": lambda: 0.0})

    outcome = await run.run(lambda engine: hurry(run, clock, engine))
    assert (outcome.status, outcome.until) == ("waiting", None)
    failed = run.events(ModelFailed)
    assert failed[-1].parked
    assert failed[-1].at - failed[0].at >= OUTAGE_PATIENCE_SECONDS
    assert all(later.retry_at is not None for later in failed[:-1])
    back.append(True)
    assert await run.outputs() == {"a": "done"}


async def test_a_service_that_never_answered_is_given_up_sooner(setting):
    clock = Clock()
    around = {"clock": clock, "chance": lambda: 0.0}
    run = setting(ONE, model=until_then(lambda: False, failing("unreachable")), around=around)

    assert (await run.run(lambda engine: hurry(run, clock, engine))).status == "waiting"
    assert len(run.model.requests) == MAX_ATTEMPTS


async def test_a_model_that_is_down_is_left_alone_and_one_call_tries_it(setting):
    back, clock = [], Clock()
    run = setting(
        FAN % (8, 100),
        model=until_then(lambda: back, failing("server_error", request_id="r")),
        inputs={"items": [*range(100)]},
        around={"clock": clock, "chance": lambda: 0.0},
    )

    async def watch(engine):
        while len(run.events(ModelHeld)) < 3:
            await asyncio.sleep(0.001)
            if not engine.live.sessions or not any(state.in_flight for state in engine.live.sessions.values()):
                wait(engine, clock)
        back.append(True)
        await hurry(run, clock, engine)

    finished = (await run.run(watch)).finished
    assert finished.status == "done"
    assert len(finished.outputs["l"]) == 100
    assert [event.model for event in run.events(ModelFreed)] == ["claude-sonnet-5-5"]
    first, second, third = run.events(ModelHeld)[:3]
    assert second.until - second.at == pytest.approx(2 * (first.until - first.at))
    called = [event.at for stream, event in run.heard if isinstance(event, ModelCalled)]
    assert sum(first.at < at <= second.at for at in called) == sum(second.at < at <= third.at for at in called) == 1
    assert sum(at <= first.at for at in called) <= FAILURES_TO_OPEN + 8


async def test_while_a_model_is_down_its_fallback_answers(setting):
    def answer(request):
        if request.model == "claude-sonnet-5-5":
            raise failing("server_error", request_id="r")
        return echo(request)

    text = (FAN % (1, 50)).replace("agent: {}", "agent: {fallback_model: claude-haiku-5-5}")
    run = setting(text, model=ModelDouble(answer), inputs={"items": [*range(20)]}, around={"chance": lambda: 0.0})
    finished = (await run.run()).finished
    assert finished.status == "done"
    models = [event.model for stream in {s for s, _ in run.heard if s} for event in run.events(ModelCalled, stream)]
    assert models.count("claude-haiku-5-5") >= 20
    assert models.count("claude-sonnet-5-5") < 20


async def test_a_refused_turn_goes_to_the_fallback_once_and_without_the_refusal(setting):
    def answer(request):
        if request.model == "claude-sonnet-5-5":
            return reply("I will not", stop_reason="refusal")
        return echo(request)

    text = "steps: {a: {agent: {fallback_model: claude-haiku-5-5}, prompt: go}}\noutputs: {a: steps.a.output}"
    run = setting(text, model=ModelDouble(answer))
    assert await run.outputs() == {"a": "got go"}
    assert run.model.requests[0].messages == run.model.requests[1].messages
    assert run.engine.live.run.spent.turns == 2


async def test_a_turn_that_both_models_refuse_ends_the_agent(setting):
    text = "steps: {a: {agent: {fallback_model: claude-haiku-5-5}, prompt: go}}"
    run = setting(text, model=ModelDouble(lambda request: reply("no", stop_reason="refusal")))
    assert await run.failure() == "refusal"
    assert len(run.model.requests) == 2
