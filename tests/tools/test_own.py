import pytest
from msgspec.structs import replace

from agentflow.plan.agent_plan import CommandToolPlan, FunctionToolPlan, ToolOptions, ToolSpec
from agentflow.plan.templates import parse_template
from agentflow.tools.own import own_tool
from agentflow.tools.port import ToolOutput


@pytest.fixture
def tool_of():
    def make(*argv, stdin=None, env=None, timeout=20.0, output=None):
        return own_tool(
            CommandToolPlan(
                spec=ToolSpec("mine", "Mine.", {"type": "object"}, "none", options=ToolOptions(output=output)),
                argv=tuple(parse_template(argument, statements=False) for argument in argv),
                stdin=None if stdin is None else parse_template(stdin, statements=False),
                env={name: parse_template(value, statements=False) for name, value in (env or {}).items()},
                timeout=timeout,
            )
        )

    return make


async def test_arguments_input_and_variables_are_filled_in(tool_of, context_of):
    tool = tool_of(
        "sh", "-c", 'printf "%s|" "$0" "$A" "$SHARED" "$AGENTFLOW_IDEMPOTENCY_KEY"; cat', "--x={{ input.x }}",
        stdin="{{ input.list }}", env={"A": "a {{ input.x }}"},
    )  # fmt: skip
    output = await tool({"x": "1; rm -rf /", "list": [1, "é"]}, context_of(env={"SHARED": "s"}))
    assert output.content == '--x=1; rm -rf /|a 1; rm -rf /|s|key-1|[1, "é"]'
    assert not output.is_error


async def test_a_missing_value_is_an_error_the_model_can_mend(tool_of, context_of):
    output = await tool_of("echo", "{{ input.x }}")({}, context_of())
    assert output.is_error
    assert output.content.startswith("mine: ")
    assert "correct the input" in output.content


async def test_a_failed_command_is_an_error_with_its_words(tool_of, context_of):
    output = await tool_of("sh", "-c", "echo no such word >&2; exit 2")({}, context_of())
    assert output.content == "[stderr]\nno such word\n(Exit code 2.)"
    assert output.is_error


async def test_a_program_that_is_not_there_is_named(tool_of, context_of):
    output = await tool_of("no-such-program")({}, context_of())
    assert output.is_error
    assert "`no-such-program` was not found" in output.content


async def test_without_a_sandbox_nothing_runs(project, tool_of, context_of):
    output = await tool_of("touch", "ran")({}, context_of(sandbox_off=False))
    assert output.is_error
    assert not (project / "ran").exists()


# Functions

MODULE = """
import asyncio, os, sys, time
from dataclasses import dataclass
from enum import Enum

class Unit(Enum):
    METRIC = "metric"

@dataclass
class Place:
    name: str
    units: list[Unit]

def f(**given):
    print("noise")
    return given
def show(place: Place, pair: tuple[Unit, int], unit: Unit | None = None):
    return f"{place!r} {pair!r} {unit!r}"
async def later(x: int):
    await asyncio.sleep(0)
    return [x]
def text(): return "é"
def nothing(): return None
def raises(x): raise ValueError(f"no {x} in {os.getcwd()}/data and {os.path.dirname(__file__)}/lib")
def leaves(): sys.exit(3)
def hangs(): time.sleep(1000)
def nan(): return {"a": float("nan")}
def deep():
    value = []
    for _ in range(1000): value = [value]
    return value
def huge(): return "x" * (11 << 20)
def forks():
    os.fork()
    return "from one of two"
def env(): return [os.environ.get("TOKEN"), os.environ.get("SHARED"), os.environ["AGENTFLOW_IDEMPOTENCY_KEY"]]
"""


@pytest.fixture
def function_of(project):
    (project / "flows").mkdir()

    def make(function, *, timeout=60.0, makes=None, output=None, env=None):
        return own_tool(
            FunctionToolPlan(
                spec=ToolSpec("mine", "Mine.", {"type": "object"}, "none", options=ToolOptions(output=output)),
                file="m.py",
                module="m",
                function=function,
                text=MODULE,
                env={name: parse_template(value, statements=False) for name, value in (env or {}).items()},
                timeout=timeout,
                makes=makes or {},
            )
        )

    return make


async def test_a_function_gives_text_as_it_is_and_all_else_as_json(function_of, context_of):
    assert await function_of("f")({"a": [1, "é"], "b": None}, context_of()) == ToolOutput('{"a": [1, "é"], "b": null}')
    assert await function_of("later")({"x": 1}, context_of()) == ToolOutput("[1]")
    assert (await function_of("text")({}, context_of())).content == "é"
    assert (await function_of("nothing")({}, context_of())).content == "null"


async def test_a_function_runs_without_a_sandbox_as_that_of_a_step_does(function_of, context_of):
    assert (await function_of("text")({}, context_of(sandbox_off=False))).content == "é"


