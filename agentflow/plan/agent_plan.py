"""What a plan says of agents and their tools."""

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from agentflow.plan.expressions import Expression, Template

Effects = Literal["none", "writes", "sends"]
WorkspaceKind = Literal["shared", "copy", "worktree"]
AnsweredBy = Literal["toolbox", "session", "subagent", "person", "service"]
JSON = Any


class ToolSpec(Struct, frozen=True):
    """A tool as a model sees it and as the deciders treat it.

    Attributes:
        name: the name the model calls.
        description: what the model reads.
        input_schema: JSON Schema of the input, of `type: object`.
        effects: `none` may be repeated and runs at once with others; the rest runs in order and is never repeated
            silently.
        by: who answers a call: the `toolbox`; the `session` itself, from what it knows; a `subagent`; a `person`; or
            the model's own `service`, while it replies.
        deferred: the model sees it only once `ToolSearch` has found it.
        options: of a tool `by: service`, what the service is told of it.
    """

    name: str
    description: str
    input_schema: Mapping[str, JSON]
    effects: Effects
    by: AnsweredBy = "toolbox"
    deferred: bool = False
    options: Mapping[str, JSON] = {}


class Grant(Struct, frozen=True):
    """One tool an agent may use.

    Attributes:
        tool: what it may call.
        rules: the patterns that narrow it (`src/**` of `Read(src/**)`), inputs in them not yet in their places; empty:
            the whole tool.
    """

    tool: ToolSpec
    rules: tuple[str, ...] = ()


class SkillPlan(Struct, frozen=True):
    """A skill that an agent may call upon.

    Attributes:
        folder: seen from the folder of the workflow file.
        body: what it tells the agent.
    """

    name: str
    description: str
    folder: str
    body: str


class StopRules(Struct, frozen=True):
    """What ends an agent; None is no bound. Money in US dollars, time in seconds."""

    turns: int
    repeated_calls: int
    failed_calls: int
    cost_usd: float | None = None
    tokens: int | None = None
    wall_time: float | None = None
    tool_calls: int | None = None
    when: Expression | None = None


class AgentPlan(Struct, frozen=True):
    """An agent, its defaults filled in.

    Attributes:
        name: its name in the file, or the path of the step that holds it.
        output: JSON Schema its result must meet, or None for text.
        finish: it must end by the `finish` tool.
        subagents: the names it may call through `Agent`.
        grants: its tools, `Agent` included where `subagents` is not empty.
        workspace: whose files each of its sessions works on; None: it does not say.
        skills: what it may call upon by `Skill`.
        memory: whose files its `memory` tool keeps: those of the `agent` alone, or of all agents of the `workflow`.
    """

    name: str
    description: str
    instructions: Template | None
    model: str
    fallback_model: str | None
    effort: str | None
    thinking: str | None
    max_tokens: int
    output: Mapping[str, JSON] | None
    finish: bool
    stop: StopRules
    grants: tuple[Grant, ...] = ()
    subagents: tuple[str, ...] = ()
    workspace: WorkspaceKind | None = None
    skills: tuple[SkillPlan, ...] = ()
    memory: Literal["agent", "workflow"] | None = None


class CommandToolPlan(Struct, frozen=True):
    """A tool of the file's own; `argv`, `stdin` and `env` are rendered over `input`. Timeout in seconds."""

    spec: ToolSpec
    argv: tuple[Template, ...]
    stdin: Template | None
    env: Mapping[str, Template]
    timeout: float
