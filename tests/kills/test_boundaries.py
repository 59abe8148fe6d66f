"""A kill comes where it was ordered: what is on record and what was acknowledged tell."""

import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from agentflow.journal.sqlite import open_journal
from tests.kills.child import Folder
from tests.kills.judge import acknowledged_in

ROOT = Path(__file__).resolve().parents[2]

PROCESS = """
import asyncio, sys
from pathlib import Path
from agentflow.events.run_events import RunPaused, RunStarted
from agentflow.journal.port import Entry
from agentflow.journal.sqlite import open_journal
from tests.kills.boundaries import DISK, Boundaries, Disk, Kill, Watched
from tests.kills.child import Folder

folder, phase, piece = Folder(Path(sys.argv[1])), sys.argv[2], int(sys.argv[3])
boundaries = Boundaries(Disk(), folder.acknowledged, Kill(2, phase, piece))
journal = Watched(open_journal(folder.journal, vfs=DISK), boundaries)
started = RunStarted(1.0, "r1", "w", "w.yaml", "/p", {}, "0", {})

async def main():
    lease = journal.create(started)
    await journal.append(lease, [Entry("", RunPaused(2.0, "waiting"))], durable=True)
    print("alive", flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("phase", "piece", "on_record", "acknowledged"),
    [("before", 1, 1, 1), ("inside", 1, 1, 1), ("inside", 2, 1, 1), ("landed", 1, 2, 1), ("after", 1, 2, 2)],
)
def test_a_process_dies_where_it_was_told_to(tmp_path, phase, piece, on_record, acknowledged):
    folder = Folder(tmp_path)
    folder.project.mkdir()
    command = [sys.executable, "-c", PROCESS, str(tmp_path), phase, str(piece)]
    died = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (died.returncode, died.stdout) == (-signal.SIGKILL, ""), died.stderr
    with closing(open_journal(folder.journal, access="read")) as journal:
        assert len(list(journal.read("r1"))) == on_record
    assert [line["seq"] for line in acknowledged_in(folder)] == list(range(1, acknowledged + 1))
