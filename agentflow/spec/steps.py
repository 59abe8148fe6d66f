"""The kinds of step. The one key that names a kind is `KINDS`' own."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, StringConstraints, Tag

from agentflow.spec.agents import Agent
from agentflow.spec.base import (
    FUNCTION_PATTERN,
    AgentName,
    Bound,
    Duration,
    Effects,
    Expression,
    Id,
    JsonSchema,
    NamedFile,
    Spec,
    Template,
    Text,
    Workspace,
)
from agentflow.spec.retry import Retry


class StepBase(Spec):
    """What every kind of step takes."""

    description: str | None = Field(default=None, description="What the step is for.")
    needs: list[Id] = Field(default_factory=list, description="Steps to wait for beside those it reads.")
    join: Literal["all", "any", "done"] = Field(default="all", description="What `needs` wants of them.")
    when: Expression | None = Field(default=None, description="False skips the step.")
    if_skipped: Any = Field(default=None, description="What readers see when the step was skipped.")
    on_error: Literal["fail", "continue"] = Field(default="fail", description="`continue`: a failure counts as a skip.")
    timeout: Duration | None = Field(
        default=None, description="How long it may be at work, as `10m`; waits for people are not counted."
    )
    retry: Retry | None = Field(default=None, description="Tries it again after a failure.")
    on_resume: Literal["reuse", "rerun"] = Field(
        default="reuse", description="`rerun`: a resume runs it again as long as nothing has used its output."
    )
    workspace: Workspace | None = Field(default=None, description="Whose files it works on: a `copy`, or a `worktree`.")


class SessionOf(Spec):
    """Carries another step's session on."""

    continue_: str = Field(
        alias="continue",
        min_length=1,
        description="The id of the step whose session goes on; as `previous.id` of the last round's, in a `repeat`.",
    )


class AgentStep(StepBase):
    """One agent session."""

    agent: AgentName | Agent = Field(description="An agent's name, or an agent written here.")
    prompt: Text = Field(description="What the agent is asked.")
    session: SessionOf | None = Field(default=None, description="Carries another step's session on.")
    output: JsonSchema | None = Field(default=None, description="Replaces the agent's own.")


class RunStep(StepBase):
    """A command: an argument list, or a string for `bash -euo pipefail`."""

    run: Annotated[list[Template], Field(min_length=1)] | Annotated[str, StringConstraints(min_length=1)] = Field(
        description="The command: a list of arguments, or a line for bash."
    )
    stdin: Text | None = Field(default=None, description="What the command reads.")
    env: dict[str, Template] = Field(default_factory=dict, description="Environment variables of the command.")
    cwd: str | None = Field(default=None, description="A folder inside the project.")
    parse: Literal["text", "json", "lines"] = Field(default="text", description="What its output is.")
    exit_codes: list[Annotated[int, Field(ge=0, le=255)]] = Field(
        default_factory=lambda: [0], min_length=1, description="The exit codes that count as done."
    )
    effects: Effects = Field(default="sends", description="What it does beyond giving its output.")
    timeout: Duration = Field(default=600.0, description="How long it may take, as `10m`.")
    on_unknown: Literal["ask", "retry", "fail"] = Field(default="ask", description="When a crash cut its effect off.")


class CallStep(StepBase):
    """A Python function beside the workflow."""

    call: Annotated[str, StringConstraints(pattern=FUNCTION_PATTERN)] = Field(
        description="A function of a module beside this file, as `lib.stats:mean`."
    )
    with_: dict[str, Any] = Field(default_factory=dict, alias="with", description="Its arguments by their names.")
    output: JsonSchema | None = Field(default=None, description="A JSON Schema that its return value must meet.")
    effects: Effects = Field(default="sends", description="What it does beyond giving its return value.")
    timeout: Duration = Field(default=600.0, description="How long it may take, as `10m`.")
    on_unknown: Literal["ask", "retry", "fail"] = Field(default="ask", description="When a crash cut its effect off.")


class ToolStep(StepBase):
    """One tool call without a model."""

    tool: AgentName = Field(description="The tool's name: a built-in one, or one of the file's own.")
    with_: dict[str, Any] = Field(default_factory=dict, alias="with", description="Its input.")
    on_unknown: Literal["ask", "retry", "fail"] = Field(default="ask", description="When a crash cut its effect off.")


class ValueStep(StepBase):
    """The value of an expression."""

    value: Expression = Field(description="The expression.")


