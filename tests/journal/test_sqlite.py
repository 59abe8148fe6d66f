"""What the SQLite journal promises beyond the port: its files, its format, other processes."""

import asyncio
import os
import socket
import stat
import threading
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import apsw
import pytest

from agentflow.errors import JournalError
from agentflow.journal import schema
from agentflow.journal.sqlite import open_journal
from tests.journal.samples import Clock, events_of, finished, of, of_run, replied, session, started, step


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "project" / ".agentflow" / "journal.db"


def test_folder_and_files_are_their_users_alone_from_the_start(path: Path) -> None:
    before = os.umask(0)
    try:
        with closing(open_journal(path)) as journal:
            journal.create(started())
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    finally:
        os.umask(before)
    del modes[".gitignore"]
    assert modes == {"journal.db": 0o600, "journal.db-wal": 0o600, "journal.db-shm": 0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert (path.parent / ".gitignore").read_text() == "*\n"


def test_a_folder_that_was_there_is_left_as_it_is(path: Path) -> None:
    path.parent.mkdir(parents=True, mode=0o755)
    open_journal(path).close()
    assert [file.name for file in path.parent.iterdir()] == ["journal.db"]


def test_a_link_in_the_journals_place_is_refused(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir(parents=True, mode=0o700)
    path.symlink_to(tmp_path / "elsewhere.db")
    with pytest.raises(JournalError, match="is a link"):
        open_journal(path)
    assert not (tmp_path / "elsewhere.db").exists()


def test_a_link_in_the_folders_place_is_refused(path: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    path.parent.parent.mkdir()
    path.parent.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(JournalError, match="is a link"):
        open_journal(path)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_journal_with_a_second_name_is_refused(path: Path, tmp_path: Path) -> None:
    open_journal(path).close()
    os.link(path, tmp_path / "second.db")
    with pytest.raises(JournalError, match="second name"):
        open_journal(path)


@pytest.mark.parametrize("name", ["journal.db", "journal.db-wal", "journal.db-shm"])
def test_a_file_that_others_may_read_is_refused_with_the_command_that_helps(path: Path, name: str) -> None:
    open_journal(path).close()
    file = path.with_name(name)
    file.touch()
    file.chmod(0o640)
    with pytest.raises(JournalError, match="open to other users") as refused:
        open_journal(path)
    assert refused.value.hint == f"chmod 600 {file}"


def test_a_folder_that_others_may_write_to_is_refused(path: Path) -> None:
    open_journal(path).close()
    path.parent.chmod(0o777)
    with pytest.raises(JournalError, match="other users may write"):
        open_journal(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("what", ["file", "folder"])
def test_what_belongs_to_another_user_is_refused(path: Path, what: str) -> None:
    open_journal(path).close()
    os.chown(path if what == "file" else path.parent, 12_345, 12_345)
    with pytest.raises(JournalError, match="belongs to another user"):
        open_journal(path)


@pytest.mark.parametrize("access", ["read", "write"])
def test_a_missing_journal_is_named_and_not_made(path: Path, access: str) -> None:
    with pytest.raises(JournalError, match=r"there is no journal at .*journal\.db"):
        open_journal(path, access=access)
    assert not path.parent.exists()


def test_a_folder_that_cannot_be_made_is_an_error_with_a_hint(path: Path) -> None:
    path.parent.parent.write_text("a file")
    with pytest.raises(JournalError, match="cannot be made") as refused:
        open_journal(path)
    assert refused.value.hint


async def test_a_journal_open_for_reading_reads_and_does_not_write(path: Path) -> None:
    with closing(open_journal(path)) as journal:
        lease = journal.create(started())
    with closing(open_journal(path, access="read")) as journal:
        assert events_of(journal) == [started()]
        assert [run.run for run in journal.runs()] == ["run-a"]
        for call in (lambda: journal.take("run-a"), lambda: journal.create(started("b")), lambda: journal.prune(0.0)):
            with pytest.raises(JournalError, match="for reading only"):
                call()
        with pytest.raises(JournalError, match="for reading only"):
            await journal.append(lease, of_run(step("plan")))


@pytest.mark.parametrize("content", [b"not a database" * 1_000, b"SQLite format 3\x00" + b"\xff" * 5_000])
@pytest.mark.parametrize("access", ["create", "read"])
def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path, access: str, content: bytes) -> None:
    path.parent.mkdir(parents=True, mode=0o700)
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(JournalError, match=r"journal\.db"):
        open_journal(path, access=access)
    assert path.read_bytes() == content


@pytest.mark.parametrize("access", ["create", "read"])
def test_another_programs_database_is_refused_and_left_alone(path: Path, access: str) -> None:
    path.parent.mkdir(parents=True, mode=0o700)
    with closing(apsw.Connection(str(path))) as other:
        other.execute("CREATE TABLE mine (x)")
    path.chmod(0o600)
    content = path.read_bytes()
    with pytest.raises(JournalError, match="not a journal of agentflow"):
        open_journal(path, access=access)
    assert path.read_bytes() == content


@pytest.mark.parametrize("access", ["create", "read"])
def test_a_newer_journal_is_refused(path: Path, access: str) -> None:
    open_journal(path).close()
    with closing(apsw.Connection(str(path))) as other:
        other.execute("UPDATE meta SET value = value + 1 WHERE key = 'schema'")
    with pytest.raises(JournalError, match=f"version {len(schema.MIGRATIONS) + 1}"):
        open_journal(path, access=access)


def test_the_database_behind_it_lacks_the_fault_of_older_ones() -> None:
    assert tuple(int(part) for part in apsw.sqlite_lib_version().split(".")) >= (3, 51, 3)


async def test_a_large_value_is_stored_once_and_a_small_body_stays_whole(path: Path) -> None:
    text = "long " * 5_000
    with closing(open_journal(path)) as journal:
        lease = journal.create(started())
        await journal.append(lease, of("s1", session(), replied(text=text), replied(text=text), replied()))
    with closing(apsw.Connection(str(path))) as database:
        blobs = database.execute("SELECT digest, content FROM blobs").fetchall()
        rows = database.execute("SELECT refs, length(body) FROM events WHERE stream = 's1' ORDER BY seq").fetchall()
    ((digest, content),) = blobs
    assert digest == sha256(content).hexdigest()
    assert [refs for refs, _ in rows] == [None, *[f'{{"content":"{digest}"}}'] * 2, None]
    assert max(length for _, length in rows) < 300


def test_what_pruning_frees_goes_back_to_the_disk(path: Path) -> None:
    with closing(open_journal(path)) as journal:
        lease = journal.create(started())
        large_values = of("s1", *[replied(text=f"{number}" * 9_000) for number in range(300)])
        asyncio.run(journal.append(lease, [*large_values, *of_run(finished())]))
        journal.release(lease)
    large = path.stat().st_size
    with closing(open_journal(path)) as journal:
        assert journal.prune(9_999.0) == 1
    with closing(apsw.Connection(str(path))) as database:
        assert database.execute("SELECT count(*) FROM blobs").get == 0
    assert path.stat().st_size * 10 < large


async def test_a_locked_database_is_waited_for_off_the_event_loop(path: Path) -> None:
    with closing(open_journal(path)) as journal, closing(apsw.Connection(str(path))) as other:
        lease = journal.create(started())
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.ensure_future(journal.append(lease, of_run(step("plan"))))
        for _ in range(100):
            await asyncio.sleep(0)
        assert not waiting.done()
        other.execute("ROLLBACK")
        await waiting
        assert events_of(journal) == [started(), step("plan")]


async def test_what_waits_for_nobody_is_brought_to_the_disk_in_the_background(path: Path) -> None:
    with closing(open_journal(path)) as journal:
        lease = journal.create(started())
        await journal.append(lease, of_run(step("plan")))
        assert "agentflow-journal-sync" in {thread.name for thread in threading.enumerate()}
    assert "agentflow-journal-sync" not in {thread.name for thread in threading.enumerate()}


async def test_reading_again_and_again_leaves_no_descriptors_open(path: Path) -> None:
    with closing(open_journal(path)) as journal:
        journal.create(started())
        for _ in range(20):
            events_of(journal)
        before = len(os.listdir("/dev/fd"))
        for _ in range(200):
            events_of(journal)
            journal.runs()
        assert len(os.listdir("/dev/fd")) <= before


def test_a_run_left_by_a_dead_process_is_free_at_once_and_by_another_boot_has_not_survived(path: Path) -> None:
    clock = Clock()
    with closing(open_journal(path, clock)) as journal:
        journal.create(started())
        owner = journal.create(started("run-b")).owner
        host, boot, namespace, _, ticks, token = owner.rsplit("/", 5)
        assert host == socket.gethostname()
        for run, last, survived in (
            ("run-a", f"{host}/{boot}/{namespace}/{2**22 + 1}/{ticks}/{token}", True),
            ("run-b", f"{host}/an-older-boot/{namespace}/{os.getpid()}/{ticks}/{token}", False),
        ):
            with closing(apsw.Connection(str(path))) as database:
                database.execute("UPDATE streams SET owner = ? WHERE run = ?", (last, run))
            assert {one.run: one.status for one in journal.runs()}[run] == "crashed"
            assert journal.take(run).survived is survived


def test_a_run_of_another_machine_is_waited_for(path: Path) -> None:
    clock = Clock()
    with closing(open_journal(path, clock)) as journal:
        journal.create(started())
        with closing(apsw.Connection(str(path))) as database:
            database.execute("UPDATE streams SET owner = 'mars/another-boot/1/42/7/token'")
        with pytest.raises(JournalError, match="run-a is being run by process 42 on mars"):
            journal.take("run-a")
        clock.now += 30
        assert not journal.take("run-a").survived
