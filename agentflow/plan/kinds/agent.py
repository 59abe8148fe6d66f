"""`agent`: one agent session."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from agentflow.plan.arrange import Arranged, continued
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
    agent = analysis.agents.get(draft.loc)
    if agent is None or _has_broken_output(analysis, draft):
        return Output(UNKNOWN, True)
    return Output(STRING if agent.output is None else Shape.of(agent.output), True)


def _has_broken_output(analysis: "Analysis", draft: Draft) -> bool:
    agent = getattr(draft.step, "agent", None)
    holders: list[Loc] = [draft.loc, ("agents", agent) if isinstance(agent, str) else (*draft.loc, "agent")]
    return any(analysis.findings.is_broken((*holder, "output")) for holder in holders)


def _check_session(analysis: "Analysis", draft: Draft, name: str, scope: Scope) -> None:
    loc = (*draft.loc, "session", "continue")
    found = scope.find(name)
    if found is None and analysis.is_broken_step(name, scope):
        return
    if found is None:
        analysis.findings.at(
            "AF301", f"there is no step `{name}` here", loc, analysis.findings.similar(name, scope.ids())
        )
    elif not isinstance(found[0].step, AgentStep):
        analysis.findings.at("AF312", f"step `{name}` has no session to carry on", loc, "name a step with an `agent`")


def _build(builder: "Builder", draft: Draft, arranged: Arranged, common: Mapping[str, Any]) -> StepPlan:
    """One agent session."""
    return AgentStepPlan(
        **common,
        agent=builder.agents[draft.loc],
        prompt=draft.uses["prompt",].template,
        continues_session=next(iter(continued(draft)), None),
    )


AGENT = Kind(_texts, _output, _build)
