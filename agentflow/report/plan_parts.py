"""The files that a plan is made of: its own, and those that its steps run."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct, field

from agentflow.plan.agent_plan import OwnToolPlan
from agentflow.plan.inputs import known_inputs_of
from agentflow.plan.model import Block, BlockStepPlan, Plan, StepPlan, WorkflowStepPlan

JSON = Any


class Part(Struct, frozen=True):
    """One file.

    Attributes:
        file: its path, as places name it; None for the plan's own.
        values: of its inputs, those whose value is known before the run.
        steps: with their paths; those in files that its steps run are not among them.
    """

    plan: Plan
    file: str | None
    values: Mapping[str, JSON]
    steps: list[tuple[str, StepPlan]] = field(default_factory=list)


def parts_of(plan: Plan, values: Mapping[str, JSON]) -> list[Part]:
    """The files of a plan, its own first, each once however often it is run.

    Parameters:
        values: of the inputs whose value is known before the run.
    """
    parts = {"": Part(plan, None, values)}
    _block(plan.root, "", parts[""], parts)
    return list(parts.values())


def tools_of(parts: Iterable[Part]) -> Iterator[tuple[Part, str, OwnToolPlan]]:
    """The files' own tools."""
    for part in parts:
        yield from ((part, name, tool) for name, tool in part.plan.tools.items())


def name_of(name: str, part: Part) -> str:
    """What to call an agent or tool of a file."""
    return name if part.file is None else f"{name} of {part.file}"


def _block(block: Block, prefix: str, part: Part, parts: dict[str, Part]) -> None:
    for name, step in block.steps.items():
        path = f"{prefix}{name}"
        part.steps.append((path, step))
        if isinstance(step, BlockStepPlan):
            _block(step.body, f"{path}.", part, parts)
        elif isinstance(step, WorkflowStepPlan):
            found = known_inputs_of(step)
            inner = parts.get(step.plan.path)
            if inner is None:
                inner = parts[step.plan.path] = Part(step.plan, step.plan.path, found)
            elif inner.values != found:
                # It is run with several: none of them can be told.
                same = {name: value for name, value in inner.values.items() if name in found and found[name] == value}
                inner = parts[step.plan.path] = Part(step.plan, step.plan.path, same, inner.steps)
            _block(step.body, f"{path}.", inner, parts)
