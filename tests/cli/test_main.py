import re
import stat
from pathlib import Path

import click
import pytest

from agentflow.api import RunResult
from agentflow.cli import exits, main
from agentflow.cli.exits import exit_code
from agentflow.errors import AgentflowError, JournalError, UsageError
from agentflow.events.values import LIMITS, Failure


@pytest.fixture
def command(monkeypatch, tmp_path: Path):
    """Puts a command that raises in the place of all commands."""
    monkeypatch.chdir(tmp_path)

    def put(error: BaseException) -> None:
        def fail() -> None:
            raise error

        made = click.Command("runs", callback=fail)
        monkeypatch.setattr(main._Commands, "get_command", lambda *_: made)

    return put


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("no", "do this"), exits.INVALID),
        (AgentflowError("no", "do this"), exits.FAILED),
        (JournalError("no", "do this"), exits.FAILED),
    ],
)
def test_an_error_is_a_message_and_a_next_move(command, capsys, error: AgentflowError, code: int):
    command(error)
    assert main.run_command(["runs"]) == code
    assert capsys.readouterr().err == "error: no\nhint: do this\n"


def test_an_error_is_shown_inert(command, capsys):
    command(AgentflowError("the file '\x1b[2J' is\nnot there"))
    main.run_command(["runs"])
    assert capsys.readouterr().err == "error: the file '␛[2J' is\nnot there\n"


@pytest.mark.parametrize("beside", [True, False])
def test_anything_else_is_our_bug_and_leaves_a_private_log(command, capsys, tmp_path: Path, monkeypatch, beside: bool):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    if beside:
        (tmp_path / ".agentflow").mkdir()
    command(ZeroDivisionError("a secret of the run"))
    assert (
        main.run_command(
            [
                "runs",
            ]
        )
        == exits.BUG
    )
    said = capsys.readouterr().err
    assert "this is a bug in agentflow" in said
    found = re.search(r"what is in (\S+)", said)
    assert found is not None
    log = Path(found[1])
    assert log.parent == (tmp_path / ".agentflow" if beside else tmp_path)
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert "ZeroDivisionError" in log.read_text()
    assert "agentflow runs" in log.read_text()


def test_an_interrupt_and_a_closed_pipe_are_no_bugs(command, capfd):
    command(KeyboardInterrupt())
    assert main.run_command(["runs"]) == exits.INTERRUPTED


def test_every_command_is_there_and_says_what_it_does(capsys):
    for name in main.COMMANDS:
        assert main.run_command([name, "--help"]) == exits.DONE
        assert capsys.readouterr().out.startswith(f"Usage: agentflow {name}")


def test_a_run_exits_as_it_ended():
    assert exit_code(RunResult("r", "done")) == 0
    assert exit_code(RunResult("r", "failed", failure=Failure("refusal", "no"))) == 1
    assert {exit_code(RunResult("r", "failed", failure=Failure(kind, "no"))) for kind in LIMITS} == {3}
    assert exit_code(RunResult("r", "waiting")) == 4
    assert exit_code(RunResult("r", "interrupted")) == 130


@pytest.mark.parametrize(("typed", "near"), [("validte", " Did you mean `validate`?"), ("zzz", "")])
def test_an_unknown_command_is_refused_with_the_one_that_was_meant(typed: str, near: str, capsys):
    assert main.run_command([typed]) == exits.INVALID
    told = capsys.readouterr().err
    assert f"No such command '{typed}'.{near}\n" in told
    assert "agentflow --help" in told
