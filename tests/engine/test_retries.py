"""Steps that are tried again: they rest, survive whatever comes between, and pay from the same accounts."""

import asyncio

import pytest

from agentflow.events.run_events import RetryDue, RunFinished, RunPaused, RunResumed, StepRetried, StepStarted
from agentflow.events.session_events import SessionFinished, SessionStarted
from tests.engine.doubles import Clock, CrashError, ModelDouble, others, reply, until

FLAKY = """
steps:
  a: {run: 'echo $AGENTFLOW_IDEMPOTENCY_KEY >> ran; test $(wc -l < ran) -ge 3; cat ran | wc -l', effects: none,
      retry: {attempts: 3, backoff: %s}}
outputs: {a: steps.a.output}
"""


async def test_a_command_is_tried_until_it_succeeds_under_one_key(setting):
    run = setting(FLAKY % "1ms", around={"chance": lambda: 0.0})
    assert await run.outputs() == {"a": "3"}
    assert len(set((run.folder / "ran").read_text().split())) == 1
    assert [event.attempt for event in run.events(StepRetried)] == [2, 3]
    rests = [event.next_at - event.at for event in run.events(StepRetried)]
    assert rests == pytest.approx([0.0005, 0.001], abs=1e-6)


async def test_the_jitter_of_a_rest_is_the_engines_chance(setting):
    run = setting(FLAKY % "2ms", around={"chance": lambda: 0.5})
    await run.run()
    rests = [event.next_at - event.at for event in run.events(StepRetried)]
    assert rests == pytest.approx([0.0015, 0.003], abs=1e-6)


async def test_an_agent_whose_output_is_no_use_gets_a_session_of_its_own_and_all_is_paid(setting):
    def answer(request):
        return reply('{"ok": true}' if "#2" in request.session else "no JSON")

    run = setting(
        """
        agents: {a: {output: {type: object, properties: {ok: {type: boolean}}, required: [ok]}}}
        steps: {s: {agent: a, prompt: go, retry: {attempts: 2, backoff: 1ms}}}
        outputs: {s: steps.s.output.ok}
        """,
        model=ModelDouble(answer),
    )
    assert await run.outputs() == {"s": True}
    assert [event.session for event in run.events(StepStarted)] == ["s", "s#2"]
    assert len(run.events(SessionStarted)) == 2
    spent = [event.spent.cost_usd for event in run.events(SessionFinished)]
    assert run.events(RunFinished)[0].spent.cost_usd == pytest.approx(sum(spent))
    assert min(spent) > 0


async def test_attempts_do_not_pass_the_runs_cap_on_money(setting):
    run = setting(
        """
        limits: {cost_usd: 0.30}
        agents: {a: {output: {type: object}}}
        steps: {s: {agent: a, prompt: go, retry: {attempts: 20, backoff: 1ms}}}
        """,
        model=ModelDouble(lambda request: reply("x", usage=big(request))),
    )
    assert await run.failure() == "cost_usd"
    assert run.events(RunFinished)[0].spent.cost_usd <= 0.30


def big(request):
    from agentflow.events.values import Usage

    return Usage(900, request.max_tokens)


async def test_a_crash_during_a_rest_shortens_and_lengthens_nothing(setting):
    run = setting(FLAKY % "100ms", around={"chance": lambda: 1.0})

    async def crash(engine):
        await until(lambda: bool(run.heard) and isinstance(run.heard[-1][1], StepRetried))
        engine.journal.crash_at = len(run.journal.appended)
        engine._fail(CrashError())

    with pytest.raises(CrashError):
        await run.run(crash)
    assert others() == set()
    run.journal.crash_at = None
    next_at = run.events(StepRetried)[0].next_at
    assert await run.outputs() == {"a": "3"}
    assert run.events(RetryDue)[0].at >= next_at
    assert [event.attempt for event in run.events(StepStarted)] == [1, 2, 3]


async def test_a_rest_that_was_over_when_the_run_is_resumed_is_over(setting):
    clock = Clock()
    run = setting(FLAKY % "1h", around={"clock": clock})

    async def stop(engine):
        await until(lambda: bool(run.heard) and isinstance(run.heard[-1][1], StepRetried))
        engine.interrupt()

    for _ in range(2):
        assert (await run.run(stop)).status == "interrupted"
        assert others() == set()
        clock.now += 7200
    assert await run.outputs() == {"a": "3"}
    assert len(run.events(RunResumed)) == 2


async def test_a_run_does_not_pause_for_people_while_a_step_rests(setting):
    run = setting(FLAKY.replace("steps:", "steps:\n  ok: {approve: Go on?}") % "20ms")
    assert (await run.run()).status == "waiting"
    assert len(run.events(RetryDue)) == 2
    assert len(run.events(RunPaused)) == 1


async def test_the_time_of_the_run_goes_on_while_a_step_rests(setting):
    run = setting("limits: {wall_time: 100ms}\n" + FLAKY % "1h")
    assert await run.failure() == "wall_time"
    assert others() == set()


async def test_a_failure_beside_a_step_at_rest_does_not_wait_for_it(setting):
    text = FLAKY.replace("steps:", "steps:\n  b: {run: 'while ! test -s ran; do :; done; sleep 0.1; exit 1'}")
    run = setting(text % "1h")
    async with asyncio.timeout(10):
        assert await run.failure() == "command_failed"
    assert others() == set()


async def test_a_rest_that_became_pointless_keeps_no_run_from_pausing(setting):
    run = setting(
        """
        steps:
          g:
            on_error: continue
            steps:
              a: {run: 'exit 1', effects: none, retry: {attempts: 2, backoff: 1h}}
              b: {run: 'while ! test -e failed; do sleep 0.01; done; exit 1'}
          ok: {approve: Go on?}
        """
    )

    async def let_b_fail(engine):
        await until(lambda: bool(run.heard) and isinstance(run.heard[-1][1], StepRetried))
        (run.folder / "failed").touch()

    async with asyncio.timeout(10):
        assert (await run.run(let_b_fail)).status == "waiting"
