"""What a tool says when it cannot do what was asked, in words the model can act on."""

import errno
import functools
import os
from collections.abc import Mapping

from agentflow.errors import AgentflowError
from agentflow.tools.port import JSON, Tool, ToolContext, ToolOutput

_SHOWN_CHARS = 300
_NO_ACCESS = "This file or folder is closed to you here: go on without it, and say so."
_NO_ROOM = "There is no room on the disk: stop writing, and say so."
_NEXT_MOVES: Mapping[int, str] = {
    errno.EACCES: _NO_ACCESS,
    errno.EPERM: _NO_ACCESS,
    errno.EROFS: "Nothing can be written there: write elsewhere, or say so.",
    errno.ENOSPC: _NO_ROOM,
    errno.EDQUOT: _NO_ROOM,
    errno.ENAMETOOLONG: "Use a shorter name.",
    errno.ENOENT: "It went away meanwhile: list what is there with Glob.",
    errno.EMFILE: "Too many files are open here just now: try again later.",
    errno.ENFILE: "Too many files are open here just now: try again later.",
}


class ToolError(AgentflowError):
    """The call cannot be done as asked; the model reads the message and the hint."""


def readable(name: str) -> str:
    """A file's name or other foreign text on one line: control characters and bytes that are no UTF-8 are escaped."""
    if name.isprintable():
        return name
    decoded = name.encode("utf-8", "surrogateescape" if _is_encodable(name) else "backslashreplace")
    text = decoded.decode("utf-8", "backslashreplace")
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )


def shortened(text: str) -> str:
    """Foreign text for a message: on one line, and cut after a few hundred characters."""
    shown = readable(text[: _SHOWN_CHARS + 1])
    return shown if len(shown) <= _SHOWN_CHARS else shown[:_SHOWN_CHARS] + "…"


def failed(error: AgentflowError) -> ToolOutput:
    """The output that tells the model about `error`."""
    hint = f"\n{error.hint}" if error.hint else ""
    return ToolOutput(f"{error.message}{hint}", is_error=True)


def reports_failures(tool: Tool) -> Tool:
    """A tool whose expected failures come back as `is_error` outputs."""

    @functools.wraps(tool)
    async def reporting(tool_input: Mapping[str, JSON], context: ToolContext) -> ToolOutput:
        try:
            return await tool(tool_input, context)
        except AgentflowError as error:
            return failed(error)
        except OSError as error:
            # Without the path of the exception: it would show the machine's own folders.
            reason = os.strerror(error.errno) if error.errno else "the system refused"
            named = tool_input.get("file_path") or tool_input.get("path")
            about = f"`{shortened(named)}`: " if isinstance(named, str) else ""
            hint = _NEXT_MOVES.get(error.errno or 0, "Do not repeat the call as it is; find another way.")
            return ToolOutput(f"{about}{reason}\n{hint}", is_error=True)

    return reporting


def _is_encodable(name: str) -> bool:
    try:
        name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True
