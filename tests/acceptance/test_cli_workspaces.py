"""What a user sees of workspaces: where the work is, and that `prune` takes it away."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.acceptance.cli_process import Cli

FLOW = """
agentflow: 1
name: apart
sandbox: off
steps:
  copied: {run: [tee, new.txt], stdin: copied, workspace: copy}
  grown: {run: "echo grown > new.txt; cat new.txt", workspace: worktree}
outputs: {grown: steps.grown.output}
"""


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "flow.yaml").write_text(FLOW)
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": os.getcwd()}
    for words in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message=First"]):
        who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
        subprocess.run(["git", *who, *words], cwd=folder, env=env, check=True)
    return Cli(folder, env)


def test_the_end_of_a_run_says_where_the_work_is_and_prune_takes_it_away(cli: Cli):
    done = cli("run", "flow.yaml")
    assert (done.code, done.out) == (0, "grown\n"), done.err
    home = next((cli.folder / ".agentflow/workspaces").iterdir())
    run = home.name
    assert f"started in copy .agentflow/workspaces/{run}/copied" in done.err
    left = [line for line in done.err.splitlines() if line.startswith("left behind: ")]
    assert left == [
        f"left behind: copy .agentflow/workspaces/{run}/copied",
        f"left behind: worktree .agentflow/workspaces/{run}/grown (branch agentflow/{run}/grown)",
    ]
    assert (home / "copied/new.txt").read_text() == "copied"
    assert (home / "grown/new.txt").read_text() == "grown\n"
    assert not (cli.folder / "new.txt").exists()
    assert f"in copy .agentflow/workspaces/{run}/copied" in cli("show", run).out
    shown = json.loads(cli("show", run, "--output-format", "json").out)
    assert [workspace["branch"] for workspace in shown["workspaces"]] == [None, f"agentflow/{run}/grown"]

    assert cli("prune", "--older-than", "1d").out == "0 runs deleted\n"
    assert home.exists()
    assert cli("prune", "--older-than", "0s").out == "1 run deleted\n"
    assert not home.exists()
    branches = subprocess.run(["git", "branch"], cwd=cli.folder, capture_output=True, text=True, check=True)
    assert f"agentflow/{run}" not in branches.stdout
