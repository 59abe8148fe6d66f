"""A run that waits for the model's service, as a user sees it: what it waits for, and the next move."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.cli_process import Cli, environment, run_id
from tests.messages_api.process import MessagesProcess

WORKFLOW = """\
agentflow: 1
name: one
steps: {a: {agent: {model: claude-haiku-5-5}, prompt: "{{ inputs.what }}"}}
inputs: {what: {type: string}}
outputs: {a: steps.a.output}
"""
REPLIES = """\
- match: {first_user: broke}
  text: Paid.
  faults: [{kind: spend_limit, attempt: 1}]
- match: {first_user: later}
  text: Later.
  faults: [{kind: rate_limit, retry_after: 7200, attempt: 1}]
"""


@pytest.fixture
def cli(tmp_path: Path) -> Iterator[Cli]:
    script = tmp_path / "replies.yaml"
    script.write_text(REPLIES)
    project = tmp_path / "project"
    project.mkdir()
    (project / "one.yaml").write_text(WORKFLOW)
    with MessagesProcess(script, log=tmp_path / "log.jsonl") as api:
        yield Cli(project, {**environment(tmp_path, api.base_url), "ANTHROPIC_API_KEY": "made-up-key"})


def test_a_spend_limit_pauses_the_run_says_what_to_do_and_resume_goes_on(cli: Cli):
    paused = cli("run", "one.yaml", "-i", "what=broke")
    assert paused.code == 4, paused.err
    run = run_id(paused.err)
    move = f"when that is done, go on with: agentflow resume {run}"
    assert "waiting for a person to act: the model's service does not admit this key" in paused.err
    assert "add credit or raise the limit in the Console" in paused.err
    assert move in paused.err
    shown = cli("show", run)
    assert "waiting for a person to act" in shown.out
    assert move in shown.out
    page = cli("report", run, "--format", "md").out
    assert "`waiting for a person to act: " in page
    assert f"- when that is done, go on with: `agentflow resume {run}`" in page
    listed = cli("runs")
    assert "waiting" in listed.out
    assert move in listed.err
    for told in (cli("watch", run).out, cli("report", run, "--format", "json").out):
        assert "waiting for a person to act" in told
        assert "when that is done, go on with" in told
    gone_on = cli("resume", run)
    assert (gone_on.code, gone_on.out) == (0, "Paid.\n"), gone_on.err


def test_a_wait_of_hours_ends_the_process_and_says_until_when(cli: Cli):
    paused = cli("run", "one.yaml", "-i", "what=later", "--output-format", "json")
    assert paused.code == 4, paused.err
    result = json.loads(paused.out)
    assert result["status"] == "waiting"
    assert result["service"]["kind"] == "model_unavailable"
    run = result["run"]
    assert "waiting for the model's service, until " in paused.err
    assert "(`--wait` stays until then)" in paused.err
    early = cli("resume", run)
    assert early.code == 4
    assert "waiting for the model's service, until " in early.err
    assert json.loads(cli("show", run, "--output-format", "json").out)["until"] == result["until"]
    events = cli("show", run, "--events").out
    assert "paused: waiting for the model's service, until" in events
