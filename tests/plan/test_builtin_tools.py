import jsonschema
import pytest

from agentflow.plan.builtin_tools import BUILTIN_TOOLS, NOT_YET

OUR_OWN = {"Recall", "Compact"}


def test_names_are_those_of_claude_code_but_for_two():
    assert set(BUILTIN_TOOLS) - OUR_OWN == {"Read", "Write", "Edit", "Glob", "Grep", "Bash", "Agent"}
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
    effects = {name: tool.spec.effects for name, tool in BUILTIN_TOOLS.items()}
    assert effects == {
        "Read": "none", "Glob": "none", "Grep": "none", "Agent": "none",
        "Write": "writes", "Edit": "writes", "Bash": "sends", "Recall": "none", "Compact": "none",
    }  # fmt: skip


def test_rules_narrow_paths_and_agents():
    rules = {name: tool.rule for name, tool in BUILTIN_TOOLS.items()}
    assert [rules.pop(name) for name in ("Bash", *sorted(OUR_OWN))] == [None, None, None]
    assert rules.pop("Agent") == "agent"
    assert set(rules.values()) == {"path"}
