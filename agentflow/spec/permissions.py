"""Permissions: which of the granted tools' calls run, which a person is asked about, and which never run."""

from typing import Literal

from pydantic import Field

from agentflow.spec.base import Spec, ToolRule

Mode = Literal["default", "accept_edits", "plan", "dont_ask", "bypass"]


class Permissions(Spec):
    """Rules over the calls of tools. Deny beats ask beats allow, whatever is more specific; `tools` grants."""

    mode: Mode | None = Field(
        default=None, description="What becomes of calls that no rule decides; `default` where nothing says."
    )
    allow: list[ToolRule] | None = Field(
        default=None,
        description="Calls that run without asking, as `Bash(npm test)`. Where it is written, other calls with effects "
        "are left to the `mode`; where it is not, all that `tools` grants runs.",
    )
    ask: list[ToolRule] = Field(
        default_factory=list,
        description="Calls that a person says yes or no to, each by itself, as `Bash(git push *)`.",
    )
    deny: list[ToolRule] = Field(
        default_factory=list,
        description="Calls that never run, in any mode, nor in agents that are called, as `Read(.env)`.",
    )
