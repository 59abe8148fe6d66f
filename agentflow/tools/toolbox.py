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
    from agentflow.plan.agent_plan import OwnToolPlan

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

    def __init__(self, tools: Mapping[str, "OwnToolPlan"], exchange: Exchange | None = None) -> None:
        self._own: dict[int, tuple[OwnToolPlan, Tool]] = {}
        self._background = Background()
        # WebFetch keeps pages for some minutes, so each run has its own.
        made = {"WebFetch": web_fetch(exchange), **self._background.tools()}
        self._tools: dict[str, Tool] = {name: self._made(tool) for name, tool in tools.items()} | dict(BUILTIN) | made

    async def run(self, name: str, tool_input: Mapping[str, JSON], context: ToolContext) -> ToolOutput:
        """Runs a call whose input has met the tool's schema and whose grant was checked.

        Returns: the tool's output, whole; a tool's own fault is an output too.
        """
        tool = self._tools.get(name) if context.own is None else self._made(context.own)
        if tool is None:
            return ToolOutput(f"There is no tool `{shortened(name)}`.", is_error=True)
        try:
            return await tool(tool_input, context)
        except Exception as error:
            # A fault of ours ends the call, not the run: the model may find another way.
            _log.exception("tool %s failed", name)
            return ToolOutput(
                f"{name} failed through a fault of its own ({type(error).__name__}); this is no fault of the input. "
                "Do not repeat the call; find another way.",
                is_error=True,
            )

    def end_session(self, session: str) -> None:
        """Has what a session left running killed; `close` waits until it is gone."""
        self._background.end_session(session)

    async def close(self) -> None:
        """Ends whatever sessions left running, and returns when it is gone."""
        await self._background.close()

    def _made(self, tool: "OwnToolPlan") -> Tool:
        """One of a file's own, made once; the plan is kept with it, so that its identity stays its own."""
        if id(tool) not in self._own:
            self._own[id(tool)] = (tool, own_tool(tool))
        return self._own[id(tool)][1]
