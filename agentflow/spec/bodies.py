"""The steps that a step holds, whatever its kind."""

from collections.abc import Mapping

from msgspec import Struct

from agentflow.source.document import Loc
from agentflow.spec.steps import ForEachStep, GroupStep, StepBase

SINGLE = "step"
"""The id of a body given as `step:`; it never shadows another such body's."""


class Body(Struct, frozen=True):
    """What a block holds.

    Attributes:
        steps: by id, each with where it stands, seen from the step that holds it.
        output: the expression of what readers outside see.
        output_place: where that stands.
        named: the author gave the steps their ids.
    """

    steps: Mapping[str, tuple[Loc, StepBase]]
    output: str | None
    output_place: Loc = ("output",)
    named: bool = True


def body_of(step: StepBase) -> Body | None:
    """The steps that a step holds; None where it is no block."""
    if isinstance(step, ForEachStep) and step.step is not None:
        return Body({SINGLE: (("step",), step.step)}, f"steps.{SINGLE}.output", ("step",), named=False)
    if isinstance(step, ForEachStep | GroupStep):
        return Body({name: (("steps", name), inner) for name, inner in (step.steps or {}).items()}, step.output)
    return None
