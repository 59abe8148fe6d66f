"""A Workflow becomes a Plan: read this first."""

from collections.abc import Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from agentflow.plan.agent_plan import AgentPlan, OwnToolPlan
from agentflow.plan.agents import AgentReader, agents_of_steps, check_calls, inline_agents
from agentflow.plan.analysis import Analysis
from agentflow.plan.arrange import arrange
from agentflow.plan.bounds import check_bounds
from agentflow.plan.build import Builder
from agentflow.plan.commands import own_tools
from agentflow.plan.draft import DraftBlock
from agentflow.plan.drafts import check_names, draft_steps
from agentflow.plan.files import Compiled, Files
from agentflow.plan.findings import Findings, TooManyFindings, has_errors
from agentflow.plan.flow import check_env, use_is_tainted
from agentflow.plan.grants import GrantReader
from agentflow.plan.inputs import input_plans, inputs_variable
from agentflow.plan.library import check_library
from agentflow.plan.meeting import check_meeting
from agentflow.plan.model import Block, InputPlan, Plan, RunLimits
from agentflow.plan.permission_rules import PermissionReader
from agentflow.plan.retries import RepeatChecks, check_repeats
from agentflow.plan.sandbox_plan import check_grants, sandbox_plan
from agentflow.plan.scopes import RUN, Scope, Variable, check
from agentflow.plan.secrets import secrets_variable
from agentflow.plan.skips import check_output
from agentflow.plan.texts import SECRETS, TextReader, Use
from agentflow.plan.tool_rules import ToolRuleReader
from agentflow.plan.types import UNKNOWN, Shape, record
from agentflow.plan.unused import check_defaults, check_secrets, check_unused, every_text
from agentflow.plan.workspaces import check_workspaces
from agentflow.source.diagnostics import Diagnostic, in_order
from agentflow.source.document import Loc
from agentflow.spec.files import digest_of
from agentflow.spec.sources import Source
from agentflow.spec.workflow import Workflow


def to_plan(source: Source) -> tuple[Plan | None, list[Diagnostic]]:
    """Compiles a workflow that has its shape.

    Parameters:
        source: a file as `agentflow.spec.load` gives it.

    Returns:
        The plan, or None where there are errors or loading left something out; and every diagnostic, those of the
        files that it runs too, in the order of the text. Those that loading gave are not among them, and a caller
        that has errors of that kind runs nothing.
    """
    if source.is_library:
        return None, check_library(source)
    files = Files(_compile)
    found = files.alone(source)
    diagnostics = in_order(files.problems)
    return None if has_errors(diagnostics) else found.plan, diagnostics


def _compile(source: Source, tainted: frozenset[str], files: Files) -> Compiled:
    """Compiles one file.

    Parameters:
        tainted: the inputs that are given text which may be anybody's, beside those that the file calls untrusted.
    """
    findings = Findings(source)
    try:
        return _compiled(source, tainted, files, findings)
    except TooManyFindings:
        return Compiled(None, tuple(findings.cut_short()), UNKNOWN, tainted=True, steps=0)


