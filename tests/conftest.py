"""What holds for every test: no real home, key or setting comes in, and nothing is left running."""

import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

_FOREIGN = ("ANTHROPIC_", "GITHUB_", "AGENTFLOW_", "XDG_", "CLAUDE_", "AWS_", "GOOGLE_")
_COLOURS = ("NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS", "LINES")


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, and none of the variables by which a user's own settings would come in."""
    home = tmp_path_factory.mktemp("home")
    for name in list(os.environ):
        if name.startswith(_FOREIGN) or name in _COLOURS:
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    return home


@pytest.fixture(autouse=True)
def _nothing_left_running() -> Iterator[None]:
    """Threads that keep the process alive must have ended; the workers of a pool are given time to."""
    before = set(threading.enumerate())
    yield
    left = [thread for thread in threading.enumerate() if thread not in before and not thread.daemon]
    for thread in left:
        thread.join(timeout=30)
    assert not [thread.name for thread in left if thread.is_alive()], "threads were left running"


@pytest.fixture(scope="session", autouse=True)
def _no_child_left() -> Iterator[None]:
    """At the end no process that a test started lives on. The shell of `tools/watchdog.py` serves the whole process."""
    yield
    if (module := sys.modules.get("agentflow.tools.watchdog")) is not None:
        module.watchdog().close()
    left = [pid for pid in _children() if _command(pid)]
    assert not left, f"processes were left running: {[_command(pid) for pid in left]}"


@pytest.fixture
def no_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine that has no sandbox at all."""
    monkeypatch.setattr("agentflow.tools.sandbox.choice.candidates", lambda _project: iter(()))


def _children() -> list[int]:
    found: list[int] = []
    for task in Path("/proc/self/task").glob("*/children"):
        found.extend(int(pid) for pid in task.read_text().split())
    return found


def _command(pid: int) -> str:
    """What a process runs; empty for one that has ended, and for what belongs to the test runner itself."""
    try:
        text = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""
    return "" if "execnet" in text else text
