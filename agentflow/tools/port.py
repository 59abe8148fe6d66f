"""What a tool is handed and what it gives back."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from msgspec import Struct

from agentflow.tools.threads import Stop

if TYPE_CHECKING:
    from agentflow.guard.closed import Closed
    from agentflow.plan.agent_plan import OwnToolPlan
    from agentflow.tools.kept_results import Access
    from agentflow.tools.sandbox.port import Confinement

JSON = Any
ToolFailure = Literal["command_failed", "call_failed", "timeout", "output_invalid"]


class ToolOutput(Struct, frozen=True):
    """What a tool call came to.

    Attributes:
        content: for the model: text, or content blocks of the Messages API (`text`, `image`, `document`).
        is_error: the call failed; `content` then says what to do about it.
        failure: the kind of failure, where it is one that a tool's `retry` may name.
        detail: what the author is told of a failure and the model is not.
        is_checked: the tool declares an `output`, and `value`, what `content` says, meets it.
        media_tokens: the most tokens that the images and documents in `content` come to, where the tool can tell.
    """

    content: "str | list[dict[str, JSON]]"
    is_error: bool = False
    failure: "ToolFailure | None" = None
    detail: str = ""
    is_checked: bool = False
    value: JSON = None
    media_tokens: int | None = None


class Change(Struct, frozen=True):
    """A file that is about to be changed.

    Attributes:
        path: relative to the folder that the tools work in, without symbolic links.
        before: what it holds, and `mode`, its permission bits; None: there is none yet.
        after: what it is to hold.
        made: the folders that were made for it, the outermost first.
    """

    path: str
    before: bytes | None
    mode: int | None
    after: bytes
    made: tuple[str, ...] = ()


Keep = Callable[[Change, Stop], None]
"""Returns once a change is on record, so that it can be put back; called from a thread, which `Stop` ends."""


class ToolContext(Struct, frozen=True):
    """Where and for whom a call runs.

    Attributes:
        project: the real path of the folder that file tools stay inside and commands start in.
        rules: the patterns of the agent's grant for this tool (gitignore meaning, relative to `project`); empty: all.
        env: the workflow's own variables for commands, rendered.
        key: the idempotency key of this call, handed to commands as `AGENTFLOW_IDEMPOTENCY_KEY`.
        memory: the folder of the notes that the `memory` tool keeps for the agent.
        session: the stream of the session that calls; `""`: a step's own call.
        secrets: the values that the `env` of the file's own tools may read, by name.
        sandbox_off: the file says `sandbox: off`; a command without it is refused.
        own: the tool of that name that the file of the call's agent has itself.
        home: the real path of that file's folder, which its functions are looked for in.
        confinement: the sandbox that commands run in; None: there is none.
        results: the large results of the run that Read and Grep may open.
        sealed: paths relative to `project` of what the run itself is made of, which no tool changes.
        keep: has what a file held on record before Write or Edit changes it; None: nothing is kept.
        closed: what permissions close to the call that only shows while it runs.
    """

    project: Path
    rules: tuple[str, ...]
    env: Mapping[str, str]
    key: str
    sandbox_off: bool
    secrets: Mapping[str, str] = {}
    own: "OwnToolPlan | None" = None
    session: str = ""
    memory: Path | None = None
    home: Path | None = None
    results: "Access | None" = None
    confinement: "Confinement | None" = None
    sealed: tuple[str, ...] = ()
    keep: Keep | None = None
    closed: "Closed | None" = None


class Tool(Protocol):
    """One tool. Cancelling the call ends whatever it started and leaves no process behind."""

    async def __call__(self, tool_input: Mapping[str, JSON], context: ToolContext) -> ToolOutput:
        """Runs the call. Failures the model can act on come back as `is_error`; nothing else is raised."""
