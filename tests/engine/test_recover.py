"""A process may die after any record, or in the middle of one; whoever resumes comes to the same end."""

import asyncio

import pytest

from agentflow.engine.port import Answer
from agentflow.events.operator_events import MoneyWrittenOff
from agentflow.events.run_events import OutcomeUnknown, RunFinished, RunResumed, StepFinished
from agentflow.events.session_events import ModelCalled, ModelFailed, SessionFinished, SessionResumed, ToolFinished
from agentflow.journal.port import Lease
from agentflow.models.faults import FAULTS
from agentflow.models.port import ModelError
from agentflow.tools.port import ToolOutput
from tests.builders import TOOLS, unanswered
from tests.engine.doubles import Clock, CrashError, ModelDouble, Setting, ToolsDouble, others, prompt_of, reply

WHOLE = f"""{TOOLS}
limits: {{parallel: 3}}
agents:
  lead: {{tools: [look, send, "Agent(helper)"]}}
  helper: {{description: Helps., tools: [look]}}
  judge: {{output: {{type: object, properties: {{ok: {{type: boolean}}}}, required: [ok]}}, stop: {{turns: 1}}}}
steps:
  list: {{run: 'echo run >> ran; echo "[1, 2, 3]"', parse: json, on_unknown: retry}}
  each:
    for_each: steps.list.output
    parallel: 2
    on_error: collect
    steps:
      work: {{agent: lead, prompt: "item {{{{ item }}}}"}}
      said: {{value: "steps.work.output ~ '!'"}}
    output: steps.said.output
  ok: {{approve: "Go on with {{{{ steps.each.output }}}}?", if_skipped: null}}
  judged: {{agent: judge, prompt: "judge", needs: [ok], if_skipped: null}}
outputs: {{each: steps.each.output, judged: steps.judged.output}}
"""


def answer(request):
    """Goes by the request alone, as a model does."""
    assert unanswered(request.messages) == []
    if request.agent == "helper":
        return reply("", ("h1", "look", {})) if request.turn == 1 else reply("helped")
    if request.agent == "judge":
        return reply('{"ok": true}') if request.tool_choice == "none" else reply("I think so")
    if request.turn == 1:
        ask = {"subagent_type": "helper", "prompt": f"help {prompt_of(request)}", "description": "d"}
        return reply("", ("s", "send", {"at": prompt_of(request)}), ("l", "look", {}), ("a", "Agent", ask))
    return reply(f"did {prompt_of(request)}")


async def say_yes(gate):
    return Answer(True, "ada")


def whole(setting) -> Setting:
    return setting(WHOLE, model=ModelDouble(answer), around={"ask": say_yes})


EXPECTED = {"each": ["did item 1!", "did item 2!", "did item 3!"], "judged": {"ok": True}}


async def test_the_whole_way_without_a_crash(setting):
    run = whole(setting)
    assert await run.outputs() == EXPECTED
    assert sorted(done for done in run.tools.done if done.startswith("send")) == [f"send item {n}" for n in (1, 2, 3)]
    assert len(run.journal.appended) > 10


@pytest.mark.parametrize("recorded", [True, False], ids=["after the record", "before it"])
async def test_a_crash_at_any_record_and_a_resume_come_to_the_same_outputs(setting, recorded):
    probe = whole(setting)
    await probe.run()
    for crash_at in range(len(probe.journal.appended) + 1):
        run = whole(setting)
        run.journal.crash_at, run.journal.recorded = crash_at, recorded
        try:
            await run.run()
        except CrashError:
            assert others() == set()
        run.journal.crash_at = None
        if any(isinstance(event, RunFinished) for event in run.events()):
            continue
        assert await run.outputs() == EXPECTED, f"crashed at {crash_at}"
        sends = [done for done in run.tools.done if done.startswith("send")]
        assert len(sends) == len(set(sends)), f"an effect was repeated after a crash at {crash_at}"
        run.sqlite.close()


async def test_many_crashes_on_one_way_come_to_the_same_outputs(setting):
    run = whole(setting)
    for _ in range(200):
        run.journal.crash_at = len(run.journal.appended) + 3
        try:
            outcome = await run.run()
        except CrashError:
            continue
        assert outcome.finished.outputs == EXPECTED
        return
    pytest.fail("the run does not get on")


async def test_a_model_call_cut_off_by_a_crash_is_named_in_the_table(setting):
    run = setting("steps: {a: {agent: {}, prompt: go}}", model=ModelDouble(lambda request: reply("done")))
    run.journal.crash_at = 0
    with pytest.raises(CrashError):
        await run.run()
    run.journal.crash_at = None
    await run.run()
    assert [event.fault for event in run.events(ModelFailed)] == ["lost"]
    assert "lost" in FAULTS


