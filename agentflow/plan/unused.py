"""Names that nothing uses."""

from collections.abc import Iterable, Iterator, Mapping

from agentflow.plan.bounds import bounds_of
from agentflow.plan.draft import DraftBlock
from agentflow.plan.expressions import Reference
from agentflow.plan.findings import Findings
from agentflow.plan.model import AgentPlan
from agentflow.plan.rules import inputs_of
from agentflow.plan.texts import Use
from agentflow.spec.steps import AgentStep
from agentflow.spec.workflow import Workflow


def check_unused(
    workflow: Workflow,
    block: DraftBlock,
    uses: Iterable[Use],
    agents: Iterable[AgentPlan],
    findings: Findings,
) -> None:
    """Warns of inputs, agents and tools that nothing uses.

    Parameters:
        uses: the texts outside of steps and agents.
        agents: those of the file and of its steps.
    """
    agents = tuple(agents)
    used = {
        "inputs": _inputs(workflow, block, uses, agents),
        "agents": {*_named_by_steps(block), *(name for agent in agents for name in agent.subagents)},
        "tools": {grant.tool.name for agent in agents for grant in agent.grants},
    }
    declared: Mapping[str, Iterable[str]] = {
        "inputs": workflow.inputs,
        "agents": workflow.agents,
        "tools": workflow.tools,
    }
    for section, names in declared.items():
        for name in names:
            if name not in used[section]:
                message = f"{section[:-1]} `{name}` is used by nothing"
                findings.warn("AF404", message, (section, name), "use it, or take it away")


def _named_by_steps(block: DraftBlock) -> Iterator[str]:
    for draft in block.drafts.values():
        if isinstance(draft.step, AgentStep) and isinstance(draft.step.agent, str):
            yield draft.step.agent
        if draft.body is not None:
            yield from _named_by_steps(draft.body)


def _inputs(workflow: Workflow, block: DraftBlock, uses: Iterable[Use], agents: Iterable[AgentPlan]) -> set[str]:
    texts = [use.code.references for use in (*uses, *_uses(block))]
    texts.extend(agent.instructions.references for agent in agents if agent.instructions is not None)
    used: set[str] = set(_bounds(block))
    for agent in agents:
        for grant in agent.grants:
            used.update(name for rule in grant.rules for name in inputs_of(rule))
    for references in texts:
        for reference in references:
            used.update(_read(reference, workflow))
    return used


def _read(reference: Reference, workflow: Workflow) -> Iterable[str]:
    if reference.root != "inputs":
        return ()
    return (str(reference.path[0]),) if reference.path else workflow.inputs


def _uses(block: DraftBlock) -> Iterator[Use]:
    if block.output is not None:
        yield block.output
    for draft in block.drafts.values():
        yield from draft.uses.values()
        if draft.body is not None:
            yield from _uses(draft.body)


def _bounds(block: DraftBlock) -> Iterator[str]:
    for draft in block.drafts.values():
        for _, bound in bounds_of(draft.step):
            if isinstance(bound, str):
                yield bound.removeprefix("inputs.")
        if draft.body is not None:
            yield from _bounds(draft.body)
