"""An agent's step in which one waits for a person and another for the model's service: nobody's time runs meanwhile."""

import asyncio

from agentflow.engine.port import Answer
from agentflow.events.run_events import GateOpened, StepFreed, StepHeld, StepIdled
from agentflow.events.session_events import SessionRested
from agentflow.journal.port import RUN_STREAM
from tests.engine.doubles import Clock, ModelDouble, others, reply, until
from tests.engine.test_questions import asks, results_of
from tests.engine.test_service_waits import HOUR, failing, wait

BOTH = """
tools: {look: {description: d, input: {type: object}, run: ["true"], effects: none}}
agents:
  asker: {description: Asks., tools: [AskUserQuestion], stop: {wall_time: 1m}}
  busy: {description: Looks., tools: [look], stop: {wall_time: 1h}}
limits: {wall_time: 1h}
steps:
  a: {agent: {tools: [Agent(asker), Agent(busy)], stop: {wall_time: 1h}}, prompt: go, timeout: 1h}
outputs: {a: steps.a.output}
"""


def send(call, agent):
    return (call, "Agent", {"description": "d", "subagent_type": agent, "prompt": "go"})


def both(clock, asked, fault):
    """One subagent asks a person; the other works for ten minutes meanwhile, and is then kept waiting once."""
    refused = []

    async def answer(request):
        if request.agent == "asker":
            return reply("", asks()) if request.turn == 1 else reply(results_of(request)[0])
        if request.agent == "busy":
            await asked.wait()
            if not refused:
                clock.now += 600.0
                refused.append(True)
                raise fault
            return reply("seen")
        if request.turn == 1:
            return reply("", send("s1", "asker"), send("s2", "busy"))
        return reply("; ".join(results_of(request)))

    return ModelDouble(answer)


def limited():
    return failing("rate_limited", retry_after=HOUR, overloaded=True, request_id="r")


def pass_by_clocks(engine):
    """Lets the bounds on the time of sessions pass that still count; the loop's own clock cannot be set."""
    for stream, handles in list(engine.timers._handles.items()):
        if "clock" in handles and stream != RUN_STREAM:
            handles["clock"]._run()


async def test_who_waits_for_an_answer_is_charged_no_time_when_the_step_has_been_held(setting):
    clock, asked, answered = Clock(), asyncio.Event(), asyncio.Event()

    async def ask(gate):
        asked.set()
        await answered.wait()
        return Answer(True, "ada", answers={"library": "jose"})

    around = {"clock": clock, "ask": ask, "stays": True, "chance": lambda: 0.0}
    run = setting(BOTH, model=both(clock, asked, limited()), around=around)

    async def drive(engine):
        await until(lambda: run.events(StepHeld))
        wait(engine, clock)
        await until(lambda: run.events(StepIdled))
        answered.set()

    finished = (await run.run(drive)).finished
    assert (finished.status, finished.outputs) == ("done", {"a": "Which Library?\n-> jose; seen"})
    asker = [event for event in run.events(stream="a/s1") if isinstance(event, SessionRested)]
    assert asker[0].worked_until == run.events(GateOpened)[0].at
    order = [type(event) for event in run.events() if isinstance(event, GateOpened | StepHeld | StepFreed)]
    assert order == [GateOpened, StepHeld, StepFreed]
    assert run.engine.live.run.active_seconds < HOUR
    assert others() == set()


async def test_the_time_of_who_was_answered_stands_still_as_long_as_the_step_is_held(setting):
    clock, asked, answered = Clock(), asyncio.Event(), asyncio.Event()

    async def ask(gate):
        asked.set()
        await answered.wait()
        return Answer(True, "ada", answers={"library": "jose"})

    around = {"clock": clock, "ask": ask, "stays": True, "chance": lambda: 0.0}
    run = setting(BOTH, model=both(clock, asked, limited()), around=around)

    async def drive(engine):
        await until(lambda: run.events(StepHeld))
        answered.set()
        await until(lambda: not run.sqlite.gates("run-1"))
        pass_by_clocks(engine)
        while not run.events(StepFreed):
            wait(engine, clock)
            await asyncio.sleep(0.001)
        await until(lambda: not engine.service.waiting or wait(engine, clock))

    finished = (await run.run(drive)).finished
    assert (finished.status, finished.outputs) == ("done", {"a": "Which Library?\n-> jose; seen"})


async def test_a_question_and_a_wait_for_the_service_outlive_the_process_together(setting):
    clock, asked = Clock(), asyncio.Event()
    around = {"clock": clock, "chance": lambda: 0.0}
    model = both(clock, asked, limited())
    run = setting(BOTH, model=model, around=around)

    async def drive(engine):
        await until(lambda: run.sqlite.gates("run-1"))
        asked.set()

    first = await run.run(drive)
    assert (first.status, first.waiting) == ("waiting", ("a.question1",))
    assert first.until is not None
    clock.now += 2 * HOUR
    second = await run.run()
    assert (second.status, second.waiting, second.until) == ("waiting", ("a.question1",), None)
    clock.now += 50 * HOUR
    run.journal.answer(
        "run-1", "a.question1", approved=True, by="ada", comment=None, at=clock.now, answers={"library": "z"}
    )
    assert await run.outputs() == {"a": "Which Library?\n-> z; seen"}
    assert run.engine.live.run.active_seconds < HOUR


async def test_a_call_that_waits_for_its_rate_keeps_the_step_at_work_while_a_sibling_is_held(setting):
    second = asyncio.Event()

    async def answer(request):
        if request.agent == "asker":
            await second.wait()
            raise limited()
        if request.agent == "busy":
            if request.turn == 2:
                second.set()
            return reply("", (f"l{request.turn}", "look", {}))
        return reply("", send("s1", "asker"), send("s2", "busy"))

    text = BOTH.replace("effects: none", "effects: none, rate_limit: 1/h")
    run = setting(text, model=ModelDouble(answer), around={"clock": Clock(), "stays": True, "chance": lambda: 0.0})

    async def drive(engine):
        await until(lambda: engine.admission.waits("a/s2") and "a/s1" in engine.service.waiting)
        engine.settle()
        assert run.events(StepHeld) == []
        engine.interrupt()

    assert (await run.run(drive)).status == "interrupted"
