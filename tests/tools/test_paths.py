import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentflow.tools import paths
from agentflow.tools.failures import ToolError
from agentflow.tools.files import read, write
from agentflow.tools.paths import locate, matcher, open_to_read, resolve
from agentflow.tools.port import ToolContext


def real_path(context, name, *, for_write=False):
    return resolve(context, name, tool="Write" if for_write else "Read", for_write=for_write)


def test_a_name_is_relative_to_the_project_or_absolute_inside_it(project, context_of):
    (project / "src").mkdir()
    (project / "src/a.py").touch()
    for name in ("src/a.py", "./src//a.py", "src/../src/a.py", f"{project}/src/a.py"):
        assert real_path(context_of(), name) == project / "src/a.py"


@pytest.mark.parametrize(
    "name",
    ["..", "../project2/x", "/etc/passwd", "//etc/passwd", "a/../../x", "~/x", "~", "/", "src/../../project-other"],
)
def test_a_name_outside_the_project_is_refused(context_of, name):
    with pytest.raises(ToolError, match="outside the project"):
        real_path(context_of(), name)


def test_a_folder_whose_name_begins_like_the_project_is_outside(project, context_of):
    beside = Path(f"{project}-other")
    beside.mkdir()
    (beside / "x").touch()
    with pytest.raises(ToolError, match="outside"):
        real_path(context_of(), f"{beside}/x")


@pytest.mark.parametrize("name", ["", "a\0b"])
def test_an_empty_name_or_one_with_nul_is_refused(context_of, name):
    with pytest.raises(ToolError, match="NUL"):
        real_path(context_of(), name)


def test_a_name_that_no_file_can_have_is_refused(context_of):
    with pytest.raises(ToolError, match="cannot be a file's name"):
        real_path(context_of(), "a\ud800b")


async def test_a_very_long_name_is_answered_without_showing_the_machines_folders(project, context_of):
    output = await write({"file_path": "n" * 300, "content": "x"}, context_of())
    assert output.is_error
    assert "File name too long" in output.content
    assert str(project) not in output.content
    assert len(output.content) < 500


async def test_a_path_longer_than_programs_can_open_is_refused_before_a_folder_is_made(project, context_of):
    output = await write({"file_path": "deep/" * 1_000 + "file", "content": "x"}, context_of())
    assert output.is_error
    assert output.content.endswith("is too long\nkeep it below 4,096 bytes")
    assert not (project / "deep").exists()
    assert len(output.content) < 500


@pytest.mark.parametrize("target", ["/etc/hostname", "../outside.txt", "../../../../../../etc/hostname"])
def test_a_link_that_leads_out_is_refused(project, context_of, target):
    (project.parent / "outside.txt").write_text("secret")
    (project / "link").symlink_to(target)
    for for_write in (False, True):
        with pytest.raises(ToolError, match="outside the project"):
            real_path(context_of(), "link", for_write=for_write)


def test_a_linked_folder_that_leads_out_is_refused(project, context_of):
    outside = project.parent / "outside"
    outside.mkdir()
    (outside / "x").touch()
    (project / "folder").symlink_to(outside)
    with pytest.raises(ToolError, match="outside the project"):
        real_path(context_of(), "folder/x")


def test_a_link_that_stays_inside_is_followed(project, context_of):
    (project / "src/deep").mkdir(parents=True)
    (project / "src/a.py").touch()
    (project / "relative").symlink_to("src/deep/../a.py")
    (project / "src/deep/up").symlink_to("../../src")
    (project / "absolute").symlink_to(project / "src")
    (project / "self").symlink_to(".")
    for name in ("relative", "src/deep/up/a.py", "absolute/a.py", "self/self/absolute/a.py"):
        assert real_path(context_of(), name) == project / "src/a.py"
    assert real_path(context_of(), "src/deep/up") == project / "src"


