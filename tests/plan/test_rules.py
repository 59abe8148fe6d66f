"""Which rules of file tools can be granted, and what an input in one comes to."""

import pathspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.plan.rules import inputs_of, path_rule_problem, resolved

INPUTS = {"folder": {"type": "string", "format": "path"}, "word": {"type": "string"}}


@pytest.mark.parametrize("rule", ["src/**", "./src", "*.py", "a b/c", "docs/", "..a/b", "{{ inputs.folder }}/**"])
def test_patterns_inside_the_project_are_rules(rule: str):
    assert path_rule_problem(rule, INPUTS) is None


@pytest.mark.parametrize("rule", ["", " ", "/etc/**", "//etc", "~/x", "../x", "a/../../b", "!a", "#a", "a\\b"])
def test_what_could_leave_the_project_or_means_something_else_is_none(rule: str):
    assert path_rule_problem(rule, INPUTS) is not None


@pytest.mark.parametrize(
    "rule", ["{{ inputs.word }}/**", "{{ inputs.none }}/**", "{{ inputs.folder | lower }}/**", "{{ steps.a.output }}"]
)
def test_only_an_input_that_is_a_path_may_stand_in_a_rule(rule: str):
    assert path_rule_problem(rule, INPUTS) is not None


def test_an_input_in_a_rule_is_used():
    assert list(inputs_of("{{ inputs.folder }}/{{inputs.other}}")) == ["folder", "other"]


@pytest.mark.parametrize(
    ("folder", "covered", "not_covered"),
    [
        ("docs", "docs/a.md", "src/docs/a.md"),
        ("docs/", "docs/a.md", "a.md"),
        ("./docs/../notes", "notes/a.md", "docs/a.md"),
        ("a*", "a*/x", "ab/x"),
        ("!a", "!a/x", "b/x"),
    ],
)
def test_an_input_in_a_rule_is_a_path_and_no_pattern(folder: str, covered: str, not_covered: str):
    rules = pathspec.GitIgnoreSpec.from_lines(resolved(("{{ inputs.folder }}/**",), {"folder": folder}))
    assert rules.match_file(covered)
    assert not rules.match_file(not_covered)


@given(st.text(alphabet="ab*?[]!#\\ .", min_size=1, max_size=6).filter(lambda name: name.strip(" .")))
def test_whatever_a_folder_is_called_its_files_are_covered_and_its_neighbours_are_not(name: str):
    rules = pathspec.GitIgnoreSpec.from_lines(resolved(("{{ inputs.folder }}/**",), {"folder": f"in/{name}"}))
    assert rules.match_file(f"in/{name}/file")
    assert not rules.match_file("in/neighbour/file")
