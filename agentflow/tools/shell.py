"""Bash: a script of the model's."""

from collections.abc import Mapping

from agentflow.tools.command import Command, CommandResult, run_command
from agentflow.tools.failures import ToolError, reports_failures
from agentflow.tools.port import JSON, ToolContext, ToolOutput

DEFAULT_TIMEOUT_MS = 120_000
MAX_TIMEOUT_MS = 600_000
OUTPUT_LIMIT = 10 << 20
"""Bytes kept of each of stdout and stderr; what is large is shown in part (`kept_results.py`)."""
KEY_VARIABLE = "AGENTFLOW_IDEMPOTENCY_KEY"


@reports_failures
async def bash(tool_input: Mapping[str, JSON], context: ToolContext) -> ToolOutput:
    """Bash: runs a script in the project's folder."""
    require_permission(context)
    milliseconds = min(int(tool_input.get("timeout") or DEFAULT_TIMEOUT_MS), MAX_TIMEOUT_MS)
    command = Command(
        argv=("bash", "-c", tool_input["command"]),
        stdin=b"",
        env={**context.env, KEY_VARIABLE: context.key},
        cwd=context.project,
        timeout=milliseconds / 1_000,
        output_limit=OUTPUT_LIMIT,
    )
    return told(await run_command(command), command)


def require_permission(context: ToolContext) -> None:
    """Refuses a command where no sandbox is to be had and the file does not do without one.

    Raises:
        ToolError: in words for the model and, through it, for the author.
    """
    if not context.sandbox_off:
        raise ToolError(
            "Commands are refused: there is no sandbox here and the workflow does not say `sandbox: off`",
            "do not try again; go on with your other tools, or say that this could not be done and why",
        )


def told(result: CommandResult, command: Command) -> ToolOutput:
    """A command's end for a model: what it printed, then what went wrong."""
    parts = [text.rstrip("\n") for text in (result.stdout, result.stderr) if text.strip("\n")]
    if result.timed_out:
        parts.append(f"(Stopped after {command.timeout:g} seconds; all it started was killed.)")
    elif result.exit_code:
        parts.append(f"(Exit code {result.exit_code}.)")
    return ToolOutput("\n".join(parts) or "(No output.)", is_error=result.timed_out or result.exit_code != 0)
