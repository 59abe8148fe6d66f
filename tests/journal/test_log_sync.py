"""The background sync of the log."""

import errno
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from agentflow.journal.log_sync import LogSync

PATIENCE = 10.0


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "journal.db-wal"
    path.write_bytes(b"frames")
    return path


def counting(syncs: threading.Semaphore) -> Callable[[int], None]:
    return lambda descriptor: syncs.release()


def test_what_was_written_is_synced_soon(log: Path) -> None:
    syncs = threading.Semaphore(0)
    log_sync = LogSync(log, 0.001, counting(syncs))
    for _ in range(3):
        log_sync.written()
        assert syncs.acquire(timeout=PATIENCE)
    log_sync.close()
    assert not syncs.acquire(blocking=False)


def test_closing_syncs_what_is_left(log: Path) -> None:
    syncs = threading.Semaphore(0)
    log_sync = LogSync(log, 3_600.0, counting(syncs))
    log_sync.written()
    log_sync.written()
    log_sync.close()
    assert syncs.acquire(blocking=False)
    assert not syncs.acquire(blocking=False)


def test_what_a_synced_commit_covered_is_not_synced_again(log: Path) -> None:
    syncs = threading.Semaphore(0)
    log_sync = LogSync(log, 3_600.0, counting(syncs))
    log_sync.written()
    log_sync.synced()
    log_sync.close()
    assert not syncs.acquire(blocking=False)


def test_a_failed_sync_is_kept_for_all_who_write_later(log: Path) -> None:
    failed = threading.Event()

    def fail(descriptor: int) -> None:
        failed.set()
        raise OSError(errno.EIO, "the disk is gone")

    log_sync = LogSync(log, 0.001, fail)
    log_sync.written()
    assert failed.wait(PATIENCE)
    log_sync.close()
    assert log_sync.failure is not None
    assert log_sync.failure.errno == errno.EIO


def test_a_failed_flush_is_raised_and_kept(log: Path) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(errno.EIO, "the disk is gone")

    log_sync = LogSync(log, 3_600.0, fail)
    with pytest.raises(OSError, match="the disk is gone"):
        log_sync.flush()
    assert log_sync.failure is not None
    log_sync.close()
