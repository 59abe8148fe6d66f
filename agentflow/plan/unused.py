"""Names that nothing uses."""

from collections.abc import Iterable, Iterator, Mapping

from agentflow.plan.agent_plan import AgentPlan, CommandToolPlan, OwnToolPlan
from agentflow.plan.bounds import bounds_of
from agentflow.plan.draft import DraftBlock
from agentflow.plan.expressions import Expression, Reference, Template
from agentflow.plan.files import check_import_is_used
from agentflow.plan.findings import Findings
from agentflow.plan.rules import inputs_of
from agentflow.plan.secrets import secrets_of
from agentflow.plan.texts import SECRETS, Use
from agentflow.source.document import Loc
from agentflow.spec.agents import Agent, AgentDefaults
from agentflow.spec.steps import AgentStep, ToolStep
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
        "tools": {*_tools_of_steps(block), *(grant.tool.name for agent in agents for grant in agent.grants)},
    }
    declared: Mapping[str, Iterable[str]] = {
        "inputs": workflow.inputs,
        "agents": workflow.agents,
        "tools": workflow.tools,
    }
    for section, names in declared.items():
        for name in names:
            if name not in used[section] and (section, name) not in findings.source.imported:
                message = f"{section[:-1]} `{name}` is used by nothing"
                findings.warn("AF404", message, (section, name), "use it, or take it away")
    check_import_is_used(findings, used)


def check_repeats(tools: Iterable[tuple[str, str | None, Loc]], findings: Findings) -> None:
    """Warns of a grant that another one of the same agent covers.

    Parameters:
        tools: the name, the rule (None: the whole tool) and the place of each.
    """
    tools = tuple(tools)
    whole = {name for name, rule, _ in tools if rule is None}
    seen: set[tuple[str, str | None]] = set()
    for name, rule, loc in tools:
        shown = name if rule is None else f"{name}({rule})"
        if (name, rule) in seen:
            findings.warn("AF404", f"`{shown}` is granted twice", loc, "take one of the two out")
        elif rule is not None and name in whole:
            message = f"`{shown}` adds nothing, since `{name}` is granted whole"
            findings.warn("AF404", message, loc, f"take it out, or take `{name}` out to narrow it")
        seen.add((name, rule))


def check_secrets(workflow: Workflow, texts: Iterable[Expression | Template], findings: Findings) -> None:
    """Warns of secrets that nothing reads, and of names that stand twice."""
    used = set(secrets_of(texts))
    seen: set[str] = set()
    for index, name in enumerate(workflow.secrets):
        if name in seen:
            findings.warn("AF404", f"secret `{name}` stands here twice", (SECRETS, index), "take one of the two out")
        elif name not in used:
            message = f"secret `{name}` is used by nothing"
            findings.warn(
                "AF404", message, (SECRETS, index), f"read `{{{{ secrets.{name} }}}}` in `env`, or take it away"
            )
        seen.add(name)


def every_text(
    block: DraftBlock, uses: Iterable[Use], agents: Iterable[AgentPlan], tools: Mapping[str, OwnToolPlan]
) -> Iterator[Expression | Template]:
    """Every text of a file: a secret that is read where it may not be is not told as unused too.

    Parameters:
        uses: the texts outside of steps, agents and tools.
    """
    yield from (use.code for use in (*uses, *_uses(block)))
    yield from (agent.instructions for agent in agents if agent.instructions is not None)
    for tool in tools.values():
        yield from tool.env.values()
        if isinstance(tool, CommandToolPlan):
            yield from (*tool.argv, *(() if tool.stdin is None else (tool.stdin,)))


def check_defaults(workflow: Workflow, inline: Iterable[Agent], findings: Findings) -> None:
    """Warns of defaults that every agent overrides."""
    agents = (*workflow.agents.values(), *inline)
    for key in AgentDefaults.model_fields:
        if getattr(workflow.defaults, key) is None or any(getattr(agent, key) is None for agent in agents):
            continue
        why = "every agent has its own" if agents else "there is no agent"
        findings.warn("AF404", f"`defaults.{key}` is used by nothing: {why}", ("defaults", key), "take it away")


def _named_by_steps(block: DraftBlock) -> Iterator[str]:
    for draft in block.drafts.values():
        if isinstance(draft.step, AgentStep) and isinstance(draft.step.agent, str):
            yield draft.step.agent
        if draft.body is not None:
            yield from _named_by_steps(draft.body)


def _tools_of_steps(block: DraftBlock) -> Iterator[str]:
    for draft in block.drafts.values():
        if isinstance(draft.step, ToolStep):
            yield draft.step.tool
        if draft.body is not None:
            yield from _tools_of_steps(draft.body)


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
    yield from (use for use in (block.output, block.until) if use is not None)
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
