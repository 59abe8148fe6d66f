from pathlib import Path

import pytest

from agentflow.cli import exits, main

FLOW = """\
agentflow: 1
name: demo
description: Shows what it takes.
sandbox: "off"
secrets: [DEMO_TOKEN]
limits: {cost_usd: 3, wall_time: 10m, turns: 7, agents: 4, parallel: 2}
inputs:
  topic: {type: string, description: What it is about}
  depth: {type: integer, default: 3, minimum: 1, maximum: 8}
  tone: {enum: [calm, loud], default: calm}
  folder: {type: string, format: path, default: docs, untrusted: true}
steps:
  say:
    run: [echo, --, "{{ inputs.topic }}", "{{ inputs.depth }}", "{{ inputs.tone }}", "{{ inputs.folder }}"]
    env: {TOKEN: "{{ secrets.DEMO_TOKEN }}"}
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "demo.yaml").write_text(FLOW)


def helped(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main.run_command(["run", *words]) == exits.DONE
    return " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    "words", [("demo.yaml", "--help"), ("--help", "demo.yaml"), ("-i", "depth=2", "demo.yaml", "-h")]
)
def test_the_help_of_a_file_tells_its_inputs_limits_and_secrets(capsys, words: tuple[str, ...]):
    shown = helped(capsys, *words)
    assert "Usage: agentflow run" in shown
    assert "Inputs of demo.yaml: Shows what it takes." in shown
    assert "topic text – What it is about [required]" in shown
    assert "depth a whole number, at least 1 and at most 8 (default 3)" in shown
    assert "tone one of calm, loud (default calm)" in shown
    assert "folder text (default docs) [a path inside the project, untrusted]" in shown
    assert "Secrets: DEMO_TOKEN" in shown
    assert "Limits: at most $3.00, 10m00s, 7 turns, 4 agents, 2 at once" in shown
    assert shown.endswith("agentflow run demo.yaml -i topic=…")


def test_without_a_file_the_help_is_that_of_the_command(capsys):
    assert "Inputs" not in helped(capsys, "--help").replace("--inputs", "").replace("file's own inputs", "")


def test_a_file_that_cannot_be_read_is_told_and_the_help_stays(capsys, tmp_path: Path):
    assert "nosuch.yaml is not there" in helped(capsys, "nosuch.yaml", "--help")
    (tmp_path / "wrong.yaml").write_text("agentflow: 1\nname: wrong\nsteps: {a: {value: steps.b.output}}\n")
    assert "wrong.yaml has errors, so its inputs cannot be told" in helped(capsys, "wrong.yaml", "--help")


def test_an_unknown_input_is_refused_with_the_one_that_was_meant(capsys):
    assert main.run_command(["run", "demo.yaml", "-i", "topc=tea"]) == exits.INVALID
    assert "there is no input `topc` (did you mean `topic`?)" in capsys.readouterr().err
