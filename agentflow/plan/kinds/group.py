"""`steps` alone: a scope of steps."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from agentflow.plan.arrange import Arranged
from agentflow.plan.draft import Draft
from agentflow.plan.kinds.kind import Kind, Output, Shapes, Texts
from agentflow.plan.model import GroupStepPlan, StepPlan
from agentflow.plan.scopes import Scope
from agentflow.plan.texts import TextReader
from agentflow.source.document import Loc
from agentflow.spec.steps import GroupStep

if TYPE_CHECKING:
    from agentflow.plan.analysis import Analysis
    from agentflow.plan.build import Builder


def _texts(read: TextReader, loc: Loc, step: GroupStep) -> Texts:
    return iter(())


def _output(analysis: "Analysis", draft: Draft, shapes: Shapes, arranged: Arranged, scope: Scope) -> Output:
    """What the block gives."""
    return analysis.body(draft, arranged, scope, {})


def _build(builder: "Builder", draft: Draft, arranged: Arranged, common: Mapping[str, Any]) -> StepPlan:
    """A scope of steps."""
    return GroupStepPlan(**common, body=builder.block(arranged.bodies[draft.id]))


GROUP = Kind(_texts, _output, _build)
