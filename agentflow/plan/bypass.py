"""What `run` refuses and `validate` does not: `mode: bypass` as root outside a sandbox."""

from agentflow.plan.findings import Findings
from agentflow.source.diagnostics import Diagnostic
from agentflow.source.document import Loc
from agentflow.spec.agents import Agent
from agentflow.spec.bodies import body_of
from agentflow.spec.permissions import Permissions
from agentflow.spec.sources import Source
from agentflow.spec.steps import AgentStep, StepBase
from agentflow.spec.workflow import Workflow

_MESSAGE = "`mode: bypass` as root, and no sandbox holds anything back"
_HINT = "run it as another user, take `sandbox: off` away, or choose another mode"


def bypass_refusals(source: Source, *, as_root: bool) -> list[Diagnostic]:
    """Every `mode: bypass` that nothing would hold back, of a file and of those that its steps run.

    Parameters:
        as_root: the process may do everything on this machine.
    """
    if not as_root:
        return []
    refused: dict[Diagnostic, None] = {}
    waiting, seen = [source], set[str]()
    while waiting:
        one = waiting.pop(0)
        if one.document.path in seen:
            continue
        seen.add(one.document.path)
        waiting += one.children.values()
        if one.workflow.sandbox == "off":
            findings = Findings(one)
            for permissions, loc in _permissions(one.workflow):
                if permissions is not None and permissions.mode == "bypass":
                    findings.at("AF551", _MESSAGE, (*loc, "permissions", "mode"), _HINT)
            refused.update(dict.fromkeys(findings.sorted()))
    return list(refused)


def _permissions(workflow: Workflow) -> list[tuple[Permissions | None, Loc]]:
    found: list[tuple[Permissions | None, Loc]] = [(workflow.permissions, ())]
    found += [(agent.permissions, ("agents", name)) for name, agent in workflow.agents.items()]
    waiting: list[tuple[StepBase, Loc]] = [(step, ("steps", name)) for name, step in workflow.steps.items()]
    while waiting:
        step, loc = waiting.pop(0)
        if isinstance(step, AgentStep) and isinstance(step.agent, Agent):
            found.append((step.agent.permissions, (*loc, "agent")))
        if (body := body_of(step)) is not None:
            waiting += [(inner, (*loc, *place)) for place, inner in body.steps.values()]
    return found
