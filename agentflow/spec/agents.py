"""Agents, and what ends them."""

from typing import Annotated, Literal

from pydantic import Field

from agentflow.spec.base import (
    Duration,
    Expression,
    JsonSchema,
    Money,
    NamedFile,
    Spec,
    Text,
    ToolRule,
    Workspace,
)
from agentflow.spec.context import Context
from agentflow.spec.permissions import Permissions

Effort = Literal["low", "medium", "high", "xhigh", "max"]
Thinking = Literal["adaptive", "between_tools", "disabled"]
Memory = Literal["agent", "workflow"]
SkillFolder = Annotated[str, Field(min_length=1, description="A folder, relative to this file.")]
ServiceTier = Literal["auto", "standard_only"]
Speed = Literal["standard", "fast"]
Label = Literal["private", "untrusted", "sends"]


class Stop(Spec):
    """What ends an agent. Reaching a bound is a failure of that name; `when` ends it well."""

    turns: int = Field(default=25, ge=1, description="Model calls of one session of this agent.")
    cost_usd: Money | None = Field(
        default=None, description="The most it may spend, in US dollars, its subagents included."
    )
    tokens: int | None = Field(
        default=None, ge=1, description="Tokens that it reads and writes, its subagents included."
    )
    wall_time: Duration | None = Field(
        default=None, description="How long it may be at work, as `10m`; waits for people do not count."
    )
    tool_calls: int | None = Field(default=None, ge=0, description="Tool calls in all; with `0` it cannot call any.")
    repeated_calls: int = Field(
        default=3,
        ge=1,
        description="How often in a row it may make the same call, or go through the same few, without another result; "
        "rounds of several calls, and calls that differ in spelling alone, may come twice as often.",
    )
    failed_calls: int = Field(default=5, ge=1, description="How many tool calls in a row may fail.")
    no_progress: int | None = Field(
        default=None,
        ge=1,
        description="How many turns in a row may bring nothing but results that it had before from the same calls; 8, "
        "or `repeated_calls` where that is more.",
    )
    when: Expression | None = Field(
        default=None,
        description="Ends the agent well where it holds: an expression over `turn`, `usage`, `last` and `calls`.",
        examples=["'DONE' in last.text"],
    )


class Metadata(Spec):
    """What the service is told about a request."""

    user_id: str | None = Field(
        default=None,
        min_length=1,
        max_length=256,
        description="Who the requests are for, as an opaque identifier: a UUID or a hash, never a name or an address.",
    )


class AgentDefaults(Spec):
    """What every agent starts from."""

    model: str | None = Field(
        default=None,
        min_length=1,
        description="The model's id; `claude-sonnet-5-5` where neither the agent nor `defaults` names one.",
        examples=["claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5"],
    )
    fallback_model: str | None = Field(
        default=None,
        min_length=1,
        description="The id of the model that takes over while `model` is overloaded or down, and a turn that it "
        "refuses.",
    )
    effort: Effort | None = Field(
        default=None, description="How hard the model works; the model's own default where absent."
    )
    thinking: Thinking | None = Field(
        default=None, description="Whether the model thinks before it answers; the model's own default where absent."
    )
    max_tokens: int | None = Field(
        default=None, ge=1024, description="The longest reply, in tokens, thinking included; 16,000 where absent."
    )
    inference_geo: str | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        description="Where the model runs, as `us` or `global`; the workspace's own setting where absent.",
        examples=["global", "us"],
    )
    service_tier: ServiceTier | None = Field(
        default=None, description="Which capacity of the service is used; `auto` where absent."
    )
    speed: Speed | None = Field(
        default=None, description="How fast the model writes: `fast` costs more, and not every model has it."
    )
    metadata: Metadata | None = Field(default=None, description="What the service is told about each request.")
    context: Context | None = Field(
        default=None, description="What is done when its context window fills; compaction at 80 % where absent."
    )


class Agent(AgentDefaults):
    """An agent: what it is told, what it may use, what it must give, and what ends it."""

    from_: NamedFile | None = Field(
        default=None, alias="from", description="A Claude Code agent file; keys beside it replace what it says."
    )
    description: str | None = Field(
        default=None,
        min_length=1,
        description="What it is for, in a line; required where another agent may call it, which reads this.",
    )
    instructions: Text | None = Field(
        default=None,
        description="The system prompt: who it is, and what holds for every task. A template over `inputs`.",
    )
    tools: list[ToolRule] = Field(
        default_factory=list,
        description="The whole allow-list, as `Grep`, `Read(docs/**)`, `Agent(researcher)`; it has no other tools.",
    )
    permissions: Permissions | None = Field(
        default=None, description="What of its tools it may use without asking, on asking, and not at all."
    )
    skills: list[SkillFolder] = Field(
        default_factory=list,
        max_length=100,
        description="Folders with a `SKILL.md` that it may call upon by `Skill`, which its `tools` must have.",
        examples=[[".claude/skills/release-notes"]],
    )
    memory: Memory | None = Field(
        default=None, description="Files that outlive the run, which it reads and writes by the `memory` tool."
    )
    output: JsonSchema | None = Field(
        default=None, description="A JSON Schema that its result must meet; without one its result is text."
    )
    finish: Literal["required"] | None = Field(
        default=None,
        description="It must end by calling the `finish` tool, which takes its `output`; ending otherwise fails.",
    )
    stop: Stop = Field(
        default_factory=Stop, description="What ends it; every bound counts for each session of its own."
    )
    workspace: Workspace | None = Field(
        default=None, description="Whose files it works on; absent, those of what it stands in."
    )