def _compiled(source: Source, tainted: frozenset[str], files: Files, findings: Findings) -> Compiled:
    workflow = source.workflow
    read = TextReader(findings)
    inputs = _inputs(workflow, tainted)
    secrets = secrets_variable(workflow.secrets)
    names = {"inputs": inputs_variable(inputs), "run": RUN, SECRETS: secrets}

    block = draft_steps(workflow.steps, read)
    check_names(block, findings)
    arranged = arrange(block, findings)

    specs, tools = own_tools(workflow.tools, secrets, read)
    rules = ToolRuleReader(findings, specs, workflow.inputs)
    grants = GrantReader(rules, workflow.agents)
    permissions = PermissionReader(rules, workflow.agents, workflow.permissions)
    agents = _agents(workflow, block, AgentReader(findings, read, grants, permissions, workflow.defaults, names))
    by_step = dict(agents_of_steps(block, agents.named, agents.inline, findings))
    check_calls(agents.named, findings)

    scope = Scope(names, block)
    analysis = Analysis(findings, by_step, specs, files)
    analysis.block(arranged, scope)
    check_repeats(arranged, RepeatChecks(by_step, agents.named, specs, analysis.parts, findings))
    check_bounds(block, workflow.inputs, findings)
    check_grants(workflow, findings)
    check_workspaces(arranged, by_step, agents.named, workflow.limits.parallel, findings)
    outputs = dict(_outputs(workflow, scope, read))
    env = dict(_env(workflow, names, read))
    # What loading left out, or what cannot be parsed, may have used anything.
    if not source.broken and not read.failed:
        outside = [*(use for use, _ in outputs.values()), *env.values()]
        check_unused(workflow, block, outside, agents.all(), findings)
        check_meeting(workflow, arranged, agents.named, by_step, findings)
        check_secrets(workflow, every_text(block, outside, agents.all(), tools), findings)
        check_defaults(workflow, (agent for _, agent, _ in inline_agents(block)), findings)

    diagnostics = findings.sorted()
    parts = analysis.parts
    plan = None
    if not (has_errors(diagnostics) or source.broken or any(part.plan is None for part in parts.values())):
        root = Builder(source, by_step, specs, workflow.limits.parallel, parts).block(arranged)
        plan = _plan(source, inputs, env, tools, agents.named, root, {name: use for name, (use, _) in outputs.items()})
        plan = replace(plan, permissions=permissions.of_file())
    return Compiled(
        plan=plan,
        diagnostics=tuple(diagnostics),
        output=record({name: shape for name, (_, shape) in outputs.items()}),
        tainted=any(use_is_tainted(use, scope) for use, _ in outputs.values()),
        steps=_count(block) + sum(part.steps for part in parts.values()),
    )


def _inputs(workflow: Workflow, tainted: frozenset[str]) -> Mapping[str, InputPlan]:
    plans = input_plans(workflow.inputs)
    return {name: replace(plan, untrusted=plan.untrusted or name in tainted) for name, plan in plans.items()}


def _count(block: DraftBlock) -> int:
    return sum(1 + (0 if draft.body is None else _count(draft.body)) for draft in block.drafts.values())


def _plan(
    source: Source,
    inputs: Mapping[str, InputPlan],
    env: Mapping[str, Use],
    tools: Mapping[str, OwnToolPlan],
    agents: Mapping[str, AgentPlan],
    root: Block,
    outputs: Mapping[str, Use],
) -> Plan:
    workflow = source.workflow
    return Plan(
        name=workflow.name,
        description=workflow.description or "",
        path=source.document.path,
        digest=digest_of(source.document.path, source.sources()),
        inputs=inputs,
        limits=RunLimits(**workflow.limits.model_dump()),
        sandbox=sandbox_plan(workflow),
        secrets=tuple(workflow.secrets),
        redact=workflow.redact,
        env={name: use.template for name, use in env.items()},
        tools=tools,
        agents=agents,
        root=root,
        outputs={name: use.expression for name, use in outputs.items()},
    )


class _Agents(Struct, frozen=True):
    """The agents of a file: by name, and those in steps by where they stand."""

    named: Mapping[str, AgentPlan]
    inline: Mapping[Loc, AgentPlan]

    def all(self) -> tuple[AgentPlan, ...]:
        return (*self.named.values(), *self.inline.values())


def _agents(workflow: Workflow, block: DraftBlock, reader: AgentReader) -> _Agents:
    named = {name: reader.agent(name, agent, ("agents", name)) for name, agent in workflow.agents.items()}
    inline = {loc: reader.agent(name, agent, loc) for name, agent, loc in inline_agents(block)}
    reader.check_models(
        [
            *((agent, ("agents", name)) for name, agent in workflow.agents.items()),
            *((agent, loc) for _, agent, loc in inline_agents(block)),
        ]
    )
    return _Agents(named, inline)


def _outputs(workflow: Workflow, scope: Scope, read: TextReader) -> Iterator[tuple[str, tuple[Use, Shape]]]:
    for name, text in workflow.outputs.items():
        use = read.expression(("outputs", name), text)
        if use is not None:
            shape = check(use, scope, read.findings)
            check_output(use, workflow.steps, scope, read.findings)
            yield name, (use, shape)


def _env(workflow: Workflow, names: Mapping[str, Variable], read: TextReader) -> Iterator[tuple[str, Use]]:
    scope = Scope(names)
    for name, text in workflow.env.items():
        use = read.environment(("env", name), text)
        if use is not None:
            check(use, scope, read.findings)
            check_env(name, use, scope, read.findings)
            yield name, use
