"""How often a loop's body runs at most, as far as its file tells."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from agentflow.plan import syntax
from agentflow.plan.expressions import Expression, ExpressionError
from agentflow.plan.inputs import known_inputs_of
from agentflow.plan.model import (
    AgentStepPlan,
    Block,
    BoundPlan,
    ChooseStepPlan,
    FailStepPlan,
    ForEachStepPlan,
    GroupStepPlan,
    InputPlan,
    RepeatStepPlan,
    StepPlan,
    ValueStepPlan,
    WorkflowStepPlan,
)
from agentflow.plan.types import Field, Shape, alternatives, field_type

JSON = Any

_LONGEST_CHAIN = 32


class Iterations(Struct, frozen=True):
    """How often at most, and what in the file says so: `max`, `max: inputs.depth`, `maxItems`, `the list itself`."""

    most: int
    by: str


class Known(Struct, frozen=True):
    """What is known before a run.

    Attributes:
        inputs: those of the file.
        values: of the inputs whose value is known.
    """

    inputs: Mapping[str, InputPlan]
    values: Mapping[str, JSON]


def bound_of(bound: BoundPlan, known: Known) -> int:
    """What a bound comes to: its constant, its input's value where that is known, else the input's maximum."""
    if bound.value is not None:
        return bound.value
    name = str(bound.input)
    return int(known.values[name] if name in known.values else known.inputs[name].schema["maximum"])


def most_rounds(step: RepeatStepPlan, known: Known) -> Iterations:
    """How many rounds a `repeat` takes at most."""
    return _bounded(step.max, known)


def _bounded(bound: BoundPlan, known: Known) -> Iterations:
    return Iterations(bound_of(bound, known), "max" if bound.input is None else f"max: inputs.{bound.input}")


def most_items(step: ForEachStepPlan, blocks: tuple[Block, ...], known: Known) -> Iterations:
    """How many items a loop takes at most: its `max`, or fewer where what it runs over is known to be shorter.

    Parameters:
        blocks: those the step stands in, the innermost last.
    """
    return _most(step, blocks, known, _LONGEST_CHAIN)


def _most(step: ForEachStepPlan, blocks: tuple[Block, ...], known: Known, left: int) -> Iterations:
    bounded = _bounded(step.max, known)
    length = _length(step.items, blocks, known, left)
    return bounded if length is None or length.most >= bounded.most else length


def _length(expression: Expression, blocks: tuple[Block, ...], known: Known, left: int) -> Iterations | None:
    """How long a list is at most; None where that cannot be told."""
    if all(read.root == "inputs" and read.path[:1] and read.path[0] in known.values for read in expression.references):
        try:
            value = expression.evaluate({"inputs": known.values})
        except ExpressionError:
            return None
        return Iterations(len(value), "the list itself") if isinstance(value, list) else None
    found = syntax.chain(expression.tree)
    if found is None or left == 0:
        return None
    name, members = found
    path = syntax.constant_path(members)
    if len(path) < len(members) or not path:
        return None
    if name.name == "inputs" and path[0] in known.inputs:
        return _schema_length(Shape.of(known.inputs[str(path[0])].schema), path[1:])
    if name.name == "steps" and path[1:2] == ("output",):
        return _output_length(str(path[0]), path[2:], blocks, known, left - 1)
    return None


def _output_length(
    name: str, path: tuple[str | int, ...], blocks: tuple[Block, ...], known: Known, left: int
) -> Iterations | None:
    while blocks and (name not in blocks[-1].steps or blocks[-1].cases):
        blocks = blocks[:-1]
    if not blocks:
        return None
    return _step_length(blocks[-1].steps[name], path, blocks, known, left)


def _step_length(
    step: StepPlan, path: tuple[str | int, ...], blocks: tuple[Block, ...], known: Known, left: int
) -> Iterations | None:
    if step.has_if_skipped and step.if_skipped is not None:
        # What stands in for the output when it was skipped need not meet its schema.
        return None
    if isinstance(step, AgentStepPlan):
        return None if step.agent.output is None else _schema_length(Shape.of(step.agent.output), path)
    if isinstance(step, WorkflowStepPlan):
        return _file_length(step, path, left)
    if path:
        return None
    if isinstance(step, ForEachStepPlan):
        return None if left == 0 else _most(step, blocks, known, left - 1)
    if isinstance(step, ValueStepPlan):
        return _length(step.value, blocks, known, left)
    if isinstance(step, ChooseStepPlan):
        return _longest_case(step, blocks, known, left)
    if isinstance(step, GroupStepPlan | RepeatStepPlan) and step.body.output is not None:
        return _length(step.body.output, (*blocks, step.body), known, left)
    return None


def _longest_case(step: ChooseStepPlan, blocks: tuple[Block, ...], known: Known, left: int) -> Iterations | None:
    # A case that fails gives no list.
    cases = [case for case in step.body.steps.values() if not isinstance(case, FailStepPlan)]
    found = [_step_length(case, (), blocks, known, left - 1) if left > 0 else None for case in cases]
    lengths = [length for length in found if length is not None]
    if not lengths or len(lengths) < len(cases):
        return None
    return max(lengths, key=lambda length: length.most)


def _file_length(step: WorkflowStepPlan, path: tuple[str | int, ...], left: int) -> Iterations | None:
    """How long an output of a file is at most that a step runs."""
    output = step.plan.outputs.get(str(path[0])) if len(path) == 1 else None
    if output is None:
        return None
    return _length(output, (step.body,), Known(step.plan.inputs, known_inputs_of(step)), left)


def _schema_length(shape: Shape, path: tuple[str | int, ...]) -> Iterations | None:
    for key in path:
        found = field_type(shape, key)
        if not isinstance(found, Field):
            return None
        shape = found.shape
    longest: list[int] = []
    for schema in alternatives(shape):
        if schema.get("type", "array") != "array":
            continue
        most = schema.get("maxItems")
        if not isinstance(most, int | float) or isinstance(most, bool):
            return None
        longest.append(int(most))
    return Iterations(max(longest), "maxItems") if longest else None
