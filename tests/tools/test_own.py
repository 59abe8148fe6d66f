import pytest

from agentflow.plan.agent_plan import CommandToolPlan, ToolSpec
from agentflow.plan.templates import parse_template
from agentflow.tools.own import own_tool


@pytest.fixture
def tool_of():
    def make(*argv, stdin=None, env=None, timeout=20.0):
        return own_tool(
            CommandToolPlan(
                spec=ToolSpec("mine", "Mine.", {"type": "object"}, "none"),
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
