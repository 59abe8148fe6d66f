import os

from agentflow.cli.files_below import files_below
from agentflow.tools.removing import remove_folder


def test_files_come_sorted_and_those_of_other_programs_are_left_out(tmp_path):
    for name in ("b/two.yaml", "b/a/one.yaml", "a.yaml", ".git/x.yaml", "node_modules/x.yaml", "c/three.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "link").symlink_to(tmp_path / "b")
    found = [os.path.relpath(file, tmp_path) for file in files_below(str(tmp_path))]
    assert found == ["a.yaml", "b/two.yaml", "b/a/one.yaml", "c/three.yaml"]


def test_folders_of_any_depth_are_looked_through(tmp_path):
    (tmp_path / "a.yaml").touch()
    at = os.open(tmp_path, os.O_RDONLY)
    for _ in range(1_500):
        os.mkdir("d", dir_fd=at)
        inner = os.open("d", os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = inner
    os.close(at)
    found = [*files_below(str(tmp_path))]
    remove_folder(tmp_path / "d")
    assert found == [str(tmp_path / "a.yaml")]
