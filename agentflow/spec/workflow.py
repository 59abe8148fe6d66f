"""A whole workflow file."""

from typing import Literal

from pydantic import Field

from agentflow.spec.agents import Agent, AgentDefaults
from agentflow.spec.base import (
    AgentName,
    Duration,
    Expression,
    Id,
    InputSchema,
    Money,
    NamedFile,
    Spec,
    Template,
    ToolName,
)
from agentflow.spec.own_tools import AnyTool
from agentflow.spec.permissions import Permissions
from agentflow.spec.policy import Share
from agentflow.spec.sandbox import SandboxGrants
from agentflow.spec.steps import Step


class Limits(Spec):
    """The bounds of the whole run, subagents included."""

    cost_usd: Money = Field(default=5.0, description="The most a run may spend on models, in US dollars.")
    warn_at: Share | None = Field(
        default=None, description="Warn once when this share of `cost_usd` is spent, as `80%`."
    )
    wall_time: Duration = Field(
        default=3600.0,
        description="How long a run may be at work, as `20m`; waits for people, and those of a minute and more for the "
        "model's service, do not count.",
    )
    turns: int = Field(default=1000, ge=1, description="Model calls of all agents together.")
    parallel: int = Field(
        default=8, ge=1, le=10_000, description="Model and tool calls in flight at once; waiting agents hold no place."
    )
    agents: int = Field(default=200, ge=1, description="Agent sessions in all, subagents included.")
    depth: int = Field(
        default=3, ge=1, le=20, description="How deep agents may call agents; a step's own agent is at depth 1."
    )


class Workflow(Spec):
    """A workflow file, validated in shape."""

    agentflow: Literal[1] = Field(description="The version of the language: `1`.")
    name: AgentName = Field(description="What the workflow is called, in lists of runs and in reports.")
    description: str | None = Field(default=None, description="What the workflow does, in a line.")
    imports: list[NamedFile] = Field(
        default_factory=list, description="Files whose `agents` and `tools` this one may use."
    )
    inputs: dict[Id, InputSchema] = Field(
        default_factory=dict,
        description="What a run is given: a JSON Schema for each input. One without a `default` is required.",
    )
    defaults: AgentDefaults = Field(default_factory=AgentDefaults, description="What every agent starts from.")
    limits: Limits = Field(default_factory=Limits, description="The bounds of the whole run, subagents included.")
    sandbox: Literal["off"] | SandboxGrants | None = Field(
        default=None,
        description="What commands may reach: `network`, `write`, `read`. Without it they read the project and write "
        "nowhere but in a `/tmp` of their own. `off`: they run as you would run them.",
    )
    permissions: Permissions | None = Field(
        default=None,
        description="What holds for every agent and `tool` step of the file; its `mode` is that of agents without one.",
    )
    secrets: list[Id] = Field(
        default_factory=list, description="Names of secrets, read as `{{ secrets.NAME }}` in `env` alone."
    )
    redact: Literal["likely", "exact"] = Field(
        default="likely",
        description="What is taken out of what commands, tools and pages give, beside declared secrets.",
    )
    env: dict[str, Template] = Field(
        default_factory=dict, description="Environment variables of every command, those of tools too."
    )
    tools: dict[ToolName, AnyTool] = Field(
        default_factory=dict,
        description="The file's own tools by their names; an agent has one where its `tools` lists it.",
    )
    agents: dict[AgentName, Agent] = Field(
        default_factory=dict, description="Agents by their names, for steps and for rules as `Agent(researcher)`."
    )
    steps: dict[Id, Step] = Field(
        min_length=1,
        description="Steps by their ids. Each runs once what it reads is there; the order of the file means nothing.",
    )
    outputs: dict[Id, Expression] = Field(
        default_factory=dict, description="What the run gives: expressions by their names."
    )


class Library(Spec):
    """A file that others import, validated in shape."""

    agentflow: Literal[1] = Field(description="The version of the language: `1`.")
    tools: dict[Id, AnyTool] = Field(default_factory=dict, description="Tools for the files that import this one.")
    agents: dict[AgentName, Agent] = Field(default_factory=dict, description="Agents for them.")
