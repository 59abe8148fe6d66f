"""What stays as it is in a folder that a file grants, present or not, and what is left on the host."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from agentflow.tools.command import Command, CommandNotStarted, run_command
from agentflow.tools.removing import remove_folder
from agentflow.tools.sandbox.bubblewrap import Bubblewrap
from agentflow.tools.sandbox.placeholders import Placeholders

ALL = (".",)
MISSING = (
    ".git", ".envrc", ".vscode", ".idea", ".cursor", ".claude", ".mcp.json", ".bashrc", ".profile", ".zshrc",
    ".pre-commit-config.yaml", ".husky", ".gitmodules",
)  # fmt: skip
ATTACKS = {
    "write a hook": "echo x >.git/hooks/post-checkout && echo ESCAPED",
    "write git's configuration": "echo '[core] fsmonitor = x' >>.git/config && echo ESCAPED",
    "set git's configuration by git": "git config core.fsmonitor x && echo ESCAPED; git config core.hooksPath out && echo ESCAPED",
    "rename the repository": "mv .git other && echo ESCAPED; mv -T .git out/git && echo ESCAPED",
    "remove the repository": "rm -rf .git; [ -e .git/HEAD ] || echo ESCAPED",
    "put a link in the place of the repository": "ln -sfn /tmp .git && [ -L .git ] && echo ESCAPED",
    "swap the repository by exchanging names": "mkdir o; python3 -c \"import ctypes; print('ESCAPED' if ctypes.CDLL(None).syscall(316,-100,b'.git',-100,b'o',2)==0 else '')\"; rmdir o",
    "write through a link to a hook": "ln -s .git/hooks l; echo x >l/pre-commit && echo ESCAPED; rm l",
    "write through another name of a hook": "ln .git/config c && echo x >>c && echo ESCAPED; true",
    "open the folder of hooks for others": "chmod 777 .git/hooks && echo ESCAPED",
    "commit by a hook of its own": "echo x >.git/hooks/pre-commit; git -c core.hooksPath=/tmp commit -qm x --allow-empty && echo ESCAPED",
    "change the workflow": "echo x >>flow.yaml && echo ESCAPED; rm flow.yaml && echo ESCAPED; mv flow.yaml f && echo ESCAPED",
    "replace the workflow by a rename": "cp flow.yaml f; mv -f f flow.yaml && echo ESCAPED; rm -f f",
    "reach agentflow's own folder": "echo x >.agentflow/x && echo ESCAPED; mv .agentflow a && echo ESCAPED; rm -rf .agentflow && echo ESCAPED",
    "write a repository further down": "echo x >lib/dep/.git/config && echo ESCAPED",
    "rename what is around a repository further down": "mv lib/dep lib/other && echo ESCAPED; mv lib other && echo ESCAPED",
    "remove what is around a repository further down": "rm -rf lib; [ -e lib/dep/.git/config ] || echo ESCAPED",
}  # fmt: skip


@pytest.fixture
def repository(world):
    """With a repository inside the project's own."""
    inner = world.project / "lib/dep/.git"
    inner.mkdir(parents=True)
    (inner / "config").write_text("[core]\n")
    owner = os.stat(world.project)
    for path in (world.project / "lib", world.project / "lib/dep", inner, inner / "config"):
        os.chown(path, owner.st_uid, owner.st_gid)
    return world


