import jsonschema
import pytest

from agentflow.plan.builtin_tools import BUILTIN_TOOLS, NOT_YET


def test_names_are_those_of_claude_code():
    assert set(BUILTIN_TOOLS) >= {"Read", "Write", "Edit", "Glob", "Grep", "Bash", "Agent"}
    assert set(BUILTIN_TOOLS) >= {"TodoWrite", "AskUserQuestion", "Skill", "ToolSearch"}
    assert not NOT_YET & set(BUILTIN_TOOLS)
    assert all(name == tool.spec.name for name, tool in BUILTIN_TOOLS.items())


@pytest.mark.parametrize("tool", BUILTIN_TOOLS.values(), ids=BUILTIN_TOOLS)
def test_each_schema_is_valid_closed_and_described(tool):
    schema = tool.spec.input_schema
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["additionalProperties"] is False
    assert set(schema["required"]) <= set(schema["properties"])
    assert all(field["description"].endswith(".") for field in schema["properties"].values())
    assert tool.spec.description.endswith((".", ")."))


def test_what_changes_something_says_so():
    effects = {name: tool.spec.effects for name, tool in BUILTIN_TOOLS.items() if tool.spec.effects != "none"}
    assert effects == {"Write": "writes", "Edit": "writes", "Bash": "sends"}


def test_rules_narrow_paths_agents_and_skills():
    rules = {name: tool.rule for name, tool in BUILTIN_TOOLS.items() if tool.rule is not None}
    paths = dict.fromkeys(("Read", "Write", "Edit", "Glob", "Grep"), "path")
    assert rules == {**paths, "Agent": "agent", "Skill": "skill"}
