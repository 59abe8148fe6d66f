"""`permissions` in files: what is refused, with what hint, and what the plan comes to say."""

from collections.abc import Callable

import pytest

from agentflow.plan.model import Plan

FILE = """
    limits: {{turns: 99}}
    {file}
    tools:
      refund:
        description: Pays money back.
        run: [pay]
        labels: []
        input:
          type: object
          properties:
            amount: {{type: number, minimum: 0}}
            to: {{type: string}}
            kind: {{enum: [gift, loan]}}
            sure: {{type: boolean}}
    agents:
      other: {{description: Another., tools: [Read]}}
      worker: {{tools: [{tools}], permissions: {{{said}}}}}
    steps:
      a: {{agent: worker, prompt: Go}}
      b: {{agent: other, prompt: Go}}
      c: {{tool: refund, with: {{amount: 1}}}}
    """


def file(said: str, tools: str = "Read, refund", file: str = "") -> str:
    return FILE.format(said=said, tools=tools, file=file)


def test_rules_are_read_with_the_place_where_they_stand(planned: Callable[[str], Plan]):
    plan = planned(file("deny: ['refund(amount:>100)']", file="permissions: {ask: [Read]}"))
    (rule,) = plan.agents["worker"].permissions.deny
    assert (rule.text, rule.where) == ("refund(amount:>100)", "w.yaml:20, agents.worker.permissions.deny")
    assert [(rule.text, rule.tools) for rule in plan.permissions.ask] == [("Read", ("Read", "Grep", "Glob"))]


@pytest.mark.parametrize(
    "rule",
    [
        "refund(amount:<=100)", "refund(amount:>=5, amount:<10)", "refund(to:*@x.org, kind:gift)", "refund(sure:true)",
        "Read(//etc/**)", "Read(~/.ssh/**)", "Read(/src)", "Read(src/**)", "Agent(other)", "WebFetch(domain:*.x.org)",
        "Bash(git push *)", "AskUserQuestion", "Agent(prompt:*delete*)", "WebFetch(url:https://x.org/*)",
    ],
)  # fmt: skip
def test_sound_rules_are_taken(planned: Callable[[str], Plan], rule: str):
    plan = planned(file(f"deny: ['{rule}']"))
    assert [found.text for found in plan.agents["worker"].permissions.deny] == [rule]


@pytest.mark.parametrize(
    ("rule", "code", "said"),
    [
        ("refnd", "AF309", "no tool `refnd`"),
        ("refund(amout:<5)", "AF309", "no parameter `amout`"),
        ("refund(to:a, amout:<5)", "AF309", "no parameter `amout`"),
        ("refund(5)", "AF309", "names no parameter"),
        ("refund()", "AF309", "the rule is empty"),
        ("refund(amount:)", "AF309", "says nothing"),
        ("refund(amount:a*)", "AF309", "is a number"),
        ("refund(amount:<-1)", "AF309", "no value of `amount`"),
        ("refund(amount:<5, amount:>5)", "AF309", "no value of `amount`"),
        ("refund(kind:theft)", "AF309", "no value of `kind`"),
        ("refund(sure:yes)", "AF309", "no value of `sure`"),
        ("refund(to:a\\\\b)", "AF309", "a backslash"),
        ("Agent(nobody)", "AF308", "no agent `nobody`"),
        ("Read(!a)", "AF309", "path or pattern"),
        ("Read(a/../../b)", "AF309", "cannot leave"),
        ("WebFetch(domain:a*b)", "AF309", "`*` stands alone"),
        ("WebFetch(x.org)", "AF309", "no rule of this tool"),
        ("TaskStop", "AF309", "comes with `Bash`"),
        ("mcp__git__push", "AF309", "not supported yet"),
        ("Bash()", "AF309", "the rule is empty"),
    ],
)
def test_a_rule_that_is_wrong_is_told_at_its_place_with_a_hint(compiled, rule: str, code: str, said: str):
    plan, diagnostics = compiled(file(f'deny: ["{rule}"]'))
    assert plan is None
    (found,) = diagnostics
    assert (found.code, found.place.line) == (code, 20)
    assert said in found.message
    assert found.hint


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("deny: [refund], allow: ['refund(amount:<5)']", "`refund(amount:<5)` can never count: `deny` has `refund`"),
        ("deny: [refund], ask: [refund]", "`refund` can never count: `deny` has `refund`"),
        ("ask: [Read], allow: ['Grep']", "`Grep` can never count: `ask` has `Read`"),
        ("ask: ['Read(a)'], allow: ['Read(a)']", "`Read(a)` can never count: `ask` has `Read(a)`"),
    ],
)
def test_a_rule_that_another_always_comes_before_is_refused(compiled, said: str, message: str):
    _, diagnostics = compiled(file(said, "Read, Grep, refund"))
    assert [(found.code, found.message.startswith(message)) for found in diagnostics] == [("AF406", True)]


def test_allow_grants_nothing_that_tools_does_not(compiled):
    _, (found,) = compiled(file("allow: [Write]"))
    assert found.code == "AF309"
    assert "`allow` cannot grant what `tools` does not" in found.message


def test_nobody_can_be_asked_about_a_search(compiled):
    _, (found,) = compiled(file("ask: [WebSearch]"))
    assert "nobody can be asked then" in found.message


def test_tools_takes_rules_by_parameter_and_commands(planned: Callable[[str], Plan]):
    plan = planned(file("", "'refund(amount:<=100)', 'refund(to:*@x.org)', 'Bash(npm run *)'"))
    rules = {grant.tool.name: grant.rules for grant in plan.agents["worker"].grants}
    assert rules == {"refund": ("amount:<=100", "to:*@x.org"), "Bash": ("npm run *",)}


@pytest.mark.parametrize("mode", ["default", "plan", "dont_ask", "bypass"])
def test_modes_are_taken(planned: Callable[[str], Plan], mode: str):
    assert planned(file(f"mode: {mode}")).agents["worker"].permissions.mode == mode


def test_a_mode_that_changes_nothing_is_told(compiled):
    plan, (found,) = compiled(file("mode: accept_edits"))
    assert plan is not None
    assert found.code == "AF406"
    assert "changes nothing" in found.message
