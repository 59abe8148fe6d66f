"""Notes of an agent's: where they are, what each command says, and that no path leads out of them."""

import os
from pathlib import Path

import pytest

from agentflow.tools.memory import MAX_FILE_BYTES, MAX_FILES, memory
from agentflow.tools.port import ToolContext, ToolOutput


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    return tmp_path.resolve() / "notes"


@pytest.fixture
def call(notes: Path, tmp_path: Path):
    async def give(command: str, **given: object) -> ToolOutput:
        context = ToolContext(tmp_path, (), {}, "key", False, memory=notes)
        return await memory({"command": command, **given}, context)

    return give


async def test_notes_are_written_read_changed_and_put_away(call, notes):
    assert (await call("view", path="/memories")).content == "There are no notes here yet."
    assert (await call("create", path="/memories/how/tests.md", file_text="one\ntwo\n")).content.endswith("is written.")
    assert (await call("view", path="/memories/how/tests.md")).content == "     1\tone\n     2\ttwo"
    assert (await call("view", path="/memories/how/tests.md", view_range=[2, -1])).content == "     2\ttwo"
    await call("str_replace", path="/memories/how/tests.md", old_str="two", new_str="three")
    await call("insert", path="/memories/how/tests.md", insert_line=1, insert_text="between")
    assert (notes / "how/tests.md").read_text() == "one\nbetween\nthree\n"
    await call("rename", old_path="/memories/how", new_path="/memories/why")
    assert (await call("view", path="/memories")).content == (
        "The notes in /memories (bytes, path):\n       18  /memories/why/tests.md"
    )
    await call("delete", path="/memories/why")
    assert (await call("view", path="/memories")).content == "There are no notes here yet."


async def test_lines_go_in_anywhere_and_keep_their_ends(call, notes):
    await call("create", path="/memories/a", file_text="x")
    await call("insert", path="/memories/a", insert_line=1, insert_text="y")
    await call("insert", path="/memories/a", insert_line=0, insert_text="w\n")
    assert (notes / "a").read_text() == "w\nx\ny\n"


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd", "memories/a", "/memories/../a", "/memories/a/../../b", "/memoriesx/a", "/memories/\0", "",
        "/memories/" + "a/" * 9 + "b", "/memories//../../x",
    ],
)  # fmt: skip
@pytest.mark.parametrize("command", ["view", "create", "delete", "str_replace", "insert"])
async def test_no_path_leads_out_of_the_notes(call, tmp_path, command, path):
    given = {"file_text": "x", "old_str": "x", "new_str": "y", "insert_line": 0, "insert_text": "x"}
    output = await call(command, path=path, **given)
    assert output.is_error
    assert {entry.name for entry in tmp_path.iterdir()} <= {"notes"}


@pytest.mark.parametrize("command", ["view", "create", "delete", "str_replace", "insert"])
async def test_no_link_leads_out_of_the_notes(call, notes, tmp_path, command):
    notes.mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("x")
    (notes / "link").symlink_to(tmp_path / "outside")
    given = {"file_text": "y", "old_str": "x", "new_str": "y", "insert_line": 0, "insert_text": "y"}
    output = await call(command, path="/memories/link/secret", **given)
    assert output.is_error
    assert (tmp_path / "outside" / "secret").read_text() == "x"


async def test_the_folder_of_all_notes_is_neither_deleted_nor_renamed_nor_written(call):
    for output in (
        await call("delete", path="/memories"),
        await call("rename", old_path="/memories/", new_path="/memories/a"),
        await call("create", path="/memories", file_text="x"),
    ):
        assert "is the folder of all notes" in output.content


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"command": "create", "path": "/memories/a"}, "`create` wants `file_text`"),
        ({"command": "rename", "path": "/memories/a"}, "`rename` wants `old_path`, `new_path`"),
        ({"command": "view", "path": "/memories/none"}, "`none` does not exist"),
        ({"command": "str_replace", "path": "/memories/a", "old_str": "z"}, "old_string does not occur"),
        ({"command": "str_replace", "path": "/memories/a", "old_str": ""}, "old_str is empty"),
        ({"command": "str_replace", "path": "/memories/a", "old_str": "x"}, "occurs 2 times"),
        ({"command": "insert", "path": "/memories/a", "insert_line": 9, "insert_text": "x"}, "the file has 2 lines"),
        ({"command": "view", "path": "/memories/a", "view_range": [3, 4]}, "has 2 lines"),
        ({"command": "view", "path": "/memories/a", "view_range": [0, 1]}, "has 2 lines"),
        ({"command": "rename", "old_path": "/memories/a", "new_path": "/memories/b"}, "exists already"),
        ({"command": "rename", "old_path": "/memories/a", "new_path": "/memories/a/b"}, "lies in the old one"),
        ({"command": "create", "path": "/memories/a", "file_text": "x" * (MAX_FILE_BYTES + 1)}, "are the most"),
        ({"command": "create", "path": "/memories/c", "file_text": "\ud800"}, "half a surrogate pair"),
    ],
)
async def test_what_cannot_be_done_is_told_and_changes_nothing(call, notes, given, said):
    notes.mkdir()
    (notes / "a").write_text("x\nx\n")
    (notes / "b").write_text("")
    output = await call(**given)
    assert output.is_error
    assert said in output.content
    assert (notes / "a").read_text() == "x\nx\n"


async def test_there_are_only_so_many_notes(call, notes):
    notes.mkdir()
    for number in range(MAX_FILES):
        (notes / str(number)).touch()
    assert "delete or join some" in (await call("create", path="/memories/more", file_text="x")).content
    assert not (await call("create", path="/memories/1", file_text="x")).is_error


async def test_pipes_and_the_like_are_not_opened(call, notes):
    notes.mkdir()
    os.mkfifo(notes / "pipe")
    assert (await call("view", path="/memories/pipe")).is_error
    assert (await call("create", path="/memories/pipe", file_text="x")).is_error


async def test_an_agent_without_memory_is_told_so(tmp_path):
    output = await memory({"command": "view", "path": "/memories"}, ToolContext(tmp_path, (), {}, "key", False))
    assert output.is_error
