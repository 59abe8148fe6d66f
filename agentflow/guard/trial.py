"""What would become of a call, told without running anything: `agentflow permissions test`."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from agentflow.errors import UsageError
from agentflow.guard.entitlements import PolicyRules
from agentflow.guard.kept_closed import kept_closed
from agentflow.guard.permissions import Decision, Level, Permissions, decide
from agentflow.guard.policy_levels import policy_levels
from agentflow.guard.rule_lists import PATHS, Anchors, ToolUse
from agentflow.plan.agent_plan import AgentPlan, Grant, ToolSpec
from agentflow.plan.builtin_tools import BUILTIN_TOOLS
from agentflow.plan.companions import COMPANIONS
from agentflow.plan.hosts import DOMAIN
from agentflow.plan.model import AgentStepPlan, Block, BlockStepPlan, Plan
from agentflow.plan.permission_plan import PermissionLevel, level_with_inputs
from agentflow.plan.rules import inputs_of, resolved
from agentflow.source.suggest import did_you_mean
from agentflow.spec.contracts import Contract
from agentflow.spec.json_text import read_json

JSON = Any
_CALL = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_-]*)\s*(?:\((.*)\))?\s*", re.DOTALL)
_WRITTEN: Mapping[str, str] = {
    **PATHS,
    "Bash": "command",
    "WebFetch": "url",
    "WebSearch": "query",
    "Agent": "subagent_type",
    "Skill": "skill",
}
"""The parameter that a call's brackets stand for, where they hold no JSON."""


class Trial(Struct, frozen=True):
    """What would become of a call.

    Attributes:
        agent: who makes it; `callers`: those that called this one, the outermost first.
        mode: the one the agent works in.
    """

    agent: str
    callers: tuple[str, ...]
    mode: str
    use: ToolUse
    decision: Decision


def try_call(
    plan: Plan,
    agent: str,
    call: str,
    anchors: Anchors,
    inputs: Mapping[str, JSON],
    callers: Sequence[str] = (),
    policy: Iterable[PolicyRules] = (),
    own: Iterable[str] = (),
) -> Trial:
    """Judges a call of an agent as a run would.

    Parameters:
        agent: its name, or the path of the step that it stands in.
        call: `Bash(git push)`, `Write(src/a.py)`, or any tool with its arguments as JSON: `refund({"amount": 5})`.
        inputs: of the run, as far as they are known.
        callers: the agents that call it, the outermost first.
        policy: what the operator's policy says of tools to who would run it.
        own: the files that a run is made of, relative to the project.

    Raises:
        PolicyRuleError: a rule of the policy does not fit the tool that it names.
        UsageError: there is no such agent or tool, the call cannot be read, or a rule holds an input without a value.
    """
    agents = {**dict(_inline(plan.root, "")), **plan.agents}
    chain = [_agent(name, agents) for name in (*callers, agent)]
    for caller, called in pairwise(chain):
        if called.name not in caller.subagents:
            may = ", ".join(caller.subagents) or "nobody"
            raise UsageError(f"agent `{caller.name}` may not call `{called.name}`", f"it may call: {may}")
    outermost = policy_levels(policy, {name: tool.spec for name, tool in plan.tools.items()})
    permissions = _permissions(plan, chain, anchors, inputs, outermost)
    use = _use(call, plan, chain[-1])
    decision = decide(use, permissions)
    if decision.verdict != "deny":
        decision = kept_closed(use, anchors, own) or decision
    return Trial(agent, tuple(callers), permissions.mode, use, decision)


