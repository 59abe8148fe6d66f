"""In GitHub Actions nothing that a model says commands the runner."""

import subprocess
import sys

import pytest

from agentflow.cli.github_actions import is_listening
from tests.acceptance.cli_process import environment

FLOW = """agentflow: 1
name: f
steps: {a: {value: "'::error file=x::not ours\\n::add-mask::x'"}}
outputs: {a: steps.a.output}
"""


def test_the_runner_stops_listening_before_anything_is_said_and_listens_again_at_the_end(tmp_path):
    (tmp_path / "f.yaml").write_text(FLOW)
    command = [sys.executable, "-m", "agentflow", "run", "f.yaml"]
    env = {**environment(tmp_path, "http://127.0.0.1:9"), "GITHUB_ACTIONS": "true"}
    said = subprocess.run(
        command, cwd=tmp_path, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True
    ).stdout.splitlines()
    begin, end = said[0], said[-1]
    word = begin.removeprefix("::stop-commands::")
    assert len(word) == 32
    assert end == f"::{word}::"
    assert "::error file=x::not ours" in said[1:-1]
    assert not any(word in line for line in said[1:-1])


@pytest.mark.parametrize(
    ("arguments", "actions", "listens"),
    [
        (["run", "f.yaml"], "true", True),
        (["run", "f.yaml"], "", False),
        (["validate", "--output-format", "github", "f.yaml"], "true", False),
        (["validate", "--output-format=github", "f.yaml"], "true", False),
    ],
)
def test_only_what_is_made_of_commands_is_heard(arguments: list[str], actions: str, listens: bool):
    assert is_listening(arguments, {"GITHUB_ACTIONS": actions}) is listens
