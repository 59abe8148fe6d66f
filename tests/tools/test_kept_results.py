"""What is too large to show is kept whole; its own run can read it, and nothing else opens up by it."""

import json
import os
import stat

import pytest

from agentflow.tools import kept_results
from agentflow.tools.files import read
from agentflow.tools.kept_results import LARGE_CHARS, PREVIEW_CHARS, RESULTS, KeptResults, remove_kept
from agentflow.tools.port import ToolContext
from agentflow.tools.search import grep

LINES = "".join(f"line {number}\n" for number in range(20_000))


@pytest.fixture
def kept(project):
    return KeptResults(project, "run-1")


@pytest.fixture
def reading(project):
    def make(*rules, run="run-1", folder=project):
        return ToolContext(folder, rules, {}, "key", sandbox_off=True, results=KeptResults(project, run).access)

    return make


def name_in(preview: str) -> str:
    return next(word for word in preview.split("`") if word.startswith(RESULTS))


def file_of(project, preview: str):
    return project / RESULTS / "run-1" / name_in(preview).rpartition("/")[2]


def test_what_is_small_is_shown_whole_and_nothing_is_written(project, kept):
    text = "x" * LARGE_CHARS
    assert kept.shown("t", text, can_read=True) == text
    assert kept.shown("t", None, can_read=True) is None
    assert not (project / ".agentflow").exists()


def test_what_is_large_is_shown_by_its_ends_with_its_size_and_the_way_to_the_rest(project, kept):
    preview = kept.shown("My tool", LINES, can_read=True)
    assert len(preview) < PREVIEW_CHARS + 1_000
    assert f"{len(LINES):,} characters, 20,001 lines" in preview
    assert "Read (file_path, offset, limit)" in preview
    assert "\nline 0\nline 1\n" in preview
    assert preview.endswith("line 19998\nline 19999\n")
    assert "characters left out" in preview
    assert file_of(project, preview).read_text() == LINES


def test_an_agent_that_cannot_read_is_shown_more(project, kept):
    assert kept.shown("t", LINES[:99_000], can_read=False) == LINES[:99_000]
    preview = kept.shown("t", LINES, can_read=False)
    assert 90_000 < len(preview) < 100_000
    assert kept.shown("t", preview, can_read=False) == preview, "what was shown in part is not shown in part again"
    assert "Read (" not in preview
    assert file_of(project, preview).read_text() == LINES


def test_blocks_of_text_are_kept_one_by_one_and_others_stay(project, kept):
    image = {"type": "image", "source": {}}
    shown = kept.shown("t", [{"type": "text", "text": LINES}, image, {"type": "text", "text": "short"}], can_read=True)
    assert shown[1:] == [image, {"type": "text", "text": "short"}]
    assert file_of(project, shown[0]["text"]).read_text() == LINES


def test_it_is_private_to_its_user(project, kept):
    path = file_of(project, kept.shown("t", LINES, can_read=True))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for folder in (path.parent, path.parent.parent, project / ".agentflow"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert (project / ".agentflow/.gitignore").read_text() == "*\n"
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


async def test_its_own_run_reads_it_whatever_the_rules_say_and_wherever_it_works(project, kept, reading):
    name = name_in(kept.shown("t", LINES, can_read=True))
    workspace = project / ".agentflow/workspaces/run-1/w"
    workspace.mkdir(parents=True)
    for context in (reading(), reading("docs/**"), reading(folder=workspace)):
        output = await read({"file_path": name, "offset": 15_000, "limit": 2}, context)
        assert "line 14999" in output.content
        found = await grep({"pattern": "^line 777$", "path": name, "output_mode": "content"}, context)
        assert "line 777" in found.content
    output = await read({"file_path": f"{project}/{name}", "limit": 1}, reading("docs/**"))
    assert "line 0" in output.content


async def test_nothing_else_opens_up(project, kept, reading):
    name = name_in(kept.shown("t", LINES, can_read=True))
    secret = project / ".agentflow/journal.db"
    secret.write_text("secret")
    folder = project / RESULTS / "run-1"
    (folder / "link.txt").symlink_to(secret)
    (folder / "pipe.txt").mkdir()
    file = name.rpartition("/")[2]
    refused = [
        f"{RESULTS}/run-1/{file}", f"{RESULTS}/../journal.db", f"{RESULTS}/link.txt", f"{RESULTS}/pipe.txt",
        f"{RESULTS}/x/../{file}", f"{RESULTS}/nothing.txt", RESULTS, f"{RESULTS}/", ".agentflow/journal.db",
        f"{RESULTS}/../results/{file}", f"{RESULTS}//{file}", f"{RESULTS}/{file}\n", f"{RESULTS}/{file}\0",
    ]  # fmt: skip
    for named in refused:
        output = await read({"file_path": named}, reading())
        assert output.is_error, named
        assert "secret" not in output.content
        found = await grep({"pattern": ".", "path": named, "output_mode": "content"}, reading())
        assert "secret" not in found.content
        assert "line 1" not in found.content, named


async def test_another_run_does_not_reach_it(project, kept, reading):
    name = name_in(kept.shown("t", LINES, can_read=True))
    assert (await read({"file_path": name}, reading(run="run-2"))).is_error


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"rows": [{"number": number} for number in range(5_000)]}),
        "x" * 70_000,
        json.dumps(["y" * 50_000]),
        '{"not json": ' + "[" * 40_000,
    ],
)
async def test_long_lines_are_written_so_that_all_of_them_can_be_read(project, kept, reading, text):
    preview = kept.shown("t", text, can_read=True)
    written = file_of(project, preview).read_text()
    assert max(map(len, written.split("\n"))) < 2_000
    assert "".join(written.split()) == "".join(text.split())
    output = await read({"file_path": name_in(preview), "limit": 5}, reading())
    assert "line cut" not in output.content
    assert "(as indented JSON" in preview or "(lines broken after" in preview


