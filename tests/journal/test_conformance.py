"""What every journal promises. A new one joins by a line in `STORES`."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from agentflow.errors import JournalError, LeaseLostError
from agentflow.events.operator_events import MoneyLeased, MoneyWrittenOff
from agentflow.events.run_events import GateAnswered, RunCancelled, RunPaused, RunResumed
from agentflow.events.session_events import ModelFailed, ToolFinished
from agentflow.events.values import Failure, Lineage
from agentflow.journal.leases import LEASE_SECONDS
from agentflow.journal.port import RUN_STREAM, Cancellation, Entry, Journal
from agentflow.journal.sqlite import open_journal
from tests.journal.samples import (
    Clock,
    called,
    events_of,
    finished,
    gate,
    of,
    of_run,
    replied,
    session,
    started,
    step,
)

Open = Callable[[], Journal]


def sqlite_store(folder: Path, clock: Clock) -> Open:
    return lambda: open_journal(folder / ".agentflow" / "journal.db", clock)


def synced_sqlite_store(folder: Path, clock: Clock) -> Open:
    return lambda: open_journal(folder / ".agentflow" / "journal.db", clock, "power")


STORES = {"sqlite": sqlite_store, "sqlite-power": synced_sqlite_store}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=STORES)
def another(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Open]:
    """Opens the same store once more, as another owner."""
    open_it = STORES[request.param](tmp_path, clock)
    with ExitStack() as opened:
        yield lambda: opened.enter_context(closing(open_it()))


@pytest.fixture
def journal(another: Open) -> Journal:
    return another()


# Events


async def test_events_come_back_as_they_were_in_the_order_of_recording(journal: Journal) -> None:
    lease = journal.create(started())
    await journal.append(lease, [*of_run(step("plan")), *of("s1", session(), called())])
    await journal.append(lease, of("s2", session()))
    await journal.append(lease, of("s1", replied()))
    recorded = [(entry.stream, entry.seq, entry.event) for entry in journal.read("run-a")]
    assert recorded == [
        (RUN_STREAM, 1, started()),
        (RUN_STREAM, 2, step("plan")),
        ("s1", 1, session()),
        ("s1", 2, called()),
        ("s2", 1, session()),
        ("s1", 3, replied()),
    ]


def test_a_run_begins_with_what_it_takes_over_from_another_or_not_at_all(journal: Journal) -> None:
    taken_over = [*of("s1", session()), *of_run(step("plan"))]
    begun = started(lineage=Lineage("run-0", "fork", ("plan",)))
    journal.create(begun, taken_over)
    assert events_of(journal, stream=RUN_STREAM) == [begun, step("plan")]
    assert events_of(journal, stream="s1") == [session()]
    with pytest.raises(JournalError):
        journal.create(begun, taken_over)
    assert events_of(journal, stream="s1") == [session()]


def test_lists_name_the_run_that_one_goes_on_from(journal: Journal) -> None:
    journal.create(started("run-a"))
    journal.create(started("run-b", lineage=Lineage("run-a", "edited")))
    assert journal.summary("run-a").goes_on_from is None
    assert journal.summary("run-b").goes_on_from == "run-a"


async def test_one_stream_can_be_read_alone(journal: Journal) -> None:
    lease = journal.create(started())
    await journal.append(lease, [*of("s1", session()), *of_run(step("plan")), *of("s1", called())])
    assert events_of(journal, stream="s1") == [session(), called()]
    assert events_of(journal, stream=RUN_STREAM) == [started(), step("plan")]


async def test_runs_do_not_see_each_others_events(journal: Journal) -> None:
    one, two = journal.create(started("run-a")), journal.create(started("run-b"))
    await journal.append(one, of("s1", session()))
    await journal.append(two, of("s1", called()))
    assert events_of(journal, "run-a", "s1") == [session()]
    assert events_of(journal, "run-b", "s1") == [called()]


async def test_a_durable_event_comes_back_like_any_other(journal: Journal) -> None:
    lease = journal.create(started())
    await journal.append(lease, of_run(step("plan")), durable=True)
    await journal.append(lease, [], durable=True)
    await journal.append(lease, [])
    assert events_of(journal) == [started(), step("plan")]


async def test_large_values_come_back_as_they_were(journal: Journal) -> None:
    source = "# comment\n" * 5_000
    lease = journal.create(started(sources={"a.yaml": source}, inputs={"text": source}))
    await journal.append(lease, of("s1", session(), replied(text=source), replied(text=source)))
    assert events_of(journal, stream=RUN_STREAM) == [
        started(sources={"a.yaml": source}, inputs={"text": source}),
    ]
    assert events_of(journal, stream="s1") == [session(), replied(text=source), replied(text=source)]


async def test_text_that_utf8_cannot_hold_survives(journal: Journal) -> None:
    odd = 'a\ud800b\x00c"d\\e\u2028\U0001f600'
    lease = journal.create(started(workflow=odd, path=odd, project=odd))
    await journal.append(lease, of("s1", replied(text=odd)))
    await journal.append(lease, of_run(gate("ask", show=odd)))
    answered = journal.answer("run-a", "ask", approved=False, by=odd, comment=odd, at=1_010.0)
    assert events_of(journal, stream="s1") == [replied(text=odd)]
    (summary,) = journal.runs()
    assert (summary.workflow, summary.path, summary.project) == (odd, odd, odd)
    assert (answered.show, answered.by, answered.comment) == (odd, odd, odd)
    assert journal.gates("run-a") == [answered]


async def test_a_stream_name_that_cannot_be_stored_is_refused(journal: Journal) -> None:
    lease = journal.create(started())
    with pytest.raises(JournalError, match="name"):
        await journal.append(lease, of("s\ud800", session()))
    assert events_of(journal) == [started()]


async def test_what_cannot_be_encoded_records_nothing(journal: Journal) -> None:
    lease = journal.create(started())
    with pytest.raises(ValueError, match="JSON"):
        await journal.append(lease, of("s1", session(), called(float("nan"))))
    assert events_of(journal) == [started()]


def test_a_run_or_stream_that_is_not_there_is_named(journal: Journal) -> None:
    with pytest.raises(JournalError, match="no run run-a"):
        journal.read("run-a")
    journal.create(started())
    with pytest.raises(JournalError, match="no stream s9 of run run-a"):
        journal.read("run-a", "s9")


def test_an_id_is_given_once(journal: Journal) -> None:
    journal.create(started())
    with pytest.raises(JournalError, match="run-a already"):
        journal.create(started(workflow="other"))
    assert events_of(journal) == [started()]


async def test_a_reader_sees_one_moment_whatever_is_written_meanwhile(journal: Journal, another: Open) -> None:
    lease = journal.create(started())
    await journal.append(lease, of("s1", session()))
    reader = another().read("run-a")
    assert next(reader).event == started()
    await journal.append(lease, of("s1", called()))
    await journal.append(lease, of("s2", session()))
    assert [entry.event for entry in reader] == [session()]
    assert events_of(journal) == [started(), session(), called(), session()]


async def test_calls_that_wait_together_keep_their_order(journal: Journal) -> None:
    lease = journal.create(started())
    names = [f"step{number}" for number in range(200)]
    await asyncio.gather(*(journal.append(lease, of_run(step(name)), durable=name.endswith("7")) for name in names))
    assert [event.step for event in events_of(journal)[1:]] == names


async def test_a_call_that_is_cancelled_while_it_waits_is_recorded_all_the_same(journal: Journal) -> None:
    lease = journal.create(started())
    waiting = asyncio.ensure_future(journal.append(lease, of_run(step("plan")), durable=True))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await journal.append(lease, of_run(step("next")))
    assert events_of(journal) == [started(), step("plan"), step("next")]


def test_a_journal_can_be_used_in_one_event_loop_after_another(journal: Journal) -> None:
    lease = journal.create(started())
    for name in ("one", "two", "three"):
        asyncio.run(journal.append(lease, of_run(step(name)), durable=name == "two"))
    assert events_of(journal) == [started(), step("one"), step("two"), step("three")]


# Leases


def test_a_run_in_live_hands_cannot_be_taken(journal: Journal, another: Open) -> None:
    journal.create(started())
    with pytest.raises(JournalError, match=r"is being run by process [0-9]+ on ") as refused:
        another().take("run-a")
    assert refused.value.hint


async def test_a_released_run_can_be_taken_at_once_and_its_old_lease_is_void(journal: Journal, another: Open) -> None:
    old = journal.create(started())
    await journal.append(old, of("s1", session()))
    journal.release(old)
    new = another().take("run-a")
    assert new.epoch > old.epoch
    assert new.survived
    for stream in (RUN_STREAM, "s1", "s2"):
        with pytest.raises(LeaseLostError):
            await journal.append(old, of(stream, session()))
    assert events_of(journal) == [started(), session()]


async def test_a_released_lease_writes_no_more(journal: Journal) -> None:
    lease = journal.create(started())
    journal.release(lease)
    for stream in (RUN_STREAM, "s1"):
        with pytest.raises(LeaseLostError):
            await journal.append(lease, of(stream, session()))
    assert events_of(journal) == [started()]


async def test_a_lease_that_ran_out_can_be_taken(journal: Journal, another: Open, clock: Clock) -> None:
    old = journal.create(started())
    clock.now += LEASE_SECONDS
    second = another()
    new = second.take("run-a")
    with pytest.raises(LeaseLostError):
        await journal.append(old, of_run(step("late")))
    with pytest.raises(LeaseLostError):
        journal.renew(old)
    journal.release(old)
    await second.append(new, of_run(step("mine")))
    assert events_of(journal) == [started(), step("mine")]


def test_a_renewed_lease_holds_on(journal: Journal, another: Open, clock: Clock) -> None:
    lease = journal.create(started())
    clock.now += LEASE_SECONDS - 1
    journal.renew(lease)
    clock.now += LEASE_SECONDS - 1
    with pytest.raises(JournalError, match="is being run"):
        another().take("run-a")


async def test_the_epoch_rises_with_every_owner(journal: Journal, another: Open) -> None:
    lease = journal.create(started())
    epochs = [lease.epoch]
    for owner in (another(), journal, another()):
        journal.release(lease)
        lease = owner.take("run-a")
        epochs.append(lease.epoch)
        await owner.append(lease, of(f"s{lease.epoch}", session()))
    assert epochs == sorted(set(epochs))


async def test_a_run_that_has_ended_cannot_be_taken(journal: Journal, another: Open) -> None:
    lease = journal.create(started())
    await journal.append(lease, of_run(finished()), durable=True)
    journal.release(lease)
    with pytest.raises(JournalError, match="has ended"):
        another().take("run-a")


async def test_a_run_that_has_ended_is_taken_by_who_says_so_and_stays_ended(journal: Journal, another: Open) -> None:
    lease = journal.create(started())
    await journal.append(lease, of_run(finished()), durable=True)
    journal.release(lease)
    owner = another()
    owner.release(owner.take("run-a", ended=True))
    assert journal.summary("run-a").status in ("done", "failed")
    with pytest.raises(JournalError, match="has ended"):
        owner.take("run-a")


def test_a_run_that_is_not_there_cannot_be_taken(journal: Journal) -> None:
    with pytest.raises(JournalError, match="no run run-a"):
        journal.take("run-a")


@pytest.mark.parametrize("durable", [False, True])
async def test_a_refused_call_does_not_undo_its_neighbours(journal: Journal, another: Open, durable: bool) -> None:
    lost, kept = journal.create(started("run-a")), journal.create(started("run-b"))
    journal.release(lost)
    another().take("run-a")
    outcomes = await asyncio.gather(
        journal.append(kept, of("s1", session()), durable=durable),
        journal.append(lost, of("s1", session()), durable=durable),
        journal.append(kept, of("s1", called()), durable=durable),
        journal.append(lost, of("s1", called()), durable=durable),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [type(None), LeaseLostError, type(None), LeaseLostError]
    assert outcomes[1] is not outcomes[3]
    assert events_of(journal, "run-b") == [started("run-b"), session(), called()]
    assert events_of(journal, "run-a") == [started("run-a")]


# Runs, gates, spend


async def test_a_run_is_summed_up(journal: Journal) -> None:
    lease = journal.create(started())
    failed = ModelFailed(1_006.0, 2, 1, Failure("model_unavailable", "try later"), charged_usd=0.125)
    await journal.append(lease, of("s1", session(), called(), replied(0.25), called(), failed))
    (summary,) = journal.runs()
    assert (summary.run, summary.workflow, summary.status) == ("run-a", "research", "running")
    assert (summary.cost_usd, summary.turns, summary.failure_kind) == (0.375, 1, None)
    assert (summary.started_at, summary.updated_at) == (1_000.0, 1_006.0)


@pytest.mark.parametrize(
    ("events", "status"),
    [
        ([RunPaused(1_010.0, "waiting", ("ask",))], "waiting"),
        ([RunPaused(1_010.0, "interrupted")], "interrupted"),
        ([RunPaused(1_010.0, "waiting"), RunResumed(1_020.0, 1_010.0)], "running"),
        ([finished("done")], "done"),
        ([finished("failed")], "failed"),
    ],
)
async def test_the_status_follows_the_events(journal: Journal, events: list[object], status: str) -> None:
    lease = journal.create(started())
    await journal.append(lease, of_run(*events))
    (summary,) = journal.runs()
    assert summary.status == status
    assert summary.failure_kind == ("step_failed" if status == "failed" else None)


async def test_a_run_whose_owner_let_go_without_a_word_has_crashed(journal: Journal, clock: Clock) -> None:
    lease = journal.create(started("run-a"))
    journal.create(started("run-b"))
    journal.release(lease)
    assert {run.run: run.status for run in journal.runs()} == {"run-a": "crashed", "run-b": "running"}
    clock.now += LEASE_SECONDS
    assert {run.run: run.status for run in journal.runs()} == {"run-a": "crashed", "run-b": "crashed"}


def test_the_newest_runs_come_first(journal: Journal) -> None:
    for number in (2, 3, 1):
        journal.create(started(f"run-{number}", at=1_000.0 + number))
    assert [run.run for run in journal.runs()] == ["run-3", "run-2", "run-1"]
    assert [run.run for run in journal.runs(limit=1)] == ["run-3"]


def test_a_run_is_found_by_how_its_id_begins(journal: Journal) -> None:
    for run in ("ab-1", "ab-12", "cd%", "cd_x"):
        journal.create(started(run))
    assert journal.find("cd%") == "cd%"
    assert journal.find("cd_") == "cd_x"
    assert journal.find("ab-1") == "ab-1"
    with pytest.raises(JournalError, match="more than one") as refused:
        journal.find("ab")
    assert "ab-12" in refused.value.hint
    with pytest.raises(JournalError, match="no run zz"):
        journal.find("zz")


async def test_a_gate_is_open_until_its_answer_is_recorded(journal: Journal, another: Open) -> None:
    lease = journal.create(started())
    await journal.append(lease, of_run(gate("publish", show="the text", expires_at=9_000.0), gate("again", at=1_006.0)))
    assert [(one.step, one.show, one.expires_at, one.approved) for one in journal.gates("run-a")] == [
        ("publish", "the text", 9_000.0, None),
        ("again", None, None, None),
    ]
    answered = another().answer("run-a", "publish", approved=True, by="ada", comment="go", at=1_100.0)
    assert (answered.approved, answered.by, answered.comment) == (True, "ada", "go")
    assert journal.gates("run-a")[0] == answered
    await journal.append(lease, of_run(GateAnswered(1_101.0, "publish", True, "ada", "go")), durable=True)
    assert [one.step for one in journal.gates("run-a")] == ["again"]


async def test_an_answer_that_fits_no_gate_is_refused(journal: Journal) -> None:
    lease = journal.create(started())
    with pytest.raises(JournalError, match="asks nothing") as refused:
        journal.answer("run-a", "publish", approved=True, by="ada", comment=None, at=1_100.0)
    assert "no open questions" in refused.value.hint
    await journal.append(lease, of_run(gate("publish"), gate("late", at=1_006.0, expires_at=1_050.0)))
    with pytest.raises(JournalError, match="asks nothing") as refused:
        journal.answer("run-a", "publsh", approved=True, by="ada", comment=None, at=1_100.0)
    assert "publish" in refused.value.hint
    with pytest.raises(JournalError, match="timed out"):
        journal.answer("run-a", "late", approved=True, by="ada", comment=None, at=1_050.0)
    journal.answer("run-a", "publish", approved=False, by="ada", comment=None, at=1_100.0)
    with pytest.raises(JournalError, match="rejected already, by ada"):
        journal.answer("run-a", "publish", approved=True, by="bob", comment=None, at=1_101.0)
    assert [one.approved for one in journal.gates("run-a")] == [False, None]


FORM = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}


async def test_answers_to_a_question_are_kept_as_they_are_and_must_meet_its_form(journal: Journal) -> None:
    lease = journal.create(started())
    await journal.append(lease, of_run(gate("who", about="ask", form=FORM), gate("publish", at=1_006.0)))
    assert [(one.about, one.form) for one in journal.gates("run-a")] == [("ask", FORM), ("approve", None)]
    with pytest.raises(JournalError, match="does not fit"):
        journal.answer("run-a", "who", approved=True, by="ada", comment=None, at=1_100.0, answers={"name": 3})
    with pytest.raises(JournalError, match="a yes or no does not answer it") as refused:
        journal.answer("run-a", "who", approved=True, by="ada", comment=None, at=1_100.0)
    assert "agentflow answer run-a who name=…" in refused.value.hint
    await journal.append(lease, of_run(gate("l[0].who", about="ask", form=FORM, at=1_007.0)))
    with pytest.raises(JournalError, match="a yes or no does not answer it") as refused:
        journal.answer("run-a", "l[0].who", approved=True, by="ada", comment=None, at=1_100.0)
    assert "agentflow answer run-a 'l[0].who' name=…" in refused.value.hint
    with pytest.raises(JournalError, match="takes no other answer") as refused:
        journal.answer("run-a", "publish", approved=True, by="ada", comment=None, at=1_100.0, answers={"name": "x"})
    assert "agentflow approve run-a publish" in refused.value.hint
    answers = {"name": "\ud800 ü", "more": [1, None, {"deep": True}]}
    given = journal.answer("run-a", "who", approved=True, by="ada", comment=None, at=1_100.0, answers=answers)
    assert given.answers == answers
    assert journal.gates("run-a")[0] == given
    with pytest.raises(JournalError, match="is answered already, by ada"):
        journal.answer("run-a", "who", approved=True, by="bob", comment=None, at=1_101.0, answers={"name": "b"})


async def test_a_gate_that_opens_again_has_no_answer_yet(journal: Journal) -> None:
    lease = journal.create(started())
    await journal.append(lease, of_run(gate("publish")))
    journal.answer("run-a", "publish", approved=True, by="ada", comment=None, at=1_100.0)
    await journal.append(lease, of_run(GateAnswered(1_101.0, "publish", True, "ada"), gate("publish", at=1_200.0)))
    (again,) = journal.gates("run-a")
    assert (again.opened_at, again.approved) == (1_200.0, None)


async def test_money_is_accounted_for(journal: Journal) -> None:
    lease = journal.create(started())
    await journal.append(lease, of_run(MoneyLeased(1_001.0, 2.0), MoneyLeased(1_002.0, 1.0)))
    await journal.append(lease, [*of("s1", session(), called(0.5)), *of("s2", session(), called(0.25))])
    assert tuple(journal.spend("run-a")) == (3.0, 0.75, 0.0, 0.0, 0)
    await journal.append(lease, [*of("s1", replied(0.125)), *of_run(MoneyWrittenOff(1_009.0, 1.5))])
    assert tuple(journal.spend("run-a")) == (3.0, 0.25, 0.125, 1.5, 1)
    with pytest.raises(JournalError, match="no run"):
        journal.spend("run-z")


async def test_pruning_deletes_old_ended_runs_and_nothing_else(journal: Journal) -> None:
    shared, own = "s" * 20_000, "o" * 20_000
    for run, ended in (("old", 2_000.0), ("new", 3_000.0), ("open", None), ("held", 2_000.0)):
        lease = journal.create(started(run, sources={"a": shared}, inputs={"text": own if run == "old" else ""}))
        await journal.append(lease, of_run(gate("ask")))
        if ended is not None:
            await journal.append(lease, of_run(finished(at=ended)))
        if run != "held":
            journal.release(lease)
    kept = {run: events_of(journal, run) for run in ("new", "open", "held")}
    assert journal.prune(2_500.0) == 1
    assert journal.prune(2_500.0) == 0
    assert {run: events_of(journal, run) for run in ("new", "open", "held")} == kept
    assert {run.run for run in journal.runs()} == set(kept)
    assert journal.gates("old") == []
    with pytest.raises(JournalError, match="no run old"):
        journal.read("old")
    journal.create(started("old"))
    assert events_of(journal, "old") == [started("old")]


async def test_a_closed_journal_says_so(another: Open) -> None:
    journal = another()
    lease = journal.create(started())
    journal.close()
    journal.close()
    with pytest.raises(JournalError, match="closed"):
        await journal.append(lease, of_run(step("plan")))
    with pytest.raises(JournalError, match="closed"):
        journal.runs()
    with pytest.raises(JournalError, match="closed"):
        journal.take("run-a")


async def test_closing_finishes_what_is_being_written(another: Open) -> None:
    journal = another()
    lease = journal.create(started())
    waiting = [asyncio.ensure_future(journal.append(lease, of_run(step(name)), durable=True)) for name in "abc"]
    await asyncio.sleep(0)
    journal.close()
    await asyncio.gather(*waiting)
    assert events_of(another()) == [started(), step("a"), step("b"), step("c")]


async def test_a_tool_result_of_blocks_comes_back(journal: Journal) -> None:
    lease = journal.create(started())
    result = ToolFinished(1_002.0, "call", "text")
    await journal.append(lease, [Entry("s1", result)])
    assert events_of(journal, stream="s1") == [result]


# Following


async def test_who_follows_a_run_gets_each_event_once_in_the_order_of_recording(
    journal: Journal, another: Open
) -> None:
    lease = journal.create(started())
    follower = another().follow("run-a")
    assert [entry.event for entry in follower.more()] == [started()]
    assert follower.more() == []
    await journal.append(lease, [*of("s2", session()), *of_run(step("plan")), *of("s1", session())])
    await journal.append(lease, of("s2", called()))
    got = [(entry.stream, entry.seq, entry.event) for entry in follower.more()]
    assert got == [("s2", 1, session()), (RUN_STREAM, 2, step("plan")), ("s1", 1, session()), ("s2", 2, called())]
    assert follower.more() == []
    follower.close()


async def test_following_is_not_misled_by_other_runs(journal: Journal, another: Open) -> None:
    lease, other = journal.create(started()), journal.create(started("run-b"))
    follower = another().follow("run-a")
    follower.more()
    await journal.append(other, of("s1", session()))
    assert follower.more() == []
    await journal.append(lease, of("s1", called()))
    assert [entry.event for entry in follower.more()] == [called()]
    follower.close()


async def test_large_values_come_to_who_follows(journal: Journal, another: Open) -> None:
    lease = journal.create(started())
    follower = another().follow("run-a")
    await journal.append(lease, of("s1", session(), replied(text="t" * 20_000)))
    assert follower.more()[-1].event == replied(text="t" * 20_000)
    follower.close()


async def test_who_follows_a_run_that_is_deleted_is_told(journal: Journal, another: Open) -> None:
    lease = journal.create(started())
    follower = another().follow("run-a")
    follower.more()
    await journal.append(lease, of_run(finished(at=2_000.0)))
    journal.release(lease)
    journal.prune(3_000.0)
    with pytest.raises(JournalError, match="no run run-a"):
        follower.more()
    follower.close()
    with pytest.raises(JournalError, match="run-a"):
        journal.follow("run-a")


# Cancelling


async def test_the_wish_that_a_run_ends_is_there_until_it_is_on_record(journal: Journal, another: Open) -> None:
    lease = journal.create(started())
    assert journal.cancellation("run-a") is None
    wish = another().cancel("run-a", by="ada \ud800", reason="it\x00 costs", at=1_100.0)
    assert journal.cancellation("run-a") == wish == Cancellation("run-a", "ada \ud800", "it\x00 costs", 1_100.0)
    assert another().cancel("run-a", by="bob", reason=None, at=1_200.0) == wish
    await journal.append(lease, of_run(RunCancelled(1_101.0, "ada")))
    assert journal.cancellation("run-a") is None


async def test_a_run_that_has_ended_or_is_not_there_is_not_cancelled(journal: Journal) -> None:
    lease = journal.create(started())
    await journal.append(lease, of_run(finished()))
    with pytest.raises(JournalError, match="has ended already: done"):
        journal.cancel("run-a", by="ada", reason=None, at=1_100.0)
    with pytest.raises(JournalError, match="no run run-z"):
        journal.cancel("run-z", by="ada", reason=None, at=1_100.0)


async def test_a_run_that_ends_by_itself_leaves_no_wish_behind(journal: Journal) -> None:
    lease = journal.create(started())
    journal.cancel("run-a", by="ada", reason=None, at=1_100.0)
    await journal.append(lease, of_run(finished()))
    assert journal.cancellation("run-a") is None
