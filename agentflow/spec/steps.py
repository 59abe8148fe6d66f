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
    timeout: Duration | None = Field(
        default=None, description="How long it may be at work, as `10m`; waits for people are not counted."
    )
    retry: Retry | None = Field(default=None, description="Tries the step again after a failure.")
    on_resume: Literal["reuse", "rerun"] = Field(
        default="reuse", description="What becomes of the finished step when the run is resumed."
    )
    workspace: Workspace | None = Field(
        default=None, description="Whose files it works on; absent, those of what it stands in."
    )


class SessionOf(Spec):
    """Carries another step's session on."""

    continue_: str = Field(
        alias="continue",
        min_length=1,
        description="The id of the agent step whose session goes on; `previous.id`: its session of the last round.",
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


class CallStep(StepBase):
    """A Python function beside the workflow."""

    call: Annotated[str, StringConstraints(pattern=FUNCTION_PATTERN)] = Field(
        description="The function and its module beside this file, as `lib.stats:mean` for `mean` in `lib/stats.py`."
    )
    with_: dict[str, Any] = Field(
        default_factory=dict,
        alias="with",
        description="Its arguments by their names; a text that is one `{{ }}` and no more keeps its value's type.",
    )
    output: JsonSchema | None = Field(
        default=None, description="A JSON Schema that its return value must meet; with one, readers know its fields."
    )
    effects: Effects = Field(default="sends", description="What the function does beyond giving its return value.")
    timeout: Duration = Field(
        default=600.0, description="How long it may take, as `30s`; a longer call is killed and fails."
    )
    on_unknown: Literal["ask", "retry", "fail"] = Field(
        default="ask", description="What a resume does with a call that a crash cut off, where it has effects."
    )


class ToolStep(StepBase):
    """One tool call without a model."""

    tool: AgentName = Field(description="The tool's name: a built-in one, or one of the file's own.")
    with_: dict[str, Any] = Field(
        default_factory=dict,
        alias="with",
        description="Its input, by key; a text that is one `{{ }}` and no more keeps its value's type.",
    )
    on_unknown: Literal["ask", "retry", "fail"] = Field(
        default="ask", description="What a resume does with a call that a crash cut off, where the tool has effects."
    )


class ValueStep(StepBase):
    """The value of an expression."""

    value: Expression = Field(description="An expression; its value is the step's output, of whatever type it is.")


class Escalate(Spec):
    """Who else may answer when nobody has for a while."""

    after: Duration = Field(description="How long nobody has answered, as `2h`.")
    to: list[Id] = Field(min_length=1, description="Roles of the policy that may then answer, too.")


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
    from_: list[Id] = Field(
        default_factory=list,
        alias="from",
        min_length=1,
        description="Roles of the operator's policy: only who has one of them may answer; anybody where absent.",
    )
    escalate: Escalate | None = Field(
        default=None, description="Who else may answer when nobody has for a while; wants `from`."
    )


class AskStep(StepBase):
    """A person answers."""

    ask: Text = Field(description="The question to the person: something that the form's fields answer.")
    output: JsonSchema | None = Field(
        default=None,
        description="The form: a JSON Schema of the answers, a field for each property; absent, a line of text.",
    )
    show: Text | None = Field(
        default=None, description="What the person should see to answer, as the text that is asked about."
    )
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


class Rounds(Spec):
    """How often the body of a `repeat` runs."""

    until: Expression = Field(
        description="An expression over the body's steps; the round after which it holds is the last."
    )
    max: Bound = Field(description="The most rounds: a number, or an input with a `maximum`.")
    at_max: Literal["fail", "accept"] = Field(
        default="fail", description="What it means that `until` does not hold after round `max`."
    )


class RepeatStep(StepBase):
    """The body, round after round, until an expression holds."""

    repeat: Rounds = Field(description="What ends the rounds, and how many there may be.")
    steps: "dict[Id, Step] | None" = Field(default=None, min_length=1, description="The body: steps by their ids.")
    step: "Step | None" = Field(default=None, description="The body, where it is a single step.")
    output: Expression | None = Field(
        default=None, description="An expression over the body's steps: what a round gives. Only beside `steps`."
    )


class ChooseStep(StepBase):
    """The first of several steps whose `when` holds."""

    choose: "list[Step]" = Field(
        min_length=1, description="The cases: steps, each with a `when`. The first whose `when` holds runs, alone."
    )
    otherwise: "Step | None" = Field(
        default=None, description="The step that runs where no `when` holds; without it the whole is skipped."
    )


class FailStep(StepBase):
    """Ends its surroundings with a message; done where its `when` is false."""

    fail: Text = Field(description="The message of the failure, for people: what is wrong, and what to do.")


class GroupStep(StepBase):
    """A group: a scope of steps."""

    steps: "dict[Id, Step]" = Field(min_length=1, description="Steps by their ids; only `output` is seen from outside.")
    output: Expression | None = Field(
        default=None, description="An expression over the group's steps: what readers of the group see."
    )


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
