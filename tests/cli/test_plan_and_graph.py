"""`agentflow plan` and `agentflow graph`, as they are typed."""

import asyncio
import json
from pathlib import Path

import pytest

from agentflow import api
from agentflow.cli import exits
from agentflow.cli.main import run_command

FLOW = """agentflow: 1
name: demo
inputs:
  folder: {type: string, format: path}
  depth: {type: integer, minimum: 1, maximum: 6}
  names: {type: array, items: {type: string}, default: [a, b]}
steps:
  ask:
    agent: {instructions: Go., tools: ["Read({{ inputs.folder }}/**)"], stop: {turns: 1}}
    prompt: "{{ inputs.names }}"
  each: {for_each: inputs.names, max: inputs.depth, step: {value: "item ~ steps.ask.output"}}
  never: {when: inputs.depth > 5, value: steps.ask.output}
"""


@pytest.fixture
def flow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "flow.yaml").write_text(FLOW)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "flow.yaml"


def ran(flow: Path) -> str:
    script = flow.parent / "replies.yaml"
    script.write_text("replies: {ask: [{text: hello}]}")
    options = api.RunOptions(model=api.scripted(script))
    return asyncio.run(api.run(flow, {"folder": "docs", "depth": 3}, options)).run


def test_plan_needs_no_inputs_and_shows_what_those_given_change(flow: Path, capsys: pytest.CaptureFixture[str]):
    assert run_command(["plan", "flow.yaml"]) == exits.DONE
    assert "Read({{ inputs.folder }}/**)" in capsys.readouterr().out
    assert run_command(["plan", "flow.yaml", "-i", "folder=docs/x", "--output-format", "json"]) == exits.DONE
    data = json.loads(capsys.readouterr().out)
    assert data["type"] == "plan"
    assert data["agents"][0]["tools"][0]["rules"][0]["resolved"] == "docs/x/**"
    assert not (flow.parent / ".agentflow").exists()


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("fodler=docs", "there is no input `fodler`"),
        ("folder=../..", "leaves the project"),
        ("depth=7", "input `depth`"),
        ("depth=deep", "input `depth`"),
    ],
)
def test_plan_refuses_inputs_that_do_not_fit(flow: Path, capsys: pytest.CaptureFixture[str], typed: str, said: str):
    assert run_command(["plan", "flow.yaml", "-i", typed]) == exits.INVALID
    shown = capsys.readouterr()
    assert (shown.out, said in shown.err) == ("", True)


@pytest.mark.parametrize("command", ["plan", "graph"])
def test_an_invalid_file_is_told_as_validate_tells_it(flow: Path, capsys: pytest.CaptureFixture[str], command: str):
    flow.write_text(FLOW.replace("steps.ask.output}", "steps.akk.output}"))
    assert run_command([command, "flow.yaml"]) == exits.INVALID
    shown = capsys.readouterr()
    assert (shown.out, "error[AF301]" in shown.err) == ("", True)


def test_graph_draws_the_file_in_either_language(flow: Path, capsys: pytest.CaptureFixture[str]):
    assert run_command(["graph", "flow.yaml"]) == exits.DONE
    assert capsys.readouterr().out.startswith("flowchart TD\n")
    assert run_command(["graph", "flow.yaml", "--format", "dot"]) == exits.DONE
    assert capsys.readouterr().out.startswith('digraph "demo" {\n')


def test_graph_colours_a_run_by_its_journal(flow: Path, capsys: pytest.CaptureFixture[str]):
    run = ran(flow)
    assert run_command(["graph", "flow.yaml", "--run", run]) == exits.DONE
    out = capsys.readouterr().out
    assert "class step_ask,step_each,step_each_0_step state_done" in out
    assert "class step_never state_skipped" in out
    assert "<br/>2 done" in out


def test_graph_draws_what_the_run_was_started_with_when_the_file_has_changed(
    flow: Path, capsys: pytest.CaptureFixture[str]
):
    run = ran(flow)
    flow.write_text(FLOW.replace("never:", "later:"))
    assert run_command(["graph", "flow.yaml", "--run", run]) == exits.DONE
    shown = capsys.readouterr()
    assert "step_never" in shown.out
    assert "step_later" not in shown.out
    assert "has changed since" in shown.err


def test_graph_refuses_a_run_of_another_workflow(flow: Path, capsys: pytest.CaptureFixture[str]):
    run = ran(flow)
    flow.write_text(FLOW.replace("name: demo", "name: other"))
    assert run_command(["graph", "flow.yaml", "--run", run]) == exits.INVALID
    assert "is of the workflow `demo`" in capsys.readouterr().err


CHILD = """agentflow: 1
name: child
limits: {cost_usd: 0.5}
inputs: {folder: {type: string, format: path}}
tools: {say: {description: Says., run: [echo, hi]}}
agents: {ask: {description: Asks., tools: ["Read({{ inputs.folder }}/**)", say], stop: {turns: 1}}}
steps: {one: {agent: ask, prompt: Go.}}
outputs: {said: steps.one.output}
"""


@pytest.fixture
def parent(flow: Path) -> Path:
    (flow.parent / "child.yaml").write_text(CHILD)
    each = 'steps: {each: {for_each: "[1, 2]", step: {workflow: child.yaml, with: {folder: notes}}}}\n'
    (flow.parent / "parent.yaml").write_text(f"agentflow: 1\nname: parent\n{each}")
    return flow.parent / "parent.yaml"


def test_plan_shows_a_file_that_a_step_runs_within_its_parent(parent: Path, capsys: pytest.CaptureFixture[str]):
    assert run_command(["plan", "parent.yaml", "--output-format", "json"]) == exits.DONE
    data = json.loads(capsys.readouterr().out)
    (step,) = data["steps"][0]["steps"]
    assert (step["kind"], step["file"], step["with"]) == ("workflow", "child.yaml", {"folder": "notes"})
    assert [inner["path"] for inner in step["steps"]] == ["each.step.one"]
    (agent,) = data["agents"]
    assert (agent["name"], agent["file"], agent["steps"]) == ("ask", "child.yaml", ["each.step.one"])
    assert agent["tools"][0]["rules"][0]["resolved"] == "notes/**"
    assert [(command["tool"], command["file"]) for command in data["commands"]] == [("say", "child.yaml")]
    costs = {cost["path"]: cost["usd"] for cost in data["cost"]["steps"]}
    assert costs["each.step"] == costs["each"] == 1.0
    assert costs["each.step.one"] > 1.0
    assert run_command(["plan", "parent.yaml"]) == exits.DONE
    assert "ask of child.yaml" in capsys.readouterr().out


@pytest.mark.parametrize("language", ["mermaid", "dot"])
def test_graph_draws_a_file_as_a_box(parent: Path, language: str, capsys: pytest.CaptureFixture[str]):
    assert run_command(["graph", "parent.yaml", "--format", language]) == exits.DONE
    shown = capsys.readouterr().out
    assert "workflow child.yaml" in shown
    assert "step_each_0_step_0_one" in shown
    assert "subgraph" in shown
