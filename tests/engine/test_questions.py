"""Questions of agents: a person answers, whenever, and the agent goes on with the answer and nothing else is lost."""

import asyncio

import pytest

from agentflow.engine.port import Answer
from agentflow.errors import JournalError, UsageError
from agentflow.events.run_events import GateAnswered, GateOpened, QuestionWithdrawn, RunFinished, StepIdled
from agentflow.events.session_events import ModelCalled, ToolCalled, ToolFinished
from agentflow.tools.port import ToolOutput
from tests.engine.doubles import Clock, CrashError, ModelDouble, ToolsDouble, forever, others, reply, until

ONE = """
steps: {a: {agent: {tools: [AskUserQuestion]}, prompt: go}}
outputs: {a: steps.a.output}
"""
WITH_OTHERS = """
tools: {look: {description: d, input: {type: object}, run: ["true"], effects: none}}
agents: {helper: {description: Helps., tools: [AskUserQuestion]}}
steps: {a: {agent: {tools: [AskUserQuestion, look, Agent(helper)], stop: {wall_time: 1m}}, prompt: go}}
limits: {wall_time: 2m}
outputs: {a: steps.a.output}
"""


def question(header="Library", *labels, **more):
    options = [{"label": label, "description": f"take {label}"} for label in labels or ("jose", "pyjwt")]
    return {"question": f"Which {header}?", "header": header, "options": options, **more}


def asks(*questions, call="c1"):
    return (call, "AskUserQuestion", {"questions": list(questions) or [question()]})


def results_of(request):
    return [block["content"] for block in request.messages[-1]["content"] if block["type"] == "tool_result"]


def asking_once(*calls):
    """Asks in its first turn, then says what it was answered."""

    def answer(request):
        return reply("", *calls) if request.turn == 1 else reply("; ".join(results_of(request)))

    return ModelDouble(answer)


async def test_a_question_pauses_the_run_and_its_answer_reaches_the_agent_in_the_next_process(setting):
    run = setting(ONE, model=asking_once(asks()))
    outcome = await run.run()
    assert (outcome.status, outcome.waiting) == ("waiting", ("a.question1",))
    assert len(run.model.requests) == 1
    run.journal.answer(
        "run-1", "a.question1", approved=True, by="ada", comment="Small.", at=2_000.0, answers={"library": "jose"}
    )
    assert await run.outputs() == {"a": "Which Library?\n-> jose\n\nThe person adds: Small."}
    assert [event.attempt for event in run.events(ModelCalled)] == [1, 1], "no turn was repeated"
    assert run.events(GateAnswered)[0].by == "ada"


async def test_the_form_names_each_question_by_its_header_and_takes_other_words_too(setting):
    run = setting(ONE, model=asking_once(asks(question("Auth method"), question("Auth-method", multiSelect=True))))
    await run.run()
    gate = run.sqlite.gates("run-1")[0]
    assert list(gate.form["properties"]) == ["auth_method", "auth_method2"]
    assert gate.form["properties"]["auth_method2"]["description"] == "any of jose, pyjwt, or other words"
    assert gate.message == "a has 2 questions"
    assert "- jose: take jose" in gate.show
    run.journal.answer(
        "run-1",
        "a.question1",
        approved=True,
        by="ada",
        comment=None,
        at=2_000.0,
        answers={"auth_method": "neither, write it ourselves", "auth_method2": "jose, pyjwt"},
    )
    said = (await run.outputs())["a"]
    assert said == "Which Auth method?\n-> neither, write it ourselves\n\nWhich Auth-method?\n-> jose, pyjwt"


@pytest.mark.parametrize("answers", [{}, {"library": ""}, {"library": "jose", "other": "x"}, {"library": 3}, None])
async def test_an_answer_that_does_not_fit_is_refused_and_the_question_stays_open(setting, answers):
    run = setting(ONE, model=asking_once(asks()))
    await run.run()
    with pytest.raises((JournalError, UsageError)):
        run.journal.answer("run-1", "a.question1", approved=True, by="ada", comment=None, at=2_000.0, answers=answers)
    assert (await run.run()).waiting == ("a.question1",)


async def test_who_is_there_is_asked_at_once_and_other_calls_of_the_reply_go_on_meanwhile(setting):
    looked = asyncio.Event()

    async def ask(gate):
        await looked.wait()
        return Answer(True, "ada", answers={"library": "pyjwt"})

    def look(name, given):
        looked.set()
        return ToolOutput("seen")

    run = setting(
        WITH_OTHERS, model=asking_once(asks(), ("c2", "look", {})), tools=ToolsDouble(look), around={"ask": ask}
    )
    assert await run.outputs() == {"a": "Which Library?\n-> pyjwt; seen"}
    assert others() == set()


async def test_two_questions_at_once_have_addresses_of_their_own(setting):
    run = setting(ONE, model=asking_once(asks(call="c1"), asks(question("Name"), call="c2")))
    assert (await run.run()).waiting == ("a.question1", "a.question2")
    run.journal.answer("run-1", "a.question2", approved=True, by="ada", comment=None, at=2_000.0, answers={"name": "x"})
    assert (await run.run()).waiting == ("a.question1",)
    run.journal.answer(
        "run-1", "a.question1", approved=True, by="ada", comment=None, at=2_000.0, answers={"library": "y"}
    )
    assert await run.outputs() == {"a": "Which Library?\n-> y; Which Name?\n-> x"}


