"""Agents that may write the same files at the same time are told of, and no others."""

import pytest

AGENTS = """
agents:
  reader: {tools: [Read]}
  writer: {description: Writes., tools: [Write]}
  docs: {tools: ["Edit(docs/**)", "Write(docs/new/*.md)"]}
  src: {tools: ["Edit(src/**)"]}
  named: {tools: ["Edit(*.md)"]}
  lone: {description: Writes., tools: [Bash], workspace: copy}
  lead: {tools: ["Agent(lone)"]}
"""


@pytest.fixture
def warned(compiled):
    """The codes and first words of the warnings on workspaces."""

    def warnings_of(steps: str, agents: str = AGENTS) -> list[str]:
        _, diagnostics = compiled(f"{agents}\nsteps:\n{steps}")
        assert [found for found in diagnostics if found.severity == "error"] == []
        return [found.message for found in diagnostics if found.code == "AF512"]

    return warnings_of


def two(first: str, second: str, more: str = "") -> str:
    return f"  a: {{agent: {first}, prompt: Go}}\n  b: {{agent: {second}, prompt: Go{more}}}\n"


@pytest.mark.parametrize(
    ("first", "second", "meet"),
    [
        ("writer", "writer", True),
        ("writer", "src", True),
        ("docs", "named", True),
        ("docs", "src", False),
        ("writer", "reader", False),
        ("writer", "lone", False),
        ("writer", "lead", False),
    ],
)
def test_siblings_are_told_of_where_what_they_may_write_overlaps(warned, first, second, meet):
    assert len(warned(two(first, second))) == meet


@pytest.mark.parametrize(
    "more",
    [
        ", needs: [a]",
        ", when: \"steps.a.status == 'done'\"",
        ", workspace: copy",
        ", workspace: worktree",
    ],
)
def test_one_after_the_other_or_apart_is_well(warned, more):
    assert warned(two("writer", "writer", more)) == []


def test_waiting_counts_through_steps_between(warned):
    between = "  m: {value: steps.a.output}\n  b: {agent: writer, prompt: '{{ steps.m.output }}'}\n"
    assert warned("  a: {agent: writer, prompt: Go}\n" + between) == []


def test_what_is_inside_blocks_counts_beside_them(warned):
    steps = "  box: {steps: {in: {steps: {a: {agent: writer, prompt: Go}}}}%s}\n  b: {agent: writer, prompt: Go}\n"
    assert warned(steps % "") == ["`b` and `box` may run at the same time, and both may write the same files"]
    assert warned(steps % ", workspace: copy") == []


def test_the_cases_of_a_choice_never_run_side_by_side_but_beside_other_steps(warned):
    write = "agent: writer, prompt: go"
    choice = f"  c: {{choose: [{{when: 'run.attempt == 1', {write}}}], otherwise: {{{write}}}}}\n"
    assert warned(choice) == []
    assert len(warned(f"{choice}  d: {{{write}}}\n")) == 1


def test_steps_that_share_a_blocks_workspace_still_meet_in_it(warned):
    inside = "{a: {agent: writer, prompt: Go}, b: {agent: writer, prompt: Go}}"
    assert len(warned(f"  box: {{workspace: copy, steps: {inside}}}\n")) == 1


def test_a_session_that_goes_on_is_where_the_one_before_it_was(warned):
    more = "  c: {agent: writer, prompt: Go, session: {continue: a}%s}\n"
    steps = "  a: {agent: writer, prompt: Go, workspace: copy}\n  b: {agent: writer, prompt: Go}\n"
    assert warned(steps + more % "") == []
    assert len(warned(steps + more % ", workspace: shared")) == 1


def test_items_at_work_at_once_are_told_of(warned):
    loop = "  a: {for_each: '[1, 2]', step: {agent: writer, prompt: '{{ item }}'}%s}\n"
    assert len(warned(loop % "")) == 1
    assert warned(loop % ", parallel: 1") == []
    assert warned(loop % ", workspace: copy") == []


def test_subagents_of_one_reply_are_told_of_however_deep(warned):
    agents = """
agents:
  top: {tools: ["Agent(mid)"]}
  mid: {description: d, tools: ["Agent(low)"]}
  low: {description: d, tools: [Write]%s}
"""
    step = "  a: {agent: top, prompt: Go}\n"
    assert sorted(told.split("`")[1] for told in warned(step, agents % "")) == ["low", "mid"]
    assert warned(step, agents % ", workspace: copy") == []


def test_many_agents_that_call_one_another_are_looked_through_at_once(compiled):
    names = [f"a{number}" for number in range(40)]
    granted = ", ".join(f'"Agent({name})"' for name in names)
    agents = "\n".join(f"  {name}: {{description: d, tools: [{granted}, Write]}}" for name in names)
    _, diagnostics = compiled(f"agents:\n{agents}\nsteps: {{a: {{agent: a0, prompt: Go}}}}\n")
    assert len([found for found in diagnostics if found.code == "AF512"]) == 39


def test_more_folders_than_are_compared_hide_no_writer_of_all(warned):
    rules = ", ".join(f'"Write(p{number}/**)"' for number in range(100))
    agents = f"\nagents:\n  many: {{tools: [{rules}]}}\n  writer: {{tools: [Write]}}\n"
    assert len(warned(two("many", "writer"), agents)) == 1
