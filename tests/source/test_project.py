import os
import socket
from pathlib import Path

import pytest

from agentflow.source.diagnostics import Place
from agentflow.source.project import Problem, Project, SourceText, read_workflow


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "project"
    (root / ".git").mkdir(parents=True)
    (root / "flows" / "prompts").mkdir(parents=True)
    (root / "flows" / "w.yaml").write_text("agentflow: 1\n")
    (root / "flows" / "prompts" / "planner.md").write_bytes("Plän.\r\nThen do.\n".encode())
    (root / "top.md").write_text("top")
    (tmp_path / "secret.md").write_text("secret")
    return root


@pytest.fixture
def workflow(root):
    return root / "flows" / "w.yaml"


@pytest.fixture
def project(workflow):
    return Project.of(workflow)


def test_the_project_is_the_nearest_folder_with_git(root, workflow, project):
    assert project.root == root
    (root / "flows" / ".git").write_text("gitdir: elsewhere\n")
    assert Project.of(workflow).root == root / "flows"


def test_without_git_the_project_is_the_files_own_folder(tmp_path):
    if any((parent / ".git").exists() for parent in tmp_path.parents):
        pytest.skip("the temporary folder is inside a repository")
    assert Project.of(tmp_path / "w.yaml").root == tmp_path


def test_a_file_beside_is_read(project, workflow):
    text = project.read("prompts/planner.md", workflow)
    assert isinstance(text, SourceText)
    assert text.text == "Plän.\r\nThen do.\n"
    assert text.path == str(workflow.parent / "prompts" / "planner.md")
    assert text.place_at(12, 2) == Place(text.path, 2, 6, 2)
    assert text.place_at(2, 99) == Place(text.path, 1, 3, 3)


def test_a_file_is_shown_from_where_the_workflow_was_seen(root, monkeypatch):
    monkeypatch.chdir(root)
    workflow = Path("flows/w.yaml")
    assert Project.of(workflow).read("../top.md", workflow) == SourceText("top.md", "top")
    assert Project.of(workflow).read("./prompts/planner.md", workflow).path == "flows/prompts/planner.md"


@pytest.mark.parametrize(
    "name", ["../../secret.md", "prompts/../../../secret.md", "..", "../..", "link.md", "links/secret.md"]
)
def test_what_leaves_the_project_is_refused(root, project, workflow, name):
    (workflow.parent / "link.md").symlink_to(root.parent / "secret.md")
    (workflow.parent / "links").symlink_to(root.parent)
    problem = project.read(name, workflow)
    assert isinstance(problem, Problem)
    assert "secret" not in problem.message.replace(name, "")
    assert "leaves the project" in problem.message or name == ".."


def test_what_leaves_the_project_says_nothing_of_what_is_there(project, workflow):
    problem = project.read("../../secrets.md", workflow)
    assert "leaves the project" in problem.message
    assert "did you mean" not in problem.hint


def test_a_link_that_stays_inside_is_followed(root, project, workflow):
    (workflow.parent / "link.md").symlink_to(root / "top.md")
    assert project.read("link.md", workflow).text == "top"


def test_a_project_that_is_reached_through_a_link_is_whole(root, tmp_path):
    (tmp_path / "alias").symlink_to(root)
    workflow = tmp_path / "alias" / "flows" / "w.yaml"
    assert Project.of(workflow).read("../top.md", workflow).text == "top"


@pytest.mark.parametrize(
    "name", ["/etc/hostname", "", "a\0b", "a\nb", "\x1b[31m", "x" * 5_000, "loop.md", "prompts/planner.md/x"]
)
def test_names_that_no_file_can_have_are_refused(project, workflow, name):
    (workflow.parent / "loop.md").symlink_to("loop.md")
    problem = project.read(name, workflow)
    assert isinstance(problem, Problem)
    assert problem.hint
    assert problem.message.isprintable()


def test_folders_and_special_files_are_refused_without_waiting(project, workflow):
    os.mkfifo(workflow.parent / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(workflow.parent / "socket"))
        for name, words in [("pipe", "regular"), ("socket", "regular"), ("prompts", "folder"), (".", "folder")]:
            assert words in project.read(name, workflow).message
        for name in ("pipe", "socket", "prompts"):
            assert isinstance(read_workflow(workflow.parent / name), Problem)


def test_a_missing_file_gets_the_nearest_name(project, workflow):
    assert project.read("prompts/planer.md", workflow) == Problem(
        "`prompts/planer.md` does not exist", "did you mean `prompts/planner.md`?"
    )
    assert "folder `promts`" in project.read("promts/planner.md", workflow).hint
    assert "create it" in project.read("qqq", workflow).hint


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"x" * (1024 * 1024 + 1), "longer"), (b"ab\xff", "0xFF at 2"), (b"a\n\0", "NUL at line 2")],
)
def test_what_is_no_text_is_refused(project, workflow, content, words):
    (workflow.parent / "x.md").write_bytes(content)
    assert words in project.read("x.md", workflow).message


def test_a_text_may_be_a_mebibyte_and_begin_with_a_byte_order_mark(project, workflow):
    (workflow.parent / "x.md").write_bytes(b"\xef\xbb\xbf" + b"x" * (1024 * 1024 - 3))
    assert project.read("x.md", workflow).text == "x" * (1024 * 1024 - 3)


def test_a_workflow_file_is_read_as_bytes(workflow):
    assert read_workflow(workflow) == b"agentflow: 1\n"


def test_a_workflow_file_that_is_missing_or_too_long_is_refused(workflow):
    missing = read_workflow(workflow.with_name("v.yaml"))
    assert "does not exist" in missing.message
    assert "w.yaml`?" in missing.hint
    workflow.write_bytes(b"#" * (2 * 1024 * 1024 + 1))
    assert "longer" in read_workflow(workflow).message


def test_paths_are_shown_from_the_root(root, project, tmp_path):
    assert project.relative(root / "flows" / "w.yaml") == "flows/w.yaml"
    assert project.relative(tmp_path / "secret.md") == str(tmp_path / "secret.md")
