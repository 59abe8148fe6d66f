"""A run that a person ends for good, whoever is at work on it."""

import pytest

from agentflow.engine import cancelling
from agentflow.engine.drive import end_cancelled
from agentflow.errors import JournalError, LeaseHeldError
from agentflow.events.run_events import GateOpened, RunCancelled, RunFinished, StepFinished
from agentflow.events.session_events import ModelFailed, SessionFinished
from agentflow.journal.sqlite import open_journal
from tests.engine.doubles import RUN, CrashError, ModelDouble, forever, others, reply, until

AGENT_AND_COMMAND = """
steps:
  talk: {agent: {}, prompt: hello}
  work: {run: [sleep, "1000"], effects: none}
  after: {needs: [talk, work], value: "'never'"}
"""


def cancel_elsewhere(run, reason: str | None = None) -> None:
    other = open_journal(run.folder / "journal" / "journal.db", access="write")
    other.cancel(RUN, by="ada", reason=reason, at=2_000.0)
    other.close()


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(cancelling, "SECONDS_BETWEEN_LOOKS", 0.01)


async def test_the_process_at_work_stops_what_is_in_flight_and_records_who_and_why(setting):
    run = setting(AGENT_AND_COMMAND, model=ModelDouble(forever))

    async def elsewhere(engine):
        await until(lambda: bool(run.model.requests) and bool(engine._out.get("")))
        cancel_elsewhere(run, "not wanted")

    finished = (await run.run(elsewhere)).finished
    assert (finished.status, finished.failure.kind) == ("failed", "cancelled")
    assert finished.failure.message == "ada cancelled the run: not wanted"
    (cancelled,) = run.events(RunCancelled)
    assert (cancelled.by, cancelled.reason) == ("ada", "not wanted")
    assert [(event.step, event.failure.kind) for event in run.events(StepFinished)] == [
        ("talk", "cancelled"),
        ("work", "cancelled"),
    ]
    assert run.sqlite.cancellation(RUN) is None
    assert others() == set()


async def test_a_cancelled_run_does_not_go_on(setting):
    run = setting(AGENT_AND_COMMAND, model=ModelDouble(forever))

    async def elsewhere(_engine):
        await until(lambda: bool(run.model.requests))
        cancel_elsewhere(run)

    await run.run(elsewhere)
    with pytest.raises(JournalError, match="has ended: cancelled"):
        run.journal.take(RUN)
    with pytest.raises(JournalError, match="has ended already: cancelled"):
        run.journal.cancel(RUN, by="bob", reason=None, at=2_001.0)


async def test_a_run_that_waits_for_people_is_ended_without_a_model(setting):
    run = setting("steps: {g: {approve: Go on?}, a: {agent: {}, prompt: go, needs: [g]}}")
    assert (await run.run()).status == "waiting"
    cancel_elsewhere(run)
    outcome = await end_cancelled(run.sqlite, RUN, run.plan, run.folder)
    assert outcome.finished.failure.message == "ada cancelled the run"
    assert [type(event) for event in run.events(stream="")[-2:]] == [RunCancelled, RunFinished]
    assert run.sqlite.summary(RUN).status == "failed"
    assert run.sqlite.gates(RUN) == []
    assert run.events(GateOpened) != []


async def test_what_a_crash_cut_off_is_accounted_for_and_not_made_again(setting):
    run = setting("steps: {a: {agent: {}, prompt: go}}", model=ModelDouble(lambda _request: reply("done")))
    run.journal.crash_at = 0
    with pytest.raises(CrashError):
        await run.run()
    asked = len(run.model.requests)
    cancel_elsewhere(run)
    outcome = await end_cancelled(run.sqlite, RUN, run.plan, run.folder)
    assert outcome.finished.failure.kind == "cancelled"
    assert len(run.model.requests) == asked
    assert [failed.charged_usd > 0 for failed in run.events(ModelFailed)] == [True]
    assert [event.ending for event in run.events(SessionFinished)] == ["cancelled"]


async def test_a_wish_that_its_owner_did_not_live_to_see_ends_the_run_when_it_is_taken_up(setting):
    run = setting("steps: {g: {approve: Go on?}, a: {agent: {}, prompt: go, needs: [g]}}")
    await run.run()
    cancel_elsewhere(run)
    run.journal.answer(RUN, "g", approved=True, by="ada", comment=None, at=2_000.0)
    assert await run.failure() == "cancelled"
    assert run.model.requests == []


async def test_who_is_at_work_on_a_run_keeps_it(setting):
    run = setting("steps: {a: {agent: {}, prompt: go}}", model=ModelDouble(forever))

    async def elsewhere(_engine):
        await until(lambda: bool(run.model.requests))
        other = open_journal(run.folder / "journal" / "journal.db", access="write")
        try:
            with pytest.raises(LeaseHeldError):
                await end_cancelled(other, RUN, run.plan, run.folder)
        finally:
            other.close()
        cancel_elsewhere(run)

    assert (await run.run(elsewhere)).finished.failure.kind == "cancelled"
