import json
import re
from pathlib import Path

import pytest

from agentflow import api
from agentflow.plan.bypass import bypass_refusals
from agentflow.plan.policies import read_policy
from agentflow.report import explain
from agentflow.report.style import Paint
from agentflow.source.codes import CODES

FOLDER = Path(explain.__file__).parent / "explanations"
PLAIN = Paint(False)
READER = """
agentflow: 1
name: reader
inputs: {folder: {type: string, format: path}}
steps:
  read: {agent: {tools: ["Read({{ inputs.folder }}/**)"]}, prompt: Read.}
"""
LONGEST = 14
"""Lines of an example: it is there to be read at one glance."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """What the examples name: a prompt, a module, a file of agents and a workflow."""
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts/greet.md").write_text("Greet Ada.\n")
    (tmp_path / "stats.py").write_text("def mean(values): ...\n")
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/greeter.yaml").write_text("agentflow: 1\nagents: {greeter: {description: Greets.}}\n")
    (tmp_path / "lib/reader.yaml").write_text(READER)
    return tmp_path


def codes_of(project: Path, example: str) -> set[str]:
    """What `run` would refuse to root on a machine without a sandbox: all that `validate` reports, AF504 and AF551."""
    (project / "workflow.yaml").write_text(example)
    if "\nusers:" in example:
        return {found.code for found in read_policy(example.encode(), "policy.yaml")[1]}
    checked = api.check_to_run(project / "workflow.yaml")
    refused = [] if checked.source is None else bypass_refusals(checked.source, as_root=True)
    return {found.code for found in (*checked.diagnostics, *refused)}


def codes_here(project: Path, example: str) -> set[str]:
    """What `validate --environment` reports."""
    (project / "workflow.yaml").write_text(example)
    return {found.code for found in api.check_environment(project / "workflow.yaml").diagnostics}


def test_there_is_one_explanation_for_each_code_and_no_other():
    assert sorted(path.name for path in FOLDER.iterdir()) == sorted(f"{code}.md" for code in CODES)


@pytest.mark.parametrize("code", CODES)
@pytest.mark.usefixtures("no_sandbox")
def test_the_wrong_example_gives_the_code_and_no_other(code: str, project: Path):
    codes = codes_here if code == "AF510" else codes_of
    assert codes(project, explain.explanation(code).wrong) == {code}


@pytest.mark.parametrize("code", CODES)
def test_the_right_example_gives_no_diagnostic_and_could_be_run(code: str, project: Path):
    codes = codes_here if code == "AF510" else codes_of
    assert codes(project, explain.explanation(code).right) == set()


@pytest.mark.usefixtures("no_sandbox")
def test_only_run_reports_a_missing_sandbox(project: Path):
    (project / "workflow.yaml").write_text(explain.explanation("AF504").wrong)
    assert api.check(project / "workflow.yaml").diagnostics == ()
    assert [found.code for found in api.check_to_run(project / "workflow.yaml").diagnostics] == ["AF504"]


def test_only_a_look_at_the_machine_reports_what_it_lacks(project: Path):
    (project / "workflow.yaml").write_text(explain.explanation("AF510").wrong)
    assert api.check_to_run(project / "workflow.yaml").diagnostics == ()


def test_bytes_that_are_no_text_have_the_code_whose_example_shows_an_escape(project: Path):
    checked = api.check(project / "workflow.yaml", b"agentflow: 1\nname: caf\xe9\n")
    assert {found.code for found in checked.diagnostics} == {"AF101"}


def test_a_file_past_the_bound_on_its_size_has_the_code_whose_example_shows_aliases(project: Path):
    checked = api.check(project / "workflow.yaml", b"#" * (2 * 1024 * 1024 + 1))
    assert {found.code for found in checked.diagnostics} == {"AF104"}


@pytest.mark.parametrize("code", CODES)
def test_an_explanation_is_short_and_begins_with_the_line_of_its_code(code: str):
    told = explain.explanation(code)
    assert told.summary == CODES[code]
    for example in (told.wrong, told.right):
        assert example.count("\n") <= LONGEST
        assert max(map(len, example.splitlines())) <= explain.WIDTH - 2
    assert told.wrong != told.right


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("columns", [40, 80, 300])
def test_paragraphs_fit_the_terminal_and_stay_readable_on_a_wide_one(code: str, columns: int):
    told = explain.explanation(code)
    before, example, _ = explain.explained(told, PLAIN, columns).partition("\n\nWrong\n")
    assert example
    assert max(map(len, before.splitlines()[1:])) <= min(columns, explain.WIDTH)
    said = f"{code}: {told.summary} {told.meaning} Why it matters {told.reason}"
    assert before.split() == said.split()


def test_the_text_has_its_parts_in_order_and_examples_as_they_are():
    told = explain.Explanation("AF301", "an unknown step", "It is not there.", "It matters.", "a:\n  b: 1\n", "a: 1\n")
    assert explain.explained(told, PLAIN, 80).splitlines() == [
        "AF301: an unknown step",
        "",
        "It is not there.",
        "",
        "Why it matters",
        "It matters.",
        "",
        "Wrong",
        "  a:",
        "    b: 1",
        "",
        "Right",
        "  a: 1",
    ]


def test_colour_adds_nothing_but_colour():
    told = explain.explanation("AF301")
    coloured = explain.explained(told, Paint(True), 80)
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == explain.explained(told, PLAIN, 80) != coloured


def test_the_list_names_every_code_once_under_its_family():
    lines = explain.code_list(PLAIN).splitlines()
    assert [line.split()[0] for line in lines if line.startswith("  ")] == list(CODES)
    assert [line for line in lines if line and not line.startswith("  ")] == [
        "Text",
        "Shape",
        "References and types",
        "Graph",
        "Safety",
        "Cost",
    ]


def test_json_has_all_that_the_text_has():
    told = explain.explanation("AF301")
    given = json.loads(explain.explanation_json(told))
    assert list(given) == ["code", "summary", "meaning", "reason", "wrong", "right"]
    assert explain.Explanation(**given) == told
    listed = json.loads(explain.code_list_json())["codes"]
    assert {entry["code"]: entry["summary"] for entry in listed} == CODES


@pytest.mark.parametrize("change", [("## Right", "## Write"), ("# AF301", "# AF302"), ("```yaml", "```"), ("# ", "")])
def test_a_text_of_another_form_is_refused(change: tuple[str, str]):
    text = (FOLDER / "AF301.md").read_text()
    assert explain.parsed("AF301", text) == explain.explanation("AF301")
    with pytest.raises(ValueError, match="the explanation of AF301"):
        explain.parsed("AF301", text.replace(*change))
