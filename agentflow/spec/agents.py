"""Agents, what ends them, and the file's own tools."""

from typing import Any, Literal

from pydantic import Field

from agentflow.spec.base import (
    Duration,
    Effects,
    Expression,
    JsonSchema,
    Money,
    NamedFile,
    Spec,
    Template,
    Text,
    Workspace,
)

Effort = Literal["low", "medium", "high", "xhigh", "max"]
Thinking = Literal["adaptive", "between_tools", "disabled"]
Label = Literal["private", "untrusted", "sends"]


class Stop(Spec):
    """What ends an agent. Reaching a bound is a failure of that name; `when` ends it well."""

    turns: int = Field(default=25, ge=1, description="Model calls of this agent.")
    cost_usd: Money | None = Field(default=None, description="US dollars, its subagents included.")
    tokens: int | None = Field(default=None, ge=1, description="Input and output tokens, its subagents included.")
    wall_time: Duration | None = Field(default=None, description="Time at work, waits for people not counted.")
    tool_calls: int | None = Field(default=None, ge=0, description="Tool calls in all.")
    repeated_calls: int = Field(
        default=3, ge=1, description="The same call with the same arguments, this often in a row."
    )
    failed_calls: int = Field(default=5, ge=1, description="Failed tool calls in a row.")
    when: Expression | None = Field(
        default=None, description="Over `turn`, `usage`, `last` and `calls`; ends the agent well."
    )


class AgentDefaults(Spec):
    """What every agent starts from."""

    model: str | None = Field(default=None, min_length=1, description="The model's id, as `claude-sonnet-5-5`.")
    fallback_model: str | None = Field(
        default=None, min_length=1, description="Takes over while `model` is overloaded."
    )
    effort: Effort | None = Field(default=None, description="How hard the model works.")
    thinking: Thinking | None = Field(default=None, description="Whether the model thinks before it answers.")
    max_tokens: int | None = Field(default=None, ge=1024, description="The longest reply, in tokens.")


class Agent(AgentDefaults):
    """An agent: what it is told, what it may use, what it must give, and what ends it."""

    from_: NamedFile | None = Field(
        default=None, alias="from", description="A Claude Code agent file; keys beside it replace what it says."
    )
    description: str | None = Field(default=None, min_length=1, description="What it is for; other agents read this.")
    instructions: Text | None = Field(default=None, description="The system prompt.")
    tools: list[str] = Field(default_factory=list, description="The whole allow-list; nothing else exists for it.")
    output: JsonSchema | None = Field(default=None, description="A JSON Schema that its result must meet.")
    finish: Literal["required"] | None = Field(default=None, description="End only by the `finish` tool.")
    stop: Stop = Field(default_factory=Stop, description="What ends it.")
    workspace: Workspace | None = Field(default=None, description="Whose files it works on: a `copy`, or a `worktree`.")


class CommandTool(Spec):
    """A tool of the file's own: one command."""

    description: str = Field(min_length=1, description="What the tool does; the model reads this.")
    input: dict[str, Any] = Field(
        default_factory=lambda: {"type": "object", "properties": {}},
        description="JSON Schema of what the model gives it.",
    )
    run: list[Template] = Field(min_length=1, description="The command and its arguments; no shell.")
    stdin: Text | None = Field(default=None, description="What the command reads; a template over `input`.")
    env: dict[str, Template] = Field(default_factory=dict, description="Environment variables of the command.")
    timeout: Duration = Field(default=120.0, description="How long it may take, as `2m`.")
    effects: Effects = Field(default="sends", description="What it does beyond giving its result.")
    labels: list[Label] | None = Field(
        default=None,
        description="What the analysis of data may assume: it gives private data, or text of others, or sends; "
        "unlabelled means private and untrusted, and sends by its `effects`.",
    )
