"""Claude Code's agent files: what each field becomes, and what is refused."""

import pytest

from agentflow.plan.prices import price_of
from agentflow.source.project import SourceText
from agentflow.spec.claude_agents import MODELS, read_claude_agent


def read(front: str, body: str = "Body."):
    text = f"---\nname: a\ndescription: A.\n{front}\n---\n\n{body}\n"
    return read_claude_agent(SourceText("a.md", text))


def codes(front: str) -> list[str]:
    return [problem.code for _, problem in read(front).problems]


def test_every_model_that_it_may_name_has_a_price():
    assert [name for name in MODELS.values() if price_of(name) is None] == []


@pytest.mark.parametrize(
    ("front", "tools"),
    [
        ("tools: Read, Grep", ["Read", "Grep"]),
        ("tools: [Read, 'Grep']", ["Read", "Grep"]),
        ("tools: []", []),
        ("tools: 'Bash(npm run a, b), Read'", ["Bash(npm run a, b)", "Read"]),
        ("tools: Task, Read", ["Agent", "Read"]),
        ("tools: 'Task(one), Agent(two, three)'", ["Agent(one)", "Agent(two)", "Agent(three)"]),
        ("tools: Read, Write, Edit\ndisallowedTools: Write", ["Read", "Edit"]),
        ("tools: 'Read(src/**), Write'\ndisallowedTools: [Read]", ["Write"]),
        ("tools: 'Read(a, Grep'", ["Read(a, Grep"]),
    ],
)
def test_tools_are_a_text_with_commas_or_a_list(front: str, tools: list[str]):
    found = read(front)
    assert found.problems == ()
    assert found.keys["tools"] == tools


def test_all_that_can_be_mapped_is():
    found = read("tools: Read\nmodel: opus\nmaxTurns: 3\neffort: max\ncolor: blue\nbackground: false")
    assert found.problems == ()
    assert found.keys == {
        "description": "A.",
        "tools": ["Read"],
        "model": MODELS["opus"],
        "stop": {"turns": 3},
        "effort": "max",
        "instructions": "Body.",
    }


@pytest.mark.parametrize("front", ["tools: Read", "tools: Read\nmodel: inherit"])
def test_a_model_that_is_inherited_is_left_to_the_defaults(front: str):
    assert "model" not in read(front).keys


def test_a_full_name_of_a_model_stays():
    assert read("tools: Read\nmodel: claude-opus-5-5").keys["model"] == "claude-opus-5-5"


@pytest.mark.parametrize(
    "field",
    [
        "hooks: {Stop: []}", "skills: [a]", "mcpServers: [github]", "memory: user", "background: true",
        "isolation: worktree", "initialPrompt: Go.", "whatever: 1",
    ],
)  # fmt: skip
def test_what_has_no_meaning_here_is_refused_by_its_name(field: str):
    found = read(f"tools: Read\n{field}")
    ((_, problem),) = found.problems
    assert problem.code == "AF201"
    assert (problem.place.path, problem.place.line) == ("a.md", 5)
    assert problem.hint


@pytest.mark.parametrize(
    ("front", "permissions"),
    [
        ("permissionMode: default", None),
        ("permissionMode: acceptEdits", None),
        ("permissionMode: plan", {"mode": "plan"}),
        ("permissionMode: dontAsk", {"mode": "dont_ask"}),
        ("permissionMode: bypassPermissions\ndisallowedTools: Task(a)", {"mode": "bypass", "deny": ["Agent(a)"]}),
        ("disallowedTools: 'Bash(rm *), Edit'", {"deny": ["Bash(rm *)"]}),
    ],
)
def test_modes_and_rules_that_take_back_become_permissions(front: str, permissions: object):
    found = read(f"tools: Read, Edit\n{front}")
    assert not found.problems
    assert found.keys.get("permissions") == permissions


@pytest.mark.parametrize(
    ("front", "code"),
    [
        ("", "AF202"),
        ("tools:", "AF202"),
        ("tools: 3", "AF203"),
        ("tools: [3]", "AF203"),
        ("tools: Read\nmodel: 3", "AF203"),
        ("tools: Read\nmaxTurns: 0", "AF203"),
        ("tools: Read\nmaxTurns: true", "AF203"),
        ("tools: Read\neffort: 3", "AF203"),
        ("tools: Read\ncolor: [red]", "AF203"),
        ("tools: Read\npermissionMode: auto", "AF203"),
    ],
)
def test_values_that_cannot_be_meant_are_told(front: str, code: str):
    assert codes(front) == [code]


@pytest.mark.parametrize("text", ["", "Text.", "---\nname: a\n", "--- \n", "----\nname: a\n---\n"])
def test_a_file_without_front_matter_is_told_so(text: str):
    ((key, problem),) = read_claude_agent(SourceText("a.md", text)).problems
    assert (key, problem.code, problem.place.line) == ("", "AF202", 1)


def test_lines_may_end_as_on_windows_and_the_body_may_hold_rules():
    text = "---\r\nname: a\r\ndescription: A.\r\ntools: Read\r\n---\r\nOne.\r\n\r\n---\r\n\r\nTwo.\r\n"
    found = read_claude_agent(SourceText("a.md", text))
    assert found.problems == ()
    assert found.keys["instructions"] == "One.\r\n\r\n---\r\n\r\nTwo."


def test_an_empty_body_is_no_instructions():
    assert "instructions" not in read("tools: Read", body="  ").keys


def test_places_are_those_of_the_file():
    found = read("tools: Read, Grep", body="Do it.")
    places = {way: (place.line, place.column, place.width) for way, place in found.places.items()}
    assert places["tools", 1] == (4, 14, 4)
    assert places["instructions",][:2] == (7, 1)
