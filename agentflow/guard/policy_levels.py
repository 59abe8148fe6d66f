"""The operator's rules of tools as levels of permissions beside those of files and agents. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from agentflow.errors import AgentflowError
from agentflow.guard.entitlements import PolicyRules
from agentflow.guard.permissions import Level
from agentflow.plan.agent_plan import ToolSpec
from agentflow.plan.builtin_tools import BUILTIN_TOOLS
from agentflow.plan.model import Plan, WorkflowStepPlan, every_step
from agentflow.plan.parameter_rules import RuleError, conditions_of
from agentflow.plan.permission_plan import PermissionLevel, PermissionRule
from agentflow.plan.permission_rules import FAMILIES
from agentflow.plan.tool_rules import rule_kind


class PolicyRuleError(AgentflowError):
    """A rule of the policy that cannot be read for the tools that are there; no call is judged without it."""


def policy_levels(rules: Iterable[PolicyRules], own: Mapping[str, ToolSpec]) -> list[Level]:
    """The levels that the policy's rules are.

    Parameters:
        own: a file's own tools: what a rule by parameter may name. Rules of tools that the file does not have are
            about nothing in it.

    Raises:
        PolicyRuleError: a rule does not fit the tool that it names.
    """
    return [_level(one, own) for one in rules]


def check_rules(rules: Sequence[PolicyRules], plan: Plan) -> None:
    """Refuses a policy one of whose rules does not fit a tool of a plan, or of the files that its steps run.

    Raises:
        PolicyRuleError: it says which.
    """
    files = [plan, *(step.plan for step in every_step(plan.root) if isinstance(step, WorkflowStepPlan))]
    for file in files:
        policy_levels(rules, {name: tool.spec for name, tool in file.tools.items()})


def _level(rules: PolicyRules, own: Mapping[str, ToolSpec]) -> Level:
    def read(texts: Iterable[str]) -> tuple[PermissionRule, ...]:
        return tuple(_rule(text, rules.source, own) for text in texts)

    allow = None if rules.allow is None else read(rules.allow)
    return Level(PermissionLevel(None, allow, read(rules.ask), read(rules.deny)), "policy")


def _rule(text: str, source: str, own: Mapping[str, ToolSpec]) -> PermissionRule:
    name, bracket, rest = text.partition("(")
    pattern = rest.removesuffix(")") if bracket else None
    kind = rule_kind(name, pattern, own=name not in BUILTIN_TOOLS)
    spec = own.get(name) if name not in BUILTIN_TOOLS else BUILTIN_TOOLS[name].spec
    try:
        conditions = conditions_of(pattern or "", spec.input_schema) if kind == "parameters" and spec else ()
    except RuleError as error:
        raise PolicyRuleError(f"{source}: `{text}`: {error}", error.hint) from error
    # Edit is about Write too, as in files.
    tools = FAMILIES.get(name, (name,)) if name not in own else (name,)
    return PermissionRule(text, tools, kind, pattern or "", conditions, source)
