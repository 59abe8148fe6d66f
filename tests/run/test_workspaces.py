"""Whose files a step works on, told by the plan and its path alone."""

import re

import pytest

from agentflow.events.values import Workspace
from agentflow.run.state import RunState
from agentflow.run.workspaces import workspace_named, workspace_of
from tests.builders import Run

TREE = """
agents:
  lone: {workspace: worktree}
steps:
  plain: {run: [make]}
  own: {run: [make], workspace: copy}
  lone: {agent: lone, prompt: Go}
  here: {agent: lone, prompt: Go, workspace: shared}
  on: {agent: lone, prompt: More, session: {continue: lone}}
  box:
    workspace: worktree
    steps:
      in: {run: [make]}
      deeper: {steps: {shared: {run: [make], workspace: shared}, mine: {run: [make], workspace: copy}}}
  each:
    for_each: "['a', 'b']"
    workspace: copy
    step: {run: [make]}
"""


def folder(state: RunState, path: str) -> str | None:
    found = workspace_of(state, path)
    return None if found is None else found.folder.rpartition("/")[2]


def test_a_step_works_on_its_own_files_its_blocks_or_the_projects():
    run = Run(TREE)
    assert workspace_of(run.state, "own") == Workspace("copy", ".agentflow/workspaces/run-1/own")
    found = {path: folder(run.state, path) for path in run.started if path != "on"}
    assert found == {
        "plain": None,
        "own": "own",
        "lone": None,  # what its agent says is its session's
        "here": None,
        "box.in": "box",
        "box.deeper.shared": "box",
        "box.deeper.mine": "box-deeper-mine",
        "each[0].step": "each-0",
        "each[1].step": "each-1",
    }


def test_a_session_works_where_its_step_or_else_its_agent_says():
    run = Run(TREE)
    branch = "agentflow/run-1/lone"
    assert run.actions["lone"].workspace == Workspace("worktree", ".agentflow/workspaces/run-1/lone", branch)
    assert run.actions["here"].workspace is None


def test_a_session_that_goes_on_stays_where_it_was():
    run = Run(TREE)
    run.finish("lone", "done")
    assert run.actions["on"].workspace == run.actions["lone"].workspace


@pytest.mark.parametrize(
    "key",
    [
        "a",
        "A",
        "a.lock",
        "x[3].f",
        "x.f",
        "x_f",
        "a/toolu_1",
        "a/../../b",
        "a/..",
        "a" * 300,
        "a" * 301,
        "é",
        "~",
        "\ud800",
    ],
)
def test_a_folder_and_a_branch_can_be_called_so_whatever_the_key(key):
    found = workspace_named("run-1", "worktree", key)
    assert found is not None
    name = found.folder.removeprefix(".agentflow/workspaces/run-1/")
    assert re.fullmatch(r"[a-z0-9_-]{1,120}", name)
    assert found.branch == f"agentflow/run-1/{name}"


def test_no_two_keys_share_a_folder_also_where_case_does_not_count():
    keys = ["a", "A", "a.b", "a_b", "a[0].b", "a[0]", "a/b", "a/b/c", "a/b-c", "a" * 300, "a" * 301]
    found = [workspace_named("run-1", "copy", key) for key in keys]
    assert len({one.folder.lower() for one in found if one is not None}) == len(keys)


def test_shared_is_no_workspace():
    assert workspace_named("run-1", "shared", "a") is None
