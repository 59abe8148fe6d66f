"""The operator's rules of tools beside those of files: they narrow, and never add."""

import pytest

from agentflow.guard.closed import closed_to
from agentflow.guard.entitlements import PolicyRules
from agentflow.guard.permissions import Level, Permissions, decide
from agentflow.guard.policy_levels import PolicyRuleError, policy_levels
from agentflow.guard.rule_lists import AT_THE_ROOT, ToolUse
from agentflow.plan.agent_plan import Grant, ToolSpec
from agentflow.plan.builtin_tools import BUILTIN_TOOLS
from agentflow.plan.permission_plan import PermissionLevel

REFUND = ToolSpec(
    "refund",
    "Pays back.",
    {"type": "object", "properties": {"amount": {"type": "number"}, "to": {"type": "string"}}},
    "sends",
)
OWN = {"refund": REFUND}


def permissions(*parts: PolicyRules, mode: str | None = None) -> Permissions:
    """Those of an agent with every tool, under a policy of these parts."""
    grants = [*(Grant(BUILTIN_TOOLS[name].spec, ()) for name in ("Read", "Bash", "TodoWrite")), Grant(REFUND, ())]
    levels = [*policy_levels(parts, OWN), Level(PermissionLevel(mode), "agent")]  # type: ignore[arg-type]
    return Permissions(levels, grants)


def part(allow=None, ask=(), deny=(), source="tools of users.ada of policy.yaml") -> PolicyRules:
    return PolicyRules(source, None if allow is None else tuple(allow), tuple(ask), tuple(deny))


def verdict(tool: str, tool_input: dict, held: Permissions) -> str:
    return decide(ToolUse(tool, tool_input, "sends"), held).verdict


def test_what_a_policy_allows_is_all_that_runs_and_needs_no_asking():
    held = permissions(part(allow=["refund(amount:<=100)", "Bash(git *)"]))
    assert verdict("refund", {"amount": 100, "to": "a"}, held) == "allow"
    assert verdict("refund", {"amount": 101, "to": "a"}, held) == "deny"
    assert verdict("Bash", {"command": "git status"}, held) == "allow"
    assert verdict("Bash", {"command": "git status; rm x"}, held) == "deny"
    assert verdict("Read", {"file_path": "a"}, held) == "deny"


def test_every_part_of_a_policy_has_to_allow_a_call():
    held = permissions(part(allow=["refund"]), part(allow=["refund(to:ada)"], source="tools of tenants.acme"))
    assert verdict("refund", {"to": "ada"}, held) == "allow"
    found = decide(ToolUse("refund", {"to": "bob"}, "sends"), held)
    assert (found.verdict, found.where) == ("deny", "tools of tenants.acme")
    assert "the policy allows `refund(to:ada)` only" in found.why


def test_denies_and_asks_of_a_policy_hold_in_every_mode():
    held = permissions(part(ask=["refund(amount:>50)"], deny=["Bash(rm *)"]), mode="bypass")
    assert verdict("refund", {"amount": 51}, held) == "ask"
    assert verdict("refund", {"amount": 5}, held) == "allow"
    assert verdict("Bash", {"command": "true && rm -rf x"}, held) == "deny"


def test_a_policy_never_adds_to_what_a_file_grants():
    assert verdict("Write", {"file_path": "a"}, permissions(part(allow=["Write", "Read"]))) == "deny"


def test_tools_that_act_on_nothing_need_no_allowing():
    assert verdict("TodoWrite", {"todos": []}, permissions(part(allow=["Read"]))) == "allow"


def test_a_rule_of_a_tool_that_a_file_does_not_have_is_about_nothing_in_it():
    held = permissions(part(deny=["wire(amount:>1)"]))
    assert verdict("refund", {"amount": 5}, held) == "allow"


def test_a_rule_that_does_not_fit_its_tool_judges_nothing_and_says_where_it_stands():
    with pytest.raises(PolicyRuleError, match=r"users\.ada of policy\.yaml: `refund\(sum:>1\)`"):
        permissions(part(deny=["refund(sum:>1)"]))


def test_a_redirect_does_not_lead_out_of_what_the_policy_allows():
    parts = [part(allow=["WebFetch(domain:x.org)"]), part(allow=["WebFetch"])]
    rules = Permissions(policy_levels(parts, {}), None).of("WebFetch")
    closed = closed_to(rules.deny, rules.ask, AT_THE_ROOT, None, rules.bounds)
    assert closed is not None
    assert closed.host("x.org") is None
    found = closed.host("y.org")
    assert found is not None
    assert (found.text, found.where) == ("allow: WebFetch(domain:x.org)", "tools of users.ada of policy.yaml")
