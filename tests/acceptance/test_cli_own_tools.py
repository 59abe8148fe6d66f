"""What a user sees of the file's own tools: functions read off their text, run, and listed by `plan`."""

import json
import os
from pathlib import Path

import pytest

from tests.acceptance.cli_process import Cli

MODULE = '''
import os
from typing import Literal

def readings(place: str, unit: Literal["C", "F"] = "C"):
    """Gives the readings of a place.

    Args:
        place: its name.
    """
    with open("calls", "a") as file:
        file.write(place + "\\n")
    if place == "nowhere":
        raise LookupError(f"no {place}")
    if place == "sea":
        return [{"hour": hour, unit: os.environ["TOKEN"]} for hour in range(2_000)]
    return {unit: 20}
'''
FLOW = """
agentflow: 1
name: weather
secrets: [TOKEN]
tools:
  readings:
    call: lib.weather:readings
    effects: none
    labels: []
    env: {TOKEN: "{{ secrets.TOKEN }}"}
    cache: true
    rate_limit: 1000/min
    retry: {attempts: 2, backoff: 1ms}
agents:
  teller: {instructions: Tell it., tools: [readings, Read]}
steps:
  told: {agent: teller, prompt: go}
  now: {tool: readings, with: {place: Rome}}
outputs: {told: steps.told.output, now: steps.now.output}
"""
REPLIES = """
replies:
  teller:
    - tools: [{name: readings, input: {place: sea, unit: F}}]
    - tools: [{name: readings, input: {place: nowhere}}]
    - tools: [{name: readings, input: {unit: F, place: sea}}]
    - tools: [{name: readings, input: {town: Rome}}]
    - text: "{{ results[0] }}"
"""


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    folder = tmp_path / "project"
    (folder / "lib").mkdir(parents=True)
    (folder / "lib/weather.py").write_text(MODULE)
    (folder / "flow.yaml").write_text(FLOW)
    (folder / "replies.yaml").write_text(REPLIES)
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": os.getcwd(), "TOKEN": "t0p-secret"}
    return Cli(folder, env)


def test_a_plan_lists_the_functions_of_tools_and_what_stands_around_their_calls(cli: Cli):
    shown = cli("plan", "flow.yaml").out
    assert "tool readings  lib/weather.py:readings  (effects none, 2m00s)" in shown
    assert "readings  at most 1,000 calls in 1m00s; up to 2 attempts after" in shown
    assert "the same input gives the same result for the whole run" in shown
    data = json.loads(cli("plan", "flow.yaml", "--output-format", "json").out)
    (tool,) = data["tools"]
    assert (tool["by"], tool["rate_limit"], tool["cache"]) == ("function", {"calls": 1000, "seconds": 60.0}, True)
    assert tool["input"]["properties"]["place"] == {"type": "string", "description": "its name."}
    assert data["commands"] == []


def test_a_run_calls_them_keeps_what_is_large_and_prune_takes_that_away(cli: Cli):
    done = cli("run", "flow.yaml", "--scripted", "replies.yaml")
    assert done.code == 0, done.err
    assert "tool readings: `weather.py:readings` raised LookupError" not in done.out
    assert "raised LookupError: no nowhere (lib/weather.py:" in done.err.replace("`", "")
    assert (cli.folder / "calls").read_text().split().count("sea") == 1
    assert (cli.folder / "calls").read_text().split().count("nowhere") == 2
    (home,) = (cli.folder / ".agentflow/results").iterdir()
    (kept,) = home.iterdir()
    assert "t0p-secret" not in kept.read_text()
    assert "[secret TOKEN]" in kept.read_text()
    assert cli("prune", "--older-than", "0s").out == "1 run deleted\n"
    assert not home.exists()


def test_what_the_model_is_told_helps_it_on(cli: Cli):
    (cli.folder / "replies.yaml").write_text(
        "replies:\n  teller:\n"
        "    - tools: [{name: readings, input: {place: nowhere}}]\n"
        "    - tools: [{name: readings, input: {town: Rome, unit: K}}]\n"
        '    - text: "{{ results[0] }}"\n'
    )
    done = cli("run", "flow.yaml", "--scripted", "replies.yaml", "--quiet")
    assert done.code == 0, done.err
    for words in ('$ lacks "place"', "town", "must be one of", "Call it again with these corrected."):
        assert words in done.out
