"""Bounds: constants, or inputs whose schema bounds them."""

from collections.abc import Iterator, Mapping
from typing import Any

from agentflow.plan.draft import DraftBlock
from agentflow.plan.findings import Findings
from agentflow.plan.model import BoundPlan
from agentflow.plan.types import Shape, always
from agentflow.source.document import Loc
from agentflow.spec.steps import ForEachStep, StepBase


def bound(value: int | str) -> BoundPlan:
    """A bound as the file writes it: `8`, or `inputs.depth`."""
    return BoundPlan(value) if isinstance(value, int) else BoundPlan(None, value.removeprefix("inputs."))


def bounds_of(step: StepBase) -> Iterator[tuple[Loc, int | str | None]]:
    """The bounds of a step, each with where it stands in it."""
    if isinstance(step, ForEachStep):
        yield ("max",), step.max
        yield ("parallel",), step.parallel


def check_bounds(block: DraftBlock, inputs: Mapping[str, Mapping[str, Any]], findings: Findings) -> None:
    """Bounds that are inputs: integers with a `maximum`.

    Parameters:
        inputs: the schema of each input.
    """
    for draft in block.drafts.values():
        for place, value in bounds_of(draft.step):
            if isinstance(value, str):
                _check_bound(value.removeprefix("inputs."), (*draft.loc, *place), inputs, findings)
        if draft.body is not None:
            check_bounds(draft.body, inputs, findings)


def _check_bound(name: str, loc: Loc, inputs: Mapping[str, Mapping[str, Any]], findings: Findings) -> None:
    schema = inputs.get(name)
    if schema is None and findings.is_broken(("inputs", name)):
        return
    if schema is None:
        findings.at("AF302", f"there is no input `{name}`", loc, findings.similar(name, inputs))
    elif not always(Shape.of(schema), "integer"):
        findings.at("AF305", f"a bound is an integer, and input `{name}` is not", loc, "give it `type: integer`")
    elif not isinstance(schema.get("maximum"), int):
        findings.at("AF203", f"input `{name}` has no `maximum`, so that it bounds nothing", loc, "give it a `maximum`")
