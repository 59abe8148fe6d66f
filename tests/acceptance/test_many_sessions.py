"""A long session and many at once, killed in the middle and resumed: all is there, once."""

import json
import time
from pathlib import Path

import pytest

from tests.acceptance import many_sessions
from tests.acceptance.cli_process import Cli, environment, run_id
from tests.messages_api import MessagesProcess

SESSIONS = 40
TURNS = 60
SCRIPT = Path(many_sessions.__file__)


def killed_and_resumed(cli: Cli, api: MessagesProcess, after: int, *arguments: str) -> str:
    """Kills a run when so many requests have come, and resumes it; returns its id."""
    process = cli.start("run", "--quiet", "sessions.yaml", *arguments)
    while process.poll() is None and api.stats()["requests"] < after:
        time.sleep(0.01)
    assert process.poll() is None, process.communicate()
    process.kill()
    process.communicate()
    run = run_id(cli("runs").out)
    resumed = cli("resume", run)
    assert resumed.code == 0, resumed.err
    return run


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def test_many_sessions_at_once_lose_and_double_nothing_in_a_kill(project: Path, tmp_path: Path):
    many_sessions.make_project(project, many_sessions.MANY.format(parallel=SESSIONS))
    (project / "numbers.json").write_text(json.dumps({"numbers": list(range(SESSIONS))}))
    with MessagesProcess(SCRIPT, options=("--no-record", "--latency", "0.02")) as api:
        cli = Cli(project, environment(tmp_path, api.base_url))
        run = killed_and_resumed(cli, api, 2 * SESSIONS, "--inputs", "numbers.json")
        stats = api.stats()
    left = many_sessions.left_by(project, run)
    assert (left.status, left.sessions, left.doubled, left.lost) == ("done", SESSIONS, 0, 0)
    assert left.said == many_sessions.said_by_many(SESSIONS)
    assert left.results == SESSIONS * 4
    assert stats["refused"] == 0
    assert stats["requests"] <= SESSIONS * (many_sessions.TURNS_OF_MANY + 1), "what had been said was asked again"


def test_a_long_session_goes_on_where_a_kill_cut_it_off(project: Path, tmp_path: Path):
    many_sessions.make_project(project, many_sessions.LONG.format(parallel=8, turns=TURNS))
    with MessagesProcess(SCRIPT, options=("--no-record", "--latency", "0.01")) as api:
        cli = Cli(project, environment(tmp_path, api.base_url))
        run = killed_and_resumed(cli, api, TURNS // 2)
        stats = api.stats()
    left = many_sessions.left_by(project, run)
    assert (left.status, left.sessions, left.doubled, left.lost) == ("done", 1, 0, 0)
    assert left.said == many_sessions.said_by_reader(TURNS)
    assert left.results == TURNS - 1
    assert (stats["refused"], stats["requests"] in (TURNS, TURNS + 1)) == (0, True)
