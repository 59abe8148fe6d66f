"""Every way that was thought of to lead a file tool astray, in one table; each is tried with each tool."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentflow.tools.edit import edit
from agentflow.tools.files import read, write
from agentflow.tools.port import ToolContext, ToolOutput
from agentflow.tools.search import glob, grep

SECRET = "OUTSIDE"

LEADING_OUT = {
    "the parent": "../outside/secret",
    "the parent, from below": "src/../../outside/secret",
    "the parent, many times": "../" * 60 + "etc/passwd",
    "an absolute path": "/etc/passwd",
    "two slashes": "//etc/passwd",
    "an absolute path out of the project": "{project}/../outside/secret",
    "a prefix twin": "{project}-secret/key",
    "a prefix twin, relative": "../project-secret/key",
    "the home folder": "~/.bashrc",
    "another's home folder": "~root/../../outside/secret",
    "a link to a file outside": "link-to-file",
    "a link to a folder outside": "link-to-folder/secret",
    "a link with an absolute target": "absolute-link",
    "a link to a prefix twin": "link-to-twin/key",
    "links in a chain": "chain-1",
    "a link to the root": "root-link/etc/passwd",
    "a link to the parent": "up/outside/secret",
    "a link below a link": "src/self/self/up/outside/secret",
    "`..` after a link": "deep-link/../../outside/secret",
    "a dangling link outside": "dangling-out",
    "a dangling link to a file beside a folder outside": "link-to-folder/new",
    "a circle of links": "circle-1",
    "a link to itself": "itself",
    "sixty links in a row": "row-0",
    "what a process is": "/proc/self/environ",
    "a link to what a process is": "proc-link",
    "the root of a process": "/proc/self/root/etc/passwd",
    "a link to the root of a process": "magic/etc/passwd",
    "an open file of a process": "fd-link",
    "a link to the system's settings": "sys-link",
    "a terminal": "/dev/tty",
    "a link to a device": "device-link",
    "standard input": "/dev/stdin",
    "a NUL in the name": "src/a.py\0../../outside/secret",
    "an empty name": "",
    "half a surrogate": "src/\ud800",
    "a file as a folder": "src/a.py/../../../outside/secret/x",
    "a name of 300 letters": "n" * 300,
    "a path of 5,000 letters": "d/" * 2_500 + "f",
    "a folder": "src",
    "the project itself": ".",
    "a pipe": "pipe",
    "a link to a pipe": "pipe-link",
    "a socket": "socket",
}
"""What each tool must refuse, whatever is granted; a search may also just find nothing."""

CLOSED = {
    ".git": ".git/hooks/pre-commit",
    ".git in capitals": ".GIT/hooks/pre-commit",
    ".git with a dot behind": ".git./config",
    ".git with a blank behind": ".git /config",
    ".git as a stream": ".git::$INDEX_ALLOCATION/config",
    ".git by its short name": "GIT~1/config",
    ".git with a character that HFS+ overlooks": ".g\u200cit/config",
    ".git through a link": "git-link/config",
    ".git through two links": "git-link-2/config",
    ".git below a folder": "src/vendor/.git/config",
    ".git with backslashes": "src\\.git\\config",
    ".git through a folder and up": "src/../.git/config",
    ".git from a dangling link": "new-hook",
    "a repository without a folder of its own": "src/HEAD",
    "a shell's start": ".bashrc",
    "a shell's start, in capitals": ".BASHRC",
    "a shell's start, decomposed": ".ba\u017fhrc",
    "what direnv runs": "src/.envrc",
    "an editor's tasks": ".vscode/tasks.json",
    "an editor's workspace": "all.code-workspace",
    "a container's start": ".devcontainer/devcontainer.json",
    "an assistant's permissions": ".claude/settings.json",
    "an assistant's servers": ".mcp.json",
    "hooks of a package": ".husky/pre-commit",
    "hooks of pre-commit": ".pre-commit-config.yaml",
    "where packages come from": ".npmrc",
    "what Python runs at its start": "src/sitecustomize.py",
    "the workflow of the run": "flows/run.yaml",
    "the workflow of the run, in capitals": "flows/RUN.yaml",
    "the workflow of the run through a link": "flow-link",
    "the journal": ".agentflow/journal.db",
    "the journal in capitals": ".AgentFlow/journal.db",
    "the journal by its short name": "AGENTF~1/journal.db",
    "the journal through a link": "journal-link",
    "agentflow's notes below a folder": "src/.agentflow/x",
    "a person's keys": ".ssh/authorized_keys",
}
"""What Write and Edit must refuse, whatever is granted, present or not."""

UNREADABLE = ("the journal", "the journal in capitals", "the journal through a link", "a person's keys")
"""Of `CLOSED`, what is closed to reading too."""

NOT_COVERED = {
    "a file beside": "other/b.py",
    "a link in the grant to a file beside": "src/to-other",
    "a link beside to a file in the grant": "other/to-src",
    "a folder that is linked from the grant": "src/folder-to-other/b.py",
    "the granted folder by a twin of case": "SRC/a.py",
    "a folder that begins alike": "src2/a.py",
    "up and down again": "src/../other/b.py",
    "what a negated rule takes out": "src/private/key",
    "what a negated rule takes out, through a link": "src/to-private",
}
"""What is refused under a grant of `src/**` without `src/private`."""

ALLOWED = {
    "a plain name": "src/a.py",
    "from here": "./src//a.py",
    "up and down again": "other/../src/a.py",
    "an absolute path inside": "{project}/src/a.py",
    "a link inside": "link-inside",
    "an absolute link inside": "absolute-inside",
    "a folder linked inside": "src/self/a.py",
    "a name with a line's end": "src/a\nb",
    "a name that is no UTF-8": "src/\udcff",
    "a name that begins as an option": "src/-rf",
    "a name like a prefix": "src/.github/workflows/ci.yml",
    "dots": "src/...",
    "composed letters": "src/caf\u00e9",
    "decomposed letters": "src/cafe\u0301",
    "a hard link": "src/hard",
}
"""What each tool must do under a grant of `src/**` and what leads there."""

CASES = len(LEADING_OUT) + len(CLOSED) + len(NOT_COVERED) + len(ALLOWED)


@pytest.fixture
def world(project: Path) -> Iterator[Path]:
    for folder in ("outside", "project-secret"):
        (project.parent / folder).mkdir()
    for name in ("outside/secret", "outside/other", "project-secret/key"):
        (project.parent / name).write_text(f"{SECRET}\n")
    for name in ("src/vendor", "src/private", "src2", "other", "flows", ".git/hooks", ".agentflow", ".ssh"):
        (project / name).mkdir(parents=True)
    for name in ("src/a.py", "src/a\nb", "src/-rf", "src/...", "src/caf\u00e9", "src/cafe\u0301", "src2/a.py"):
        (project / name).write_text("INSIDE\n")
    for name in ("other/b.py", "src/private/key", "flows/run.yaml", ".git/config", ".agentflow/journal.db"):
        (project / name).write_text("INSIDE\n")
    (project / ".ssh/authorized_keys").write_text(f"{SECRET}\n")
    (project / "src/.github/workflows").mkdir(parents=True)
    (project / "src/.github/workflows/ci.yml").write_text("INSIDE\n")
    (project / "src" / os.fsdecode(b"\xff")).write_text("INSIDE\n")
    os.link(project / "other/b.py", project / "src/hard")
    for name, target in LINKS.items():
        (project / name).symlink_to(target.format(project=project))
    for number in range(60):
        (project / f"row-{number}").symlink_to(f"row-{number + 1}")
    (project / "row-60").symlink_to("../outside/secret")
    os.mkfifo(project / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        here = os.open(".", os.O_RDONLY)
        os.chdir(project)  # the name of a socket is bounded to some hundred bytes
        try:
            listening.bind("socket")
        finally:
            os.fchdir(here)
            os.close(here)
        yield project


LINKS = {
    "link-to-file": "../outside/secret",
    "link-to-folder": "../outside",
    "absolute-link": "{project}/../outside/secret",
    "link-to-twin": "{project}-secret",
    "chain-1": "chain-2",
    "chain-2": "src/chain-3",
    "src/chain-3": "../../outside/secret",
    "root-link": "/",
    "up": "..",
    "src/up": "../..",
    "src/self": ".",
    "deep-link": "src/vendor",
    "dangling-out": "../outside/new",
    "circle-1": "circle-2",
    "circle-2": "circle-1",
    "itself": "itself",
    "proc-link": "/proc/self/environ",
    "magic": "/proc/self/root",
    "fd-link": "/proc/self/fd/0",
    "sys-link": "/sys/kernel/uevent_seqnum",
    "device-link": "/dev/zero",
    "pipe-link": "pipe",
    "git-link": ".git",
    "git-link-2": "src/git-link",
    "src/git-link": "../.git",
    "new-hook": ".git/hooks/new",
    "flow-link": "flows/run.yaml",
    "journal-link": ".agentflow/journal.db",
    "src/to-other": "../other/b.py",
    "other/to-src": "../src/a.py",
    "src/folder-to-other": "../other",
    "src/to-private": "private/key",
    "link-inside": "src/vendor/../a.py",
    "absolute-inside": "{project}/src/a.py",
}


def everything(folder: Path) -> dict[str, object]:
    """What lies in a folder: contents of files, targets of links, kinds of the rest."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            found[str(path)] = os.readlink(path)
        else:
            found[str(path)] = path.read_bytes() if path.is_file() else "folder or other"
    return found


