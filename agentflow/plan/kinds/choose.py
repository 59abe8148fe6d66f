"""`choose`: the first of several steps whose `when` holds."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from agentflow.plan.arrange import Arranged
from agentflow.plan.draft import Draft
from agentflow.plan.kinds.kind import Kind, Output, Shapes, Texts
from agentflow.plan.model import ChooseStepPlan, StepPlan
from agentflow.plan.reach import check_cases
from agentflow.plan.scopes import Scope
from agentflow.plan.texts import TextReader
from agentflow.plan.types import Shape, union
from agentflow.source.document import Loc
from agentflow.spec.bodies import OTHERWISE
from agentflow.spec.steps import ChooseStep, FailStep

if TYPE_CHECKING:
    from agentflow.plan.analysis import Analysis
    from agentflow.plan.build import Builder


def _texts(read: TextReader, loc: Loc, step: ChooseStep) -> Texts:
    return iter(())


def _output(analysis: "Analysis", draft: Draft, shapes: Shapes, arranged: Arranged, scope: Scope) -> Output:
    """What the chosen one gives; nothing where none holds, or where the chosen one is skipped."""
    body = arranged.bodies[draft.id]
    inner = scope.inner(body.block, {})
    analysis.block(body, inner)
    check_cases(body.block, analysis.findings)
    facts = inner.facts.values()
    given = [
        inner.facts[name].output for name, case in body.block.drafts.items() if not isinstance(case.step, FailStep)
    ]
    known = [shape for shape in given if shape is not None]
    shape: Shape | None = union(known) if known and len(known) == len(given) else None
    return Output(
        shape,
        any(fact.tainted for fact in facts),
        can_skip=_may_choose_none(analysis, draft) or any(fact.can_be_missing for fact in facts),
        never_done=all(fact.never_done for fact in facts),
    )


def _may_choose_none(analysis: "Analysis", draft: Draft) -> bool:
    assert isinstance(draft.step, ChooseStep)
    if draft.step.otherwise is None:
        return not analysis.findings.is_broken((*draft.loc, OTHERWISE))
    return draft.step.otherwise.when is not None


def _build(builder: "Builder", draft: Draft, arranged: Arranged, common: Mapping[str, Any]) -> StepPlan:
    """The first case whose condition holds."""
    return ChooseStepPlan(**common, body=builder.block(arranged.bodies[draft.id]))


CHOOSE = Kind(_texts, _output, _build)
