"""Skills of agents: what a folder must hold, and what the file must say to use one."""

import pytest

from agentflow.plan.compile import to_plan
from agentflow.spec.load import load
from agentflow.spec.sources import stored
from tests.builders import workflow

GOOD = "---\nname: notes\ndescription: How notes are written.\nlicense: MIT\n---\nWrite three lines.\n"


def problems_of(agent: str, skill: str | None = GOOD) -> list[tuple[str, str, str]]:
    files = {} if skill is None else {"skills/notes/SKILL.md": skill, "skills/same/SKILL.md": skill}
    text = workflow(f"agents: {{a: {agent}}}\nsteps: {{s: {{agent: a, prompt: go}}}}\n")
    source, problems = load(text, "test.yaml", stored(files, "test.yaml"))
    assert source is not None
    _, more = to_plan(source)
    return [(problem.code, problem.message, problem.place.path) for problem in (*problems, *more)]


def test_a_skill_that_is_whole_is_no_problem():
    assert problems_of("{tools: [Skill], skills: [skills/notes]}") == []
    assert problems_of("{tools: [Skill(notes)], skills: [skills/notes/]}") == []


@pytest.mark.parametrize(
    ("agent", "code", "said"),
    [
        ("{skills: [skills/notes]}", "AF309", "no tool `Skill`"),
        ("{tools: [Skill]}", "AF309", "no skills"),
        ("{tools: [Skill(note)], skills: [skills/notes]}", "AF309", "no skill `note`"),
        ("{tools: [Skill], skills: [skills/notes, skills/same]}", "AF205", "two skills `notes`"),
        ("{tools: [Skill], skills: [skills/none]}", "AF106", "skills/none/SKILL.md"),
        ("{tools: [Skill], skills: [../out]}", "AF106", ""),
        ("{tools: [Skill], skills: [3]}", "AF203", ""),
        ("{tools: [ToolSearch, Read]}", "AF309", "finds the file's own tools"),
    ],
)
def test_what_the_agent_says_wrongly_is_told_at_the_agent(agent, code, said):
    found = problems_of(agent)
    assert [(each, path) for each, _, path in found] == [(code, "test.yaml")]
    assert said in found[0][1]


@pytest.mark.parametrize(
    ("skill", "code", "said"),
    [
        ("Write three lines.", "AF202", "a skill begins with front matter"),
        ("---\nname: notes\n---\nx", "AF202", "lacks `description`"),
        ("---\ndescription: d\n---\nx", "AF202", "lacks `name`"),
        ("---\nname: [a]\ndescription: d\n---\nx", "AF203", "`name` must be text"),
        ("---\nname: notes\ndescription: d\n---\n", "AF202", "says nothing"),
        ("---\nname: notes\ndescription: d\nhooks: {}\n---\nx", "AF201", "`hooks` of a skill"),
        ("---\nname: notes\ndescription: d\nlicence: MIT\n---\nx", "AF201", "does not take `licence`"),
        ("---\nname: notes\ndescription: " + "d" * 1_025 + "\n---\nx", "AF203", "1,024 are the most"),
        ("---\nname: 'notes\n---\nx", "AF102", ""),
        ("---\n- a\n---\nx", "AF203", "must be a mapping"),
    ],
)
def test_what_a_skill_says_wrongly_is_told_in_its_file(skill, code, said):
    found = problems_of("{tools: [Skill], skills: [skills/notes]}", skill)
    assert [(each, path) for each, _, path in found] == [(code, "skills/notes/SKILL.md")]
    assert said in found[0][1]
