"""What becomes of a call: deny, ask, allow, mode; else no."""

from collections.abc import Mapping
from typing import Any

import pytest

from agentflow.guard.permissions import Decision, Level, Permissions, decide
from agentflow.guard.rule_lists import Anchors, ToolUse
from agentflow.plan.agent_plan import Grant, ToolSpec
from agentflow.plan.builtin_tools import BUILTIN_TOOLS
from agentflow.plan.parameter_rules import conditions_of
from agentflow.plan.permission_plan import PermissionLevel, PermissionRule
from agentflow.plan.permission_rules import FAMILIES
from agentflow.plan.tool_rules import rule_kind

REFUND = ToolSpec(
    "refund",
    "Pays money back.",
    {
        "type": "object",
        "properties": {
            "amount": {"type": "number"},
            "to": {"type": "string"},
            "copies": {"type": "array", "items": {"type": "string"}},
            "currency": {"type": "string", "default": "EUR"},
            "note": {},
        },
    },
    "sends",
)
OWN = {"refund": REFUND}
ANCHORS = Anchors("/home/me/project", "/home/me")


def rule(text: str, where: str = "w.yaml:9") -> PermissionRule:
    name, _, rest = text.partition("(")
    pattern = rest[:-1] if rest else None
    kind = rule_kind(name, pattern, own=name in OWN)
    schema = OWN[name].input_schema if name in OWN else {}
    if name in BUILTIN_TOOLS:
        schema = BUILTIN_TOOLS[name].spec.input_schema
    conditions = conditions_of(pattern or "", schema) if kind == "parameters" else ()
    return PermissionRule(text, FAMILIES.get(name, (name,)), kind, pattern or "", conditions, where)


def level(mode: Any = None, allow: Any = None, ask: Any = (), deny: Any = ()) -> PermissionLevel:
    allowed = None if allow is None else tuple(rule(text) for text in allow)
    return PermissionLevel(
        mode, allowed, tuple(rule(text, "w.yaml:5") for text in ask), tuple(rule(text, "w.yaml:3") for text in deny)
    )


def granted(*texts: str) -> list[Grant]:
    names: dict[str, list[str]] = {}
    for text in texts:
        name, _, rest = text.partition("(")
        names.setdefault(name, []).extend([rest[:-1]] if rest else [])
    specs = {**{name: tool.spec for name, tool in BUILTIN_TOOLS.items()}, **OWN}
    return [Grant(specs[name], tuple(rules)) for name, rules in names.items()]


def permissions(*tools: str, **said: Any) -> Permissions:
    return Permissions([Level(level(**said), "agent")], granted(*tools), anchors=ANCHORS)


def judged(of: Permissions, tool: str, **tool_input: Any) -> Decision:
    effects = OWN[tool].effects if tool in OWN else BUILTIN_TOOLS[tool].spec.effects
    return decide(ToolUse(tool, tool_input, effects), of)


def refund(of: Permissions, **tool_input: Any) -> str:
    return judged(of, "refund", **tool_input).verdict


def test_what_tools_grants_runs_where_nothing_else_is_said():
    assert judged(permissions("Write"), "Write", file_path="a.py").verdict == "allow"


def test_what_tools_does_not_grant_never_runs_whatever_allow_and_the_mode_say():
    of = permissions("Read", mode="bypass", allow=["Write"])
    assert judged(of, "Write", file_path="a.py") == Decision("deny", "`tools` does not grant `Write`")


def test_a_denial_names_its_rule_and_where_it_stands():
    found = judged(permissions("Read", deny=["Read(.env)"]), "Read", file_path="sub/.env")
    assert (found.verdict, found.rule, found.where) == ("deny", "Read(.env)", "w.yaml:3")


def test_deny_beats_ask_beats_allow_however_narrow_each_is():
    of = permissions("refund", allow=["refund(to:a@x.org)"], ask=["refund(to:*@x.org)"], deny=["refund(to:*)"])
    assert refund(of, to="a@x.org") == "deny"
    of = permissions("refund", allow=["refund(to:a@x.org)"], ask=["refund(to:*@x.org)"])
    assert refund(of, to="a@x.org") == "ask"


MODES = {
    # of a call with effects: granted and no more said; asked about; with `allow` that covers it; with one that does not
    "default": ("allow", "ask", "allow", "ask"),
    "accept_edits": ("allow", "ask", "allow", "allow"),
    "plan": ("deny", "deny", "deny", "deny"),
    "dont_ask": ("allow", "deny", "allow", "deny"),
    "bypass": ("allow", "allow", "allow", "allow"),
}


