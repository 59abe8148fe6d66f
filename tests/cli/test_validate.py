from pathlib import Path

import pytest

from agentflow.cli import exits, main
from tests.cli.runs import GREETING


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "greeting.yaml").write_text(GREETING)
    (tmp_path / "other.yaml").write_text("services: {web: {image: x}}\n")


def test_others_are_left_out_on_request_and_wrong_without(capsys):
    assert main.run_command(["validate", "greeting.yaml", "other.yaml"]) == exits.INVALID
    capsys.readouterr()
    assert main.run_command(["validate", "--skip-others", "greeting.yaml", "other.yaml"]) == exits.DONE
    assert capsys.readouterr().out == "1 file checked, no problems\n"


def test_a_workflow_with_errors_is_no_other(tmp_path: Path):
    (tmp_path / "wrong.yaml").write_text("agentflow: 1\nname: [\n")
    assert main.run_command(["validate", "--skip-others", "wrong.yaml"]) == exits.INVALID


def test_a_file_that_is_not_there_is_told_all_the_same(capsys):
    assert main.run_command(["validate", "--skip-others", "nosuch.yaml"]) == exits.INVALID
    assert "nosuch.yaml" in capsys.readouterr().out


def test_nothing_but_others_is_no_trouble(capsys):
    assert main.run_command(["validate", "--skip-others", "other.yaml"]) == exits.DONE
    assert capsys.readouterr().out == "0 files checked, no problems\n"
