"""`agentflow init`, as it is typed, and what it writes."""

import asyncio
import os
from pathlib import Path

import pytest

from agentflow import api
from agentflow.cli import exits
from agentflow.cli.main import run_command
from agentflow.source import yaml_reader

THREE = [".replies.yaml", ".test.yaml", ".yaml"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_it_writes_a_workflow_its_replies_and_its_test(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert run_command(["init"]) == exits.DONE
    assert names(folder) == [f"first{ending}" for ending in THREE]
    told = capsys.readouterr().out
    assert told.startswith("wrote first.yaml, first.replies.yaml and first.test.yaml\n")
    assert "agentflow run first.yaml --scripted first.replies.yaml\n" in told


@pytest.mark.parametrize(
    ("typed", "written", "name"),
    [
        (["."], "first.yaml", "first"),
        (["flows"], "flows/first.yaml", "first"),
        (["new/flows", "--name", "titles"], "new/flows/titles.yaml", "titles"),
        (["titles.yaml"], "titles.yaml", "titles"),
        (["new/titles.yml", "--name", "best-title"], "new/titles.yml", "best-title"),
        (["my titles 2.yaml"], "my titles 2.yaml", "my-titles-2"),
        (["2nd.yaml"], "2nd.yaml", "_2nd"),
        (["true.yaml"], "true.yaml", "true"),
        (["é.yaml"], "é.yaml", "first"),
    ],
)
def test_what_is_written_is_valid_and_runs(typed: list[str], written: str, name: str, folder: Path):
    assert run_command(["init", *typed]) == exits.DONE
    checked = api.check_to_run(folder / written)
    assert checked.diagnostics == ()
    assert checked.plan is not None
    assert checked.plan.name == name
    replies = folder / written.replace(".yaml", ".replies.yaml").replace(".yml", ".replies.yaml")
    result = asyncio.run(api.run(folder / written, {}, api.RunOptions(model=api.scripted(replies))))
    assert result.status == "done"
    assert result.outputs == {"title": "Meltwater", "others": ["The Bank in April", "High Water Mark"]}
    test, problems = yaml_reader.read(replies.with_name(replies.name.replace(".replies.", ".test.")).read_text(), "t")
    assert test is not None
    assert problems == []
    assert test.data["workflow"] == Path(written).name


@pytest.mark.parametrize("target", ["titles.yaml", "titles.yml"])
def test_its_test_passes(target: str, capsys: pytest.CaptureFixture[str]):
    assert run_command(["init", target]) == exits.DONE
    assert run_command(["test", "titles.test.yaml"]) == exits.DONE, capsys.readouterr().out


@pytest.mark.parametrize("there", [f"first{ending}" for ending in THREE])
def test_a_file_that_is_there_is_never_touched_and_nothing_is_written_beside_it(
    there: str, folder: Path, capsys: pytest.CaptureFixture[str]
):
    (folder / there).write_text("mine")
    assert run_command(["init"]) == exits.INVALID
    assert f"'{there}' is already there" in capsys.readouterr().err
    assert names(folder) == [there]
    assert (folder / there).read_text() == "mine"


def test_a_link_to_nowhere_is_a_file_that_is_there(folder: Path):
    os.symlink("elsewhere.yaml", "first.yaml")
    assert run_command(["init"]) == exits.INVALID
    assert names(folder) == ["first.yaml"]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["titles.test.yaml"], "'titles.test.yaml' is no name for a workflow"),
        (["titles.replies.yaml"], "name the workflow, as `titles.yaml`"),
        (["--name", "a b"], "a name is letters, digits, `_` and `-`, as `a-b`"),
        (["--name", "../out"], "a workflow cannot be called '../out'"),
        (["file"], "'file' cannot be written"),
        (["file/deeper"], "cannot be written"),
    ],
)
def test_what_it_cannot_write_is_told_with_a_next_move(
    typed: list[str], said: str, folder: Path, capsys: pytest.CaptureFixture[str]
):
    (folder / "file").write_text("")
    assert run_command(["init", *typed]) == exits.INVALID
    told = capsys.readouterr().err
    assert said in told
    assert "hint: " in told
    assert names(folder) == ["file"]


def test_what_was_written_before_another_file_could_not_be_is_taken_back(
    folder: Path, capsys: pytest.CaptureFixture[str]
):
    stem = "x" * 245  # the workflow's name is short enough for a file system, that of its replies is not
    assert run_command(["init", f"{stem}.yaml"]) == exits.INVALID
    assert f"'{stem}.replies.yaml' cannot be written" in capsys.readouterr().err
    assert names(folder) == []