def content(folder: Path) -> dict[str, bytes]:
    """What its files hold, but for the list of what stands in for the missing."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path): path.read_bytes() for path in files if path != folder / ".agentflow/sandbox"}


@pytest.mark.parametrize("script", ATTACKS.values(), ids=ATTACKS)
async def test_with_the_whole_project_granted_a_command_cannot(repository, script):
    world = repository
    before = content(world.project)
    result = await world.run(f"{script}; echo tried", write=ALL)
    assert "tried" in result.stdout, result.stderr
    assert "ESCAPED" not in result.stdout, result.stdout
    assert content(world.project) == before


@pytest.mark.parametrize("name", MISSING)
async def test_what_is_not_there_cannot_be_made(world, name):
    if name == ".git":
        subprocess.run(["rm", "-rf", str(world.project / ".git")], check=True)
    script = (
        f"rm -rf {name}; mkdir -p {name} && echo x >{name}/config && echo ESCAPED; echo x >{name} && echo ESCAPED; "
        f"mkdir new; mv -T new {name} && echo ESCAPED; ln -sfn /tmp {name} && [ -L {name} ] && echo ESCAPED; "
        "rm -rf new; echo tried"
    )
    result = await world.run(script, write=ALL)
    assert "tried" in result.stdout, result.stderr
    assert "ESCAPED" not in result.stdout, result.stdout
    assert not (world.project / name).exists()


async def test_a_repository_cannot_be_made_where_none_is(world):
    subprocess.run(["rm", "-rf", str(world.project / ".git")], check=True)
    result = await world.run("git init && echo ESCAPED; git init out && echo ESCAPED; echo tried", write=("out",))
    assert result.stdout == "tried\n"
    result = await world.run("git init && echo ESCAPED; echo tried", write=ALL)
    assert result.stdout == "tried\n"
    assert not (world.project / ".git").exists()
    assert not (world.project / "out/.git").exists()


async def test_the_name_in_other_letters_is_another_file_and_no_repository(world):
    result = await world.run("mkdir -p .GIT && echo '[core]' >.GIT/config; git -C . rev-parse --git-dir", write=ALL)
    assert result.stdout.strip().endswith(".git")
    assert result.exit_code == 0


async def test_history_can_be_read(world):
    git = ("git", "-C", str(world.project), "-c", "user.name=a", "-c", "user.email=a@b", "-c", "safe.directory=*")
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "the first"], check=True)
    result = await world.run("git log --format=%s; git status --short | head -1")
    assert result.stdout.splitlines()[0] == "the first", result.stderr


async def test_a_worktree_reads_its_repository_and_cannot_write_it(world):
    git = ("git", "-C", str(world.project), "-c", "user.name=a", "-c", "user.email=a@b", "-c", "safe.directory=*")
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "the first"], check=True)
    tree = world.project / ".agentflow/workspaces/run/tree"
    subprocess.run([*git, "worktree", "add", "-q", str(tree), "-b", "other"], check=True)
    owner = os.stat(world.project)
    for path in (*tree.parents[:2], tree, *tree.rglob("*"), *(world.project / ".git").rglob("*")):
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
    before = content(world.project / ".git")
    script = (
        "git log --format=%s; echo x >.git && echo ESCAPED; mv .git other && echo ESCAPED; "
        f"echo x >{world.project}/.git/config && echo ESCAPED; git config core.fsmonitor x && echo ESCAPED; echo new >f"
    )
    result = await world.run(script, root=tree, write=ALL)
    assert result.stdout.splitlines() == ["the first"], result.stderr
    assert content(world.project / ".git") == before
    assert (tree / "f").read_text() == "new\n"


async def test_a_file_that_only_claims_to_be_a_worktree_opens_nothing(world):
    subprocess.run(["rm", "-rf", str(world.project / ".git")], check=True)
    (world.project / ".git").write_text(f"gitdir: {world.beside}\n")
    result = await world.run(f"ls {world.beside} && echo ESCAPED; echo tried")
    assert result.stdout == "tried\n"


async def test_nothing_is_left_on_the_host(world):
    before = world.listed()
    result = await world.run("ls -A; touch made", write=ALL)
    assert ".envrc" in result.stdout
    assert world.listed() == before | {"made"}


async def test_commands_at_the_same_time_share_what_stands_in_for_the_missing(world):
    scripts = [f"sleep 0.{number}; mkdir .vscode && echo ESCAPED; echo tried" for number in range(1, 5)]
    results = await asyncio.gather(*(world.run(script, write=ALL) for script in scripts))
    assert [result.stdout for result in results] == ["tried\n"] * 4
    assert not (world.project / ".vscode").exists()


async def test_what_a_killed_process_left_is_taken_away_by_the_next(world):
    child = textwrap.dedent(f"""
        import os, signal, sys
        from pathlib import Path
        from agentflow.tools.sandbox.placeholders import Placeholders
        Placeholders(Path({str(world.project)!r})).hold([(Path({str(world.project / ".envrc")!r}), "file")])
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    done = subprocess.run([sys.executable, "-c", child], check=False)
    assert done.returncode == -signal.SIGKILL
    assert (world.project / ".envrc").exists()
    assert isinstance(world.sandbox, Bubblewrap)
    world.sandbox.clear(world.project)
    assert not (world.project / ".envrc").exists()


