"""A whole workflow file."""

from typing import Any, Literal

from pydantic import Field

from agentflow.spec.agents import Agent, AgentDefaults, CommandTool
from agentflow.spec.base import AgentName, Duration, Expression, Id, Money, NamedFile, Spec, Template, ToolName
from agentflow.spec.steps import Step


class Limits(Spec):
    """The bounds of the whole run, subagents included."""

    cost_usd: Money = Field(default=5.0, description="US dollars.")
    wall_time: Duration = Field(default=3600.0, description="Time at work, waits for people not counted.")
    turns: int = Field(default=1000, ge=1, description="Model calls in all.")
    parallel: int = Field(default=8, ge=1, le=10_000, description="Model and tool calls in flight.")
    agents: int = Field(default=200, ge=1, description="Agent sessions in all.")
    depth: int = Field(
        default=3, ge=1, le=20, description="How deep agents may call agents; a step's own agent is at 1."
    )


class Workflow(Spec):
    """A workflow file, validated in shape."""

    agentflow: Literal[1] = Field(description="The version of the language.")
    name: AgentName = Field(description="What the workflow is called.")
    description: str | None = Field(default=None, description="What the workflow does.")
    imports: list[NamedFile] = Field(
        default_factory=list, description="Files whose `agents` and `tools` this one may use."
    )
    inputs: dict[Id, dict[str, Any]] = Field(
        default_factory=dict, description="A JSON Schema for each input; required unless it has a default."
    )
    defaults: AgentDefaults = Field(default_factory=AgentDefaults, description="What every agent starts from.")
    limits: Limits = Field(default_factory=Limits, description="The bounds of the whole run, subagents included.")
    sandbox: Literal["off"] | None = Field(default=None, description="`off`: commands run as you would run them.")
    secrets: list[Id] = Field(
        default_factory=list, description="Names of secrets, read as `{{ secrets.NAME }}` in `env` alone."
    )
    env: dict[str, Template] = Field(default_factory=dict, description="Environment variables of every command.")
    tools: dict[ToolName, CommandTool] = Field(default_factory=dict, description="The file's own tools.")
    agents: dict[AgentName, Agent] = Field(default_factory=dict, description="Agents by their names.")
    steps: dict[Id, Step] = Field(min_length=1, description="Steps by their ids; what they read gives the order.")
    outputs: dict[Id, Expression] = Field(default_factory=dict, description="What the run gives, by name.")


class Library(Spec):
    """A file that others import, validated in shape."""

    agentflow: Literal[1] = Field(description="The version of the language.")
    tools: dict[Id, CommandTool] = Field(default_factory=dict, description="Tools for the files that import this one.")
    agents: dict[AgentName, Agent] = Field(default_factory=dict, description="Agents for them.")
