"""`for_each`: the body once per item."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from agentflow.plan.arrange import Arranged
from agentflow.plan.bounds import bound
from agentflow.plan.draft import Draft
from agentflow.plan.flow import use_is_tainted
from agentflow.plan.kinds.kind import Kind, Output, Shapes, Texts
from agentflow.plan.model import ForEachStepPlan, StepPlan
from agentflow.plan.scopes import LOOP, Scope, Variable
from agentflow.plan.texts import TextReader
from agentflow.plan.types import UNKNOWN, always, array, item_of
from agentflow.source.document import Loc
from agentflow.spec.steps import ForEachStep

if TYPE_CHECKING:
    from agentflow.plan.analysis import Analysis
    from agentflow.plan.build import Builder


def _texts(read: TextReader, loc: Loc, step: ForEachStep) -> Texts:
    yield ("for_each",), read.expression((*loc, "for_each"), step.for_each)


def _output(analysis: "Analysis", draft: Draft, shapes: Shapes, arranged: Arranged, scope: Scope) -> Output:
    """A list of what the body gives."""
    step = draft.step
    assert isinstance(step, ForEachStep)
    use = draft.uses.get(("for_each",))
    item = Variable(UNKNOWN, True)
    if use is not None:
        items = shapes["for_each",]
        analysis.check_kind(use, items, "array", "for_each", "read a list, or make one by `split` or `[…]`")
        item = Variable(item_of(items) if always(items, "array") else UNKNOWN, use_is_tainted(use, scope))
    body = analysis.body(draft, arranged, scope, {step.as_: item, "loop": LOOP})
    return Output(None if body.shape is None else array(body.shape), body.tainted)


def _build(builder: "Builder", draft: Draft, arranged: Arranged, common: Mapping[str, Any]) -> StepPlan:
    """The body once per item."""
    step = draft.step
    assert isinstance(step, ForEachStep)
    return ForEachStepPlan(
        **common,
        items=draft.uses["for_each",].expression,
        as_name=step.as_,
        max=bound(step.max),
        parallel=bound(builder.parallel if step.parallel is None else step.parallel),
        collects=step.on_error == "collect",
        body=builder.block(arranged.bodies[draft.id]),
    )


FOR_EACH = Kind(_texts, _output, _build)