async def each_tool(name: str, context: ToolContext) -> dict[str, ToolOutput]:
    return {
        "Read": await read({"file_path": name}, context),
        "Grep": await grep({"pattern": "IDE|root", "path": name, "output_mode": "content"}, context),
        "Glob": await glob({"pattern": "**", "path": name}, context),
        "Edit": await edit({"file_path": name, "old_string": "SIDE", "new_string": "CHANGED"}, context),
        "Write": await write({"file_path": name, "content": "WRITTEN\n"}, context),
    }


@pytest.mark.parametrize("name", LEADING_OUT.values(), ids=LEADING_OUT)
async def test_no_name_leads_out_of_the_project_or_to_what_is_no_file(world, context_of, name):
    before = everything(world.parent)
    outputs = await each_tool(name.format(project=world), context_of())
    for tool in ("Read", "Edit", "Write"):
        assert outputs[tool].is_error, tool
    for tool, output in outputs.items():
        if not (name in (".", "src") and tool in ("Grep", "Glob")):
            assert SECRET not in str(output.content), tool
            assert "root:" not in str(output.content), tool
    assert everything(world.parent) == before


@pytest.mark.parametrize("name", CLOSED.values(), ids=CLOSED)
async def test_what_no_file_grants_is_not_written_present_or_not(world, context_of, name):
    before = everything(world.parent)
    outputs = await each_tool(name, context_of(sealed=("flows/run.yaml", "policy.yaml")))
    assert outputs["Write"].is_error
    assert outputs["Edit"].is_error
    assert everything(world.parent) == before