def _permissions(
    plan: Plan, chain: Sequence[AgentPlan], anchors: Anchors, inputs: Mapping[str, JSON], outermost: Sequence[Level]
) -> Permissions:
    file = Level(_filled(plan.permissions, inputs), "file")
    modes = [agent.permissions.mode or plan.permissions.mode or "default" for agent in chain]
    levels = [
        *outermost,
        file,
        *(
            Level(_filled(caller.permissions, inputs), "caller", mode)
            for caller, mode in zip(chain[:-1], modes, strict=False)
        ),
        Level(_filled(chain[-1].permissions, inputs), "agent"),
    ]
    grants = [_grant(grant, inputs) for grant in chain[-1].grants]
    free = [spec.name for grant in grants for spec in COMPANIONS.get(grant.tool.name, ())]
    return Permissions(levels, grants, free=free, anchors=anchors)


def _filled(level: PermissionLevel, inputs: Mapping[str, JSON]) -> PermissionLevel:
    for rule in (*(level.allow or ()), *level.ask, *level.deny):
        _require(rule.pattern if rule.kind == "path" else "", inputs)
    return level_with_inputs(level, inputs)


def _grant(grant: Grant, inputs: Mapping[str, JSON]) -> Grant:
    if grant.tool.name not in PATHS:
        return grant
    for rule in grant.rules:
        _require(rule, inputs)
    return replace(grant, rules=resolved(grant.rules, inputs))


def _require(rule: str, inputs: Mapping[str, JSON]) -> None:
    for name in inputs_of(rule):
        if name not in inputs:
            raise UsageError(f"the rule `{rule}` holds the input `{name}`", f"give it a value: -i {name}=…")


def _agent(name: str, agents: Mapping[str, AgentPlan]) -> AgentPlan:
    if name in agents:
        return agents[name]
    hint = did_you_mean(name, agents) or f"the agents are {', '.join(agents) or 'none'}"
    raise UsageError(f"there is no agent `{name}`", hint)


def _inline(block: Block, prefix: str) -> Iterator[tuple[str, AgentPlan]]:
    for name, step in block.steps.items():
        if isinstance(step, AgentStepPlan):
            yield f"{prefix}{name}", step.agent
        elif isinstance(step, BlockStepPlan):
            yield from _inline(step.body, f"{prefix}{name}.")


def _use(call: str, plan: Plan, agent: AgentPlan) -> ToolUse:
    match = _CALL.fullmatch(call)
    if match is None:
        raise UsageError(f"`{call[:200]}` is no call", 'write it as `Bash(git push)`, or `tool({"name": "value"})`')
    name, written = match[1], (match[2] or "").strip()
    spec = _spec(name, plan, agent)
    if not written.startswith("{"):
        return ToolUse(name, _short(name, written), spec.effects)
    try:
        tool_input = read_json(written, unique_keys=True)
    except ValueError as error:
        raise UsageError(f"the arguments are not JSON: {error}", f'write `{name}({{"name": "value"}})`') from None
    problems = Contract(spec.input_schema).problems(tool_input)
    if problems:
        raise UsageError(f"`{name}` does not take this: {'; '.join(problems)}", "give it what its schema asks for")
    return ToolUse(name, tool_input, spec.effects)


def _spec(name: str, plan: Plan, agent: AgentPlan) -> ToolSpec:
    known = {name: tool.spec for name, tool in BUILTIN_TOOLS.items()}
    known |= {spec.name: spec for specs in COMPANIONS.values() for spec in specs}
    known |= {name: tool.spec for name, tool in plan.tools.items()}
    known |= {grant.tool.name: grant.tool for grant in agent.grants}
    if name in known:
        return known[name]
    raise UsageError(f"there is no tool `{name}`", did_you_mean(name, known) or f"the tools are {', '.join(known)}")


def _short(name: str, written: str) -> Mapping[str, JSON]:
    """The input that brackets without JSON stand for."""
    if not written:
        return {}
    if name not in _WRITTEN:
        raise UsageError(f"`{name}` takes its arguments as JSON", f'write `{name}({{"name": "value"}})`')
    if name == "WebFetch" and written.startswith(DOMAIN):
        written = f"https://{written.removeprefix(DOMAIN)}/"
    return {_WRITTEN[name]: written}
