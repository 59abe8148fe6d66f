"""Gates: people who are there, who answer from elsewhere, or who do not."""

import asyncio

from agentflow.engine import people
from agentflow.engine.port import Answer
from agentflow.events.run_events import GateAnswered, RunPaused, StepFinished
from tests.engine.doubles import (
    ModelDouble,
    forever,
    others,
    prompt_of,
    until,
)


async def test_a_run_that_only_waits_for_people_pauses_and_an_answer_lets_it_go_on(setting):
    run = setting(
        """
        steps: {g: {approve: Go on?}, a: {agent: {}, prompt: go, needs: [g], if_skipped: null}}
        outputs: {a: steps.a.output}
        """
    )
    outcome = await run.run()
    assert (outcome.status, outcome.waiting) == ("waiting", ("g",))
    assert run.events()[-1] == RunPaused(run.events()[-1].at, "waiting", ("g",))
    assert run.model.requests == []
    run.journal.answer("run-1", "g", approved=True, by="ada", comment="fine", at=2_000.0)
    assert await run.outputs() == {"a": "done"}
    assert run.events(GateAnswered)[0].comment == "fine"


async def test_an_answer_from_elsewhere_is_taken_up_while_the_run_waits(setting, monkeypatch):
    from agentflow.journal.sqlite import open_journal

    monkeypatch.setattr(people, "SECONDS_BETWEEN_LOOKS", 0.01)
    run = setting("steps: {g: {approve: Go on?}}", around={"ask": forever})

    async def elsewhere(engine):
        await until(lambda: bool(run.sqlite.gates("run-1")))
        other = open_journal(run.folder / "journal" / "journal.db", access="write")
        other.answer("run-1", "g", approved=False, by="grace", comment=None, at=2_000.0)
        other.close()

    finished = (await run.run(elsewhere)).finished
    assert finished.status == "done"
    assert run.events(GateAnswered)[0].by == "grace"
    assert others() == set()


async def test_a_person_who_is_there_is_asked_and_needs_no_pause(setting):
    asked = []

    async def ask(gate):
        asked.append((gate.run, gate.step, gate.message, gate.about))
        return Answer(True, "ada")

    run = setting("steps: {g: {approve: Go on?}}", around={"ask": ask})
    assert (await run.run()).finished.status == "done"
    assert asked == [("run-1", "g", "Go on?", "approve")]


async def test_a_gates_timeout_answers_for_the_person_and_stops_asking(setting):
    stopped = asyncio.Event()

    async def ask(gate):
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    run = setting("steps: {g: {approve: Go on?, timeout: 50ms}}", around={"ask": ask})
    assert (await run.run()).finished.status == "done"
    assert run.events(StepFinished)[0].status == "rejected"
    assert stopped.is_set()
    assert others() == set()


async def test_whoever_was_asking_has_stopped_when_the_run_is_over(setting):
    tidied = []

    async def ask(gate):
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.1)  # puts the screen in order
            tidied.append(gate.step)

    run = setting(
        "steps: {g: {approve: Go on?, timeout: 20ms}, h: {approve: Else?, timeout: 20ms, needs: [g]}}",
        around={"ask": ask},
    )
    assert (await run.run()).finished.status == "done"
    assert others() == set()
    assert tidied == ["g"], "`h` was never asked"


async def test_a_call_that_is_cut_off_may_put_things_in_order_first(setting):
    tidied = []

    async def slowly(request):
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.05)
            tidied.append(prompt_of(request))

    run = setting(
        "limits: {wall_time: 50ms}\nsteps: {a: {agent: {}, prompt: a}, b: {agent: {}, prompt: b}}",
        model=ModelDouble(slowly),
    )
    assert await run.failure() == "wall_time"
    assert sorted(tidied) == ["a", "b"]
    assert others() == set()


async def test_an_answer_in_time_counts_though_the_timeout_is_noticed_first(setting, monkeypatch):
    monkeypatch.setattr(people, "SECONDS_BETWEEN_LOOKS", 100)
    run = setting("steps: {g: {approve: Go on?, timeout: 200ms}}", around={"ask": forever})

    async def elsewhere(engine):
        await until(lambda: bool(run.sqlite.gates("run-1")))
        gate = run.sqlite.gates("run-1")[0]
        run.sqlite.answer("run-1", "g", approved=True, by="ada", comment=None, at=gate.opened_at + 0.001)

    await run.run(elsewhere)
    assert run.events(StepFinished)[0].status == "done"


async def test_a_gate_waits_while_other_steps_work_and_the_run_pauses_only_after(setting):
    run = setting("steps: {g: {approve: Go on?}, a: {agent: {}, prompt: go}}")
    assert (await run.run()).status == "waiting"
    assert [event.step for event in run.events(StepFinished)] == ["a"]
