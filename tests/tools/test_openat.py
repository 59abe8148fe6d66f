import os
from pathlib import Path

import pytest

from agentflow.tools.files import read, write
from agentflow.tools.openat import (
    exchange,
    is_at,
    is_machinery,
    open_beneath,
    open_part_by_part,
    rename_new,
    stored_name,
)
from agentflow.tools.port import ToolContext
from agentflow.tools.search import glob, grep


@pytest.fixture
def folder(project: Path):
    descriptor = os.open(project, os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


def opened(path: Path) -> int:
    return os.open(path, os.O_RDONLY)


@pytest.mark.parametrize("open_it", [open_beneath, open_part_by_part])
@pytest.mark.parametrize("name", ["link/x", "link", "src/../../x", "/etc/passwd", "..", "missing", "src/a/b"])
def test_a_path_beneath_a_folder_meets_no_link_and_leads_nowhere_else(project, folder, open_it, name):
    (project / "src").mkdir()
    (project / "src/a").touch()
    (project / "link").symlink_to("/etc")
    try:
        descriptor = open_it(folder, name)
    except OSError:
        return
    # A link itself may be looked at, never what it leads to.
    found = os.fstat(descriptor)
    os.close(descriptor)
    assert name == "link"
    assert found.st_ino == os.lstat(project / "link").st_ino


@pytest.mark.parametrize("open_it", [open_beneath, open_part_by_part])
def test_a_plain_path_beneath_a_folder_is_opened(project, folder, open_it):
    (project / "src/deep").mkdir(parents=True)
    (project / "src/deep/a").touch()
    for name in ("src/deep/a", "src", "."):
        descriptor = open_it(folder, name)
        assert os.fstat(descriptor).st_ino == (project / name).stat().st_ino
        os.close(descriptor)


def test_a_file_is_at_its_path_until_it_or_a_folder_above_is_moved(project, folder):
    (project / "src").mkdir()
    (project / "src/a").touch()
    descriptor = opened(project / "src/a")
    assert is_at(descriptor, folder, "src/a")
    assert not is_at(descriptor, folder, "src/b")
    os.rename(project / "src", project.parent / "moved")
    assert not is_at(descriptor, folder, "src/a")
    os.close(descriptor)


def test_a_file_is_at_none_of_its_paths_once_another_has_its_name(project, folder):
    (project / "a").write_text("old")
    descriptor = opened(project / "a")
    (project / "b").write_text("new")
    os.rename(project / "b", project / "a")
    assert not is_at(descriptor, folder, "a")
    os.close(descriptor)


def test_the_folder_itself_is_at_the_empty_path(project, folder):
    descriptor = opened(project)
    assert is_at(descriptor, folder, "")
    os.close(descriptor)


def test_a_new_name_is_never_taken_from_another_file(project, folder):
    (project / "a").write_text("a")
    (project / "b").write_text("b")
    with pytest.raises(FileExistsError):
        rename_new(folder, "a", "b")
    rename_new(folder, "a", "c")
    assert [(path.name, path.read_text()) for path in sorted(project.iterdir())] == [("b", "b"), ("c", "a")]


def test_two_files_are_exchanged_at_once(project, folder):
    (project / "a").write_text("a")
    (project / "b").write_text("b")
    if not exchange(folder, "a", "b"):
        pytest.skip("this file system cannot exchange names")
    assert ((project / "a").read_text(), (project / "b").read_text()) == ("b", "a")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no /proc here")
def test_the_kernels_own_files_are_told_from_files(project):
    for path, own in ((Path("/proc"), True), (Path("/sys"), True), (project, False)):
        descriptor = opened(path)
        assert is_machinery(descriptor) is own, path
        os.close(descriptor)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no /proc here")
async def test_the_kernels_own_files_stay_closed_where_they_are_mounted_in_a_project():
    whole_machine = ToolContext(project=Path("/"), rules=(), env={}, key="", sandbox_off=False)
    outputs = [
        await read({"file_path": "/proc/self/status"}, whole_machine),
        await read({"file_path": "proc/sys/kernel/hostname"}, whole_machine),
        await write({"file_path": "/proc/self/comm", "content": "x"}, whole_machine),
        await grep({"pattern": "Name", "path": "proc/self"}, whole_machine),
        await glob({"pattern": "*", "path": "proc"}, whole_machine),
    ]
    assert [
        "running system" in str(output.content) or "No files match" in str(output.content) for output in outputs
    ] == [True] * 5


def looks_without_case(name: str, *, dir_fd: int, follow_symlinks: bool) -> os.stat_result:
    """`os.stat` of a file system that takes `README` for `readme`."""
    (stored,) = (each for each in os.listdir(dir_fd) if each.casefold() == name.casefold())
    return os.stat(stored, dir_fd=dir_fd, follow_symlinks=follow_symlinks)


def test_where_case_makes_no_difference_a_file_goes_by_the_name_that_it_has(project, folder):
    (project / "secret.txt").touch()
    status = os.stat(project / "secret.txt")
    assert stored_name(folder, "SECRET.TXT", status, looks_without_case) == "secret.txt"
    assert stored_name(folder, "Secret.txt", status, looks_without_case) == "secret.txt"
    assert stored_name(folder, "secret.txt", status, looks_without_case) == "secret.txt"


def test_where_case_makes_a_difference_twins_are_two_files(project, folder):
    (project / "a").touch()
    os.link(project / "a", project / "A")
    status = os.stat(project / "a")
    assert stored_name(folder, "A", status) == "A"
    (project / "b").touch()
    assert stored_name(folder, "b", os.stat(project / "b")) == "b"
