"""The steps that a step holds, whatever its kind."""

from collections.abc import Mapping

from msgspec import Struct

from agentflow.source.document import Loc
from agentflow.spec.steps import ChooseStep, ForEachStep, GroupStep, RepeatStep, StepBase

SINGLE = "step"
"""The id of a body given as `step:`; it never shadows another such body's."""

OTHERWISE = "otherwise"
"""The id of the step that a `choose` falls back on; its cases have their positions, from 1."""


class Body(Struct, frozen=True):
    """What a block holds.

    Attributes:
        steps: by id, each with where it stands, seen from the step that holds it.
        output: the expression of what readers outside see.
        output_place: where that stands.
        named: the author gave the steps their ids.
        cases: its steps are those of a `choose`: one of them runs, and none can be read by its id.
        until: of a `repeat`: the expression that ends its rounds.
    """

    steps: Mapping[str, tuple[Loc, StepBase]]
    output: str | None
    output_place: Loc = ("output",)
    named: bool = True
    cases: bool = False
    until: str | None = None


UNTIL_PLACE: Loc = ("repeat", "until")


def body_of(step: StepBase) -> Body | None:
    """The steps that a step holds; None where it is no block."""
    if isinstance(step, ChooseStep):
        return _cases(step)
    until = step.repeat.until if isinstance(step, RepeatStep) else None
    if isinstance(step, ForEachStep | RepeatStep) and step.step is not None:
        inner = {SINGLE: (("step",), step.step)}
        return Body(inner, f"steps.{SINGLE}.output", ("step",), named=False, until=until)
    if isinstance(step, ForEachStep | RepeatStep | GroupStep):
        steps = {name: (("steps", name), inner) for name, inner in (step.steps or {}).items()}
        return Body(steps, step.output, until=until)
    return None


def _cases(step: ChooseStep) -> Body:
    cases: dict[str, tuple[Loc, StepBase]] = {
        str(index + 1): (("choose", index), case) for index, case in enumerate(step.choose)
    }
    if step.otherwise is not None:
        cases[OTHERWISE] = (("otherwise",), step.otherwise)
    return Body(cases, None, named=False, cases=True)
