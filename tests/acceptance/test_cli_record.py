"""`--record` against a Messages API on this machine, and `--replay` without any."""

import json
import re
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.acceptance.cli_process import Cli, environment, run_id
from tests.acceptance.test_cli_run import FAN_OUT, GATE, REPLIES
from tests.messages_api.process import MessagesProcess

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def cli(tmp_path: Path) -> Iterator[Cli]:
    script = tmp_path / "replies.yaml"
    script.write_text(REPLIES)
    project = tmp_path / "project"
    project.mkdir()
    (project / "fan_out.yaml").write_text(FAN_OUT)
    (project / "gate.yaml").write_text(GATE)
    with MessagesProcess(script, log=tmp_path / "log.jsonl") as api:
        yield Cli(project, {**environment(tmp_path, api.base_url), "ANTHROPIC_API_KEY": "made-up-key"})


def offline(cli: Cli) -> Cli:
    env = {name: value for name, value in cli.env.items() if name != "ANTHROPIC_API_KEY"}
    return replace(cli, env={**env, "ANTHROPIC_BASE_URL": NOWHERE})


def result_of(out: str) -> dict[str, object]:
    result: dict[str, object] = json.loads(out.splitlines()[-1])
    return {name: result[name] for name in ("status", "outputs", "failure", "cost_usd", "usage", "turns")}


def test_a_recorded_run_is_replayed_to_the_same_end_at_the_same_cost_without_a_key(cli: Cli):
    run = ("run", "fan_out.yaml", "-i", "topic=tea", "--output-format", "json")
    recorded = cli(*run, "--record", "r.jsonl")
    assert recorded.code == 0, recorded.err
    replayed = offline(cli)(*run, "--replay", "r.jsonl")
    assert replayed.code == 0, replayed.err
    assert result_of(replayed.out) == result_of(recorded.out)
    assert "the model's words are replayed, from r.jsonl" in replayed.err
    file = cli.folder / "r.jsonl"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "made-up-key" not in file.read_text()
    dry = offline(cli)("run", "fan_out.yaml", "-i", "topic=tea", "--dry-run", "--replay", "r.jsonl", "-q")
    assert (dry.code, dry.err) == (0, "")
    assert "find" not in dry.out
    assert 'recorded: {"questions": ["what", "who"]}' in dry.out


def test_a_replay_that_meets_another_request_says_which_and_how_it_differs(cli: Cli):
    assert cli("run", "fan_out.yaml", "-i", "topic=tea", "--record", "r.jsonl").code == 0
    other = offline(cli)("run", "fan_out.yaml", "-i", "topic=rain", "--replay", "r.jsonl")
    assert other.code == 1
    assert (
        "the request of agent 'planner', session 'plan', turn 1 is another than in the recording r.jsonl" in other.err
    )
    assert "-messages[0].content[0].text: List the questions about tea, 2 deep." in other.err
    assert "+messages[0].content[0].text: List the questions about rain, 2 deep." in other.err
    assert "record it anew" in other.err


def test_a_recording_goes_on_over_a_gate_and_so_does_its_replay(cli: Cli):
    waiting = cli("run", "gate.yaml", "--record", "r.jsonl", "-q")
    assert waiting.code == 4
    (approve,) = re.findall(r"^  agentflow (approve .*)$", waiting.err, re.MULTILINE)
    assert approve.endswith("--record r.jsonl")
    done = cli(*approve.split(), "-q")
    assert (done.code, done.out) == (0, "An answer.\n"), done.err

    waiting = offline(cli)("run", "gate.yaml", "--replay", "r.jsonl", "-q")
    assert waiting.code == 4, waiting.err
    done = offline(cli)("approve", run_id(waiting.err), "publish", "--replay", "r.jsonl", "-q")
    assert done.code == 0, done.err


def test_a_recording_that_is_there_is_not_overwritten(cli: Cli):
    (cli.folder / "r.jsonl").write_text("mine")
    done = cli("run", "gate.yaml", "--record", "r.jsonl")
    assert done.code == 1
    assert "the recording r.jsonl is there already" in done.err
    assert (cli.folder / "r.jsonl").read_text() == "mine"


def test_where_no_agent_is_there_is_nothing_to_record(cli: Cli):
    (cli.folder / "plain.yaml").write_text("agentflow: 1\nname: plain\nsteps: {a: {value: '1'}}\n")
    done = cli("run", "plain.yaml", "--record", "r.jsonl")
    assert done.code == 2
    assert "no step asks an agent" in done.err


def test_a_file_that_is_no_recording_is_refused(cli: Cli):
    done = cli("run", "fan_out.yaml", "-i", "topic=tea", "--replay", "fan_out.yaml")
    assert done.code == 2
    assert "fan_out.yaml:1: this is no line of a recording" in done.err
