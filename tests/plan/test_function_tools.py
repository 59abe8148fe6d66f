"""Tools that are Python functions: read off their text, checked against the file, never imported."""

import json
import sys

import pytest

from agentflow.plan.agent_plan import FunctionToolPlan, Rate, ToolRetryPlan
from agentflow.source.diagnostics import Severity
from tests.builders import plan_of

MODULE = '''
"""A module."""
raise RuntimeError("it was imported")
def weather(place: str, days: int = 2):
    """Tells the weather.

    Args:
        place: where.
    """
def plain(x, y: int = 1): ...
def untold(x: int): ...
def by_place(x: int, /): "Does."
def more(x: int, **rest): "Does."
'''
USED = "\nsteps:\n  s: {agent: {tools: [w]}, prompt: x}\n"


def errors_of(compiled):
    """A plan and the errors alone: what the analysis of data warns of is not the point here."""
    plan, found = compiled
    return plan, [one for one in found if one.severity is Severity.ERROR]


@pytest.fixture
def compile_tool(compiled, tmp_path):
    def compile_one(tool: str):
        (tmp_path / "lib").mkdir(exist_ok=True)
        (tmp_path / "lib" / "m.py").write_text(MODULE)
        return errors_of(compiled(f"tools:\n  w: {tool}{USED}"))

    return compile_one


def test_a_function_tells_what_it_is_for_and_what_it_takes(compile_tool):
    plan, found = compile_tool("{call: 'lib.m:weather', effects: none, timeout: 5s}")
    assert found == []
    tool = plan.tools["w"]
    assert isinstance(tool, FunctionToolPlan)
    assert (tool.module, tool.function, tool.text) == ("lib.m", "weather", MODULE)
    assert tool.file.endswith("lib/m.py")
    assert tool.spec.description == "Tells the weather."
    assert tool.spec.input_schema["properties"]["place"] == {"type": "string", "description": "where."}
    assert tool.spec.input_schema["required"] == ["place"]
    assert "lib.m" not in sys.modules


def test_what_the_file_says_wins(compile_tool):
    schema = "{type: object, properties: {x: {type: string}}, required: [x]}"
    plan, found = compile_tool(f"{{call: 'lib.m:plain', description: Does., input: {schema}}}")
    assert found == []
    assert plan.tools["w"].spec.description == "Does."
    assert plan.tools["w"].spec.input_schema["properties"] == {"x": {"type": "string"}}


@pytest.mark.parametrize(
    ("tool", "code", "message", "hint"),
    [
        ("{call: 'lib.m:wether'}", "AF316", "has no function `wether`", "weather"),
        ("{call: 'lib.m:untold'}", "AF202", "tool `w` lacks `description`", "docstring"),
        ("{call: 'lib.m:plain', description: Does.}", "AF316", "`x` of `plain` has no type hint", "write `input`"),
        ("{call: 'lib.m:by_place'}", "AF316", "takes `x` by position only", "take the `/` out"),
        (
            "{call: 'lib.m:weather', input: {type: object, properties: {place: {}, town: {}}, required: [place]}}",
            "AF316",
            "`weather` takes no argument `town`",
            "there is `place`, `days`",
        ),
        (
            "{call: 'lib.m:weather', input: {type: object, properties: {days: {}}}}",
            "AF316",
            "`weather` wants `place`, which `input` lacks",
            "add it to `properties`",
        ),
        (
            "{call: 'lib.m:weather', input: {type: object, properties: {place: {}}}}",
            "AF316",
            "`weather` wants `place`, which `input` does not require",
            "add it to `required`",
        ),
        (
            "{call: 'lib.m:weather', retry: {attempts: 2}}",
            "AF515",
            "`retry` would repeat what tool `w` sends",
            "repeat_effects",
        ),
        (
            "{call: 'lib.m:weather', effects: writes, cache: 1h}",
            "AF209",
            "`cache` would leave out what tool `w` writes",
            "effects: none",
        ),
    ],
)
def test_what_does_not_fit_is_told_with_the_next_move(compile_tool, tool, code, message, hint):
    plan, found = compile_tool(tool)
    assert plan is None
    assert [one.code for one in found] == [code]
    assert message in found[0].message
    assert hint in found[0].hint


