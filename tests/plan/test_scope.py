"""What an edit lets agents do that they could not do before, in words that name it."""

import pytest
from msgspec.structs import replace

from agentflow.plan.sandbox_plan import SandboxPlan
from agentflow.plan.scope import wider
from tests.builders import plan_of

FILE = """
{file}
tools: {{pay: {{description: d, input: {{type: object, properties: {{n: {{type: number}}}}}}, run: [{run}]{tool}}}}}
agents:
  w: {{tools: [{tools}], permissions: {{{said}}}}}
  h: {{description: Helps.}}
steps: {{a: {{agent: w, prompt: Go}}, b: {{agent: h, prompt: Go}}, c: {{tool: pay, with: {{n: 1}}}}}}
"""


def plan(tools: str = "Read", said: str = "", file: str = "", run: str = "pay", tool: str = ""):
    return plan_of(FILE.format(tools=tools, said=said, file=file, run=run, tool=tool))


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ({}, {"tools": "Read, Write"}, ["agent `w` may use `Write`"]),
        ({"tools": "'Read(a/**)'"}, {"tools": "Read"}, ["agent `w` may use `Read`"]),
        ({"tools": "'Read(a/**)'"}, {"tools": "'Read(b/**)'"}, ["agent `w` may use `Read(b/**)`"]),
        ({"tools": "'pay(n:<5)'"}, {"tools": "'pay(n:<50)'"}, ["agent `w` may use `pay(n:<50)`"]),
        ({}, {"tools": "Read, Agent(h)"}, ["agent `w` may use `Agent(h)`", "agent `w` may call agent `h`"]),
        ({"said": "deny: [Bash]"}, {}, ["agent `w` is not denied `Bash` any more"]),
        ({"said": "ask: [Read]"}, {}, ["nobody is asked any more when agent `w` uses `Read`"]),
        ({"said": "mode: plan"}, {}, ["agent `w` works in the mode `default`, and not in `plan`"]),
        ({}, {"said": "mode: bypass"}, ["agent `w` works in the mode `bypass`, and not in `default`"]),
        ({"said": "allow: []"}, {}, ["agent `w` uses all that it is granted without asking"]),
        ({"said": "allow: []"}, {"said": "allow: [Read]"}, ["agent `w` may use `Read` without asking"]),
        ({}, {"run": "pay, twice"}, ["tool `pay` does something else"]),
        ({}, {"tool": ", effects: none"}, ["tool `pay` does something else"]),
        ({}, {"tool": ", env: {A: b}"}, ["tool `pay` does something else"]),
        (
            {"file": "permissions: {deny: [Bash]}"},
            {},
            ["agent `w` is not denied `Bash` any more", "agent `h` is not denied `Bash` any more"],
        ),
    ],
)
def test_each_thing_that_is_wider_is_named(before, after, said):
    assert sorted(wider(plan(**before), plan(**after))) == sorted(said)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {}),
        ({"tools": "Read, Write"}, {"tools": "Read"}),
        ({"tools": "Read"}, {"tools": "'Read(a/**)'"}),
        ({}, {"said": "deny: [Bash], ask: [Read]"}),
        ({}, {"said": "mode: dont_ask"}),
        ({"said": "ask: [Read]"}, {"said": "deny: [Read]"}),
        ({}, {"said": "allow: [Read]"}),
    ],
)
def test_what_is_narrower_or_the_same_needs_no_word(before, after):
    assert wider(plan(**before), plan(**after)) == ()


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (SandboxPlan(), SandboxPlan(is_off=True), ["commands run without a sandbox"]),
        (
            SandboxPlan(network=("a.org",), write=("out",)),
            SandboxPlan(network=("a.org", "b.org"), write=("out", "src"), read=("/opt/data",)),
            [
                "the sandbox of commands grants `network: b.org`",
                "the sandbox of commands grants `write: src`",
                "the sandbox of commands grants `read: /opt/data`",
            ],
        ),
        (SandboxPlan(write=("out",)), SandboxPlan(write=("out/a",)), []),
        (SandboxPlan(is_off=True), SandboxPlan(network=("a.org",)), []),
    ],
)
def test_what_commands_may_reach_now_is_named(before: SandboxPlan, after: SandboxPlan, said: list[str]):
    assert list(wider(replace(plan(), sandbox=before), replace(plan(), sandbox=after))) == said


def test_what_a_file_does_not_deny_any_more_is_named_for_the_files_that_its_steps_run():
    child = "agentflow: 1\nname: child\nsandbox: off\nsteps: {c: {agent: {tools: [Read]}, prompt: go}}\n"
    before, after = (
        plan_of(f"{said}\nsteps: {{s: {{workflow: child.yaml}}}}\n", {"child.yaml": child})
        for said in ("permissions: {deny: [Bash]}", "")
    )
    assert wider(before, after) == ("agent `c of child.yaml` is not denied `Bash` any more",)