@pytest.mark.parametrize("mode", MODES)
def test_what_each_mode_makes_of_a_write(mode: str):
    said: list[Mapping[str, Any]] = [{}, {"ask": ["Write"]}, {"allow": ["Write(src/**)"]}, {"allow": []}]
    found = [judged(permissions("Write", mode=mode, **each), "Write", file_path="src/a.py").verdict for each in said]
    assert tuple(found) == MODES[mode]


@pytest.mark.parametrize("mode", MODES)
def test_a_deny_holds_in_every_mode(mode: str):
    assert judged(permissions("Write", mode=mode, deny=["Edit"]), "Write", file_path="a").verdict == "deny"


@pytest.mark.parametrize("mode", MODES)
def test_what_has_no_effects_needs_no_allow_in_any_mode(mode: str):
    assert judged(permissions("Read", mode=mode, allow=[]), "Read", file_path="a").verdict == "allow"


def test_accept_edits_is_about_files_alone():
    assert refund(permissions("refund", mode="accept_edits", allow=[]), to="x") == "ask"


def test_the_denies_and_asks_of_all_levels_hold_and_the_innermost_mode():
    file, own = level(mode="plan", deny=["Write(a)"], ask=["Write(b)"]), level(mode="bypass", ask=["Write(c)"])
    of = Permissions([Level(file, "file"), Level(own, "agent")], granted("Write"), anchors=ANCHORS)
    found = {name: judged(of, "Write", file_path=name).verdict for name in "abcd"}
    assert found == {"a": "deny", "b": "ask", "c": "allow", "d": "allow"}


def test_a_called_agent_inherits_what_narrows_its_caller_and_nothing_that_widens():
    caller = level(mode="bypass", allow=["refund"], ask=["refund(amount:>10)"], deny=["refund(amount:>100)"])
    own = level(allow=["refund(amount:<=1)"])
    of = Permissions([Level(caller, "caller", "bypass"), Level(own, "agent")], granted("refund"), anchors=ANCHORS)
    assert [refund(of, amount=amount) for amount in (1, 5, 50, 500)] == ["allow", "ask", "ask", "deny"]
    of = Permissions([Level(caller, "caller", "plan"), Level(own, "agent")], granted("refund"))
    assert refund(of, amount=1) == "deny"
    of = Permissions([Level(caller, "caller", "dont_ask"), Level(own, "agent")], granted("refund"))
    assert [refund(of, amount=amount) for amount in (1, 5)] == ["allow", "deny"]


@pytest.mark.parametrize(
    ("around", "own", "agent", "verdict"),
    [
        ({"mode": "plan"}, {"mode": "default"}, {}, "deny"),
        ({"mode": "plan"}, {}, {"mode": "bypass"}, "deny"),
        ({"mode": "dont_ask"}, {"allow": []}, {"mode": "default"}, "deny"),
        ({"allow": ["Read"]}, {"mode": "bypass"}, {}, "ask"),
        ({"allow": ["Read"]}, {}, {"mode": "bypass"}, "ask"),
        ({"allow": ["Read"], "mode": "bypass"}, {"mode": "bypass"}, {}, "allow"),
        ({"allow": ["refund"]}, {"mode": "bypass"}, {}, "allow"),
        ({"mode": "bypass"}, {"allow": []}, {}, "allow"),
        ({}, {"allow": []}, {"mode": "bypass"}, "allow"),
    ],
)
def test_a_file_that_runs_as_a_step_works_in_no_wider_mode_than_the_one_that_runs_it(around, own, agent, verdict):
    levels = [Level(level(**around), "file"), Level(level(**own), "file"), Level(level(**agent), "agent")]
    assert refund(Permissions(levels, granted("refund"))) == verdict


def test_a_bypass_of_the_file_lifts_what_the_file_asks():
    file = level(mode="bypass", ask=["refund"])
    assert refund(Permissions([Level(file, "file"), Level(level(), "agent")], granted("refund"))) == "allow"
    assert refund(Permissions([Level(file, "file"), Level(level("default"), "agent")], granted("refund"))) == "ask"


