"""Folders that commands have filled go away whatever is in them."""

import os
from pathlib import Path

import pytest

from agentflow.tools.removing import remove_folder


def nested(folder: Path, depth: int) -> None:
    """Folders in one another, deeper than any path is long."""
    at = os.open(folder, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d" * 10, dir_fd=at)
        inner = os.open("d" * 10, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = inner
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=at))
    os.close(at)


def test_a_folder_of_any_depth_is_removed(tmp_path):
    folder = tmp_path / "filled"
    folder.mkdir()
    nested(folder, 1_500)
    remove_folder(folder)
    assert not folder.exists()


def test_what_was_closed_to_us_is_removed(tmp_path):
    folder = tmp_path / "filled"
    (folder / "a/b/c").mkdir(parents=True)
    (folder / "a/b/c/file").touch()
    for path in (folder / "a/b/c", folder / "a/b", folder / "a", folder):
        path.chmod(0)
    remove_folder(folder)
    assert not folder.exists()


def test_what_a_link_leads_to_stays_as_it_is(tmp_path):
    beside, folder = tmp_path / "beside", tmp_path / "filled"
    (beside / "inner").mkdir(parents=True)
    (beside / "inner").chmod(0o500)
    (folder / "in").mkdir(parents=True)
    (folder / "link").symlink_to(beside)
    (folder / "in/link").symlink_to(beside / "inner")
    remove_folder(folder)
    assert not folder.exists()
    assert (beside / "inner").stat().st_mode & 0o777 == 0o500


def test_a_link_is_no_folder(tmp_path):
    (tmp_path / "beside").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "beside")
    with pytest.raises(OSError, match="link"):
        remove_folder(tmp_path / "link")
    assert (tmp_path / "beside").exists()
