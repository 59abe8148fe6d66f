"""`repeat`: the body until an expression holds."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from agentflow.plan.arrange import Arranged
from agentflow.plan.bounds import bound
from agentflow.plan.draft import Draft, DraftBlock
from agentflow.plan.kinds.kind import Kind, Output, Shapes, Texts
from agentflow.plan.model import RepeatStepPlan, StepPlan
from agentflow.plan.scopes import LOOP, Scope, Variable, fields_of
from agentflow.plan.texts import TextReader
from agentflow.plan.types import Shape, record, shape_of_value, union
from agentflow.source.document import Loc
from agentflow.spec.steps import ApproveStep, FailStep, RepeatStep

if TYPE_CHECKING:
    from agentflow.plan.analysis import Analysis
    from agentflow.plan.build import Builder


def _texts(read: TextReader, loc: Loc, step: RepeatStep) -> Texts:
    # What ends it reads the steps of the body, and stands in the body's block.
    return iter(())


def _output(analysis: "Analysis", draft: Draft, shapes: Shapes, arranged: Arranged, scope: Scope) -> Output:
    """What the last round gives."""
    assert draft.body is not None
    return analysis.body(draft, arranged, scope, {"loop": LOOP, "previous": _last_round(analysis, draft.body)})


def _last_round(analysis: "Analysis", body: DraftBlock) -> Variable:
    """What a round sees of the one before it. What a step gives may follow from what it read of the last round, so
    only what the step itself declares is known of it."""
    steps = {name: record(_fields(analysis, inner)) for name, inner in body.drafts.items()}
    foreign = frozenset(name for name, inner in body.drafts.items() if not isinstance(inner.step, ApproveStep))
    return Variable(record(steps), True, foreign)


def _fields(analysis: "Analysis", draft: Draft) -> Mapping[str, Shape]:
    fields = dict(fields_of(draft, True))
    step = draft.step
    if isinstance(step, FailStep) or (draft.body is not None and draft.body.output is None and not draft.body.cases):
        return fields
    output = analysis.declared(draft)
    if "if_skipped" in step.model_fields_set:
        output = union((output, shape_of_value(step.if_skipped)))
    return {**fields, "output": output}


def _build(builder: "Builder", draft: Draft, arranged: Arranged, common: Mapping[str, Any]) -> StepPlan:
    """The body until an expression holds."""
    step, body = draft.step, arranged.bodies[draft.id]
    assert isinstance(step, RepeatStep)
    assert body.block.until is not None
    return RepeatStepPlan(
        **common,
        until=body.block.until.expression,
        max=bound(step.repeat.max),
        accepts=step.repeat.at_max == "accept",
        body=builder.block(body),
    )


REPEAT = Kind(_texts, _output, _build)