async def test_a_model_call_that_was_out_is_charged_and_made_again_as_the_same_turn(setting):
    run = setting("agents: {a: {stop: {turns: 1}}}\nsteps: {s: {agent: a, prompt: go}}\noutputs: {s: steps.s.output}")
    run.journal.crash_at = 0
    with pytest.raises(CrashError):
        await run.run()
    reserved = run.events(ModelCalled)[0].reserved_usd
    run.journal.crash_at = None
    assert await run.outputs() == {"s": "done"}
    assert run.events(ModelFailed)[0].charged_usd == reserved > 0
    assert [(event.turn, event.attempt) for event in run.events(ModelCalled)] == [(1, 1), (1, 2)]
    assert len(run.events(RunResumed)) == len(run.events(SessionResumed)) == 1
    assert run.events(SessionFinished)[0].spent.cost_usd > reserved


SENDING = f"{TOOLS}\nsteps: {{a: {{agent: {{tools: [%s]}}, prompt: go}}}}\noutputs: {{a: steps.a.output}}"


def cut_off_in(setting, tool: str) -> Setting:
    """A run that crashes while `tool` is at work; when it goes on, the agent's last words are the tool's result."""

    def answer(request):
        if request.turn == 1:
            return reply("", ("c1", tool, {}))
        return reply(request.messages[-1]["content"][0]["content"])

    def do(name, given):
        if not run.events(RunResumed):
            raise CrashError
        return ToolOutput("worked")

    run = setting(SENDING % tool, model=ModelDouble(answer), tools=ToolsDouble(do))
    return run


@pytest.mark.parametrize("tool", ["send", "save"])
async def test_an_effect_that_was_out_is_told_as_unknown_and_never_repeated(setting, tool):
    run = cut_off_in(setting, tool)
    with pytest.raises(CrashError):
        await run.run()
    assert "outcome of this call is unknown" in (await run.outputs())["a"]
    assert run.tools.in_flight.seen == [tool]
    assert run.events(ToolFinished)[0].unknown is True


async def test_a_call_without_effects_is_repeated_with_the_same_key(setting):
    run = cut_off_in(setting, "look")
    with pytest.raises(CrashError):
        await run.run()
    assert await run.outputs() == {"a": "worked"}
    assert run.tools.in_flight.seen == ["look", "look"]
    assert len(set(run.tools.keys)) == 1


COMMAND = """
steps: {a: {run: 'echo x >> ran; cat ran | wc -l', on_unknown: %s%s}}
outputs: {a: steps.a.output}
"""


def cut_off_command(setting, on_unknown: str, more: str = "") -> Setting:
    run = setting(COMMAND % (on_unknown, more))
    run.journal.crash_at, run.journal.recorded = 1, False
    return run


@pytest.mark.parametrize(
    ("on_unknown", "answered", "output"),
    [("retry", None, "2"), ("ask", True, "2"), ("ask", False, None), ("fail", None, None)],
)
async def test_a_command_that_was_out_goes_as_the_file_says(setting, on_unknown, answered, output):
    run = cut_off_command(setting, on_unknown)
    with pytest.raises(CrashError):
        await run.run()
    run.journal.crash_at = None
    asked = []

    async def ask(gate):
        asked.append(gate.about)
        return Answer(bool(answered), "ada")

    run.around["ask"] = ask
    finished = (await run.run()).finished
    assert asked == ([] if answered is None else ["unknown"])
    assert len(run.events(OutcomeUnknown)) == 1
    if output is None:
        assert finished.failure.kind == "outcome_unknown"
        assert (run.folder / "ran").read_text() == "x\n"
    else:
        assert finished.outputs == {"a": output}


async def test_a_command_without_effects_is_simply_run_again(setting):
    run = cut_off_command(setting, "fail", ", effects: none")
    with pytest.raises(CrashError):
        await run.run()
    run.journal.crash_at = None
    assert await run.outputs() == {"a": "2"}
    assert run.events(OutcomeUnknown) == []


async def test_a_question_about_a_cut_off_command_survives_a_pause(setting):
    run = cut_off_command(setting, "ask")
    with pytest.raises(CrashError):
        await run.run()
    run.journal.crash_at = None
    assert (await run.run()).waiting == ("a",)
    assert (await run.run()).waiting == ("a",)
    run.sqlite.answer("run-1", "a", approved=True, by="ada", comment=None, at=2_000.0)
    assert await run.outputs() == {"a": "2"}


async def test_time_between_the_crash_and_the_resume_is_nobodys(setting):
    clock = Clock()
    run = setting(
        """
        limits: {wall_time: 10m}
        steps: {a: {agent: {stop: {wall_time: 5m}}, prompt: go}}
        outputs: {a: steps.a.output}
        """,
        around={"clock": clock},
    )
    run.journal.crash_at = 0
    with pytest.raises(CrashError):
        await run.run()
    run.journal.crash_at = None
    clock.now += 1_000_000
    assert await run.outputs() == {"a": "done"}


