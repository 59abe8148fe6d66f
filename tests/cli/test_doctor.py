import json
from pathlib import Path

import pytest

from agentflow.cli import exits, main


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-a-made-up-key")


def test_each_line_says_how_it_stands(capsys):
    assert main.run_command(["doctor"]) == exits.DONE
    lines = [line for line in capsys.readouterr().out.splitlines() if "hint:" not in line]
    assert {line.split()[0] for line in lines} <= {"ok", "warn"}
    assert lines[0].startswith("ok    python      3.")


def test_a_failure_is_the_exit_code_and_json_has_it_too(capsys, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "nonsense")
    assert main.run_command(["doctor", "--output-format", "json"]) == exits.FAILED
    body = json.loads(capsys.readouterr().out)
    assert (body["type"], body["ok"]) == ("doctor", False)
    failed = [check for check in body["checks"] if check["status"] == "fail"]
    assert [check["name"] for check in failed] == ["address"]
    assert failed[0]["hint"] == "write it as https://host/path"


def test_nothing_is_made(tmp_path: Path):
    main.run_command(["doctor"])
    assert list(tmp_path.iterdir()) == []
