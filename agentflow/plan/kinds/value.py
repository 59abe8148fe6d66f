"""`value`: the value of an expression."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from agentflow.plan.arrange import Arranged
from agentflow.plan.draft import Draft
from agentflow.plan.flow import use_is_tainted
from agentflow.plan.kinds.kind import Kind, Output, Shapes, Texts
from agentflow.plan.model import StepPlan, ValueStepPlan
from agentflow.plan.scopes import Scope
from agentflow.plan.texts import TextReader
from agentflow.plan.types import UNKNOWN
from agentflow.source.document import Loc
from agentflow.spec.steps import ValueStep

if TYPE_CHECKING:
    from agentflow.plan.analysis import Analysis
    from agentflow.plan.build import Builder


def _texts(read: TextReader, loc: Loc, step: ValueStep) -> Texts:
    yield ("value",), read.expression((*loc, "value"), step.value)


def _output(analysis: "Analysis", draft: Draft, shapes: Shapes, arranged: Arranged, scope: Scope) -> Output:
    """The value of an expression."""
    use = draft.uses.get(("value",))
    if use is None:
        return Output(UNKNOWN, True)
    return Output(shapes["value",], use_is_tainted(use, scope))


def _build(builder: "Builder", draft: Draft, arranged: Arranged, common: Mapping[str, Any]) -> StepPlan:
    """The value of an expression."""
    return ValueStepPlan(**common, value=draft.uses["value",].expression)


VALUE = Kind(_texts, _output, _build)
