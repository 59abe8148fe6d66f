"""All tools of a run behind one call."""

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from agentflow.tools.background import Background
from agentflow.tools.edit import edit
from agentflow.tools.failures import shortened
from agentflow.tools.files import read, write
from agentflow.tools.memory import memory
from agentflow.tools.own import own_tool
from agentflow.tools.port import JSON, Tool, ToolContext, ToolOutput
from agentflow.tools.search import glob, grep
from agentflow.tools.web_exchange import Exchange
from agentflow.tools.web_fetch import web_fetch

if TYPE_CHECKING:
    from agentflow.plan.agent_plan import CommandToolPlan

MAX_OUTPUT_CHARS = 100_000

BUILTIN: Mapping[str, Tool] = {
    "Read": read,
    "Write": write,
    "Edit": edit,
    "Glob": glob,
    "Grep": grep,
    "memory": memory,
}

_log = logging.getLogger(__name__)


class Toolbox:
    """The built-in tools and the file's own.

    Parameters:
        tools: the file's own, by name; they may not carry a built-in tool's name.
        exchange: makes the requests of WebFetch; None: of the public internet alone.
    """

    def __init__(self, tools: Mapping[str, "CommandToolPlan"], exchange: Exchange | None = None) -> None:
        self._background = Background()
        # WebFetch keeps pages for some minutes, so each run has its own.
        made = {"WebFetch": web_fetch(exchange), **self._background.tools()}
        self._tools: dict[str, Tool] = {name: own_tool(tool) for name, tool in tools.items()} | dict(BUILTIN) | made

    async def run(self, name: str, tool_input: Mapping[str, JSON], context: ToolContext) -> ToolOutput:
        """Runs a call whose input has met the tool's schema and whose grant was checked.

        Returns: the tool's output, at most `MAX_OUTPUT_CHARS` characters; a tool's own fault is an output too.
        """
        tool = self._tools.get(name) if context.own is None else own_tool(context.own)
        if tool is None:
            return ToolOutput(f"There is no tool `{shortened(name)}`.", is_error=True)
        try:
            output = await tool(tool_input, context)
        except Exception as error:
            # A fault of ours ends the call, not the run: the model may find another way.
            _log.exception("tool %s failed", name)
            return ToolOutput(
                f"{name} failed through a fault of its own ({type(error).__name__}); this is no fault of the input. "
                "Do not repeat the call; find another way.",
                is_error=True,
            )
        return _bounded(output)

    def end_session(self, session: str) -> None:
        """Has what a session left running killed; `close` waits until it is gone."""
        self._background.end_session(session)

    async def close(self) -> None:
        """Ends whatever sessions left running, and returns when it is gone."""
        await self._background.close()


def _bounded(output: ToolOutput) -> ToolOutput:
    """An output whose text is cut; blocks are bounded by the tool that makes them."""
    if not isinstance(output.content, str):
        return output
    over = len(output.content) - MAX_OUTPUT_CHARS
    if over <= 0:
        return output
    half = MAX_OUTPUT_CHARS // 2 - 50
    cut = len(output.content) - 2 * half
    content = f"{output.content[:half]}\n[… {cut:,} characters cut …]\n{output.content[-half:]}"
    return ToolOutput(content, is_error=output.is_error)
