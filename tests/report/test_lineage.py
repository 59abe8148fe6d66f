"""What is told of a run that goes on from another."""

import pytest

from agentflow.events.values import Lineage
from agentflow.report.lineage import fates_json, fates_text, lineage_json, lineage_text, widened
from agentflow.report.plan_json import plan_json
from agentflow.report.style import Paint
from agentflow.run.reuse import Fate
from tests.builders import plan_of


@pytest.mark.parametrize(
    ("lineage", "said"),
    [
        (Lineage("r1", "fork"), "goes on from run r1, from where it failed"),
        (Lineage("r1", "fork", ("a", "b[1].c")), "goes on from run r1, from a, b[1].c"),
        (Lineage("r1", "edited"), "goes on from run r1, whose file was edited"),
        (Lineage("r1", "session", session="a/x"), "carries on session a/x of run r1"),
        (Lineage("r1", "session", session="a", turn=2), "carries on session a of run r1, up to turn 2"),
        (Lineage("r\x1b[31m", "fork", ("a\nb",)), "goes on from run r␛[31m, from a b"),
    ],
)
def test_where_a_run_comes_from_is_told_in_a_line(lineage: Lineage, said: str):
    assert lineage_text(lineage) == said


def test_programs_are_told_the_same():
    assert lineage_json(None) is None
    told = lineage_json(Lineage("r1", "fork", ("a",)))
    assert told == {"run": "r1", "how": "fork", "steps": ["a"], "session": None, "turn": None}
    fates = [Fate("a", reused=True), Fate("b", reused=False, why="it failed", inside=2)]
    assert fates_json("r1", fates, ["x"])["widened"] == ["x"]
    assert list(fates_text(fates, Paint(False))) == ["  reused  a", "  runs    b: it failed (2 steps inside reused)"]


BEFORE = """
secrets: [TOKEN]
agents: {a: {description: a, tools: ["Read(src/**)"]}, b: {description: b}}
steps:
  one: {agent: a, prompt: go}
  two: {agent: b, prompt: go}
  three: {run: [ls, -l], env: {T: "{{ secrets.TOKEN }}"}}
"""


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("go", "go on", []),
        ("Read(src/**)", "Read(**)", ["agent a may use Read(**)"]),
        ('tools: ["Read(src/**)"]', "tools: []", []),
        (
            "{description: b}",
            '{description: b, tools: ["Agent(a)"]}',
            ["agent b may call agent a"],
        ),
        ("[ls, -l]", "[rm, -r]", ["step three runs: rm -r"]),
        (
            "steps:",
            "steps:\n  four: {run: [date]}",
            ["step four runs: date", "the command of step four may reach any host"],
        ),
    ],
)
def test_what_an_edit_lets_a_file_do_is_named(old: str, new: str, expected: list[str]):
    before, after = plan_json(plan_of(BEFORE), {}), plan_json(plan_of(BEFORE.replace(old, new)), {})
    assert widened(before, after) == expected
