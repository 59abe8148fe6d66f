"""Real processes on one journal: killed, racing, reading."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from agentflow.errors import JournalError
from agentflow.journal.sqlite import open_journal
from tests.journal.samples import events_of, started

PROJECT = Path(__file__).parents[2]
PATIENCE = 60.0


class Processes:
    """Starts writing processes, and sees to it that none stays."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._started: list[subprocess.Popen[str]] = []

    def start(self, action: str, run: str, count: int = 0) -> subprocess.Popen[str]:
        arguments = [str(self._path), action, run, str(count)]
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.journal.writing_process", *arguments],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._started.append(process)
        return process

    def end_all(self) -> None:
        for process in self._started:
            process.kill()
            process.communicate()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".agentflow" / "journal.db"


@pytest.fixture
def processes(path: Path) -> Iterator[Processes]:
    with ExitStack() as ended:
        processes = Processes(path)
        ended.callback(processes.end_all)
        yield processes


@pytest.mark.parametrize("after", [1, 2, 7, 40, 111, 250, 600, 1_500])
def test_a_killed_writer_has_left_all_that_it_acknowledged(path: Path, processes: Processes, after: int) -> None:
    process = processes.start("write", "run-a", 100_000)
    acknowledged = [process.stdout.readline().split() for _ in range(after)]
    process.send_signal(signal.SIGKILL)
    acknowledged += [line.split() for line in process.stdout if line.endswith("\n")]
    process.wait(PATIENCE)
    with closing(open_journal(path, access="write")) as journal:
        for stream in ("s1", "s2"):
            last = max((int(number) for name, number in acknowledged if name == stream), default=0)
            found = events_of(journal, stream=stream) if last else []
            assert last <= len(found) <= last + 1
            for number, event in enumerate(found, start=1):
                assert event.content[0]["text"].startswith(f"{stream} {number} ")
        assert [run.status for run in journal.runs()] == ["crashed"]
        lease = journal.take("run-a")
        assert lease.epoch == 2
        assert lease.survived


def test_two_processes_write_their_own_runs_at_once(path: Path, processes: Processes) -> None:
    writers = {run: processes.start("write", run, 150) for run in ("run-a", "run-b")}
    for writer in writers.values():
        writer.communicate(timeout=PATIENCE)
        assert writer.returncode == 0
    with closing(open_journal(path, access="read")) as journal:
        for run in writers:
            assert len(events_of(journal, run)) == 301


def test_processes_that_make_the_journal_at_once_do_not_get_in_each_others_way(
    path: Path, processes: Processes
) -> None:
    writers = [processes.start("write", f"run-{number}", 1) for number in range(4)]
    for writer in writers:
        writer.communicate(timeout=PATIENCE)
        assert writer.returncode == 0
    with closing(open_journal(path, access="read")) as journal:
        assert len(journal.runs()) == 4


def test_a_reader_sees_whole_prefixes_while_another_process_writes(path: Path, processes: Processes) -> None:
    process = processes.start("write", "run-a", 300)
    process.stdout.readline()
    before = 0
    with closing(open_journal(path, access="read")) as journal:
        while process.poll() is None:
            process.stdout.readline()
            count = len(events_of(journal))
            assert count >= before
            before = count
        assert len(events_of(journal)) == 601


def test_a_run_that_a_live_process_holds_is_refused_by_its_number(path: Path, processes: Processes) -> None:
    process = processes.start("hold", "run-a")
    assert process.stdout.readline() == "holding\n"
    with closing(open_journal(path)) as journal:
        with pytest.raises(JournalError, match=f"being run by process {process.pid} on "):
            journal.take("run-a")
        assert [run.status for run in journal.runs()] == ["running"]
        process.kill()
        process.wait(PATIENCE)
        assert journal.take("run-a").epoch == 2


def test_of_two_that_take_a_run_at_once_one_gets_it(path: Path, processes: Processes) -> None:
    with closing(open_journal(path)) as journal:
        journal.release(journal.create(started()))
    rivals = [processes.start("take", "run-a") for _ in range(3)]
    for rival in rivals:
        rival.stdin.write("go\n")
        rival.stdin.flush()
    answers = sorted(rival.stdout.readline().split()[0] for rival in rivals)
    assert answers == ["refused", "refused", "taken"]
    with closing(open_journal(path)) as journal:
        assert len(events_of(journal)) == 2
