"""The kinds of step. The one key that names a kind is `KINDS`' own."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, StringConstraints, Tag

from agentflow.spec.agents import Agent
from agentflow.spec.base import (
    AgentName,
    Bound,
    Duration,
    Effects,
    Expression,
    Id,
    JsonSchema,
    Spec,
    Template,
    Text,
)


class StepBase(Spec):
    """What every kind of step takes."""

    description: str | None = Field(
        default=None, description="What the step is for, for readers of the file and of reports."
    )
    needs: list[Id] = Field(
        default_factory=list, description="Steps of this scope to wait for, beside those that it reads."
    )
    join: Literal["all", "any", "done"] = Field(
        default="all", description="What must have become of the steps in `needs`."
    )
    when: Expression | None = Field(
        default=None, description="An expression that is true or false; where it is false the step is skipped."
    )
    if_skipped: Any = Field(
        default=None, description="What readers of the step see where it was skipped; without it they are skipped too."
    )
    on_error: Literal["fail", "continue"] = Field(default="fail", description="What a failure of the step does.")


class SessionOf(Spec):
    """Carries another step's session on."""

    continue_: str = Field(
        alias="continue", min_length=1, description="The id of the agent step whose session goes on."
    )


class AgentStep(StepBase):
    """One session of an agent."""

    agent: AgentName | Agent = Field(
        description="The agent: its name in `agents`, or a mapping that describes it here."
    )
    prompt: Text = Field(description="What the agent is asked: its first message.")
    session: SessionOf | None = Field(
        default=None, description="Carries another step's session on instead of beginning afresh."
    )
    output: JsonSchema | None = Field(
        default=None, description="A JSON Schema that the result must meet, in the place of the agent's own."
    )


class RunStep(StepBase):
    """A command: a list of arguments, or a line for `bash -euo pipefail`."""

    run: Annotated[list[Template], Field(min_length=1)] | Annotated[str, StringConstraints(min_length=1)] = Field(
        description="The command: a list of arguments, as `[wc, -l, notes.md]`, or a line for bash."
    )
    stdin: Text | None = Field(default=None, description="What the command reads from its standard input.")
    env: dict[str, Template] = Field(
        default_factory=dict, description="Environment variables of the command, beside those of the file."
    )
    cwd: str | None = Field(
        default=None, description="The folder it runs in, inside the project; the project's own where absent."
    )
    parse: Literal["text", "json", "lines"] = Field(
        default="text", description="How its standard output is read; the result is the step's output."
    )
    exit_codes: list[Annotated[int, Field(ge=0, le=255)]] = Field(
        default_factory=lambda: [0],
        min_length=1,
        description="The exit codes that count as done, from 0 to 255; any other is a failure.",
    )
    effects: Effects = Field(default="sends", description="What the command does beyond giving its output.")
    timeout: Duration = Field(
        default=600.0, description="How long it may take, as `30s`; a longer one is killed and fails."
    )
    on_unknown: Literal["ask", "retry", "fail"] = Field(
        default="ask", description="What a resume does with a command that a crash cut off, where it has effects."
    )


class ValueStep(StepBase):
    """The value of an expression."""

    value: Expression = Field(description="An expression; its value is the step's output, of whatever type it is.")


class ApproveStep(StepBase):
    """A person says yes or no."""

    approve: Text = Field(description="The question to the person: something that yes or no answers.")
    show: Text | None = Field(
        default=None, description="What the person should see to decide, as the text to be published."
    )
    timeout: Duration | None = Field(
        default=None, description="How long to wait for an answer, as `24h`; for ever where absent."
    )
    on_timeout: Literal["reject", "fail"] = Field(
        default="reject", description="What it means that nobody answered within `timeout`."
    )
    on_reject: Literal["skip", "continue"] = Field(
        default="skip", description="What a no does; `continue` alone makes `.approved` readable."
    )


class ForEachStep(StepBase):
    """The body once per item of a list."""

    for_each: Expression = Field(
        description="An expression that gives a list; the body runs once for each of its items."
    )
    as_: Id = Field(default="item", alias="as", description="The name that the item has in the body.")
    max: Bound = Field(
        default=100,
        description="The most items: a number, or an input with a `maximum`. A longer list fails before the first.",
    )
    parallel: Bound | None = Field(
        default=None, description="Items at work at once; as many as `limits.parallel` where absent."
    )
    on_error: Literal["fail", "continue", "collect"] = Field(  # type: ignore[assignment]  # widens the base's choice
        "fail", description="What a failure of an item does."
    )
    steps: "dict[Id, Step] | None" = Field(default=None, min_length=1, description="The body: steps by their ids.")
    step: "Step | None" = Field(default=None, description="The body, where it is a single step.")
    output: Expression | None = Field(
        default=None, description="An expression over the body's steps: what each item gives. Only beside `steps`."
    )


class GroupStep(StepBase):
    """A group: a scope of steps."""

    steps: "dict[Id, Step]" = Field(min_length=1, description="Steps by their ids; only `output` is seen from outside.")
    output: Expression | None = Field(
        default=None, description="An expression over the group's steps: what readers of the group see."
    )


KINDS: dict[str, type[StepBase]] = {
    "agent": AgentStep,
    "run": RunStep,
    "value": ValueStep,
    "approve": ApproveStep,
    "for_each": ForEachStep,
    "steps": GroupStep,
}


def kind_of(step: Any) -> str | None:
    """The kind a step's mapping or model is of: the first of `KINDS` that it has as a key."""
    if isinstance(step, StepBase):
        return next(kind for kind, model in KINDS.items() if type(step) is model)
    return next((kind for kind in KINDS if kind in step), None) if isinstance(step, dict) else None


Step = Annotated[
    (
        Annotated[AgentStep, Tag("agent")]
        | Annotated[RunStep, Tag("run")]
        | Annotated[ValueStep, Tag("value")]
        | Annotated[ApproveStep, Tag("approve")]
        | Annotated[ForEachStep, Tag("for_each")]
        | Annotated[GroupStep, Tag("steps")]
    ),
    Discriminator(kind_of),
]
