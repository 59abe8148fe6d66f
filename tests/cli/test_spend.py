"""What models have cost, told from the command line."""

import json
from pathlib import Path

import pytest

from agentflow.cli import exits
from agentflow.cli.main import run_command

FLOW = """agentflow: 1
name: demo
agents:
  writer: {instructions: Write., model: claude-sonnet-5-5, max_tokens: 1024}
  judge: {instructions: Judge., model: claude-haiku-5-5, max_tokens: 1024}
steps:
  one: {agent: writer, prompt: one}
  two: {agent: judge, prompt: "two {{ steps.one.output }}"}
"""
SCRIPT = """replies:
  writer: [{text: a, usage: {input_tokens: 1000, output_tokens: 900}}]
  judge: [{text: b, usage: {input_tokens: 500, output_tokens: 100}}]
"""


@pytest.fixture
def spent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Two runs by two users; gives what `agentflow spend` says."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "flow.yaml").write_text(FLOW)
    (tmp_path / "script.yaml").write_text(SCRIPT)
    monkeypatch.chdir(tmp_path)
    for user in ("ada", "bob"):
        run_command(["run", "flow.yaml", "--scripted", "script.yaml", "--quiet", "--user", user])
    capsys.readouterr()

    def spend(*options: str) -> str:
        assert run_command(["spend", *options]) == exits.DONE
        return capsys.readouterr().out

    return spend


def as_data(text: str) -> list[dict]:
    found: list[dict] = json.loads(text)
    return found


def test_what_was_spent_is_told_by_any_way_and_adds_up_to_the_same(spent):
    whole = [
        sum(one["cost_usd"] for one in as_data(spent("--by", way, "--output-format", "json")))
        for way in ("day", "run", "agent", "model", "user", "tenant", "user,agent", "day,model,run")
    ]
    assert whole[0] > 0
    assert whole == pytest.approx([whole[0]] * len(whole))


def test_the_dearest_comes_first_with_its_calls_and_tokens(spent):
    writer, judge = as_data(spent("--by", "agent", "--output-format", "json"))
    assert (writer["of"], writer["calls"], writer["input_tokens"]) == ({"agent": "writer"}, 2, 2000)
    assert (judge["of"], judge["output_tokens"]) == ({"agent": "judge"}, 200)
    assert writer["cost_usd"] > judge["cost_usd"]


def test_a_table_has_a_line_for_each_and_their_sum(spent):
    heads, *rows, last = spent("--by", "user,model").splitlines()
    assert heads.split() == ["MODEL", "USER", "COST", "CALLS", "TOKENS", "IN", "TOKENS", "OUT"]
    assert len(rows) == 4
    assert last.split()[:2] == ["in", "all"]


def test_it_keeps_to_a_user_a_run_a_model_and_to_days(spent, capsys):
    def calls(*options: str) -> int:
        return sum(one["calls"] for one in as_data(spent("--output-format", "json", *options)))

    assert calls() == 4
    assert calls("--user", "ada") == 2
    assert calls("--user", "ada", "--agent", "judge") == 1
    assert calls("--model", "claude-haiku-5-5") == 2
    assert calls("--since", "2099-01-01") == 0
    assert calls("--until", "2020-01-01") == 0
    run_command(["runs", "--output-format", "json"])
    run = json.loads(capsys.readouterr().out)[0]["run"]
    assert calls("--run", run) == 2


def test_where_nothing_was_spent_it_says_so(spent):
    assert spent("--tenant", "nobody") == "nothing was spent\n"


@pytest.mark.parametrize(
    ("options", "said"),
    [(["--by", "weeks"], "is not one of run, day"), (["--by", ","], "name some of"), (["--since", "soon"], "soon")],
)
def test_a_way_or_day_that_is_none_is_refused_with_those_there_are(options, said, spent, capsys):
    assert run_command(["spend", *options]) == exits.INVALID
    assert said in capsys.readouterr().err