def test_half_a_character_does_not_keep_a_result_from_being_kept(project, kept):
    preview = kept.shown("t", "\ud800" + LINES, can_read=True)
    assert file_of(project, preview).read_text() == "?" + LINES


def test_what_cannot_be_kept_is_told_and_more_of_it_shown(project, kept, monkeypatch):
    monkeypatch.setattr(kept_results, "MAX_RUN_BYTES", len(LINES) + 10)
    kept.shown("t", LINES, can_read=True)
    assert "kept in" in kept.shown("t", LINES, can_read=True), "the same again takes no more room"
    preview = kept.shown("t", LINES + "more", can_read=True)
    assert "could not be kept: Disk quota exceeded" in preview
    assert len(preview) > 90_000
    again = KeptResults(project, "run-1")
    assert "could not be kept" in again.shown("t", LINES + "more", can_read=True), "a resume counts what is there"


def test_a_link_in_the_place_of_a_folder_is_not_followed(project, kept, tmp_path):
    (project / ".agentflow").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (project / ".agentflow/results").symlink_to(tmp_path / "elsewhere")
    assert "could not be kept" in kept.shown("t", LINES, can_read=True)
    assert os.listdir(tmp_path / "elsewhere") == []
    remove_kept(project, "run-1")


def test_the_results_of_a_run_go_with_it(project, kept):
    path = file_of(project, kept.shown("t", LINES, can_read=True))
    remove_kept(project, "run-2")
    assert path.exists()
    remove_kept(project, "run-1")
    remove_kept(project, "run-1")
    assert not path.parent.exists()


async def test_a_run_that_goes_on_from_another_takes_over_what_is_named_in_what_it_takes_over(project, kept, reading):
    told, other = kept.shown("t", LINES, can_read=True), kept.shown("t", LINES + "x", can_read=True)
    newer = KeptResults(project, "run-2")
    newer.take_over("run-1", json.dumps({"messages": [told]}))
    assert os.listdir(project / RESULTS / "run-2") == [name_in(told).rpartition("/")[2]]
    remove_kept(project, "run-1")
    output = await read({"file_path": name_in(told), "limit": 1}, reading(run="run-2"))
    assert "line 0" in output.content
    assert name_in(other) != name_in(told)


def test_what_is_gone_or_is_a_link_is_not_taken_over(project, kept, tmp_path):
    told = kept.shown("t", LINES, can_read=True)
    newer = KeptResults(project, "run-2")
    newer.take_over("run-0", told)
    (tmp_path / "else.txt").write_text("not yours")
    file = file_of(project, told)
    file.unlink()
    file.symlink_to(tmp_path / "else.txt")
    newer.take_over("run-1", told)
    file.unlink()
    os.mkfifo(file)
    newer.take_over("run-1", told)
    newer.take_over("run-1", "nothing is named")
    assert not (project / RESULTS / "run-2").exists()
