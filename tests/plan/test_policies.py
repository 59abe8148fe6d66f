"""The operator's file: what is wrong with it is told at its place."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow import api
from agentflow.engine.charge import check_roles
from agentflow.plan.policies import read_policy

WRONG = [
    ("AF201", "`user` does not take", "users: {a: {}}\n«user»: {}"),
    ("AF203", "must be a share from 1% to 99%", "tenants: {a: {cost_usd: {per_day: 1, warn_at: «100%»}}}"),
    ("AF203", "must be at least 0", "users: {a: {cost_usd: {per_day: «-1»}}}"),
    ("AF203", "must be a number", 'users: {a: {cost_usd: {per_day: «"5"»}}}'),
    ("AF203", "knows no time zone", "time_zone: «Europe/Nowhere»"),
    ("AF203", "knows no time zone", "time_zone: «Europe»"),
    ("AF203", "at most 10000 calls and a time", "rate_limits: {WebFetch: «30»}"),
    ("AF205", "cannot be a name here", "users: {«a b»: {}}"),
    ("AF309", "it is a session of its own", "rate_limits: {«Agent»: 3/min}"),
    ("AF309", "is no rule", 'users: {a: {tools: {deny: [«"refund("»]}}}'),
    ("AF309", "is no rule", 'tenants: {a: {tools: {allow: [«"my_*(amount:<5)"»]}}}'),
    ("AF309", "the rule is empty", 'roles: {a: {tools: {deny: [«"Bash()"»]}}}'),
    ("AF309", "cannot leave the project", 'users: {a: {tools: {ask: [«"Read(../x)"»]}}}'),
    ("AF309", "no input of", 'users: {a: {tools: {deny: [«"Read({{ inputs.x }})"»]}}}'),
    ("AF309", "domain", 'unknown_users: {tools: {deny: [«"WebFetch(domain:)"»]}}'),
    ("AF309", "has no parameter `filepath`", 'users: {a: {tools: {deny: [«"TodoWrite(filepath:x)"»]}}}'),
    ("AF309", "tells its input to nobody", 'users: {a: {tools: {allow: [«"WebSearch(domain:x.org)"»]}}}'),
    ("AF309", "tells its input to nobody", "users: {a: {tools: {ask: [«WebSearch»]}}}"),
    ("AF318", "has no tenant `acmee`", "tenants: {acme: {}}\nusers: {a: {tenant: «acmee»}}"),
    ("AF318", "has no role `boss`", "users: {a: {roles: [«boss»]}}"),
    ("AF318", "has no tenant `x`", "unknown_users: {tenant: «x»}"),
]


@pytest.mark.parametrize(("code", "message", "text"), WRONG, ids=[f"{code}-{text}" for code, _, text in WRONG])
def test_what_is_wrong_is_told_at_its_place(code, message, text):
    marked = f"agentflow: 1\n{text}"
    start = marked.index("«")
    policy, problems = read_policy(marked.replace("«", "").replace("»", "").encode(), "policy.yaml")
    assert policy is None
    (problem,) = problems
    line = marked.count("\n", 0, start) + 1
    column = start - marked.rfind("\n", 0, start)
    assert (problem.code, problem.place.line, problem.place.column) == (code, line, column)
    assert message in problem.message or "does not take" in problem.message


def test_a_rate_of_what_is_almost_a_tool_is_warned_of():
    policy, problems = read_policy(b"agentflow: 1\nrate_limits: {WebFtch: 3/min, deploy: 2/h}", "policy.yaml")
    assert policy is not None
    assert [(one.code, one.severity, one.hint) for one in problems] == [
        ("AF309", "warning", "did you mean `WebFetch`?")
    ]


def test_everything_that_a_policy_may_say_is_read():
    policy, problems = read_policy(
        b"""
agentflow: 1
time_zone: Europe/Berlin
tenants: {acme: {cost_usd: {per_day: 20, per_month: 300.5, warn_at: 80%}, models: {allow: ["claude-haiku-*"]}}}
users:
  ada@acme.org: {tenant: acme, roles: [chief], rate_limits: {WebFetch: 10/min}, tools: {deny: [Bash]}}
unknown_users: {tenant: acme, cost_usd: {per_day: 0}}
roles: {chief: {may_approve: true, tools: {allow: ["Read(src/**)"], ask: [Write]}}}
rate_limits: {WebFetch: 60/min}
retention: {days: 30, runs: 500}
""",
        "policy.yaml",
    )
    assert problems == []
    assert policy.tenants["acme"].cost_usd.warn_at == 0.8
    assert policy.users["ada@acme.org"].rate_limits == {"WebFetch": (10, 60.0)}


def test_the_roles_of_gates_are_checked_where_a_policy_is_named(tmp_path):
    (tmp_path / "policy.yaml").write_text("agentflow: 1\nroles: {editor: {may_approve: true}, clerk: {}}\n")
    flow = tmp_path / "flow.yaml"
    flow.write_text(
        "agentflow: 1\nname: flow\nsteps:\n  all:\n    for_each: '[1]'\n    steps:\n"
        "      a: {approve: x, from: [editor]}\n"
        "      b: {approve: x, from: [editr], escalate: {after: 1h, to: [clerk]}}\n"
    )
    assert api.check(flow).ok
    checked = check_roles(api.check(flow), tmp_path / "policy.yaml")
    assert [(one.code, one.place.line, one.message) for one in checked.diagnostics] == [
        ("AF318", 8, "the policy has no role `editr`"),
        ("AF318", 8, "the role `clerk` of the policy may not approve"),
    ]
    assert not checked.ok


def test_who_else_may_answer_wants_to_be_said_who_may_answer_first(tmp_path):
    flow = tmp_path / "flow.yaml"
    flow.write_text("agentflow: 1\nname: f\nsteps: {a: {approve: x, escalate: {after: 1h, to: [chief]}}}\n")
    assert [one.code for one in api.check(flow).diagnostics] == ["AF406"]


KEYS = st.sampled_from(["agentflow", "tenants", "users", "roles", "acme", "cost_usd", "per_day", "tools", "allow", "«"])
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(st.binary(max_size=200) | JUNK.map(lambda data: json.dumps(data).encode()))
def test_whatever_a_file_holds_it_is_a_policy_or_told_why_not(source):
    policy, problems = read_policy(source, "policy.yaml")
    assert (policy is None) is bool(problems)


def test_a_rule_for_a_tool_that_looks_like_a_built_in_one_is_warned_of():
    policy, problems = read_policy(
        b"agentflow: 1\nusers: {a: {tools: {deny: ['Raed(*.env)', refund, '*']}}}", "policy.yaml"
    )
    assert policy is not None
    (problem,) = problems
    assert (problem.code, problem.severity, problem.hint) == ("AF309", "warning", "did you mean `Read`?")
