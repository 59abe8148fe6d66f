"""The file's own tools: commands whose arguments are rendered over the tool's input."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from agentflow.tools.command import Command, run_command
from agentflow.tools.failures import ToolError, reports_failures
from agentflow.tools.port import JSON, Tool, ToolContext, ToolOutput
from agentflow.tools.shell import KEY_VARIABLE, OUTPUT_LIMIT, require_permission, told

if TYPE_CHECKING:
    from agentflow.plan.agent_plan import CommandToolPlan


def own_tool(tool: "CommandToolPlan") -> Tool:
    """The tool that runs a command of the file's; its output is what the command prints."""

    @reports_failures
    async def run(tool_input: Mapping[str, JSON], context: ToolContext) -> ToolOutput:
        require_permission(context)
        command = _rendered(tool, tool_input, context)
        return told(await run_command(command), command)

    return run


def _rendered(tool: "CommandToolPlan", tool_input: Mapping[str, JSON], context: ToolContext) -> Command:
    from agentflow.plan.expressions import ExpressionError
    from agentflow.plan.secrets import SecretMissingError, environment_text, filled

    names = {"input": tool_input}
    try:
        env = {name: environment_text(value, names) for name, value in tool.env.items()}
        stdin = "" if tool.stdin is None else tool.stdin.render(names)
        return Command(
            argv=tuple(argument.render(names) for argument in tool.argv),
            stdin=stdin.encode(errors="replace"),
            env={**context.env, **filled(env, context.secrets), KEY_VARIABLE: context.key},
            cwd=context.project,
            timeout=tool.timeout,
            output_limit=OUTPUT_LIMIT,
        )
    except SecretMissingError as error:
        raise ToolError(f"{tool.spec.name}: {error.message}", "go on without this tool") from error
    except ExpressionError as error:
        raise ToolError(f"{tool.spec.name}: {error}", "correct the input") from error
