import json
import stat
from pathlib import Path

import pytest

from agentflow.cli import exits, main
from tests.cli.runs import a_run


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The id of a run in the current folder."""
    monkeypatch.chdir(tmp_path)
    return a_run(tmp_path)


def test_a_page_goes_to_a_private_file_named_after_the_run(run: str, tmp_path: Path, capsys):
    assert main.run_command(["report", run[:8]]) == exits.DONE
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", f"wrote agentflow-{run}.html\n")
    page = tmp_path / f"agentflow-{run}.html"
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert stat.S_IMODE(page.stat().st_mode) == 0o600


def test_other_formats_and_a_dash_go_to_standard_output(run: str, tmp_path: Path, capsys):
    assert main.run_command(["report", run, "--format", "json"]) == exits.DONE
    body = json.loads(capsys.readouterr().out)
    assert (body["run"]["run"], body["run"]["status"], body["outputs"]) == (run, "done", {"said": "Good day, Ada"})
    assert [row["path"] for row in body["steps"]] == ["greet"]
    assert body["steps"][0]["did"] == {"what": "command", "argv": ["printf", "Good day, %s", "Ada"]}
    assert body["graph"]["steps"][0]["state"] == "done"
    assert main.run_command(["report", run, "--format", "md"]) == exits.DONE
    assert capsys.readouterr().out.startswith("### ✓ `greeting` done\n")
    assert main.run_command(["report", run, "-o", "-"]) == exits.DONE
    assert capsys.readouterr().out.startswith("<!DOCTYPE html>")
    assert list(tmp_path.glob("*.html")) == []


def test_a_file_that_cannot_be_written_is_named(run: str, capsys):
    assert main.run_command(["report", run, "-o", "no/such/folder.html"]) == exits.INVALID
    assert "'no/such/folder.html' cannot be written" in capsys.readouterr().err


def test_an_unknown_run_is_an_error_with_a_next_move(run: str, capsys):
    assert main.run_command(["report", "19990101"]) == exits.FAILED
    assert "agentflow runs" in capsys.readouterr().err
