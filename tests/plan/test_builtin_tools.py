import jsonschema
import pytest

from agentflow.plan.builtin_tools import BUILTIN_TOOLS

OUR_OWN = {"Recall", "Compact"}


def test_names_are_those_of_claude_code_but_for_two():
    names = {"Read", "Write", "Edit", "Glob", "Grep", "Bash", "Agent", "WebFetch", "WebSearch"}
    assert set(BUILTIN_TOOLS) >= names | {"TodoWrite", "AskUserQuestion", "Skill", "ToolSearch", "Recall", "Compact"}
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


def test_rules_narrow_paths_agents_skills_hosts_and_sites():
    rules = {name: tool.rule for name, tool in BUILTIN_TOOLS.items() if tool.rule is not None}
    paths = dict.fromkeys(("Read", "Write", "Edit", "Glob", "Grep"), "path")
    assert rules == {**paths, "Agent": "agent", "Skill": "skill", "WebFetch": "host", "WebSearch": "site"}


def test_pages_are_anybodys_words_and_their_urls_carry_data_out():
    assert BUILTIN_TOOLS["WebFetch"].labels == BUILTIN_TOOLS["WebSearch"].labels == {"untrusted", "sends"}