@pytest.mark.parametrize("name", [CLOSED[name] for name in UNREADABLE], ids=UNREADABLE)
async def test_the_journal_and_keys_are_not_read_either(world, context_of, name):
    outputs = await each_tool(name, context_of())
    assert all(output.is_error for output in (outputs["Read"], outputs["Grep"]))
    assert not any("INSIDE" in str(output.content) or SECRET in str(output.content) for output in outputs.values())


@pytest.mark.parametrize("name", NOT_COVERED.values(), ids=NOT_COVERED)
async def test_a_name_and_what_it_leads_to_must_both_be_granted(world, context_of, name):
    before = everything(world.parent)
    outputs = await each_tool(name, context_of("src/**", "!src/private/**", "!src/private"))
    for tool in ("Read", "Grep", "Edit", "Write"):
        assert outputs[tool].is_error, tool
        assert "INSIDE" not in str(outputs[tool].content), tool
    assert everything(world.parent) == before


@pytest.mark.parametrize("name", ALLOWED.values(), ids=ALLOWED)
async def test_what_is_granted_is_read_found_and_written_under_any_of_its_names(world, context_of, name):
    outputs = await each_tool(name.format(project=world), context_of("src/**", "*-inside"))
    assert not any(outputs[tool].is_error for tool in ("Read", "Grep", "Edit", "Write")), outputs
    assert "INSIDE" in str(outputs["Read"].content)
    assert "WRITTEN" in str((await read({"file_path": name.format(project=world)}, context_of())).content)
    assert (world / "other/b.py").read_text() == "INSIDE\n"


def test_the_cases_are_as_many_as_the_documents_say():
    page = (Path(__file__).parents[2] / "docs/files.md").read_text()
    assert f"{CASES} cases" in page
