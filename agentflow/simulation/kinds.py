"""What can stand in for a step of each kind: which keys its stubs take, and what its output must meet."""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from agentflow.plan.model import (
    AgentStepPlan,
    ApproveStepPlan,
    AskStepPlan,
    CallStepPlan,
    ChooseStepPlan,
    FailStepPlan,
    ForEachStepPlan,
    GroupStepPlan,
    RepeatStepPlan,
    RunStepPlan,
    StepPlan,
    ToolStepPlan,
    ValueStepPlan,
    WorkflowStepPlan,
)
from agentflow.simulation.samples import NoSampleError, sample

JSON = Any
Schema = Mapping[str, JSON]

_ENDS = frozenset({"status", "reason", "output", "error"})
_ANSWERED = frozenset({"status", "reason", "error", "answer", "by", "comment"})


class Kind(Struct, frozen=True):
    """How steps of a kind are stubbed.

    Attributes:
        word: the key that names the kind in a file.
        keys: those that its stubs take; empty: it is computed, and has no stub.
        schema: what its output must meet; None: nothing is known of it.
    """

    word: str
    keys: frozenset[str]
    schema: Callable[[Any], Schema | None] = lambda _step: None


def _of_agent(step: AgentStepPlan) -> Schema:
    return step.agent.output if step.agent.output is not None else {"type": "string"}


def _of_command(step: RunStepPlan) -> Schema | None:
    schemas: Mapping[str, Schema] = {
        "text": {"type": "string"},
        "lines": {"type": "array", "items": {"type": "string"}},
    }
    return schemas.get(step.parse)


def _of_workflow(step: WorkflowStepPlan) -> Schema:
    names = list(step.plan.outputs)
    return {
        "type": "object",
        "properties": {name: {} for name in names},
        "required": names,
        "additionalProperties": False,
    }


KINDS: Mapping[type[StepPlan], Kind] = {
    AgentStepPlan: Kind("agent", _ENDS, _of_agent),
    RunStepPlan: Kind("run", _ENDS | {"exit_code"}, _of_command),
    CallStepPlan: Kind("call", _ENDS, lambda step: step.output),
    ToolStepPlan: Kind("tool", _ENDS, lambda step: step.tool.options.output or {"type": "string"}),
    ValueStepPlan: Kind("value", frozenset()),
    FailStepPlan: Kind("fail", frozenset()),
    ApproveStepPlan: Kind("approve", _ANSWERED),
    AskStepPlan: Kind("ask", _ANSWERED | {"output"}, lambda step: step.form),
    WorkflowStepPlan: Kind("workflow", _ENDS, _of_workflow),
    ForEachStepPlan: Kind("for_each", _ENDS, lambda _step: {"type": "array"}),
    RepeatStepPlan: Kind("repeat", _ENDS),
    ChooseStepPlan: Kind("choose", _ENDS),
    GroupStepPlan: Kind("steps", _ENDS),
}


def generated(step: StepPlan, path: str, turn: int = 0) -> JSON:
    """An output for a step that nobody has given one for.

    Parameters:
        turn: the round it is in, from 0: outputs differ in their booleans and choices from one to the next, so that a
            loop that waits for one shows that it goes round, and ends.

    Raises:
        NoSampleError: there is none; names the step.
    """
    schema = KINDS[type(step)].schema(step)
    if schema is None:
        return {}
    try:
        return sample(schema, f"({path})", turn)
    except NoSampleError as error:
        raise NoSampleError(f"step `{path}`: {error.message}", f"add `{path}: {{output: …}}` to the stubs") from None
