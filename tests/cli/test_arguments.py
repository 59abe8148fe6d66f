import io
import json
import sys
from pathlib import Path

import pytest

from agentflow import api
from agentflow.cli.arguments import read_inputs
from agentflow.errors import UsageError
from agentflow.plan.model import Plan

FILE = b"""agentflow: 1
name: inputs
inputs:
  topic: {type: string}
  depth: {type: integer, default: 1}
  tags: {type: array, default: []}
steps: {one: {value: "[inputs.topic, inputs.depth, inputs.tags]"}}
outputs: {all: steps.one.output}
"""


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    checked = api.check(tmp_path / "w.yaml", FILE)
    assert checked.plan is not None, checked.diagnostics
    return checked.plan


def test_a_text_becomes_a_value_of_its_inputs_type(plan: Plan):
    typed = ["topic=3", "depth=3", 'tags=["a=b"]']
    assert read_inputs(plan, typed, None) == {"topic": "3", "depth": 3, "tags": ["a=b"]}


def test_an_at_sign_reads_a_file(plan: Plan, tmp_path: Path):
    (tmp_path / "topic").write_text("green\ntea\n")
    assert read_inputs(plan, [f"topic=@{tmp_path / 'topic'}"], None) == {"topic": "green\ntea\n"}
    assert read_inputs(plan, ["topic=@@home"], None) == {"topic": "@home"}


def test_what_is_typed_wins_over_the_file(plan: Plan, tmp_path: Path):
    (tmp_path / "all.json").write_text('{"topic": "tea", "depth": 2}')
    assert read_inputs(plan, ["depth=5"], str(tmp_path / "all.json")) == {"topic": "tea", "depth": 5}


def test_standard_input_can_hold_the_inputs(plan: Plan, monkeypatch):
    content = io.TextIOWrapper(io.BytesIO(json.dumps({"topic": "té"}).encode()))
    monkeypatch.setattr(sys, "stdin", content)
    assert read_inputs(plan, [], "-") == {"topic": "té"}


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (["topic"], "names no value"),
        (["=x"], "names no value"),
        (["topic=a", "topic=b"], "given twice"),
        (["depth=x"], "input `depth`: it is not a whole number"),
        (["topic=@/nothing/here"], "cannot be read"),
        (["topic=@bytes"], "not UTF-8"),
        (["topic=@."], "cannot be read"),
    ],
)
def test_what_cannot_be_used_is_refused(plan: Plan, tmp_path: Path, monkeypatch, typed: list[str], message: str):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bytes").write_bytes(b"\xff")
    with pytest.raises(UsageError, match=message):
        read_inputs(plan, typed, None)


@pytest.mark.parametrize("content", ["[1]", "{", '{"depth": NaN}', "[" * 100_000])
def test_a_file_that_is_no_object_is_refused(plan: Plan, tmp_path: Path, content: str):
    (tmp_path / "all.json").write_text(content)
    with pytest.raises(UsageError):
        read_inputs(plan, [], str(tmp_path / "all.json"))


def test_an_unknown_input_is_left_to_the_check_of_all(plan: Plan):
    assert read_inputs(plan, ["topik=1"], None) == {"topik": "1"}
