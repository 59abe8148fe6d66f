"""`agent`: one agent session."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from agentflow.plan.arrange import PREVIOUS, Arranged
from agentflow.plan.draft import Draft
from agentflow.plan.kinds.kind import Kind, Output, Shapes, Texts
from agentflow.plan.model import AgentStepPlan, StepPlan
from agentflow.plan.scopes import Scope
from agentflow.plan.texts import TextReader
from agentflow.plan.types import STRING, UNKNOWN, Shape
from agentflow.source.document import Loc
from agentflow.spec.steps import AgentStep

if TYPE_CHECKING:
    from agentflow.plan.analysis import Analysis
    from agentflow.plan.build import Builder


def _texts(read: TextReader, loc: Loc, step: AgentStep) -> Texts:
    yield ("prompt",), read.prose((*loc, "prompt"), step.prompt)


def _output(analysis: "Analysis", draft: Draft, shapes: Shapes, arranged: Arranged, scope: Scope) -> Output:
    """An agent's output is what it says, or what meets its schema."""
    assert isinstance(draft.step, AgentStep)
    if draft.step.session is not None:
        _check_session(analysis, draft, draft.step.session.continue_, scope)
    return Output(_declared(analysis, draft), True)


def _declared(analysis: "Analysis", draft: Draft) -> Shape:
    agent = analysis.agents.get(draft.loc)
    if agent is None or _has_broken_output(analysis, draft):
        return UNKNOWN
    return STRING if agent.output is None else Shape.of(agent.output)


def _has_broken_output(analysis: "Analysis", draft: Draft) -> bool:
    agent = getattr(draft.step, "agent", None)
    holders: list[Loc] = [draft.loc, ("agents", agent) if isinstance(agent, str) else (*draft.loc, "agent")]
    return any(analysis.findings.is_broken((*holder, "output")) for holder in holders)


def _check_session(analysis: "Analysis", draft: Draft, name: str, scope: Scope) -> None:
    loc = (*draft.loc, "session", "continue")
    if name.startswith(PREVIOUS):
        _check_last_round(analysis, name.removeprefix(PREVIOUS), scope, loc)
        return
    found = scope.find(name)
    if found is None and analysis.is_broken_step(name, scope):
        return
    if found is None:
        analysis.findings.at(
            "AF301", f"there is no step `{name}` here", loc, analysis.findings.similar(name, scope.ids())
        )
    elif not isinstance(found[0].step, AgentStep):
        analysis.findings.at("AF312", f"step `{name}` has no session to carry on", loc, "name a step with an `agent`")


def _check_last_round(analysis: "Analysis", name: str, scope: Scope, loc: Loc) -> None:
    block = scope.round()
    if block is None:
        hint = "it is the last round of a `repeat`, and stands in the body of one"
        analysis.findings.at("AF302", "`previous` is not known here", loc, hint)
    elif name not in block.drafts:
        if not analysis.is_broken_step(name, scope):
            hint_of = analysis.findings.similar(name, block.drafts)
            analysis.findings.at("AF301", f"there is no step `{name}` in the body of the `repeat`", loc, hint_of)
    elif not isinstance(block.drafts[name].step, AgentStep):
        analysis.findings.at("AF312", f"step `{name}` has no session to carry on", loc, "name a step with an `agent`")


def _build(builder: "Builder", draft: Draft, arranged: Arranged, common: Mapping[str, Any]) -> StepPlan:
    """One agent session."""
    assert isinstance(draft.step, AgentStep)
    session = draft.step.session
    return AgentStepPlan(
        **common,
        agent=builder.agents[draft.loc],
        prompt=draft.uses["prompt",].template,
        continues_session=None if session is None else session.continue_,
    )


AGENT = Kind(_texts, _output, _build, _declared)