class ApproveStep(StepBase):
    """A person says yes or no."""

    approve: Text = Field(description="The question to the person.")
    show: Text | None = Field(default=None, description="What the person should see to decide.")
    timeout: Duration | None = Field(default=None, description="How long to wait, as `24h`; for ever where absent.")
    on_timeout: Literal["reject", "fail"] = Field(default="reject", description="What no answer in time means.")
    on_reject: Literal["skip", "continue"] = Field(default="skip", description="`continue` makes `.approved` readable.")


class AskStep(StepBase):
    """A person answers."""

    ask: Text = Field(description="The question to the person.")
    output: JsonSchema | None = Field(
        default=None, description="The form: a JSON Schema of the answer; a line of text where absent."
    )
    show: Text | None = Field(default=None, description="What the person should see to answer.")
    timeout: Duration | None = Field(
        default=None, description="How long to wait, as `24h`; for ever where absent. No answer in time is a failure."
    )


class WorkflowStep(StepBase):
    """Another workflow file as one step, its limits inside this one's."""

    workflow: NamedFile = Field(description="The file.")
    with_: dict[Id, Any] = Field(
        default_factory=dict, alias="with", description="Its inputs by name; `{{ }}` in their texts."
    )


class ForEachStep(StepBase):
    """The body once per item."""

    for_each: Expression = Field(description="The list, as an expression.")
    as_: Id = Field(default="item", alias="as", description="The name of the item in the body.")
    max: Bound = Field(default=100, description="The most items; a longer list fails before the first.")
    parallel: Bound | None = Field(
        default=None, description="Items at work at once; the run's `parallel` where absent."
    )
    on_error: Literal["fail", "continue", "collect"] = Field(  # type: ignore[assignment]  # widens the base's choice
        "fail", description="`collect` keeps the successes, with `.errors`."
    )
    steps: "dict[Id, Step] | None" = Field(default=None, min_length=1, description="The body: steps by their ids.")
    step: "Step | None" = Field(default=None, description="The body, where it is a single step.")
    output: Expression | None = Field(default=None, description="What each item gives, where the body is `steps`.")


class Rounds(Spec):
    """How often the body of a `repeat` runs."""

    until: Expression = Field(description="The expression over the steps of the body that ends the rounds.")
    max: Bound = Field(description="The most rounds.")
    at_max: Literal["fail", "accept"] = Field(
        default="fail", description="What it means that `until` does not hold after the last round."
    )


class RepeatStep(StepBase):
    """The body until an expression holds."""

    repeat: Rounds = Field(description="What ends the rounds, and how many there may be.")
    steps: "dict[Id, Step] | None" = Field(default=None, min_length=1, description="The body: steps by their ids.")
    step: "Step | None" = Field(default=None, description="The body, where it is a single step.")
    output: Expression | None = Field(default=None, description="What a round gives, where the body is `steps`.")


class ChooseStep(StepBase):
    """The first of several steps whose `when` holds."""

    choose: "list[Step]" = Field(min_length=1, description="The cases, each with a `when`; the first that holds runs.")
    otherwise: "Step | None" = Field(default=None, description="The step that runs where no case does.")


class FailStep(StepBase):
    """Ends its surroundings with a message; done where its `when` is false."""

    fail: Text = Field(description="The message.")


class GroupStep(StepBase):
    """A scope of steps."""

    steps: "dict[Id, Step]" = Field(min_length=1, description="Steps by their ids.")
    output: Expression | None = Field(default=None, description="What readers of the group see.")


KINDS: dict[str, type[StepBase]] = {
    "agent": AgentStep,
    "run": RunStep,
    "call": CallStep,
    "tool": ToolStep,
    "value": ValueStep,
    "approve": ApproveStep,
    "ask": AskStep,
    "workflow": WorkflowStep,
    "for_each": ForEachStep,
    "repeat": RepeatStep,
    "choose": ChooseStep,
    "fail": FailStep,
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
        | Annotated[CallStep, Tag("call")]
        | Annotated[ToolStep, Tag("tool")]
        | Annotated[ValueStep, Tag("value")]
        | Annotated[ApproveStep, Tag("approve")]
        | Annotated[AskStep, Tag("ask")]
        | Annotated[WorkflowStep, Tag("workflow")]
        | Annotated[ForEachStep, Tag("for_each")]
        | Annotated[RepeatStep, Tag("repeat")]
        | Annotated[ChooseStep, Tag("choose")]
        | Annotated[FailStep, Tag("fail")]
        | Annotated[GroupStep, Tag("steps")]
    ),
    Discriminator(kind_of),
]