@pytest.mark.parametrize(
    ("text", "given", "met"),
    [
        ("refund(amount:<=100)", {"amount": 100}, True),
        ("refund(amount:<=100)", {"amount": 100.01}, False),
        ("refund(amount:<=100)", {"amount": True}, False),
        ("refund(amount:<=100)", {"amount": "7"}, False),
        ("refund(amount:<=100)", {}, False),
        ("refund(amount:<=100)", {"amount": float("nan")}, False),
        ("refund(amount:>=0, amount:<=100)", {"amount": -1}, False),
        ("refund(amount:100)", {"amount": 100.0}, True),
        ("refund(amount:<0.3)", {"amount": 10**400}, False),
        ("refund(to:*@x.org)", {"to": "a@x.org"}, True),
        ("refund(to:*@x.org)", {"to": "a@x.org.evil.com"}, False),
        ("refund(to:*@x.org)", {"to": "a@evil.com\nb@x.org"}, False),
        ("refund(to:*@x.org)", {"to": "a\u200b@x.org"}, False),
        ("refund(to:*@x.org)", {"to": "a@x.org\U000e0041"}, False),
        ("refund(to:a@x.org)", {"to": "\u0430@x.org"}, False),
        ("refund(to:a@x.org)", {"to": "A@x.org"}, False),
        ("refund(to:*)", {"to": "any\u200bthing\n"}, True),
        ("refund(to:a.c)", {"to": "abc"}, False),
        ("refund(to:a\\*c)", {"to": "a*c"}, True),
        ("refund(to:a\\*c)", {"to": "abc"}, False),
        ("refund(to:a, amount:<5)", {"to": "a", "amount": 4}, True),
        ("refund(to:a, amount:<5)", {"to": "a", "amount": 5}, False),
        ("refund(to:a\\, b)", {"to": "a, b"}, True),
        ("refund(copies:*@x.org)", {"copies": ["a@x.org", "b@x.org"]}, True),
        ("refund(copies:*@x.org)", {"copies": ["a@x.org", "b@evil.com"]}, False),
        ("refund(copies:*@x.org)", {"copies": []}, True),
        ('refund(note:{"a":1,"b":[true,null]})', {"note": {"b": [True, None], "a": 1}}, True),
        ("refund(note:true)", {"note": True}, True),
    ],
)
def test_what_allows_is_met_exactly(text: str, given: dict[str, Any], met: bool):
    assert refund(permissions("refund", mode="dont_ask", allow=[text]), **given) == ("allow" if met else "deny")
    assert refund(permissions(text), **given) == ("allow" if met else "deny")


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("refund(to:*@evil.com)", {"to": "a@evil.com"}),
        ("refund(to:*@evil.com)", {"to": "a@e\u200bvil.com"}),
        ("refund(to:*@evil.com)", {"to": "a@\u0435vil.com"}),
        ("refund(to:*@evil.com)", {"to": "a@ｅvil.com"}),
        ("refund(to:*@evil.com)", {"to": "a@evil.com\u202e"}),
        ("refund(to:evil*)", {"to": "evil\n\ud800"}),
        ("refund(copies:*@evil.com)", {"copies": ["a@x.org", "b@evil.com"]}),
        ("refund(currency:EUR)", {}),
        ("refund(amount:>100)", {"amount": 10**5000}),
        ("refund(note:a*)", {"note": 10**5000}),
    ],
)
def test_nothing_that_looks_like_what_is_denied_slips_past(text: str, given: dict[str, Any]):
    assert refund(permissions("refund", deny=[text]), **given) == "deny"
    assert refund(permissions("refund", ask=[text]), **given) == "ask"


def test_what_is_not_named_is_not_denied():
    of = permissions("refund", deny=["refund(to:*@evil.com)", "refund(amount:>100)"])
    assert refund(of, to="a@x.org", amount=100) == "allow"


@pytest.mark.parametrize(
    ("text", "name", "denied"),
    [
        ("Read(.env)", ".env", True),
        ("Read(.env)", "a/b/.env", True),
        ("Read(/.env)", "a/.env", False),
        ("Read(/.env)", "/home/me/project/.env", True),
        ("Read(./secret/**)", "x/../secret/key", True),
        ("Read(secret)", "secret/deep/key", True),
        ("Read(//home/me/project/secret/**)", "secret/key", True),
        ("Read(~/project/secret/**)", "secret/key", True),
        ("Read(~/secret/**)", "secret/key", False),
        ("Read(secret/**)", "secrets/key", False),
        ("Read(*.pem)", "keys/a.pem", True),
    ],
)
def test_paths_are_seen_from_where_their_anchor_says(text: str, name: str, denied: bool):
    found = judged(permissions("Read", deny=[text]), "Read", file_path=name)
    assert found.verdict == ("deny" if denied else "allow")