async def test_arguments_become_what_the_type_hints_say(function_of, context_of):
    unit = {"enum": "Unit"}
    makes = {
        "place": {"data": "Place", "fields": {"units": {"items": unit}}},
        "pair": {"tuple": [unit, None]},
        "unit": {"any": [unit]},
    }
    given = {"place": {"name": "Rome", "units": ["metric"]}, "pair": ["metric", 2]}
    tool = function_of("show", makes=makes)
    metric = "<Unit.METRIC: 'metric'>"
    output = await tool(given, context_of())
    assert output.content == f"Place(name='Rome', units=[{metric}]) ({metric}, 2) None"
    assert (await tool({**given, "unit": "metric"}, context_of())).content.endswith(f" {metric}")
    assert (await tool({**given, "unit": None}, context_of())).content.endswith(" None")


async def test_an_exception_is_told_by_type_and_message_without_the_machines_folders(function_of, context_of, project):
    output = await function_of("raises")({"x": "rain"}, context_of())
    assert (output.is_error, output.failure) == (True, "call_failed")
    assert output.content == "`raises` raised ValueError: no rain in data and lib"
    assert "(m.py:24: `def raises(x): raise ValueError" in output.detail, "the author is told where"


@pytest.mark.parametrize(
    ("function", "failure", "words"),
    [
        ("leaves", "call_failed", "raised SystemExit: 3"),
        ("hangs", "timeout", "`hangs` was stopped: it did not end within 0.5 s"),
        ("nan", "call_failed", "a number that JSON does not have"),
        ("deep", "call_failed", "nested more than 100 levels"),
        ("huge", "call_failed", "returned more than it may; ask for less"),
        ("gone", "call_failed", "raised AttributeError"),
    ],
)
async def test_a_function_that_fails_is_told_in_words(function_of, context_of, project, function, failure, words):
    output = await function_of(function, timeout=0.5 if function == "hangs" else 60.0)({}, context_of())
    assert (output.is_error, output.failure) == (True, failure)
    assert words in output.content
    assert str(project) not in output.content


async def test_a_function_that_forks_answers_once(function_of, context_of):
    assert (await function_of("forks")({}, context_of())).content == "from one of two"


async def test_variables_and_secrets_are_those_of_commands(function_of, context_of):
    tool = function_of("env", env={"TOKEN": "{{ secrets.T }}-{{ input.x }}"})
    context = replace(context_of(env={"SHARED": "s"}), secrets={"T": "secret-value"})
    assert (await tool({"x": 1}, context)).is_error, "`env` takes no argument"
    tool = function_of("env", env={"TOKEN": "{{ secrets.T }}"})
    assert (await tool({}, context)).content == '["secret-value", "s", "key-1"]'
    output = await tool({}, context_of())
    assert output.is_error
    assert "the secret `T` has no value" in output.content


# Results that are promised

PROMISE = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}


async def test_a_result_that_meets_its_schema_has_a_value(function_of, context_of):
    output = await function_of("f", output=PROMISE)({"a": 1}, context_of())
    assert (output.content, output.is_checked, output.value) == ('{"a": 1}', True, {"a": 1})


async def test_a_result_that_does_not_is_the_tools_failure(function_of, context_of):
    output = await function_of("f", output=PROMISE)({"b": 1}, context_of())
    assert (output.is_error, output.failure) == (True, "output_invalid")
    assert 'its result is not what it promises: $ lacks "a"' in output.content
    assert "fault of the tool" in output.content
    assert '{"b": 1}' in output.detail, "the author is told what it gave"
    assert '{"b": 1}' not in output.content


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo '{\"a\": 2}'; echo noise >&2", None),
        ('echo \'{"a": "x"}\'', "$.a must be"),
        ("echo no", "it is no JSON"),
        ("echo NaN", "NaN is not JSON"),
        ("printf '%0100000d' 0 | tr 0 '['", "it is no JSON"),
        ("head -c 30000000 /dev/zero | tr '\\0' ' '", "too large to be read as JSON"),
    ],
)
async def test_what_a_command_prints_is_read_as_json_where_a_schema_is_promised(tool_of, context_of, script, words):
    output = await tool_of("sh", "-c", script, output=PROMISE)({}, context_of())
    if words is None:
        assert output.value == {"a": 2}
    else:
        assert output.failure == "output_invalid"
        assert words in output.content


async def test_a_promise_of_text_takes_what_is_no_json(tool_of, context_of):
    output = await tool_of("echo", "plain words", output={"type": "string"})({}, context_of())
    assert (output.content, output.value) == ("plain words", "plain words")


async def test_failures_of_commands_have_the_names_that_retry_uses(tool_of, context_of):
    assert (await tool_of("false")({}, context_of())).failure == "command_failed"
    assert (await tool_of("sleep", "100", timeout=0.2)({}, context_of())).failure == "timeout"
    assert (await tool_of("no-such-program")({}, context_of())).failure is None
