import jsonschema
import pytest

from agentflow.plan.builtin_tools import BUILTIN_TOOLS
from agentflow.plan.companions import COMES_WITH, COMPANIONS, POLLED

AGENT = "agents: {{a: {{tools: [{tools}]}}}}\nsteps: {{s: {{agent: a, prompt: x}}}}\n"


def test_companions_are_no_tools_of_their_own():
    assert set(COMPANIONS) <= set(BUILTIN_TOOLS)
    assert not set(COMES_WITH) & set(BUILTIN_TOOLS)
    assert set(COMES_WITH) >= POLLED


@pytest.mark.parametrize("spec", [spec for specs in COMPANIONS.values() for spec in specs], ids=lambda spec: spec.name)
def test_each_schema_is_valid_closed_and_described(spec):
    jsonschema.Draft202012Validator.check_schema(spec.input_schema)
    assert spec.input_schema["additionalProperties"] is False
    assert all(field["description"].endswith(".") for field in spec.input_schema["properties"].values())
    assert spec.description.endswith(".")


@pytest.mark.parametrize("name", COMES_WITH)
def test_a_companion_is_not_granted_by_itself(compiled, name):
    _, (problem,) = compiled(AGENT.format(tools=name))
    assert (problem.code, problem.message) == ("AF309", f"`{name}` comes with `Bash` and is not granted by itself")
    assert problem.hint == "write `Bash`"


@pytest.mark.parametrize("name", COMES_WITH)
def test_no_tool_of_the_file_takes_the_name_of_a_companion(compiled, name):
    tool = f"tools: {{{name}: {{description: d., run: [ls]}}}}\n"
    _, problems = compiled(tool + AGENT.format(tools=name))
    assert "AF205" in {problem.code for problem in problems}


@pytest.mark.parametrize(
    ("given", "word"), [("run_in_background: true", "run_in_background"), ("timeout: 600001", "600000")]
)
def test_a_step_cannot_leave_a_script_running(compiled, given, word):
    _, problems = compiled(f"sandbox: off\nsteps: {{s: {{tool: Bash, with: {{command: ls, {given}}}}}}}\n")
    assert any(word in problem.message for problem in problems), problems
