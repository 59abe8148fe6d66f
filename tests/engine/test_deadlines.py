"""The `timeout` of steps: what is inside is ended, nothing is left behind, and the step fails."""

import asyncio

import pytest

from agentflow.engine.port import Answer
from agentflow.events.run_events import RunFinished, StepFinished, StepStarted, StepTimedOut
from agentflow.events.session_events import SessionFinished
from tests.engine.doubles import Clock, CrashError, ModelDouble, alive, forever, others, prompt_of, reply, until

SLEEPS = "echo $$ > %s; sleep 600"


async def test_an_agent_that_takes_too_long_fails_and_keeps_its_words(setting):
    def answer(request):
        return reply("so far", ("c", "look", {})) if request.turn == 1 else forever()

    run = setting(
        """
        tools: {look: {description: Looks., run: [look], effects: none}}
        steps: {s: {agent: {tools: [look]}, prompt: go, timeout: 100ms, on_error: continue}}
        """,
        model=ModelDouble(answer),
    )
    assert (await run.run()).finished.status == "done"
    ended = run.events(StepFinished)[0]
    assert (ended.failure.kind, ended.output) == ("timeout", "so far")
    assert "raise its `timeout`" in ended.failure.message
    assert run.events(SessionFinished)[0].ending == "timeout"
    assert others() == set()


async def test_a_block_that_takes_too_long_ends_its_commands_sessions_and_subagents(setting):
    def answer(request):
        if request.agent == "helper":
            return forever()
        return reply("", ("h", "Agent", {"subagent_type": "helper", "prompt": "x", "description": "d"}))

    run = setting(
        f"""
        agents: {{lead: {{tools: ["Agent(helper)"]}}, helper: {{description: Helps.}}}}
        steps:
          g:
            timeout: 300ms
            steps:
              c: {{run: '{SLEEPS % "pid"}', effects: none, on_unknown: retry}}
              s: {{agent: lead, prompt: go}}
              ok: {{approve: Go on?}}
              l: {{for_each: "[0, 1]", step: {{agent: helper, prompt: go}}, on_error: collect}}
              later: {{run: [touch, later], needs: [c], join: done}}
        """,
        model=ModelDouble(answer),
    )
    assert await run.failure() == "timeout"
    assert not alive(run.folder / "pid")
    assert not (run.folder / "later").exists()
    assert others() == set()
    ends = {event.step: event.failure.kind for event in run.events(StepFinished) if event.failure}
    assert (ends["g"], ends["g.c"], ends["g.s"]) == ("timeout", "cancelled", "cancelled")
    assert len(run.events(SessionFinished)) == 4
    assert run.sqlite.gates("run-1") == []


async def test_commands_beside_the_block_go_on(setting):
    run = setting(
        f"""
        steps:
          g: {{timeout: 100ms, on_error: continue, steps: {{c: {{run: '{SLEEPS % "pid"}'}}}}}}
          free: {{run: 'while ! test -e over; do sleep 0.01; done; echo free'}}
          tell: {{run: [touch, over], needs: [g], join: done}}
        outputs: {{free: steps.free.output}}
        """
    )
    assert await run.outputs() == {"free": "free"}
    assert not alive(run.folder / "pid")


async def test_a_command_in_line_for_a_slot_is_taken_out_of_it(setting):
    run = setting(
        """
        limits: {parallel: 1}
        steps:
          busy: {run: 'while ! test -e over; do sleep 0.01; done'}
          g: {timeout: 100ms, on_error: continue, steps: {c: {run: [touch, ran]}}}
          tell: {approve: Go on?, needs: [g], join: done}
        """,
        around={"ask": lambda gate: over(run)},
    )

    async def over(run):
        (run.folder / "over").touch()
        return Answer(True, "ada")

    assert (await run.run()).finished.status == "done"
    assert not (run.folder / "ran").exists()


async def test_each_attempt_has_the_whole_time(setting):
    run = setting(
        """
        steps:
          g:
            timeout: 300ms
            retry: {attempts: 2, backoff: 1ms}
            steps: {c: {run: 'if test -e ran; then echo ok; else touch ran; sleep 600; fi', effects: none}}
            output: steps.c.output
        outputs: {g: steps.g.output}
        """
    )
    assert await run.outputs() == {"g": "ok"}
    assert [event.attempt for event in run.events(StepStarted) if event.step == "g"] == [1, 2]


async def test_a_wait_for_a_person_is_not_counted_and_the_work_after_it_is(setting):
    async def ask(gate):
        await asyncio.sleep(0.3)
        return Answer(True, "ada")

    text = """
        steps:
          g:
            timeout: 200ms
            steps: {ok: {approve: Go on?}, c: {run: '%s', needs: [ok]}}
        """
    run = setting(text % "echo done", around={"ask": ask})
    assert (await run.run()).finished.status == "done"
    run = setting(text % (SLEEPS % "pid"), around={"ask": ask})
    assert await run.failure() == "timeout"
    assert not alive(run.folder / "pid")


async def test_the_time_before_a_crash_counts_and_the_time_after_it_does_not(setting):
    clock = Clock()
    run = setting(
        "steps: {s: {agent: {}, prompt: go, timeout: 10m}}", around={"clock": clock}, model=ModelDouble(never)
    )

    async def crash(engine):
        await until(lambda: bool(run.model.requests))
        clock.now += 500
        engine.interrupt()

    assert (await run.run(crash)).status == "interrupted"
    clock.now += 1_000_000

    async def look(engine):
        await until(lambda: len(run.model.requests) == 2)
        assert engine.live.run.clocks["s"].seconds(clock.now) == 500
        clock.now += 99
        assert engine.live.run.clocks["s"].seconds(clock.now) == 599
        engine.interrupt()

    assert (await run.run(look)).status == "interrupted"


async def never(*_args):
    await asyncio.Event().wait()


@pytest.mark.parametrize("recorded", [True, False], ids=["after the record", "before it"])
async def test_a_crash_at_any_record_around_a_timeout_comes_to_the_same_end(setting, recorded):
    text = """
        steps:
          g:
            timeout: 60ms
            on_error: continue
            if_skipped: late
            steps: {s: {agent: {}, prompt: go}, c: {run: 'sleep 600', effects: none}, d: {value: "'x'", needs: [c]}}
            output: steps.s.output
          after: {agent: {}, prompt: "after {{ steps.g.output }}"}
        outputs: {after: steps.after.output}
        """

    def answer(request):
        return never() if prompt_of(request) == "go" else reply(prompt_of(request))

    probe = setting(text, model=ModelDouble(answer))
    assert await probe.outputs() == {"after": "after late"}
    for crash_at in range(len(probe.journal.appended) + 1):
        run = setting(text, model=ModelDouble(answer))
        run.journal.crash_at, run.journal.recorded = crash_at, recorded
        try:
            await run.run()
        except CrashError:
            assert others() == set()
        run.journal.crash_at = None
        if not run.events(RunFinished):
            assert await run.outputs() == {"after": "after late"}, f"crashed at {crash_at}"
        assert len(run.events(StepTimedOut)) == 1
        run.sqlite.close()
