"""Every file of `tests/examples` gives exactly the diagnostics that it names in its first lines, or none."""

import re
from pathlib import Path

import pytest

from agentflow.plan.compile import to_plan
from agentflow.source.codes import CODES
from agentflow.source.project import Project
from agentflow.spec.load import load

EXAMPLES = Path(__file__).parent.parent / "examples"
VALID = sorted([*(EXAMPLES / "valid").glob("*.yaml"), *(EXAMPLES / "valid" / "rewritten").glob("*.yaml")])
INVALID = sorted((EXAMPLES / "invalid").glob("*.yaml"))
VALID_FOLDERS = sorted((EXAMPLES / "valid").glob("*/main.yaml"))
INVALID_FOLDERS = sorted((EXAMPLES / "invalid").glob("*/main.yaml"))
NAMED = re.compile(r"# (AF\d{3}) (?:(\S+\.\w+):)?(\d+):(\d+)")
# A file of text cannot show the first, one of readable size not the second; a run refuses
# AF504 and AF551, and a machine AF510, not a file.
NOT_IN_FILES = {"AF101", "AF104", "AF318", "AF504", "AF510", "AF551"}


def diagnostics_of(path: Path):
    project = Project.of(path)
    source, found = load(path.read_bytes(), str(path), lambda name: project.read(name, path))
    if source is None:
        return None, found
    plan, more = to_plan(source)
    return plan, [*found, *more]


def named_in(path: Path) -> list[tuple[str, int, int]]:
    lines = path.read_text().splitlines()
    named = []
    for line in lines:
        match = NAMED.fullmatch(line)
        if match is None:
            break
        named.append((match[1], int(match[3]), int(match[4])))
    return named


def named_by_file(path: Path) -> list[tuple[str, str, int, int]]:
    """What the first lines of `main.yaml` name, each with the file that it must be told in."""
    matches = [NAMED.fullmatch(line) for line in path.read_text().splitlines()]
    return [(match[1], match[2] or path.name, int(match[3]), int(match[4])) for match in matches if match is not None]


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_a_valid_example_becomes_a_plan_without_a_word(path: Path):
    plan, diagnostics = diagnostics_of(path)
    assert diagnostics == []
    assert plan is not None


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_an_invalid_example_gives_exactly_what_it_names(path: Path):
    _, diagnostics = diagnostics_of(path)
    found = sorted((found.code, found.place.line, found.place.column) for found in diagnostics)
    assert found == sorted(named_in(path))
    assert found


@pytest.mark.parametrize("path", VALID_FOLDERS, ids=lambda path: path.parent.name)
def test_valid_files_that_use_each_other_become_a_plan_without_a_word(path: Path):
    plan, diagnostics = diagnostics_of(path)
    assert diagnostics == []
    assert plan is not None


@pytest.mark.parametrize("path", INVALID_FOLDERS, ids=lambda path: path.parent.name)
def test_invalid_files_that_use_each_other_give_exactly_what_they_name_each_in_its_place(path: Path):
    plan, diagnostics = diagnostics_of(path)
    found = [
        (one.code, Path(one.place.path).relative_to(path.parent).as_posix(), one.place.line, one.place.column)
        for one in diagnostics
    ]
    assert sorted(found) == sorted(named_by_file(path))
    assert found
    if any(one.severity == "error" and one.code >= "AF3" for one in diagnostics):
        assert plan is None


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_an_example_with_an_error_of_references_graph_safety_or_cost_has_no_plan(path: Path):
    plan, diagnostics = diagnostics_of(path)
    if any(found.severity == "error" and found.code >= "AF3" for found in diagnostics):
        assert plan is None


def test_the_examples_cover_every_code():
    covered = {code for path in (*INVALID, *INVALID_FOLDERS) for code, *_ in named_by_file(path)}
    assert set(CODES) - covered <= NOT_IN_FILES


def test_there_are_enough_examples():
    assert len(INVALID) >= 40
    assert len(VALID) >= 8
