"""The file's own tools: commands whose arguments are rendered over the tool's input, and Python functions.

What stands around each call is here too: its result is held against the tool's `output`. What makes a call wait, or
wait again, is the engine's (`engine/admission.py`), since a call that waits is in no process.
"""

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from agentflow.plan.agent_plan import CommandToolPlan, FunctionToolPlan
from agentflow.tools.command import Command, CommandResult, run_command
from agentflow.tools.failures import ToolError, reports_failures
from agentflow.tools.functions import FunctionCall, FunctionFailed, call_function, place_of
from agentflow.tools.port import JSON, Tool, ToolContext, ToolOutput
from agentflow.tools.shell import KEY_VARIABLE, OUTPUT_LIMIT, require_permission, told

if TYPE_CHECKING:
    from agentflow.plan.agent_plan import OwnToolPlan
    from agentflow.plan.expressions import Template
    from agentflow.spec.contracts import Contract

_MOST_PROBLEMS = 5


def own_tool(tool: "OwnToolPlan") -> Tool:
    """One of the file's own tools, with what stands around its calls."""
    return reports_failures(_RUN[type(tool)](tool))


def _command(tool: CommandToolPlan) -> Tool:
    """Its output is what the command prints."""

    name, schema = tool.spec.name, _contract(tool)

    async def run(tool_input: Mapping[str, JSON], context: ToolContext) -> ToolOutput:
        require_permission(context)
        command = _rendered(tool, tool_input, context)
        result = await run_command(command)
        output = told(result, command)
        if output.is_error:
            return ToolOutput(output.content, True, "timeout" if result.timed_out else "command_failed")
        return output if schema is None else meeting(name, schema, output, *_parsed(result))

    return run


def _function(tool: FunctionToolPlan) -> Tool:
    """Its output is what the function returns: text as it is, everything else as JSON."""

    name, schema = tool.spec.name, _contract(tool)

    async def run(tool_input: Mapping[str, JSON], context: ToolContext) -> ToolOutput:
        folder, file = place_of(context.home or context.project, tool.file, tool.module)
        call = FunctionCall(
            folder=folder,
            file=file,
            module=tool.module,
            function=tool.function,
            text=tool.text,
            arguments=tool_input,
            env=_env(name, tool.env, tool_input, context),
            cwd=context.project,
            timeout=tool.timeout,
            makes=tool.makes,
        )
        try:
            value = await call_function(call)
        except FunctionFailed as error:
            return ToolOutput(error.said, True, "timeout" if error.timed_out else "call_failed", error.message)
        content = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        output = ToolOutput(content or "(It returned an empty text.)")
        return output if schema is None else meeting(name, schema, output, value)

    return run


_RUN: Mapping[type[Any], Callable[[Any], Tool]] = {CommandToolPlan: _command, FunctionToolPlan: _function}


def _contract(tool: "OwnToolPlan") -> "Contract | None":
    from agentflow.spec.contracts import Contract

    output = tool.spec.options.output
    return None if output is None else Contract(output)


def _parsed(result: CommandResult) -> tuple[JSON, str]:
    """What a command prints, read as JSON, and why it cannot be; it is then text."""
    if result.truncated:
        return result.stdout, "it is too large to be read as JSON"
    try:
        return json.loads(result.stdout, parse_constant=_refuse), ""
    except (ValueError, RecursionError) as error:
        return result.stdout.removesuffix("\n"), f"it is no JSON: {error}"


def meeting(name: str, contract: "Contract", output: ToolOutput, value: JSON, doubt: str = "") -> ToolOutput:
    """An output whose value meets the tool's `output`, or the failure that it does not. Pure.

    Parameters:
        name: the tool's.
        doubt: why the value is text and nothing else, where it is.
    """
    problems = contract.problems(value)
    if not problems:
        return ToolOutput(output.content, is_checked=True, value=value)
    message = f"{name} ran, and its result is not what it promises: {doubt or '; '.join(problems[:_MOST_PROBLEMS])}"
    hint = "This is a fault of the tool, not of the input; another input may do, or go on without it."
    content = output.content if isinstance(output.content, str) else ""
    return ToolOutput(f"{message}\n{hint}", True, "output_invalid", f"{message}\nIt gave:\n{content[:2_000]}")


def _refuse(name: str) -> JSON:
    raise ValueError(f"{name} is not JSON")


def _rendered(tool: CommandToolPlan, tool_input: Mapping[str, JSON], context: ToolContext) -> Command:
    from agentflow.plan.expressions import ExpressionError

    names = {"input": tool_input}
    env = _env(tool.spec.name, tool.env, tool_input, context)
    try:
        stdin = "" if tool.stdin is None else tool.stdin.render(names)
        return Command(
            argv=tuple(argument.render(names) for argument in tool.argv),
            stdin=stdin.encode(errors="replace"),
            env=env,
            cwd=context.project,
            timeout=tool.timeout,
            output_limit=OUTPUT_LIMIT,
            within=context.confinement,
        )
    except ExpressionError as error:
        raise ToolError(f"{tool.spec.name}: {error}", "correct the input") from error


def _env(
    name: str, env: Mapping[str, "Template"], tool_input: Mapping[str, JSON], context: ToolContext
) -> Mapping[str, str]:
    """The variables of a tool's process: the file's, its own, and the call's key."""
    from agentflow.plan.expressions import ExpressionError
    from agentflow.plan.secrets import SecretMissingError, environment_text, filled

    try:
        own = {key: environment_text(value, {"input": tool_input}) for key, value in env.items()}
        return {**context.env, **filled(own, context.secrets), KEY_VARIABLE: context.key}
    except SecretMissingError as error:
        raise ToolError(f"{name}: {error.message}", "go on without this tool") from error
    except ExpressionError as error:
        raise ToolError(f"{name}: {error}", "correct the input") from error
