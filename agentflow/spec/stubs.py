"""`*.stubs.yaml`: what the steps of a simulated run come to, in the place of models, commands and people."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, StringConstraints, Tag

from agentflow.spec.base import Spec

StepPath = Annotated[str, StringConstraints(min_length=1, max_length=1000)]


class StubError(Spec):
    """How a step fails."""

    kind: str | None = Field(
        default=None,
        description="The kind of failure, as `turns` or `command_failed`; where absent one that the step's `retry` is "
        "for, else `step_failed`.",
    )
    message: str = Field(default="", description="What readers of `.error.message` see.")


class Stub(Spec):
    """What one start of a step comes to."""

    output: Any = Field(
        default=None,
        description="What readers of the step see; it must meet the step's schema, or the form of an `ask`.",
    )
    status: Literal["done", "failed", "skipped"] | None = Field(
        default=None, description="How the step ends; done where absent, failed beside `error`."
    )
    error: StubError | None = Field(default=None, description="Why the step fails.")
    reason: str | None = Field(default=None, description="Why the step is skipped, in words.")
    exit_code: Annotated[int, Field(ge=0, le=255)] | None = Field(
        default=None, description="A command's; one that is not among its `exit_codes` fails the step."
    )
    answer: Literal["yes", "no", "timeout", "wait"] | None = Field(
        default=None,
        description="What a person says at a gate; `wait`: nobody answers, and the run pauses. An `ask` takes only "
        "`timeout` and `wait`.",
    )
    by: str | None = Field(default=None, min_length=1, description="Who answers at a gate.")
    comment: str | None = Field(default=None, description="What is told with the answer.")


def _one_or_several(value: Any) -> str:
    return "several" if isinstance(value, list) else "one"


Stubs = Annotated[
    (
        Annotated[Stub, Tag("one")]
        | Annotated[
            Annotated[
                list[Stub],
                Field(min_length=1, description="One for each start in turn; the last for all further ones."),
            ],
            Tag("several"),
        ]
    ),
    Discriminator(_one_or_several),
]
StubsByPath = dict[StepPath, Stubs]


class StubsFile(Spec):
    """Stubs by the paths of their steps."""

    stubs: StubsByPath = Field(
        description="By a step's path: `report.draft`; `research[0].find` for one item, `research.find` for every one."
    )


def as_list(stubs: Stub | list[Stub]) -> list[Stub]:
    """Returns the stubs of a path, one for each start."""
    return stubs if isinstance(stubs, list) else [stubs]


def is_file(value: Any) -> bool:
    """Returns whether a mapping stands for a file of stubs: no stub is text, so `file` as a step's id is told apart."""
    return isinstance(value, Mapping) and isinstance(value.get("file"), str)
