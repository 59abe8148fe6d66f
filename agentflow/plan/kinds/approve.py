"""`approve`: a person says yes or no."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from agentflow.plan.arrange import Arranged
from agentflow.plan.draft import Draft
from agentflow.plan.kinds.kind import Kind, Output, Shapes, Texts
from agentflow.plan.model import ApproveStepPlan, StepPlan
from agentflow.plan.scopes import Scope
from agentflow.plan.texts import TextReader
from agentflow.plan.types import STRING, record
from agentflow.source.document import Loc
from agentflow.spec.steps import ApproveStep

if TYPE_CHECKING:
    from agentflow.plan.analysis import Analysis
    from agentflow.plan.build import Builder

APPROVAL = record({"by": STRING, "at": STRING, "comment": STRING})


def _texts(read: TextReader, loc: Loc, step: ApproveStep) -> Texts:
    yield ("approve",), read.prose((*loc, "approve"), step.approve)
    if step.show is not None:
        yield ("show",), read.prose((*loc, "show"), step.show)


def _output(analysis: "Analysis", draft: Draft, shapes: Shapes, arranged: Arranged, scope: Scope) -> Output:
    """Who said yes, when, and what else; a person's words are trusted."""
    step, loc = draft.step, (*draft.loc, "escalate")
    assert isinstance(step, ApproveStep)
    if step.escalate is not None and not step.from_:
        message = "anybody may answer, so nobody else can be asked later"
        analysis.findings.at("AF406", message, loc, "say by `from` who may answer first", key=True)
    elif step.escalate is not None and step.timeout is not None and step.escalate.after >= step.timeout:
        message = "`timeout` answers before `escalate` lets anybody else"
        analysis.findings.at("AF406", message, (*loc, "after"), "let `after` be shorter than `timeout`")
    return Output(APPROVAL, False)


def _build(builder: "Builder", draft: Draft, arranged: Arranged, common: Mapping[str, Any]) -> StepPlan:
    """A person says yes or no."""
    step = draft.step
    assert isinstance(step, ApproveStep)
    show = draft.uses.get(("show",))
    return ApproveStepPlan(
        **common,
        message=draft.uses["approve",].template,
        show=None if show is None else show.template,
        timeout=step.timeout,
        on_timeout=step.on_timeout,
        on_reject=step.on_reject,
        roles=tuple(step.from_),
        escalate_after=None if step.escalate is None else step.escalate.after,
        escalate_to=() if step.escalate is None else tuple(step.escalate.to),
    )


APPROVE = Kind(_texts, _output, _build, lambda analysis, draft: APPROVAL, times_itself=True)
