"""What becomes of a commit when the disk fails or is full."""

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from agentflow.errors import JournalError, JournalFullError
from agentflow.journal.port import Entry
from agentflow.journal.sqlite import SqliteJournal, open_journal
from tests.journal.faulty_disk import FaultyDisk, faulty_disk
from tests.journal.samples import Clock, events_of, gate, of, of_run, session, started, step

CALLS = ("one", "two", "three")

# A sync that fails for want of room is an IOError to SQLite (unixSync in os_unix.c): only a write can say "full".
FAULTS = [("write", apsw.IOError), ("write", apsw.FullError), ("sync", apsw.IOError)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".agentflow" / "journal.db"


@pytest.fixture
def disk() -> Iterator[FaultyDisk]:
    with faulty_disk() as disk:
        yield disk


@pytest.fixture
def journal(path: Path, disk: FaultyDisk) -> Iterator[SqliteJournal]:
    with closing(open_journal(path, Clock(), vfs=disk.name)) as journal:
        yield journal
        disk.heal()


def after_a_crash(path: Path, folder: Path) -> list[str]:
    """The steps that are found when the machine dies now, and all that was written happens to be on the disk."""
    folder.mkdir(mode=0o700)
    for file in (path, path.with_name("journal.db-wal")):
        if file.exists():
            shutil.copy(file, folder / file.name)
            (folder / file.name).chmod(0o600)
    with closing(open_journal(folder / path.name, Clock(), access="read")) as journal:
        return [event.step for event in events_of(journal)[1:]]


@pytest.mark.parametrize("durable", [False, True])
@pytest.mark.parametrize(("what", "error"), FAULTS)
@pytest.mark.parametrize("goes_on", [False, True])
@pytest.mark.parametrize("at", [1, 2, 3, 5, 8])
async def test_what_a_call_is_told_is_what_is_there(
    journal: SqliteJournal,
    path: Path,
    disk: FaultyDisk,
    tmp_path: Path,
    durable: bool,
    what: str,
    error: type[apsw.Error],
    goes_on: bool,
    at: int,
) -> None:
    lease = journal.create(started())
    await journal.append(lease, of_run(step("before")), durable=True)
    disk.fail(what, at, error, goes_on=goes_on)
    outcomes = await asyncio.gather(
        *(journal.append(lease, of_run(step(name)), durable=durable) for name in CALLS), return_exceptions=True
    )
    disk.heal()
    told = [name for name, outcome in zip(CALLS, outcomes, strict=True) if outcome is None]
    assert all(outcome is None or isinstance(outcome, JournalError) for outcome in outcomes)
    in_doubt = any(isinstance(outcome, JournalError) and "in doubt" in outcome.message for outcome in outcomes)
    for found in ([event.step for event in events_of(journal)[1:]], after_a_crash(path, tmp_path / "crashed")):
        if in_doubt:
            assert found in (["before"], ["before", *CALLS])
        else:
            assert found == ["before", *told]
    if in_doubt:
        with pytest.raises(JournalError, match="in doubt"):
            await journal.append(lease, of_run(step("after")))
    else:
        await journal.append(lease, of_run(step("after")), durable=True)
        assert events_of(journal)[-1] == step("after")


async def test_a_full_disk_refuses_all_of_a_batch_and_the_calls_may_be_made_again(
    journal: SqliteJournal, disk: FaultyDisk
) -> None:
    lease = journal.create(started())
    for _ in range(3):
        disk.fail("write", 1, apsw.FullError, goes_on=True)
        outcomes = await asyncio.gather(
            *(journal.append(lease, of_run(step(name))) for name in CALLS), return_exceptions=True
        )
        assert [type(outcome) for outcome in outcomes] == [JournalFullError] * 3
        assert events_of(journal) == [started()]
    disk.heal()
    await asyncio.gather(*(journal.append(lease, of_run(step(name))) for name in CALLS))
    assert [event.step for event in events_of(journal)[1:]] == list(CALLS)


async def test_a_commit_whose_sync_failed_once_is_made_certain(
    journal: SqliteJournal, path: Path, disk: FaultyDisk, tmp_path: Path
) -> None:
    lease = journal.create(started())
    await journal.append(lease, of_run(step("before")))
    disk.fail("sync", 1, apsw.IOError)
    await journal.append(lease, of_run(step("doubtful")), durable=True)
    assert after_a_crash(path, tmp_path / "crashed") == ["before", "doubtful"]
    await journal.append(lease, of_run(step("after")), durable=True)
    assert [event.step for event in events_of(journal)[1:]] == ["before", "doubtful", "after"]


async def test_what_cannot_be_made_certain_is_said_to_be_in_doubt_and_ends_writing(
    journal: SqliteJournal, path: Path, disk: FaultyDisk, tmp_path: Path
) -> None:
    lease = journal.create(started())
    await journal.append(lease, of_run(step("before")))
    with closing(journal.read("run-a")) as reader:
        next(reader)  # keeps the log from being written anew
        disk.fail("sync", 1, apsw.IOError)
        with pytest.raises(JournalError, match="in doubt"):
            await journal.append(lease, of_run(step("doubtful")), durable=True)
        with pytest.raises(JournalError, match="in doubt"):
            await journal.append(lease, of_run(step("after")))
    assert after_a_crash(path, tmp_path / "crashed") == ["before"]
    assert [event.step for event in events_of(journal)[1:]] == ["before"]


@pytest.mark.parametrize(("what", "error"), FAULTS)
@pytest.mark.parametrize("at", [1, 2, 4])
def test_a_run_that_could_not_be_made_is_not_there(
    journal: SqliteJournal, disk: FaultyDisk, what: str, error: type[apsw.Error], at: int
) -> None:
    disk.fail(what, at, error)
    try:
        journal.create(started())
    except JournalError:
        assert journal.runs() == []
        disk.heal()
        journal.create(started())
    assert events_of(journal) == [started()]


@pytest.mark.parametrize("error", [apsw.IOError, apsw.FullError])
async def test_an_answer_or_a_lease_that_could_not_be_written_is_not_there(
    journal: SqliteJournal, disk: FaultyDisk, error: type[apsw.Error]
) -> None:
    lease = journal.create(started())
    await journal.append(lease, of_run(gate("ask")))
    journal.release(lease)
    disk.fail("write", 1, error)
    with pytest.raises(JournalError):
        journal.answer("run-a", "ask", approved=True, by="ada", comment=None, at=1_100.0)
    assert journal.gates("run-a")[0].approved is None
    disk.fail("write", 1, error)
    with pytest.raises(JournalError):
        journal.take("run-a")
    disk.heal()
    journal.answer("run-a", "ask", approved=True, by="ada", comment=None, at=1_100.0)
    assert journal.take("run-a").epoch == lease.epoch + 1


async def test_a_durable_call_waits_for_the_disk_and_others_do_not(journal: SqliteJournal, disk: FaultyDisk) -> None:
    lease = journal.create(started())
    await journal.append(lease, of_run(step("warm")), durable=True)
    before = disk.syncs
    for number in range(5):
        await journal.append(lease, of_run(step(f"quick{number}")))
    assert disk.syncs == before
    for number in range(5):
        await journal.append(lease, of_run(step(f"durable{number}")), durable=True)
    assert disk.syncs == before + 5


async def test_under_power_durability_every_call_waits_for_the_disk(path: Path, disk: FaultyDisk) -> None:
    with closing(open_journal(path, Clock(), "power", vfs=disk.name)) as journal:
        lease = journal.create(started())
        before = disk.syncs
        for number in range(5):
            await journal.append(lease, of_run(step(f"step{number}")))
        assert disk.syncs == before + 5


async def test_durable_calls_that_wait_together_share_one_sync(journal: SqliteJournal, disk: FaultyDisk) -> None:
    lease = journal.create(started())
    before = disk.syncs
    await asyncio.gather(*(journal.append(lease, of(f"s{n}", session()), durable=True) for n in range(100)))
    assert disk.syncs == before + 1
    assert len(events_of(journal)) == 101


async def test_calls_that_wait_together_share_one_commit(journal: SqliteJournal, disk: FaultyDisk) -> None:
    lease = journal.create(started())
    await journal.append(lease, of_run(step("warm")))
    before = disk.writes
    await asyncio.gather(*(journal.append(lease, of_run(step(f"step{n}"))) for n in range(20)))
    together = disk.writes - before
    before = disk.writes
    for number in range(20):
        await journal.append(lease, of_run(step(f"again{number}")))
    assert together * 5 < disk.writes - before


async def test_a_long_log_is_brought_into_the_database(journal: SqliteJournal, path: Path, disk: FaultyDisk) -> None:
    lease = journal.create(started())
    entry = Entry("s1", session())
    for _ in range(60):
        await journal.append(lease, [entry] * 500)
    await journal.append(lease, [entry], durable=True)
    journal.close()
    with closing(open_journal(path, Clock(), access="read")) as again:
        assert len(list(again.read("run-a", "s1"))) == 30_001
    assert path.with_name("journal.db-wal").stat().st_size < 16 * 1024 * 1024