def test_both_a_link_and_its_target_must_match_the_rules(project, context_of):
    (project / "src").mkdir()
    (project / "out").mkdir()
    (project / "src/x.py").touch()
    (project / "out/link").symlink_to("../src/x.py")
    (project / "src/back").symlink_to("../out/new")
    with pytest.raises(ToolError, match=r"granted for `out/\*\*` only; `src/x.py` does not match \(`out/link` leads"):
        real_path(context_of("out/**"), "out/link", for_write=True)
    with pytest.raises(ToolError, match=r"`src/x\.py` does not match"):
        real_path(context_of("out/**"), "out/link")
    assert real_path(context_of("out/**", "src/**"), "out/link") == project / "src/x.py"


def test_a_denial_names_the_tool_and_its_rules(project, context_of):
    (project / "src").mkdir()
    with pytest.raises(ToolError) as caught, locate(context_of("out/**"), "src/x.py", tool="Write", for_write=True):
        pass
    assert caught.value.message == "Write is granted for `out/**` only; `src/x.py` does not match"


def test_a_circle_of_links_is_refused(project, context_of):
    (project / "a").symlink_to("b")
    (project / "b").symlink_to("a")
    with pytest.raises(ToolError, match="too many symbolic links"):
        real_path(context_of(), "a")


async def test_writing_through_a_dangling_link_creates_only_inside(project, context_of):
    (project / "out").mkdir()
    (project / "in").symlink_to("out/new.txt")
    (project / "away").symlink_to(project.parent / "escaped.txt")
    assert not (await write({"file_path": "in", "content": "x"}, context_of())).is_error
    assert (project / "out/new.txt").read_text() == "x"
    assert (project / "in").is_symlink()
    assert (await write({"file_path": "away", "content": "x"}, context_of())).is_error
    assert not (project.parent / "escaped.txt").exists()


async def test_a_dangling_link_is_judged_by_where_it_leads(project, context_of):
    (project / "out").mkdir()
    (project / "out/x").symlink_to("../src/new.txt")
    output = await write({"file_path": "out/x", "content": "x"}, context_of("out/**"))
    assert output.is_error
    assert "`src/new.txt` does not match" in output.content
    assert not (project / "src").exists()


@pytest.mark.parametrize("name", [".git/config", ".GIT/hooks/x", "sub/.git", "link/config", ".git"])
async def test_git_internals_are_not_written_but_may_be_read(project, context_of, name):
    (project / ".git").mkdir()
    (project / ".git/config").write_text("[core]")
    (project / "link").symlink_to(".git")
    output = await write({"file_path": name, "content": "x"}, context_of())
    assert output.is_error
    assert "is closed to Write, whatever is granted: `.git` holds the repository" in output.content
    assert (project / ".git/config").read_text() == "[core]"
    assert not (project / "sub").exists()
    assert "[core]" in (await read({"file_path": ".git/config"}, context_of())).content


@pytest.mark.parametrize("name", [".agentflow/journal.db", ".AgentFlow/x", "link/journal.db", "a/.agentflow/y"])
async def test_agentflows_own_files_are_closed_to_tools(project, context_of, name):
    (project / ".agentflow").mkdir()
    (project / ".agentflow/journal.db").write_text("private")
    (project / "link").symlink_to(".agentflow")
    for output in (
        await read({"file_path": name}, context_of()),
        await write({"file_path": name, "content": "x"}, context_of()),
    ):
        assert output.is_error
        assert "private" not in output.content
    assert (project / ".agentflow/journal.db").read_text() == "private"


def test_rules_match_case_exactly(context_of):
    with pytest.raises(ToolError, match="does not match"):
        real_path(context_of("out/**"), "OUT/x", for_write=True)


async def test_pipes_and_devices_are_never_opened(project, context_of):
    os.mkfifo(project / "pipe")
    for output in (
        await read({"file_path": "pipe"}, context_of()),
        await write({"file_path": "pipe", "content": "x"}, context_of()),
    ):
        assert output.is_error
        assert "only regular files" in output.content


def test_a_link_swapped_in_after_the_check_is_not_followed(project, context_of):
    (project / "a").write_text("mine")
    secret = project.parent / "secret"
    secret.write_text("secret")
    with locate(context_of(), "a", tool="Read", for_write=False) as place:
        (project / "a").unlink()
        (project / "a").symlink_to(secret)
        with pytest.raises(ToolError, match="changed while it was being opened"):
            open_to_read(place)