def test_a_function_that_takes_any_name_takes_those_of_the_file(compile_tool):
    schema = "{type: object, properties: {x: {}, y: {}}, required: [x]}"
    plan, found = compile_tool(f"{{call: 'lib.m:more', input: {schema}}}")
    assert found == []
    assert plan is not None


def test_what_stands_around_a_call_is_part_of_the_tool(compile_tool):
    retry = "{attempts: 3, backoff: 2s, on: [timeout], repeat_effects: true}"
    output = "{type: object, required: [a]}"
    plan, found = compile_tool(f"{{call: 'lib.m:weather', retry: {retry}, rate_limit: 30/min, output: {output}}}")
    assert found == []
    options = plan.tools["w"].spec.options
    assert (options.retry, options.rate) == (ToolRetryPlan(3, 2.0, ("timeout",)), Rate(30, 60.0))
    assert (options.cache, options.output) == (False, {"type": "object", "required": ["a"]})
    plan, _ = compile_tool("{call: 'lib.m:weather', effects: none, cache: 1h}")
    assert (plan.tools["w"].spec.options.cache, plan.tools["w"].spec.options.cache_for) == (True, 3600.0)
    plan, _ = compile_tool("{call: 'lib.m:weather', effects: none, cache: true}")
    assert (plan.tools["w"].spec.options.cache, plan.tools["w"].spec.options.cache_for) == (True, None)


def test_a_step_knows_the_fields_of_a_result_that_is_checked(compiled, tmp_path):
    (tmp_path / "m.py").write_text("def f() -> dict:\n  'Does.'\n")
    text = """
    tools:
      w: {call: "m:f", output: {type: object, properties: {a: {type: string}}, required: [a]}}
    steps:
      s: {tool: w}
    outputs: {a: steps.s.output.a, b: steps.s.output.b}
    """
    _, found = compiled(text)
    assert [(one.code, "`b`" in one.message) for one in found] == [("AF303", True)]


def test_a_step_takes_the_retry_of_its_tool_unless_it_has_its_own(planned, tmp_path):
    (tmp_path / "m.py").write_text("def f():\n  'Does.'\n")
    plan = planned("""
    tools:
      w: {call: "m:f", effects: none, retry: {attempts: 3, on: [timeout, call_failed]}}
    steps:
      a: {tool: w}
      b: {tool: w, retry: {attempts: 2, on: [timeout]}}
    """)
    steps = plan.root.steps
    assert (steps["a"].retry.attempts, steps["a"].retry.on) == (3, ("timeout", "tool_failed"))
    assert (steps["b"].retry.attempts, steps["b"].retry.on) == (2, ("timeout",))


def test_a_function_of_an_imported_file_is_beside_that_file():
    library = json.dumps({"agentflow": 1, "tools": {"w": {"call": "m:f"}}})
    files = {"lib/tools.yaml": library, "lib/m.py": "def f(x: int):\n  'Does.'\n"}
    tool = plan_of(f"imports: [lib/tools.yaml]{USED}", files).tools["w"]
    assert (tool.file, tool.module) == ("lib/m.py", "m")


def test_a_hundred_tools_of_one_long_module_parse_it_once(compiled, tmp_path):
    functions = "".join(f"def f{n}(x: int):\n  'Does {n}.'\n" for n in range(1_500))
    (tmp_path / "m.py").write_text(functions)
    tools = "\n".join(f"      w{n}: {{call: 'm:f{n}'}}" for n in range(100))
    grants = ", ".join(f"w{n}" for n in range(100))
    plan, found = errors_of(
        compiled(f"\n    tools:\n{tools}\n    steps:\n      s: {{agent: {{tools: [{grants}]}}, prompt: x}}\n")
    )
    assert found == []
    assert plan.tools["w99"].spec.description == "Does 99."
