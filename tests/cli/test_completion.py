import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from agentflow.cli import exits, main
from tests.cli.runs import a_run

SHELLS = ("bash", "zsh", "fish")


@pytest.fixture
def complete(tmp_path: Path):
    """What bash is given for the last word of a line."""

    def offered(*words: str) -> list[str]:
        done = subprocess.run(
            [sys.executable, "-m", "agentflow"],
            cwd=tmp_path,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(sys.path),
                "_AGENTFLOW_COMPLETE": "bash_complete",
                "COMP_WORDS": " ".join(["agentflow", *words]),
                "COMP_CWORD": str(len(words)),
            },
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.stderr == ""
        return done.stdout.split()

    return offered


def test_commands_and_options_are_completed(complete):
    assert complete("val") == ["plain,validate"]
    assert complete("run", "--dur") == ["plain,--durability"]


def test_files_are_left_to_the_shell(complete):
    assert complete("run", "gre") == ["file,gre"]
    assert complete("validate", "a.yaml", "b") == ["file,b"]


@pytest.mark.parametrize("command", ["show", "resume", "report", "approve", "answer"])
def test_runs_are_completed_by_their_ids(complete, tmp_path: Path, command: str):
    run = a_run(tmp_path)
    assert complete(command, run[:6]) == [f"plain,{run}"]
    assert complete(command, "x") == []


def test_steps_that_wait_are_completed(complete, tmp_path: Path):
    from agentflow import api

    (tmp_path / ".git").mkdir()
    (tmp_path / "ask.yaml").write_text(
        "agentflow: 1\nname: ask\nsteps:\n  agree: {approve: 'Go: on?'}\n  other: {ask: What?}\n"
    )
    import asyncio

    run = asyncio.run(api.run(tmp_path / "ask.yaml")).run
    assert complete("approve", run, "a") == ["plain,agree"]
    assert sorted(complete("answer", run, "")) == ["plain,agree", "plain,other"]


def test_without_a_journal_nothing_is_offered_and_nothing_said(complete):
    assert complete("show", "2") == []
    assert complete("approve", "2", "a") == []


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_is_one_that_the_shell_takes(shell: str, capfd):
    assert main.run_command(["completion", shell]) == exits.DONE
    script = capfd.readouterr().out
    assert "_AGENTFLOW_COMPLETE" in script
    if shell == "zsh":
        # What zsh's compinit looks for in a file's first line.
        assert script.startswith("#compdef agentflow\n")
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell}")
    done = subprocess.run([shell, "-n"], input=script, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
