"""A warning is told as one in every format, with its next move."""

import json
from pathlib import Path

import pytest

from agentflow import api
from agentflow.report import diagnostics_json, github, sarif
from agentflow.report.diagnostics import DiagnosticWriter
from agentflow.report.style import Paint

FILE = """agentflow: 1
name: x
sandbox: off
secrets: [UNUSED]
steps:
  a: {agent: {tools: [Bash]}, prompt: Hi}
"""


@pytest.fixture
def checked(tmp_path: Path) -> api.Checked:
    (tmp_path / "w.yaml").write_text(FILE)
    found = api.check(tmp_path / "w.yaml")
    assert found.ok
    assert [each.code for each in found.diagnostics] == ["AF404", "AF509"]
    return found


def test_json(checked: api.Checked):
    told = json.loads(diagnostics_json.render([checked]))["files"][0]
    assert told["ok"] is True
    assert [each["severity"] for each in told["diagnostics"]] == ["warning", "warning"]
    assert all(each["hint"] for each in told["diagnostics"])


def test_sarif(checked: api.Checked, tmp_path: Path):
    run = json.loads(sarif.render([checked], "1", tmp_path))["runs"][0]
    assert [(each["ruleId"], each["level"]) for each in run["results"]] == [("AF404", "warning"), ("AF509", "warning")]
    rules = {rule["id"]: rule for rule in run["tool"]["driver"]["rules"]}
    assert "private and untrusted text meet" in json.dumps(rules["AF509"])


def test_github(checked: api.Checked):
    lines = github.render([checked]).splitlines()
    assert [line.split()[0] for line in lines] == ["::warning", "::warning"]


def test_text(checked: api.Checked):
    shown = [DiagnosticWriter(checked.texts, Paint(False)).render(each) for each in checked.diagnostics]
    assert all(": warning[" in each and "\nhint: " in each for each in shown)