async def test_a_retry_that_was_waited_for_is_waited_for_still(setting):
    def busy(request):
        if not run.events(RunResumed):
            raise ModelError("model_unavailable", "busy", retryable=True, retry_after=0.2)
        return reply(str(run.events(ModelFailed)[0].retry_at))

    run = setting(
        "steps: {a: {agent: {}, prompt: go}}\noutputs: {a: steps.a.output}",
        model=ModelDouble(busy),
        around={"chance": lambda: 0.0},
    )
    run.journal.crash_at = 2
    with pytest.raises(CrashError):
        await run.run()
    run.journal.crash_at = None
    retry_at = float((await run.outputs())["a"])
    assert run.events(ModelCalled)[1].at >= retry_at


async def test_money_leased_stays_charged_after_a_loss_of_power_and_not_after_a_mere_crash(setting):
    for survived in (True, False):
        run = setting("steps: {a: {agent: {}, prompt: go}}")
        run.journal.crash_at = 0
        with pytest.raises(CrashError):
            await run.run()
        run.journal.crash_at = None
        take = run.sqlite.take

        def taken(name: str, take=take, survived=survived) -> Lease:
            lease = take(name)
            return Lease(lease.run, lease.epoch, lease.owner, survived)

        run.journal.take = taken
        await run.run()
        assert bool(run.events(MoneyWrittenOff)) is not survived


async def test_the_money_already_spent_binds_the_resumed_run(setting):
    run = setting("limits: {cost_usd: 0.30}\nsteps: {a: {agent: {}, prompt: go}}")
    run.journal.crash_at = 0
    with pytest.raises(CrashError):
        await run.run()
    called = 0
    while called < len(run.events(ModelCalled)):
        called = len(run.events(ModelCalled))
        run.journal.crash_at = len(run.journal.appended)
        with pytest.raises(CrashError):
            await run.run()
    run.journal.crash_at = None
    assert await run.failure() == "cost_usd"
    total = sum(event.charged_usd for event in run.events(ModelFailed))
    assert 0.15 < total <= 0.30


async def test_a_run_in_which_something_had_failed_stays_failed(setting):
    async def never(request):
        await asyncio.Event().wait()

    run = setting("steps: {a: {run: 'exit 1'}, b: {agent: {}, prompt: go}}", model=ModelDouble(never))
    run.journal.crash_at = 1
    with pytest.raises(CrashError):
        await run.run()
    run.journal.crash_at = None
    run.model.answer = lambda request: reply("done")
    assert await run.failure() == "command_failed"
    assert {event.step: event.status for event in run.events(StepFinished)} == {"a": "failed", "b": "done"}


ROUNDS = f"""{TOOLS}
agents:
  writer: {{tools: [send]}}
steps:
  report:
    repeat: {{until: steps.route.output == 'enough', max: 4}}
    steps:
      draft: {{agent: writer, prompt: "round {{{{ loop.index }}}}", session: {{continue: previous.draft}}}}
      route:
        choose:
          - when: loop.index < 3
            steps:
              note: {{run: [sh, -c, 'echo noted >> notes'], effects: writes, on_unknown: retry, needs: []}}
              go_on: {{needs: [note], value: "'more of ' ~ steps.draft.output"}}
            output: steps.go_on.output
        otherwise: {{value: "'enough'"}}
      guard: {{when: loop.index > 3, fail: too many rounds}}
    output: steps.draft.output
outputs: {{report: steps.report.output, converged: steps.report.converged}}
"""


def writer(request):
    """Sends once a round, and says how many rounds it has seen."""
    rounds = sum(
        block["type"] == "text" and block["text"].startswith("round")
        for message in request.messages
        if message["role"] == "user"
        for block in message["content"]
    )
    fresh = request.messages[-1]["content"][-1]["type"] == "text"
    return reply("", (f"s{rounds}", "send", {"at": f"round {rounds}"})) if fresh else reply(f"draft {rounds}")


@pytest.mark.parametrize("recorded", [True, False], ids=["after the record", "before it"])
async def test_a_crash_anywhere_in_a_round_or_a_case_comes_to_the_same_outputs(setting, recorded):
    expected = {"report": "draft 3", "converged": True}
    probe = setting(ROUNDS, model=ModelDouble(writer))
    assert await probe.outputs() == expected
    for crash_at in range(len(probe.journal.appended)):
        run = setting(ROUNDS, model=ModelDouble(writer))
        run.journal.crash_at, run.journal.recorded = crash_at, recorded
        with pytest.raises(CrashError):
            await run.run()
        run.journal.crash_at = None
        if any(isinstance(event, RunFinished) for event in run.events()):
            continue
        assert await run.outputs() == expected, f"crashed at {crash_at}"
        sends = [done for done in run.tools.done if done.startswith("send")]
        assert len(sends) == len(set(sends)), f"an effect was repeated after a crash at {crash_at}"
        run.sqlite.close()
