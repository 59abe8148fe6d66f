"""The file's inputs: their plans, and the values a run is given for them."""

import posixpath
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

from agentflow.errors import UsageError
from agentflow.plan.arguments import rendered, templates_in
from agentflow.plan.model import InputPlan, Plan, WorkflowStepPlan
from agentflow.plan.scopes import Variable
from agentflow.plan.types import Shape
from agentflow.source.suggest import did_you_mean
from agentflow.spec.contracts import Contract

JSON = Any


def input_plans(inputs: Mapping[str, Mapping[str, JSON]]) -> Mapping[str, InputPlan]:
    """The inputs of a file, by name."""
    return {name: _input_plan(schema) for name, schema in inputs.items()}


def _input_plan(schema: Mapping[str, JSON]) -> InputPlan:
    own = {key: value for key, value in schema.items() if key not in ("default", "untrusted")}
    return InputPlan(own, "default" not in schema, schema.get("default"), schema.get("untrusted") is True)


def inputs_variable(inputs: Mapping[str, InputPlan]) -> Variable:
    """What `inputs` stands for in expressions; what is untrusted is kept apart by `untrusted_inputs`."""
    properties = {name: Shape.of(plan.schema) for name, plan in inputs.items()}
    tainted = frozenset(name for name, plan in inputs.items() if plan.untrusted)
    shape = Shape.of({"type": "object", "properties": properties, "required": list(inputs)})
    return Variable(shape, tainted=bool(tainted), tainted_fields=tainted)


def resolve_inputs(plan: Plan, given: Mapping[str, JSON], root: PurePath) -> Mapping[str, JSON]:
    """The value of every input: the one given, or its default.

    Parameters:
        given: plain data, by the input's name.
        root: the project's folder; a path (`format: path`) stays inside it.

    Raises:
        UsageError: an input is unknown, missing or refused by its schema; the message lists every problem.
    """
    missing = [
        f"input `{name}` is missing"
        for name, declared in plan.inputs.items()
        if declared.required and name not in given
    ]
    return _resolved(plan, given, root, missing)


def known_inputs(plan: Plan, given: Mapping[str, JSON], root: PurePath) -> Mapping[str, JSON]:
    """The values that are known before a run: those given, and the defaults; else as `resolve_inputs`."""
    return _resolved(plan, given, root, [])


def known_inputs_of(step: WorkflowStepPlan) -> Mapping[str, JSON]:
    """The inputs of a file whose values are written down where it is run, or are its defaults."""
    given = {
        name: rendered(value, {})
        for name, value in step.arguments.items()
        if all(text.constant for text in templates_in(value))
    }
    left_out = {
        name: declared.default
        for name, declared in step.plan.inputs.items()
        if not declared.required and name not in step.arguments
    }
    return given | left_out


def _resolved(plan: Plan, given: Mapping[str, JSON], root: PurePath, missing: list[str]) -> Mapping[str, JSON]:
    problems = [*_unknown(plan, given), *missing]
    values: dict[str, JSON] = {}
    for name, declared in plan.inputs.items():
        if name not in given and declared.required:
            continue
        values[name] = given.get(name, declared.default)
        problems.extend(_problems(name, declared, values[name], root))
    if problems:
        raise UsageError("; ".join(problems), _next_move(plan, given))
    return values


def _next_move(plan: Plan, given: Mapping[str, JSON]) -> str:
    if not plan.inputs:
        return "it has no inputs"
    missing = (name for name, declared in plan.inputs.items() if declared.required and name not in given)
    if set(given) - set(plan.inputs) or any(missing):
        return f"the inputs are {_listed(plan)}"
    return "correct the value; the file's `inputs` say what each takes"


def _unknown(plan: Plan, given: Mapping[str, JSON]) -> Iterator[str]:
    for name in given:
        if name not in plan.inputs:
            near = did_you_mean(name, plan.inputs)
            yield f"there is no input `{name}`" + (f" ({near})" if near else "")


def _problems(name: str, declared: InputPlan, value: JSON, root: PurePath) -> Iterator[str]:
    found = Contract(declared.schema).problems(value)
    yield from (f"input `{name}`: {problem}" for problem in found)
    if not found and declared.schema.get("format") == "path" and isinstance(value, str):
        inside = posixpath.normpath(posixpath.join(root.as_posix(), value))
        if "\0" in value or not PurePath(inside).is_relative_to(root):
            yield f"input `{name}`: `{value}` leaves the project"


def _listed(plan: Plan) -> str:
    return ", ".join(f"{name}{'' if declared.required else ' (optional)'}" for name, declared in plan.inputs.items())