def test_a_pipe_swapped_in_after_the_check_does_not_hold_the_call_up(project, context_of):
    (project / "a").write_text("mine")
    with locate(context_of(), "a", tool="Read", for_write=False) as place:
        (project / "a").unlink()
        os.mkfifo(project / "a")
        with pytest.raises(ToolError, match="changed while it was being opened"):
            open_to_read(place)


def test_a_folder_swapped_for_a_link_after_the_check_is_not_entered(project, context_of, monkeypatch):
    outside = project.parent / "outside"
    outside.mkdir()
    (outside / "a").write_text("secret")
    (project / "folder").mkdir()
    (project / "folder/a").write_text("mine")
    looked = paths._Walk._look

    def look_then_swap(walk, part):
        status = looked(walk, part)
        if part == "folder":
            shutil.rmtree(project / "folder")
            (project / "folder").symlink_to(outside)
        return status

    monkeypatch.setattr(paths._Walk, "_look", look_then_swap)
    with pytest.raises(ToolError, match=r"not a folder|changed while"):
        real_path(context_of(), "folder/a")


def test_no_descriptor_is_left_open(project, context_of):
    (project / "a/b").mkdir(parents=True)
    (project / "a/b/c").write_text("x")
    (project / "a/up").symlink_to("../a/b")
    before = sorted(os.listdir("/proc/self/fd"))
    for name in ("a/b/c", "a/up/c", "missing/x", "a/up/../../..", "a/b/c/d"):
        for for_write in (False, True):
            try:
                real_path(context_of(), name, for_write=for_write)
            except ToolError:
                continue
    assert sorted(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize(
    ("rules", "path", "covered"),
    [
        ((), "anything", True),
        (("src/**",), "src/a/b", True),
        (("src/**",), "lib/src/a", False),
        (("./src/**",), "src/a", True),
        (("./src/**",), "lib/src/a", False),
        (("*.md",), "a/b.md", True),
        (("out",), "out/x/y", True),
        (("*.md", "!secret.md"), "a/secret.md", False),
        (("#all",), "all", False),
        (("src/**",), "src/\udcff", True),
        (("*.md",), "\udcff.md", True),
        (("src/*.py",), "src/a\nb.py", True),
    ],
)
def test_rules_mean_what_they_mean_in_a_gitignore(rules, path, covered):
    assert matcher(rules)(path) is covered


@pytest.mark.parametrize("rule", ["[z-a]", "!", "\\", "\udcff"])
def test_a_malformed_rule_is_refused_by_name(rule):
    with pytest.raises(ToolError, match="cannot be read"):
        matcher((rule,))


PARTS = st.sampled_from(["a", "b", "c", "..", ".", "link"])
TARGETS = st.lists(PARTS, min_size=1, max_size=5).map("/".join) | st.sampled_from(["/", "/etc", "ROOT/a", "ROOT/../x"])
NAMES = st.lists(PARTS, min_size=1, max_size=6).map("/".join)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(links=st.dictionaries(NAMES, TARGETS, max_size=6), names=st.lists(NAMES, max_size=6))
def test_whatever_the_links_no_name_leads_out_of_the_project(links, names):
    with tempfile.TemporaryDirectory() as scratch:
        project = Path(scratch).resolve() / "project"
        for folder in ("a/b/c", "b/a", "c"):
            (project / folder).mkdir(parents=True)
        for link, target in links.items():
            place = Path(os.path.normpath(project / link))
            if place.is_relative_to(project) and not place.is_symlink() and not place.exists():
                resolved = Path(os.path.realpath(place.parent))
                if resolved.is_dir() and resolved.is_relative_to(project):
                    place.symlink_to(target.replace("ROOT", str(project)))
        context = ToolContext(project=project, rules=(), env={}, key="k", sandbox_off=False)
        for name in [*names, *links]:
            for for_write in (False, True):
                try:
                    with locate(context, name, tool="Read", for_write=for_write, makes=for_write) as place:
                        found = project / place.real
                except ToolError:
                    continue
                assert found == Path(os.path.realpath(os.path.normpath(project / name)))
                assert found.is_relative_to(project)
        assert sorted(os.listdir(scratch)) == ["project"]
