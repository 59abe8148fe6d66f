"""A damaged journal gives an error that names the place, never a wrong event."""

import asyncio
import re
from contextlib import closing
from pathlib import Path

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentflow.errors import JournalError
from agentflow.journal.port import Recorded
from agentflow.journal.sqlite import open_journal
from tests.journal.samples import Clock, called, gate, of, of_run, replied, session, started, step

RUN = "run-a"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whole") / ".agentflow" / "journal.db"

    async def fill() -> None:
        with closing(open_journal(path, Clock())) as journal:
            lease = journal.create(started())
            await journal.append(lease, of_run(gate("ask"), *[step(f"step{number}") for number in range(30)]))
            for stream in ("s1", "s2", "s3"):
                await journal.append(lease, of(stream, session(), called(), replied(text="t" * 9_000), called()))
            journal.release(lease)

    asyncio.run(fill())
    return path


@pytest.fixture(scope="module")
def expected(whole: Path) -> list[Recorded]:
    return found_in(whole)


@pytest.fixture
def path(tmp_path: Path, whole: Path) -> Path:
    return copy(whole.read_bytes(), tmp_path)


def copy(content: bytes, folder: Path) -> Path:
    path = folder / "copy" / "journal.db"
    path.parent.mkdir(mode=0o700, exist_ok=True)
    for beside in path.parent.iterdir():
        beside.unlink()
    path.touch(mode=0o600)
    path.write_bytes(content)
    return path


def found_in(path: Path, stream: str | None = None) -> list[Recorded]:
    with closing(open_journal(path, Clock(), access="read")) as journal:
        return list(journal.read(RUN, stream))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_is_found_or_does_no_harm(
    whole: Path, expected: list[Recorded], tmp_path: Path, place: float, bit: int
) -> None:
    content = bytearray(whole.read_bytes())
    content[int(place * len(content))] ^= 1 << bit
    path = copy(bytes(content), tmp_path)
    try:
        found = found_in(path)
    except JournalError:
        return
    assert found == expected


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kept=st.floats(0, 1, exclude_max=True))
def test_a_file_that_was_cut_off_is_found(whole: Path, tmp_path: Path, kept: float) -> None:
    content = whole.read_bytes()
    path = copy(content[: int(kept * len(content))], tmp_path)
    with pytest.raises(JournalError):
        found_in(path)


@pytest.mark.parametrize(
    ("change", "stream", "seq"),
    [
        ("UPDATE events SET body = replace(body, 'step7', 'step8') WHERE seq = 10 AND stream = ''", "own", 10),
        ("UPDATE events SET type = 'StepFinished' WHERE seq = 10 AND stream = ''", "own", 10),
        ("UPDATE events SET version = 2 WHERE seq = 2 AND stream = 's2'", "s2", 2),
        ("UPDATE events SET checksum = x'00' WHERE seq = 2 AND stream = 's2'", "s2", 2),
        ("DELETE FROM events WHERE seq = 3 AND stream = 's2'", "s2", 3),
        ("DELETE FROM events WHERE seq = 4 AND stream = 's2'", "s2", 4),
        ("DELETE FROM events WHERE stream = 's3'", "s3", 1),
        ("DELETE FROM streams WHERE stream = 's3'", "s3", 1),
        ("UPDATE streams SET seq = 3 WHERE stream = 's1'", "s1", 5),
        ("UPDATE streams SET checksum = x'00' WHERE stream = 's1'", "s1", 5),
        ("UPDATE events SET stream = 's9' WHERE stream = 's1' AND seq = 4", "s9", 4),
        ("UPDATE events SET seq = 9 WHERE stream = 's1' AND seq = 4", "s1", 4),
        ("UPDATE events SET position = -position WHERE stream = 's1' AND seq = 2", "s1", 1),
        ("UPDATE events SET refs = NULL WHERE stream = 's1' AND seq = 3", "s1", 3),
        ("DELETE FROM blobs", "s1", 3),
        ("UPDATE blobs SET content = x'5b5d'", "s1", 3),
    ],
)
def test_what_was_tampered_with_is_named(path: Path, change: str, stream: str, seq: int) -> None:
    with closing(apsw.Connection(str(path))) as database:
        database.execute(change)
        assert database.total_changes() > 0
    with pytest.raises(JournalError, match=re.escape("is damaged: run run-a")) as found:
        found_in(path)
    assert f"{stream}" in found.value.message
    assert f"seq {seq}:" in found.value.message
    assert found.value.hint


def test_events_moved_from_one_stream_to_another_are_found(path: Path) -> None:
    with closing(apsw.Connection(str(path))) as database:
        for table in ("streams", "events"):
            database.execute(f"UPDATE {table} SET stream = 'tmp' WHERE stream = 's1'")
            database.execute(f"UPDATE {table} SET stream = 's1' WHERE stream = 's2'")
            database.execute(f"UPDATE {table} SET stream = 's2' WHERE stream = 'tmp'")
    with pytest.raises(JournalError, match="seq 1: its checksum is wrong"):
        found_in(path, "s1")


def test_what_stands_before_the_damage_is_given(path: Path, expected: list[Recorded]) -> None:
    with closing(apsw.Connection(str(path))) as database:
        database.execute("UPDATE events SET body = '{}' WHERE seq = 10 AND stream = ''")
    with closing(open_journal(path, Clock(), access="read")) as journal:
        reader = journal.read(RUN)
        for recorded in expected[:9]:
            assert next(reader) == recorded
        with pytest.raises(JournalError):
            next(reader)


def test_who_follows_is_told_of_damage_too(path: Path, expected: list[Recorded]) -> None:
    with closing(open_journal(path, Clock(), access="read")) as journal:
        follower = journal.follow(RUN)
        assert follower.more() == expected
        follower.close()
        with closing(apsw.Connection(str(path))) as connection:
            connection.execute('UPDATE events SET body = \'{"at":1,"step":"x"}\' WHERE stream = \'\' AND seq = 7')
        follower = journal.follow(RUN)
        with pytest.raises(JournalError, match="the run's own stream, seq 7"):
            follower.more()
        follower.close()
