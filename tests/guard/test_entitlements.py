"""What a policy means for one user."""

import pytest

from agentflow.guard.entitlements import PolicyError, check_model, check_plan, entitlements
from agentflow.guard.money import Cap, nano
from agentflow.plan.policies import read_policy
from tests.builders import plan_of


def entitled(text, user="ada", tenant=None, **more):
    policy, problems = read_policy(f"agentflow: 1\n{text}".encode(), "policy.yaml")
    assert policy is not None, problems
    return entitlements(policy, "policy.yaml", user, tenant, **more)


def plan(tools):
    return plan_of(f"steps: {{a: {{agent: {{tools: [{tools}]}}, prompt: x}}}}")


def test_the_caps_are_those_of_the_user_and_of_the_tenant():
    found = entitled(
        "tenants: {acme: {cost_usd: {per_day: 20, per_month: 300}}}\n"
        "users: {ada: {tenant: acme, cost_usd: {per_day: 5, warn_at: 80%}}}"
    )
    assert found.caps == (
        Cap("user", "ada", "day", nano(5), 0.8),
        Cap("tenant", "acme", "day", nano(20)),
        Cap("tenant", "acme", "month", nano(300)),
    )


def test_who_is_not_named_has_what_the_policy_says_of_unknown_users_each_alone():
    found = entitled("unknown_users: {cost_usd: {per_day: 1}}", "mel")
    assert found.caps == (Cap("user", "mel", "day", nano(1)),)
    with pytest.raises(PolicyError, match="does not know the user 'mel'"):
        entitled("users: {ada: {}}", "mel")


def test_a_run_that_goes_on_stays_its_tenants_while_the_policy_has_that_tenant():
    moved = "tenants: {old: {}, new: {}}\nusers: {ada: {tenant: new}}"
    assert entitled(moved, tenant="old", recorded=True).tenant == "old"
    with pytest.raises(PolicyError, match="belongs to the tenant 'new', not to 'old'"):
        entitled(moved, tenant="old")
    with pytest.raises(PolicyError, match="has no tenant 'gone'"):
        entitled(moved, tenant="gone", recorded=True)


def test_a_users_own_rate_stands_in_the_place_of_what_holds_for_all():
    found = entitled("rate_limits: {WebFetch: 60/min, Bash: 1/s}\nusers: {ada: {rate_limits: {WebFetch: 10/min}}}")
    assert {name: (rate.calls, rate.seconds) for name, rate in found.rates.items()} == {
        "WebFetch": (10, 60.0),
        "Bash": (1, 1.0),
    }


@pytest.mark.parametrize(
    ("text", "model", "why"),
    [
        ("users: {ada: {models: {deny: [claude-opus-5-5]}}}", "claude-opus-5-5", "`claude-opus-5-5` in models.deny of"),
        ("users: {ada: {models: {deny: ['claude-*']}}}", "claude-opus-5-5", "`claude-\\*` in models.deny of users.ada"),
        ("users: {ada: {models: {allow: ['claude-haiku-*']}}}", "claude-opus-5-5", "models.allow of users.ada"),
        ("tenants: {t: {models: {allow: []}}}\nusers: {ada: {tenant: t}}", "x", "models.allow of tenants.t"),
        ("roles: {r: {models: {allow: [a]}}, s: {models: {allow: [b]}}}\nusers: {ada: {roles: [r, s]}}", "c", "roles"),
    ],
)
def test_a_model_that_one_part_of_the_policy_does_not_let_through_is_refused_by_that_part(text, model, why):
    with pytest.raises(PolicyError, match=why):
        check_model(model, entitled(text))


def test_several_roles_add_to_what_is_allowed_and_what_one_denies_is_denied():
    text = "roles: {r: {models: {allow: [a]}}, s: {models: {allow: [b], deny: [a]}}, t: {}}\nusers: {ada: {roles: %s}}"
    check_model("b", entitled(text % "[r, s]"))
    with pytest.raises(PolicyError, match="is denied"):
        check_model("a", entitled(text % "[r, s]"))
    check_model("anything", entitled(text % "[r, t]"))


@pytest.mark.parametrize(
    ("rules", "tools", "refused"),
    [
        (
            "{deny: [WebFetch]}",
            "Read, WebFetch",
            "the tool WebFetch is denied to 'ada': `WebFetch` in tools of users.ada",
        ),
        ("{deny: ['Web*']}", "WebFetch", "is denied to 'ada': `Web\\*`"),
        ("{deny: ['WebFetch(domain:x.org)']}", "WebFetch", None),
        ("{allow: [Read]}", "Read, Write", "the tool Write is not allowed to 'ada'"),
        ("{allow: ['Read(src/**)']}", "Read", None),
        ("{allow: []}", "TodoWrite", None),
        ("{allow: [Edit, Read]}", "Edit, Write, Grep", None),
        ("{deny: [Edit]}", "Write", "the tool Write is denied to 'ada': `Edit`"),
        ("{ask: ['*']}", "WebSearch", "nobody can be asked about WebSearch"),
        ("{ask: ['*']}", "WebFetch", None),
    ],
)
def test_a_file_that_grants_a_tool_which_the_policy_never_allows_does_not_begin(rules, tools, refused):
    found = entitled(f"users: {{ada: {{tools: {rules}}}}}")
    if refused is None:
        check_plan(plan(tools), found)
    else:
        with pytest.raises(PolicyError, match=refused):
            check_plan(plan(tools), found)


def test_the_rules_of_tools_are_handed_on_with_where_they_stand():
    found = entitled("tenants: {t: {tools: {ask: [Write], deny: ['Read(.env)']}}}\nusers: {ada: {tenant: t}}")
    (level,) = found.levels
    assert (level.source, level.allow, level.ask, level.deny) == (
        "tools of tenants.t of policy.yaml",
        None,
        ("Write",),
        ("Read(.env)",),
    )
