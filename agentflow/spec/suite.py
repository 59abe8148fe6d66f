"""`*.test.yaml`: tests of a workflow, each with inputs, stubs or a recording, and what is expected of the run."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, StringConstraints, Tag

from agentflow.spec.base import FileRef, Money, Spec
from agentflow.spec.stubs import StepPath, StubsByPath, is_file

Count = Annotated[int, Field(ge=0)]
Path = Annotated[str, StringConstraints(min_length=1, max_length=1000)]


class ExpectedFailure(Spec):
    """Why the run, or a step, failed."""

    kind: str | None = Field(default=None, description="The kind of failure, as `turns` or `command_failed`.")
    step: str | None = Field(default=None, description="The path of the step it began in.")
    message: str | None = Field(default=None, description="Text that its message holds.")


class ExpectedStep(Spec):
    """What became of a step."""

    status: Literal["done", "failed", "skipped", "rejected", "waiting", "unreached"] | None = Field(
        default=None, description="How it ended; `unreached`: the run never came to decide on it."
    )
    reason: str | None = Field(default=None, description="Text that the reason of a skip holds.")
    output: Any = Field(default=None, description="What readers see, exactly.")
    output_includes: Any = Field(default=None, description="What readers see holds this; see the guide.")
    failure: ExpectedFailure | None = Field(default=None, description="Why it failed.")


class ExpectedCalls(Spec):
    """The calls of one agent, command, function or tool."""

    count: Count | None = Field(default=None, description="How many.")
    prompt: str | None = Field(default=None, description="Text that the prompt of one of an agent's calls holds.")
    args: list[str] | None = Field(default=None, description="The arguments of one of a command's calls.")
    stdin: str | None = Field(default=None, description="Text that one of a command's calls reads.")
    input: dict[str, Any] | None = Field(
        default=None, description="What the input of one of a tool's calls holds, or the arguments of a function's."
    )


def _count_or_more(value: Any) -> str:
    return "more" if isinstance(value, dict) else "count"


Calls = dict[
    Annotated[str, StringConstraints(min_length=1)],
    Annotated[
        Annotated[Count, Tag("count")] | Annotated[ExpectedCalls, Tag("more")],
        Discriminator(_count_or_more),
    ],
]


class ExpectedCallsByKind(Spec):
    """Which calls were made: a count, or more about them."""

    agents: Calls = Field(default_factory=dict, description="Sessions, by the agent's name.")
    commands: Calls = Field(default_factory=dict, description="Commands of steps, by their program.")
    functions: Calls = Field(default_factory=dict, description="Python functions of steps, as `module:function`.")
    tools: Calls = Field(
        default_factory=dict,
        description="Tools of steps, and of agents from a recording, by the tool's name.",
    )


class ExpectedCost(Spec):
    """What the run cost, in US dollars, by the usage in the recording."""

    max: Money | None = Field(default=None, description="At most.")
    min: Money | None = Field(default=None, description="At least.")


class Expect(Spec):
    """What a test expects; what is not named may be anything."""

    status: Literal["done", "failed", "waiting"] | None = Field(default=None, description="How the run ended.")
    exit: Annotated[int, Field(ge=0, le=255)] | None = Field(default=None, description="The exit code.")
    failure: ExpectedFailure | None = Field(default=None, description="Why the run failed.")
    outputs: dict[str, Any] | None = Field(default=None, description="The outputs, exactly these.")
    outputs_include: dict[str, Any] | None = Field(default=None, description="The outputs hold these; see the guide.")
    steps: dict[StepPath, ExpectedStep] = Field(default_factory=dict, description="What became of steps, by path.")
    order: list[StepPath] = Field(default_factory=list, description="Steps that start in this order, others between.")
    calls: ExpectedCallsByKind = Field(default_factory=ExpectedCallsByKind, description="Which calls were made.")
    cost_usd: ExpectedCost | None = Field(default=None, description="What the run cost; needs a recording.")


def _file_or_stubs(value: Any) -> str:
    return "file" if is_file(value) else "stubs"


class Case(Spec):
    """One test."""

    name: str = Field(min_length=1, max_length=200, description="What the test promises, in words.")
    inputs: dict[str, Any] = Field(default_factory=dict, description="The run's inputs.")
    stubs: Annotated[
        Annotated[FileRef, Tag("file")] | Annotated[StubsByPath, Tag("stubs")], Discriminator(_file_or_stubs)
    ] = Field(default_factory=dict, description="Stubs by the paths of their steps, or a file of them.")
    recording: Path | None = Field(default=None, description="A recording that answers the agents without a stub.")
    expect: Expect = Field(description="What is expected of the run.")


class SuiteFile(Spec):
    """Tests of one workflow."""

    workflow: Path | None = Field(
        default=None, description="The workflow's file; `x.yaml` beside `x.test.yaml` where absent."
    )
    tests: list[Case] = Field(min_length=1, description="The tests.")
