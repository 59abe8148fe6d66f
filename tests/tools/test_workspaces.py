"""A workspace is a whole copy or worktree, made once, that leads nowhere else; or it is told why there is none."""

import asyncio
import os
import subprocess
from pathlib import Path

import pytest

from agentflow.events.values import Workspace
from agentflow.tools import workspaces
from agentflow.tools.files import read, write
from agentflow.tools.port import ToolContext
from agentflow.tools.sandbox.placeholders import Placeholders
from agentflow.tools.workspaces import WorkspaceError, make_workspace, remove_workspaces

COPY = Workspace("copy", ".agentflow/workspaces/run-1/own")
TREE = Workspace("worktree", ".agentflow/workspaces/run-1/own", "agentflow/run-1/own")


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    done = subprocess.run(["git", *who, *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture
def repository(project: Path) -> Path:
    git(project, "init", "--quiet", "--initial-branch=main")
    (project / "kept.txt").write_text("as it was committed")
    git(project, "add", ".")
    git(project, "commit", "--quiet", "--message=First")
    (project / "kept.txt").write_text("changed since")
    (project / "unknown.txt").write_text("not known to git")
    return project


def names_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


async def test_a_copy_has_all_of_the_project_but_git_and_agentflow(project):
    for name in ("a.txt", "src/b.py", ".git/config", "sub/.git/config", ".agentflow/journal.db", ".hidden"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(name)
    (project / "a.txt").chmod(0o750)
    os.utime(project / "a.txt", (1_000_000, 1_000_000))
    folder = await make_workspace(project, COPY)
    assert folder == project / COPY.folder
    assert names_in(folder) == [".hidden", "a.txt", "src", "src/b.py", "sub"]
    assert (folder / "a.txt").read_text() == "a.txt"
    assert (folder / "a.txt").stat().st_mode & 0o777 == 0o750
    assert (folder / "a.txt").stat().st_mtime == 1_000_000
    assert (project / ".agentflow/workspaces/run-1").stat().st_mode & 0o777 == 0o700


async def test_a_project_without_a_journal_keeps_workspaces_out_of_its_history(project):
    await make_workspace(project, COPY)
    assert (project / ".agentflow/.gitignore").read_text() == "*\n"
    assert (project / ".agentflow").stat().st_mode & 0o777 == 0o700


async def test_links_stay_links_and_those_into_the_project_stay_in_the_copy(project, tmp_path):
    (project / "src").mkdir()
    (project / "a.txt").write_text("a")
    (tmp_path / "outside").write_text("out")
    (project / "src/near").symlink_to("../a.txt")
    (project / "src/whole").symlink_to(project / "a.txt")
    (project / "src/out").symlink_to(tmp_path / "outside")
    (project / "folder").symlink_to(project / "src")
    folder = await make_workspace(project, COPY)
    assert {name: os.readlink(folder / name) for name in ("src/near", "src/whole", "src/out", "folder")} == {
        "src/near": "../a.txt",
        "src/whole": "../a.txt",
        "src/out": str(tmp_path / "outside"),
        "folder": "src",
    }
    context = ToolContext(folder, (), {}, "key", True)
    await write({"file_path": "src/whole", "content": "changed"}, context)
    assert (project / "a.txt").read_text() == "a"
    for name in ("src/out", str(project / "a.txt"), "../../../../a.txt"):
        assert (await read({"file_path": name}, context)).is_error


async def test_what_stands_in_for_the_missing_while_a_command_runs_is_left_out(project):
    (project / "out").mkdir()
    (project / ".idea").mkdir()
    missing = [(project / ".envrc", "file"), (project / ".vscode", "folder"), (project / "out/.git", "folder")]
    missing += [(project / ".bashrc", "file")]
    release = Placeholders(project).hold(missing)
    (project / ".bashrc").write_text("somebody's own since")
    folder = await make_workspace(project, COPY)
    release()
    assert (folder / ".idea").is_dir()
    assert (folder / ".bashrc").read_text() == "somebody's own since"
    assert not (folder / ".envrc").exists()
    assert not (folder / ".vscode").exists()


async def test_what_is_no_file_is_left_out(project):
    os.mkfifo(project / "pipe")
    (project / "a").write_text("a")
    assert names_in(await make_workspace(project, COPY)) == ["a"]


@pytest.mark.parametrize(
    ("bound", "value", "told"),
    [("MAX_BYTES", 10, "over 0 MB"), ("MAX_ENTRIES", 2, "over 2 files"), ("MAX_DEPTH", 1, "nested too deeply")],
)
async def test_a_project_past_a_bound_is_refused_and_nothing_half_is_taken_for_a_copy(
    project, monkeypatch, bound, value, told
):
    (project / "one/two/three").mkdir(parents=True)
    (project / "one/large").write_text("x" * 100)
    monkeypatch.setattr(workspaces, bound, value)
    with pytest.raises(WorkspaceError, match=told):
        await make_workspace(project, COPY)
    monkeypatch.undo()
    assert names_in(await make_workspace(project, COPY)) == ["one", "one/large", "one/two", "one/two/three"]


async def test_what_a_crash_left_half_made_is_made_anew_and_what_is_whole_is_kept(project):
    (project / "a").write_text("a")
    (project / COPY.folder).mkdir(parents=True)
    (project / COPY.folder / "half").write_text("of a copy")
    folder = await make_workspace(project, COPY)
    assert names_in(folder) == ["a"]
    (folder / "a").write_text("worked on")
    assert (await make_workspace(project, COPY) / "a").read_text() == "worked on"


async def test_a_workspace_that_somebody_removed_is_told_and_not_made_again(project):
    folder = await make_workspace(project, COPY)
    folder.rmdir()
    with pytest.raises(WorkspaceError, match="was made and is not there any more"):
        await make_workspace(project, COPY)


async def test_a_link_in_place_of_the_folder_is_refused(project, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (project / ".agentflow").mkdir()
    (project / ".agentflow/workspaces").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(WorkspaceError, match="leads elsewhere"):
        await make_workspace(project, COPY)


async def test_a_cancelled_copy_is_none(project):
    for number in range(200):
        (project / str(number)).write_text("x")
    copying = asyncio.create_task(make_workspace(project, COPY))
    await asyncio.sleep(0)
    copying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await copying
    assert len(names_in(await make_workspace(project, COPY))) == 200


async def test_a_worktree_has_the_last_commit_on_a_branch_of_its_own(repository):
    folder = await make_workspace(repository, TREE)
    assert (folder / "kept.txt").read_text() == "as it was committed"
    assert not (folder / "unknown.txt").exists()
    assert git(folder, "branch", "--show-current").strip() == "agentflow/run-1/own"
    assert (repository / "kept.txt").read_text() == "changed since"
    assert await make_workspace(repository, TREE) == folder


async def test_a_worktree_that_a_crash_left_half_made_is_made_anew(repository):
    folder = await make_workspace(repository, TREE)
    folder.with_name("own.json").unlink()
    (folder / "kept.txt").write_text("half")
    assert (await make_workspace(repository, TREE) / "kept.txt").read_text() == "as it was committed"


async def test_the_hooks_of_the_repository_do_not_run(repository):
    hook = repository / ".git/hooks/post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {repository}/hooked\n")
    hook.chmod(0o755)
    await make_workspace(repository, TREE)
    assert not (repository / "hooked").exists()


async def test_a_project_that_is_no_repository_or_has_no_commit_is_told(project):
    with pytest.raises(WorkspaceError, match="wants a git repository"):
        await make_workspace(project, TREE)
    git(project, "init", "--quiet")
    with pytest.raises(WorkspaceError, match="git cannot make the worktree") as told:
        await make_workspace(project, TREE)
    assert told.value.hint == "see that there is a commit to begin from"


async def test_removing_takes_the_folder_and_branches_without_commits_of_their_own(repository):
    first = await make_workspace(repository, TREE)
    other = Workspace("worktree", ".agentflow/workspaces/run-1/other", "agentflow/run-1/other")
    second = await make_workspace(repository, other)
    (second / "new.txt").write_text("work")
    git(second, "add", ".")
    git(second, "commit", "--quiet", "--message=Work")
    kept = await make_workspace(repository, Workspace("copy", ".agentflow/workspaces/run-2/own"))
    await remove_workspaces(repository, "run-1")
    assert not first.exists()
    assert not second.exists()
    assert kept.exists()
    assert git(repository, "branch", "--format=%(refname:short)").split() == ["agentflow/run-1/other", "main"]
    assert len(git(repository, "worktree", "list").splitlines()) == 1


async def test_removing_what_is_not_there_does_nothing(project):
    await remove_workspaces(project, "run-1")
    await remove_workspaces(project, "../..")
    assert project.is_dir()
