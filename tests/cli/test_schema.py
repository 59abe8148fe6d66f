"""`agentflow schema`, as it is typed."""

import json

import pytest

from agentflow.cli import exits
from agentflow.cli.main import run_command
from agentflow.spec.schema import SCHEMAS
from tests.house.checkout import ROOT


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_kind_of_file_has_its_schema_printed_as_it_is_shipped(name: str, capsys: pytest.CaptureFixture[str]):
    assert run_command(["schema", name]) == exits.DONE
    shown = capsys.readouterr().out
    assert json.loads(shown)["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert shown == (ROOT / "schemas" / f"{name}.schema.json").read_text(encoding="utf-8")


def test_without_a_name_it_is_the_workflows(capsys: pytest.CaptureFixture[str]):
    assert run_command(["schema"]) == exits.DONE
    assert json.loads(capsys.readouterr().out)["title"] == "agentflow workflow"


@pytest.mark.parametrize(("typed", "hint"), [("workflwo", "did you mean `workflow`?"), ("zzz", "there is `workflow`")])
def test_an_unknown_name_is_refused_with_those_there_are(typed: str, hint: str, capsys: pytest.CaptureFixture[str]):
    assert run_command(["schema", typed]) == exits.INVALID
    told = capsys.readouterr().err
    assert f"there is no schema `{typed}`" in told
    assert hint in told
