"""`fail`: ends its surroundings with a message."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from agentflow.plan.arrange import Arranged
from agentflow.plan.draft import Draft
from agentflow.plan.kinds.kind import Kind, Output, Shapes, Texts
from agentflow.plan.model import FailStepPlan, StepPlan
from agentflow.plan.scopes import Scope
from agentflow.plan.texts import TextReader
from agentflow.source.document import Loc
from agentflow.spec.steps import FailStep

if TYPE_CHECKING:
    from agentflow.plan.analysis import Analysis
    from agentflow.plan.build import Builder


def _texts(read: TextReader, loc: Loc, step: FailStep) -> Texts:
    yield ("fail",), read.prose((*loc, "fail"), step.fail)


def _output(analysis: "Analysis", draft: Draft, shapes: Shapes, arranged: Arranged, scope: Scope) -> Output:
    """Nothing; and where nothing can keep it from failing, it is never done."""
    return Output(None, False, never_done=draft.step.when is None or arranged.block.cases)


def _build(builder: "Builder", draft: Draft, arranged: Arranged, common: Mapping[str, Any]) -> StepPlan:
    """Ends its surroundings with a message."""
    return FailStepPlan(**common, message=draft.uses["fail",].template)


FAIL = Kind(_texts, _output, _build)