def test_a_rule_of_edit_is_about_all_that_changes_files_and_one_of_read_about_all_that_reads():
    of = permissions("Write", "Grep", "Glob", deny=["Edit(src/**)", "Read(secret/**)"])
    assert judged(of, "Write", file_path="src/a").verdict == "deny"
    assert judged(of, "Grep", pattern="x", path="secret").verdict == "deny"
    assert judged(of, "Glob", pattern="*", path="secret/deep").verdict == "deny"
    assert judged(of, "Grep", pattern="x").verdict == "allow"  # what it finds there is left out


def test_a_path_out_of_the_project_is_refused_before_anybody_is_asked():
    of = permissions("Write", ask=["Write"])
    assert judged(of, "Write", file_path="/etc/passwd").verdict == "deny"
    assert judged(of, "Write", file_path="../projects/a").verdict == "deny"


@pytest.mark.parametrize(
    ("url", "verdict"),
    [
        ("https://evil.com/x", "deny"),
        ("https://EVIL.com./x", "deny"),
        ("https://a.evil.com", "allow"),
        ("https://user@evil.com", "deny"),
        ("http://[::1]/", "deny"),
        ("nonsense", "deny"),
        ("https://good.com", "allow"),
    ],
)
def test_hosts_are_compared_in_one_form_and_what_cannot_be_read_is_denied(url: str, verdict: str):
    assert judged(permissions("WebFetch", deny=["WebFetch(domain:evil.com)"]), "WebFetch", url=url).verdict == verdict


def test_agents_and_skills_are_denied_by_name():
    of = permissions("Agent", "Skill", deny=["Agent(writer)", "Skill(release)"])
    assert judged(of, "Agent", subagent_type="writer").verdict == "deny"
    assert judged(of, "Agent", subagent_type="reader").verdict == "allow"
    assert judged(of, "Skill", skill="release").verdict == "deny"


def test_a_server_is_denied_whole():
    rules = PermissionLevel(deny=(PermissionRule("mcp__git__*", ("mcp__git__*",), "whole"),))
    of = Permissions([Level(rules, "agent")], None)
    assert decide(ToolUse("mcp__git__push", {}), of).verdict == "deny"
    assert decide(ToolUse("mcp__github__push", {}), of).verdict == "allow"


def test_a_step_of_the_file_needs_no_allow_and_heeds_deny_and_ask():
    of = Permissions([Level(level(allow=[], ask=["refund(amount:>10)"], deny=["refund(amount:>100)"]), "file")], None)
    of = Permissions(of.levels, None, tools=OWN)
    found = [decide(ToolUse("refund", {"amount": amount}, own=True), of).verdict for amount in (1, 50, 500)]
    assert found == ["allow", "ask", "deny"]


def test_huge_arguments_are_judged_whole():
    of = permissions("refund", deny=["refund(to:*needle*)"])
    assert refund(of, to="x" * 3_000_000 + "needle") == "deny"
    assert refund(of, to="x" * 3_000_000) == "allow"


@pytest.mark.parametrize(
    ("said", "script", "verdict"),
    [
        ({"deny": ["Bash"]}, "ls", "deny"),
        ({"deny": ["Bash(git push *)"]}, "git push origin", "deny"),
        ({"deny": ["Bash(git push *)"]}, "git status", "allow"),
        ({"deny": ["Bash(git push *)"]}, "$(printf git) push", "deny"),
        ({"ask": ["Bash(git push *)"]}, "git push", "ask"),
        ({"ask": ["Bash"]}, "ls", "ask"),
        ({"allow": ["Bash(npm test)"]}, "npm test", "allow"),
        ({"allow": ["Bash(npm test)"]}, "npm install", "ask"),
        ({"allow": ["Bash(npm test)"]}, "npm test; rm -rf /", "ask"),
        ({"allow": ["Bash(npm test)"], "mode": "dont_ask"}, "npm install", "deny"),
    ],
)
def test_scripts_are_judged_by_their_commands(said: dict[str, Any], script: str, verdict: str):
    assert judged(permissions("Bash", **said), "Bash", command=script).verdict == verdict


def test_a_grant_of_one_command_is_for_that_command():
    of = permissions("Bash(npm run *)", ask=["Bash(npm run deploy)"])
    assert judged(of, "Bash", command="npm run build").verdict == "allow"
    assert judged(of, "Bash", command="npm run deploy").verdict == "ask"
    assert judged(of, "Bash", command="rm -rf x").verdict == "deny"
