"""Runs at servers that are not the Claude API, as a user starts them: by the environment."""

import asyncio
import json
from pathlib import Path

import pytest

from agentflow import api
from agentflow.cli.main import run_command
from agentflow.events.run_events import RunStarted
from agentflow.events.session_events import ModelFailed, ModelReplied
from tests.compatible_server import Asked, CompatibleServer, Said

WORKFLOW = """
agentflow: 1
name: local
limits: {cost_usd: 0.05}
steps:
  look:
    agent:
      model: in-house-7b
      thinking: adaptive
      tools: [Grep]
      output: {type: object, properties: {n: {type: integer}}, required: [n]}
    prompt: How many?
outputs:
  n: steps.look.output.n
"""
FREE = "models: {in-house-7b: {price: 0}}\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "local.yaml").write_text(WORKFLOW)
    (tmp_path / "notes.txt").write_text("seven\n")
    monkeypatch.chdir(tmp_path)

    def at(server: CompatibleServer | None, text: str = FREE) -> Path:
        where = "" if server is None else f"endpoint: {server.url}\n"
        (tmp_path / "endpoint.yaml").write_text(where + text)
        monkeypatch.setenv("AGENTFLOW_ENDPOINT", "endpoint.yaml")
        return tmp_path / "local.yaml"

    return at


def looks_and_answers(asked: Asked) -> Said:
    """A call in each of two turns, with the same id; then an answer in a code fence."""
    turn = sum(message["role"] == "assistant" for message in asked.body["messages"])
    if turn < 2:
        return Said(calls=(("Grep", {"pattern": ("seven", "eight")[turn]}),))
    return Said('```json\n{"n": 7}\n```')


async def test_a_free_model_at_a_stingy_server_answers_and_what_was_left_out_is_on_record(project):
    refused = ("cache_control", "thinking", "output_config")
    async with CompatibleServer(looks_and_answers, refuses=refused) as server:
        file = project(server)
        heard = []
        result = await api.run(file, {}, api.RunOptions(observe=lambda _stream, event: heard.append(event)))
    assert (result.status, result.outputs) == ("done", {"n": 7})
    assert result.spent.cost_usd == 0.0
    assert result.spent.usage.estimated
    failures = [event for event in heard if isinstance(event, ModelFailed)]
    assert len(failures) == len(refused)
    assert all(event.retry_at and "It is asked again without" in event.failure.message for event in failures)
    calls = [
        block["id"]
        for event in heard
        if isinstance(event, ModelReplied)
        for block in event.content
        if block["type"] == "tool_use"
    ]
    assert len(set(calls)) == len(calls) == 2


async def test_the_cap_on_money_holds_by_the_price_that_was_declared(project):
    async with CompatibleServer(looks_and_answers) as server:
        file = project(server, "models: {in-house-7b: {price: {input: 1000, output: 1000}, max_output: 2000}}\n")
        result = await api.run(file)
    assert (result.status, result.failure.kind) == ("failed", "cost_usd")
    assert not [asked for asked in server.asked if asked.method == "POST"]


def test_a_model_that_nobody_declared_is_refused_before_it_runs(project, capsys):
    project(None, "endpoint: http://127.0.0.1:1\n")
    assert run_command(["validate", "local.yaml"]) == 2
    assert "AF601" in capsys.readouterr().out


def test_validate_and_plan_go_by_what_is_declared_and_ask_no_network(project, capsys):
    project(None, "endpoint: http://127.0.0.1:1\nmodels: {in-house-7b: {price: 0, context_window: 8192}}\n")
    assert run_command(["validate", "local.yaml"]) == 0
    assert run_command(["plan", "local.yaml", "--output-format", "json"]) == 0
    cost = json.loads(capsys.readouterr().out.partition("\n")[2])["cost"]
    assert cost["steps"][0]["usd"] == 0


def test_an_endpoint_that_is_none_is_an_error_of_usage(project, capsys, monkeypatch):
    project(None)
    monkeypatch.setenv("AGENTFLOW_ENDPOINT", "no-such-endpoint")
    for command in ("validate", "run"):
        assert run_command([command, "local.yaml"]) == 2
        assert "AGENTFLOW_ENDPOINT names no endpoint" in capsys.readouterr().err


def test_a_run_is_looked_at_and_taken_up_again_by_what_was_declared_when_it_started(project, capsys, monkeypatch):
    file = project(None, f"endpoint: http://127.0.0.1:1\n{FREE}")
    stop = asyncio.Event()

    def interrupted(_stream, event):
        if isinstance(event, RunStarted):
            stop.set()

    run = asyncio.run(api.run(file, {}, api.RunOptions(observe=interrupted, interrupt=stop))).run
    monkeypatch.delenv("AGENTFLOW_ENDPOINT")
    assert run_command(["show", run]) == 0
    assert run_command(["report", run, "--format", "json"]) == 0
    capsys.readouterr()

    async def resumed() -> api.RunResult:
        async with CompatibleServer(looks_and_answers) as server:
            monkeypatch.setenv("AGENTFLOW_ENDPOINT", server.url)
            return await api.resume(run)

    result = asyncio.run(resumed())
    assert (result.status, result.outputs, result.spent.cost_usd) == ("done", {"n": 7}, 0.0)


def test_tests_of_workflows_and_dry_runs_go_by_what_is_declared(project, capsys):
    project(None, f"endpoint: http://127.0.0.1:1\n{FREE}")
    assert run_command(["run", "local.yaml", "--dry-run"]) == 0
    assert "dry run: done" in capsys.readouterr().err
