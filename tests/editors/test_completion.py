"""Editors offer every key where it may stand, and no other."""

import pytest
import yaml

from agentflow.plan.builtin_tools import BUILTIN_TOOLS
from agentflow.spec.base import Spec
from agentflow.spec.describe import Key, keys_in, models_below
from agentflow.spec.schema import SCHEMAS
from agentflow.spec.steps import KINDS, StepBase
from tests.editors.language_server import LanguageServer
from tests.editors.workflows import around, least

HEAD = "agentflow: 1\nname: w\n"
PROPERTY = 10
"""What the protocol calls a key; a whole mapping, which goes by its title, is of another kind."""
EVERY_MODEL = [(kind, model) for kind, (root, _) in SCHEMAS.items() for model in models_below(root)]
CHOICES = [(kind, model, key) for kind, model in EVERY_MODEL for key in keys_in(model) if key.choices]


def at_the_cursor(kind: str, model: type[Spec], line: str) -> str:
    """A file of a kind with `line`, in which `|` marks the cursor, in a mapping of `model`."""
    document = around(SCHEMAS[kind][0], model, {"HERE": None, **least(model)})
    return yaml.safe_dump(document, sort_keys=False).replace("HERE: null", line)


@pytest.mark.parametrize(
    ("kind", "model"), EVERY_MODEL, ids=[f"{kind}:{model.__name__}" for kind, model in EVERY_MODEL]
)
def test_every_key_that_is_not_there_yet_is_offered_with_its_description(
    kind: str, model: type[Spec], editor: LanguageServer
):
    offered = editor.completions(at_the_cursor(kind, model, "|"), kind)
    wanted = {key.name: key for key in keys_in(model) if key.name not in least(model)}
    assert wanted.keys() <= offered.keys()
    for name, key in wanted.items():
        assert key.description in offered[name]["documentation"]["value"]
        # The server quotes what older YAML takes for no text, such as `on`.
        assert offered[name]["insertText"].startswith((f"{name}:", f'"{name}":'))
    keys_elsewhere = {key.name for _, other in EVERY_MODEL for key in keys_in(other)} - {
        key.name for key in keys_in(model)
    }
    keys = {name for name, item in offered.items() if item["kind"] == PROPERTY}
    assert wanted.keys() <= keys
    assert keys & keys_elsewhere == set()


@pytest.mark.parametrize(
    ("kind", "model", "key"), CHOICES, ids=[f"{kind}:{model.__name__}.{key.name}" for kind, model, key in CHOICES]
)
def test_every_value_of_a_closed_choice_is_offered_with_its_meaning(
    kind: str, model: type[Spec], key: Key, editor: LanguageServer
):
    offered = editor.completions(at_the_cursor(kind, model, f"{key.name}: |"), kind)
    for value, meaning in key.choices:
        item = offered.get(value) or offered[f'"{value}"']  # the server quotes what older YAML takes for no text
        assert meaning in item["documentation"]["value"]


@pytest.mark.parametrize("beside", ["", "description: what for\n    ", "needs: [b]\n    when: inputs.x\n    "])
def test_a_step_is_offered_every_kind_until_it_is_of_one(beside: str, editor: LanguageServer):
    offered = editor.completions(f"{HEAD}steps:\n  a:\n    {beside}|\n")
    assert {*KINDS, *(f"step: {kind}" for kind in KINDS)} <= offered.keys()
    assert offered["step: agent"]["insertText"] == "agent: $1\nprompt: $2"
    shared = {key.name for key in keys_in(StepBase)}
    assert {name for name in offered if not name.startswith("step: ")} <= {*KINDS, *shared}


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_completed_from_its_first_letters(kind: str, editor: LanguageServer):
    assert kind in editor.completions(f"{HEAD}steps:\n  a:\n    {kind[:2]}|\n")


def test_keys_are_completed_in_blocks_inside_blocks(editor: LanguageServer):
    inner = "      b:\n        steps:\n          c:\n            run: [ls]\n            |\n"
    offered = editor.completions(f"{HEAD}steps:\n  a:\n    for_each: inputs.x\n    steps:\n{inner}")
    assert {"parse", "exit_codes", "stdin"} <= offered.keys()
    assert "prompt" not in offered


@pytest.mark.parametrize(
    "where", ["choose:\n      - |", "choose: [{when: 'true', value: '1'}]\n    otherwise:\n      |"]
)
def test_cases_are_offered_what_a_step_takes(where: str, editor: LanguageServer):
    offered = editor.completions(f"{HEAD}steps:\n  a:\n    {where}\n")
    assert {*KINDS, "when"} <= offered.keys()
    assert {"choose", "otherwise"} & offered.keys() == {"choose"}


def test_a_case_of_a_kind_is_offered_what_that_kind_takes(editor: LanguageServer):
    offered = editor.completions(f"{HEAD}steps:\n  a:\n    choose:\n      - run: [ls]\n        |\n")
    assert {"when", "parse", "exit_codes"} <= offered.keys()
    assert "prompt" not in offered


def test_an_agent_written_in_a_step_is_offered_what_an_agent_takes(editor: LanguageServer):
    offered = editor.completions(f"{HEAD}steps:\n  a:\n    agent:\n      |\n    prompt: p\n")
    assert {"instructions", "tools", "stop"} <= offered.keys()


def test_the_bounds_of_an_agent_in_a_step_are_offered(editor: LanguageServer):
    offered = editor.completions(f"{HEAD}steps:\n  a:\n    agent:\n      stop:\n        |\n    prompt: p\n")
    assert {"turns", "cost_usd", "when"} <= offered.keys()


@pytest.mark.parametrize(
    "where", ["inputs:\n  a:\n    |", "agents:\n  a:\n    output:\n      properties:\n        b:\n          |"]
)
def test_the_keywords_of_a_schema_are_offered(where: str, editor: LanguageServer):
    offered = editor.completions(f"{HEAD}{where}\n")
    assert {"type", "description", "enum", "properties", "items"} <= offered.keys()
    assert ("untrusted" in offered) == where.startswith("inputs")


def test_a_schema_may_come_from_a_file(editor: LanguageServer):
    assert "file" in editor.completions(f"{HEAD}agents:\n  a:\n    output:\n      |\n")


def test_every_builtin_tool_is_offered(editor: LanguageServer):
    offered = editor.completions(f"{HEAD}agents:\n  a:\n    tools: [|]\n")
    assert BUILTIN_TOOLS.keys() - {"Agent"} <= offered.keys()
    assert "Agent(researcher)" in offered


def test_a_default_is_offered_as_a_file_writes_it(editor: LanguageServer):
    offered = editor.completions(f"{HEAD}steps:\n  a:\n    run: ls\n    |\n")
    assert offered["timeout"]["insertText"] == "timeout: ${1:10m}"