async def test_what_another_process_still_needs_stays(world):
    path = world.project / ".envrc"
    other = Placeholders(world.project)
    release = other.hold([(path, "file")])
    await world.run("true", write=ALL)
    assert path.exists()
    release()
    assert not path.exists()


async def test_what_stood_in_for_the_missing_may_go_while_other_commands_go_on(world):
    other = Placeholders(world.project)
    release = other.hold([(world.project / ".envrc", "file"), (world.project / "out/.envrc", "file")])
    assert (await world.run("echo tried", write=ALL)).stdout == "tried\n"
    release()
    result = await world.run("echo x >.envrc; echo x >out/.git/config; echo tried", write=ALL)
    assert result.stdout == "tried\n", result.stderr
    assert not (world.project / ".envrc").exists()


async def test_a_granted_folder_that_went_away_is_made_again(world):
    assert (await world.run("echo tried", write=("out",))).stdout == "tried\n"
    (world.project / "out").rmdir()
    result = await world.run("echo x >out/made; echo tried", write=("out",))
    assert result.stdout == "tried\n", result.stderr
    assert (world.project / "out/made").read_text() == "x\n"


async def test_folders_of_any_depth_do_not_keep_the_next_command_from_starting(world):
    deep = "import os\nos.chdir('out')\nfor _ in range(1500): os.mkdir('d'); os.chdir('d')"
    await world.run(f'python3 -c "{deep}"', write=("out",))
    result = await world.run("echo tried", write=ALL)
    remove_folder(world.project / "out")
    assert result.stdout == "tried\n", result.stderr


async def test_what_somebody_wrote_meanwhile_is_theirs(world):
    path = world.project / ".envrc"
    release = Placeholders(world.project).hold([(path, "file")])
    path.write_text("export A=1")
    release()
    assert path.read_text() == "export A=1"


@pytest.mark.parametrize(
    ("write", "says"),
    [
        ((".git",), "holds the repository"),
        (("flow.yaml",), "is what this run itself is made of"),
        (("out/.agentflow",), "agentflow's own"),
        (("leads_out",), "leads out of the project"),
        (("notes.md",), "only folders are made"),
    ],
)
async def test_what_cannot_be_granted_starts_nothing(world, write, says):
    (world.project / "leads_out").symlink_to(world.beside)
    with pytest.raises(CommandNotStarted) as refused:
        await world.run("echo ran", write=write)
    assert says in refused.value.message


async def test_a_protected_name_that_is_a_link_starts_nothing(world):
    (world.project / ".claude").symlink_to("src")
    with pytest.raises(CommandNotStarted, match="symbolic link"):
        await world.run("echo ran", write=ALL)
    assert (await world.run("echo ran", write=("out",))).stdout == "ran\n"


async def test_a_granted_folder_that_is_missing_is_made_for_the_owner_of_the_project(world):
    result = await world.run("echo x >deep/er/file", write=("deep/er",))
    assert result.exit_code == 0, result.stderr
    assert os.stat(world.project / "deep").st_uid == os.stat(world.project).st_uid


@pytest.mark.parametrize("read", ["/", "/etc", "/etc/shadow", "/proc", "~", "~/.ssh", "~/.config/gh", "/nowhere"])
async def test_what_holds_secrets_cannot_be_read_even_if_granted(world, monkeypatch, read):
    home = world.beside / "home"
    for name in (".ssh", ".config/gh"):
        (home / name).mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    with pytest.raises(CommandNotStarted, match=r"sandbox\.read"):
        await world.run("echo ran", read=(read,))


async def test_what_is_granted_can_be_read_and_not_written(world):
    granted = world.beside / "data"
    granted.mkdir()
    (granted / "file").write_text("numbers")
    if os.geteuid() == 0:
        os.chown(granted, os.stat(world.project).st_uid, -1)
    result = await world.run(f"cat {granted}/file; echo x >{granted}/file && echo ESCAPED", read=(str(granted),))
    assert result.stdout == "numbers"


async def test_the_model_is_told_why_a_write_failed(world):
    confinement = world.confinement(write=("out",))
    result = await run_command(
        Command(("bash", "-c", "echo x >src/new"), b"", {}, world.project, 30, 1 << 20, confinement)
    )
    assert "Read-only file system" in result.stderr
    told = confinement.explained(result.stderr)
    assert "`sandbox.write` does not list it" in told
    assert "`out`" in told
