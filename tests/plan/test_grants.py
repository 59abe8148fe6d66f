"""Which rules of file tools can be granted."""

import pytest

from agentflow.plan.grants import path_rule_problem


@pytest.mark.parametrize("rule", ["src/**", "./src", "*.py", "a b/c", "docs/", "..a/b"])
def test_patterns_inside_the_project_are_rules(rule: str):
    assert path_rule_problem(rule) is None


@pytest.mark.parametrize(
    "rule", ["", " ", "/etc/**", "//etc", "~/x", "../x", "a/../../b", "!a", "#a", "a\\b", "{{ inputs.x }}/**"]
)
def test_what_could_leave_the_project_or_means_something_else_is_none(rule: str):
    assert path_rule_problem(rule) is not None
