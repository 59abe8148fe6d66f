"""Bash: a script of the model's, run to its end."""

from collections.abc import Mapping

from agentflow.tools.command import Command, CommandResult, run_command
from agentflow.tools.failures import ToolError, reports_failures
from agentflow.tools.port import JSON, ToolContext, ToolOutput

DEFAULT_TIMEOUT_MS = 120_000
MAX_TIMEOUT_MS = 600_000
OUTPUT_LIMIT = 10 << 20
"""Bytes kept of each of stdout and stderr; what is large is shown in part (`kept_results.py`)."""
STDERR_MARK = "[stderr]"
KEY_VARIABLE = "AGENTFLOW_IDEMPOTENCY_KEY"


@reports_failures
async def bash(tool_input: Mapping[str, JSON], context: ToolContext) -> ToolOutput:
    """Bash: runs a script in the project's folder."""
    require_permission(context)
    milliseconds = int(tool_input.get("timeout") or DEFAULT_TIMEOUT_MS)
    if milliseconds > MAX_TIMEOUT_MS:
        raise ToolError(
            f"A script that is waited for may take {MAX_TIMEOUT_MS:,} milliseconds at most; it was not started",
            "set `run_in_background` for one that takes longer, and follow it with TaskOutput",
        )
    command = script(tool_input["command"], context, milliseconds / 1_000)
    output = told(result := await run_command(command), command)
    if not result.timed_out:
        return output
    advice = "Give it more time with `timeout`, or set `run_in_background` and follow it with TaskOutput."
    return ToolOutput(f"{output.content}\n{advice}", is_error=True)


def script(text: str, context: ToolContext, timeout: float) -> Command:
    """The command that runs a script of the model's; `timeout` in seconds."""
    return Command(
        argv=("bash", "-c", text),
        stdin=b"",
        env={**context.env, KEY_VARIABLE: context.key},
        cwd=context.project,
        timeout=timeout,
        output_limit=OUTPUT_LIMIT,
        within=context.confinement,
    )


def require_permission(context: ToolContext) -> None:
    """Refuses a command where no sandbox is to be had and the file does not do without one.

    Raises:
        ToolError: in words for the model and, through it, for the author.
    """
    if not context.sandbox_off and context.confinement is None:
        raise ToolError(
            "Commands are refused: there is no sandbox here and the workflow does not say `sandbox: off`",
            "do not try again; go on with your other tools, or say that this could not be done and why",
        )


def told(result: CommandResult, command: Command) -> ToolOutput:
    """A command's end for a model: what it printed, then what went wrong."""
    parts = printed(result.stdout, result.stderr)
    if result.timed_out:
        parts.append(f"(Stopped after {command.timeout:g} seconds; all it started was killed.)")
    elif result.stopped:
        parts.append(f"(Stopped: {result.stopped}; all it started was killed.)")
    elif result.exit_code:
        parts.append(f"(Exit code {result.exit_code}.)")
    if command.within is not None and (note := command.within.explained(result.stderr)):
        parts.append(note)
    return ToolOutput("\n".join(parts) or "(No output.)", is_error=result.timed_out or result.exit_code != 0)


def printed(stdout: str, stderr: str) -> list[str]:
    """What a command printed, as a model reads it: standard error behind a line that says so."""
    parts = [stdout.rstrip("\n")] if stdout.strip("\n") else []
    return [*parts, STDERR_MARK, stderr.rstrip("\n")] if stderr.strip("\n") else parts
