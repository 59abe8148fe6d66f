"""Names, grants and defaults that nothing uses."""

import pytest


def warnings(compiled, text: str) -> list[tuple[str, int]]:
    _, diagnostics = compiled(text)
    assert all(found.severity == "warning" and found.hint for found in diagnostics), diagnostics
    return [(found.message, found.place.line) for found in diagnostics]


def test_defaults_without_an_agent_are_used_by_nothing(compiled):
    text = "defaults: {model: claude-sonnet-5-5, effort: low}\nsteps:\n  a: {value: run.id}\n"
    assert warnings(compiled, text) == [
        ("`defaults.model` is used by nothing: there is no agent", 3),
        ("`defaults.effort` is used by nothing: there is no agent", 3),
    ]


def test_a_default_that_one_agent_takes_is_used(compiled):
    text = """
        defaults: {effort: low}
        steps:
          a: {agent: {effort: high}, prompt: Hi}
          b: {for_each: "[1]", step: {agent: {}, prompt: Hi}}
    """
    assert warnings(compiled, text) == []


@pytest.mark.parametrize(
    ("tools", "messages"),
    [
        ("Read, Read(x)", ["`Read(x)` adds nothing, since `Read` is granted whole"]),
        ("Read(x), Read", ["`Read(x)` adds nothing, since `Read` is granted whole"]),
        ("Read(x), Read(x)", ["`Read(x)` is granted twice"]),
        ("Agent, Agent(other)", ["`Agent(other)` adds nothing, since `Agent` is granted whole"]),
        ("Read(x), Read(y), Grep, Agent(other)", []),
    ],
)
def test_a_grant_that_another_one_covers_adds_nothing(compiled, tools: str, messages: list[str]):
    text = f"""
        agents:
          other: {{description: Works.}}
        steps:
          a: {{agent: {{tools: [{tools}]}}, prompt: Hi}}
          b: {{agent: other, prompt: Hi}}
    """
    assert [message for message, _ in warnings(compiled, text)] == messages


def test_a_secret_that_only_a_tool_reads_is_used(compiled):
    text = """
        secrets: [A, B]
        tools:
          t: {description: Does it., run: [x], env: {K: "{{ secrets.B }}"}, effects: none}
        steps:
          a: {agent: {tools: [t]}, prompt: Hi}
    """
    assert warnings(compiled, text) == [("secret `A` is used by nothing", 4)]