async def test_a_subagent_asks_at_the_address_of_its_step(setting):
    def answer(request):
        if request.agent == "helper":
            return reply("", asks()) if request.turn == 1 else reply(results_of(request)[0])
        if request.turn == 1:
            return reply("", ("s1", "Agent", {"description": "d", "subagent_type": "helper", "prompt": "help"}))
        return reply(results_of(request)[0])

    run = setting(WITH_OTHERS, model=ModelDouble(answer))
    assert (await run.run()).waiting == ("a.question1",)
    assert run.sqlite.gates("run-1")[0].message == "helper asks: Which Library?"
    run.journal.answer(
        "run-1", "a.question1", approved=True, by="ada", comment=None, at=2_000.0, answers={"library": "z"}
    )
    assert await run.outputs() == {"a": "Which Library?\n-> z"}


async def test_waiting_for_an_answer_counts_against_no_clock(setting):
    clock = Clock()

    async def ask(gate):
        clock.now += 100_000.0
        return Answer(True, "ada", answers={"library": "jose"})

    run = setting(WITH_OTHERS, model=asking_once(asks()), around={"ask": ask, "clock": clock})
    assert await run.outputs() == {"a": "Which Library?\n-> jose"}
    assert [event.idle for event in run.events(StepIdled)] == [True, False]


async def test_the_clock_of_an_agent_goes_on_with_its_answer(setting):
    async def ask(gate):
        return Answer(True, "ada", answers={"library": "jose"})

    async def answer(request):
        return reply("", asks()) if request.turn == 1 else await forever()

    run = setting(WITH_OTHERS, model=ModelDouble(answer), around={"ask": ask})

    async def drive(engine):
        await until(lambda: len(run.model.requests) == 2)
        assert engine.timers.is_set("a", "clock")
        engine.interrupt()

    assert (await run.run(drive)).status == "interrupted"


async def test_waiting_counts_against_no_clock_when_the_answer_comes_to_another_process(setting):
    clock = Clock()
    run = setting(WITH_OTHERS, model=asking_once(asks()), around={"clock": clock})
    assert (await run.run()).status == "waiting"
    clock.now += 100_000.0
    run.journal.answer(
        "run-1", "a.question1", approved=True, by="ada", comment=None, at=clock.now, answers={"library": "x"}
    )
    assert await run.outputs() == {"a": "Which Library?\n-> x"}


async def test_time_counts_while_another_call_of_the_same_agent_is_at_work(setting):
    clock = Clock()
    run = setting(
        WITH_OTHERS,
        model=asking_once(asks(), ("c2", "look", {})),
        tools=ToolsDouble(lambda name, given: forever()),
        around={"clock": clock, "ask": forever},
    )

    async def drive(engine):
        await until(lambda: bool(run.sqlite.gates("run-1")) and bool(run.tools.in_flight.seen))
        assert run.events(StepIdled) == []
        engine.interrupt()

    assert (await run.run(drive)).status == "interrupted"


async def test_items_that_only_wait_for_answers_let_the_next_ones_begin(setting):
    run = setting(
        """
        steps:
          l:
            for_each: "[1, 2, 3]"
            parallel: 1
            step: {agent: {tools: [AskUserQuestion]}, prompt: "{{ item }}"}
        """,
        model=asking_once(asks()),
    )
    outcome = await run.run()
    assert outcome.waiting == ("l[0].step.question1", "l[1].step.question1", "l[2].step.question1")


async def test_a_session_that_ends_withdraws_its_questions(setting):
    clock = Clock()
    text = ONE.replace("prompt: go", "prompt: go, timeout: 1m")
    look = """
tools: {look: {description: d, input: {type: object}, run: ["true"], effects: none}}
"""
    run = setting(
        look + text.replace("[AskUserQuestion]", "[AskUserQuestion, look], stop: {wall_time: 1h}"),
        model=asking_once(asks(), ("c2", "look", {})),
        tools=ToolsDouble(lambda name, given: forever()),
        around={"clock": clock, "ask": forever},
    )

    async def drive(engine):
        await until(lambda: bool(run.sqlite.gates("run-1")) and bool(run.tools.in_flight.seen))
        clock.now += 61
        engine.timers.clear()
        engine.deadlines._move("a", None)
        engine.deadlines.follow_all()

    finished = (await run.run(drive)).finished
    assert finished.failure.kind == "timeout"
    assert run.events(QuestionWithdrawn)
    assert run.sqlite.gates("run-1") == []
    assert others() == set()


@pytest.mark.parametrize("at", range(4))
@pytest.mark.parametrize("recorded", [True, False])
async def test_a_crash_at_any_write_asks_once_and_answers_once(setting, at, recorded):
    async def ask(gate):
        return Answer(True, "ada", answers={"library": "jose"})

    run = setting(ONE, model=asking_once(asks()), around={"ask": ask})
    run.journal.crash_at, run.journal.recorded = at, recorded
    with pytest.raises(CrashError):
        await run.run()
    run.journal.crash_at = None
    if not run.events(RunFinished):
        await run.run()
    assert run.events(RunFinished)[0].outputs == {"a": "Which Library?\n-> jose"}
    assert len(run.events(ToolFinished)) == 1
    assert len(run.events(GateOpened)) == 1
    assert [event.tool for event in run.events(ToolCalled)] == ["AskUserQuestion"]
    assert run.sqlite.gates("run-1") == []
