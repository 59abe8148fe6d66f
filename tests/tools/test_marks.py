"""A file that is read, changed and written back is not spoiled by how it was shown."""

from collections.abc import Callable
from pathlib import Path

import pytest

from agentflow.source.visible import visible
from agentflow.tools.edit import edit
from agentflow.tools.files import read, write
from agentflow.tools.port import ToolContext

HIDDEN = "greeting = 'a\u200bb'\nbidi = '\u202eabc\u202c'\nplain = 1\nbell = '\x07'\n"


@pytest.fixture
def context(tmp_path: Path) -> ToolContext:
    return ToolContext(project=tmp_path, rules=(), env={}, key="k", sandbox_off=True)


async def test_a_file_that_is_written_back_as_it_was_shown_keeps_its_hidden_characters(context: ToolContext):
    path = context.project / "a.py"
    path.write_text(HIDDEN)
    shown = visible((await read({"file_path": "a.py"}, context)).content)
    assert "⟦U+200B⟧" in shown
    assert "\u200b" not in shown
    lines = [line.partition("\t")[2] for line in shown.splitlines()]
    changed = "\n".join(lines).replace("plain = 1", "plain = 2") + "\n"
    assert not (await write({"file_path": "a.py", "content": changed}, context)).is_error
    assert path.read_text() == HIDDEN.replace("plain = 1", "plain = 2")


async def test_an_edit_names_a_hidden_character_as_it_was_shown(context: ToolContext):
    path = context.project / "a.py"
    path.write_text(HIDDEN)
    given = {"file_path": "a.py", "old_string": "'a⟦U+200B⟧b'", "new_string": "'a⟦U+200B⟧c'"}
    assert not (await edit(given, context)).is_error
    assert path.read_text() == HIDDEN.replace("a\u200bb", "a\u200bc")
    given = {"file_path": "a.py", "old_string": "'␇'", "new_string": "''"}
    assert not (await edit(given, context)).is_error
    assert "\x07" not in path.read_text()


async def test_what_looks_like_a_mark_and_stands_in_the_file_is_text(context: ToolContext):
    path = context.project / "a.md"
    path.write_text("It shows ⟦U+200B⟧ for a\u200bspace.\n")
    given = {"file_path": "a.md", "old_string": "shows ⟦U+200B⟧", "new_string": "writes ⟦U+200B⟧"}
    assert not (await edit(given, context)).is_error
    assert path.read_text() == "It writes ⟦U+200B⟧ for a\u200bspace.\n"
    assert not (await write({"file_path": "new.md", "content": "⟦U+200B⟧ ␛"}, context)).is_error
    assert (context.project / "new.md").read_text() == "⟦U+200B⟧ ␛"


KEY = "AKIA" + "IOSFODNN7QWERTYU"


@pytest.mark.parametrize("mask", ["[secret TOKEN]", "[likely secret: AWS access key]"])
async def test_the_mask_of_a_secret_is_not_written_over_it(context: ToolContext, mask: str):
    path = context.project / "settings.ini"
    path.write_text(f"key = {KEY}\nlevel = 1\n")
    refused = await write({"file_path": "settings.ini", "content": f"key = {mask}\nlevel = 2\n"}, context)
    assert refused.is_error
    assert f"`{mask}` stands for a value that you were not shown" in refused.content
    given = {"file_path": "settings.ini", "old_string": f"key = {mask}", "new_string": "key = x"}
    refused = await edit(given, context)
    assert refused.is_error
    assert "take text beside it" in refused.content
    given = {"file_path": "settings.ini", "old_string": "level = 1", "new_string": f"level = 1 # {mask}"}
    assert (await edit(given, context)).is_error
    assert path.read_text() == f"key = {KEY}\nlevel = 1\n"


async def test_a_report_may_speak_of_masks(context: ToolContext):
    path = context.project / "report.md"
    text = "src/a.py holds [likely secret: AWS access key], and the log [secret TOKEN].\n"
    assert not (await write({"file_path": "report.md", "content": text}, context)).is_error
    given = {"file_path": "report.md", "old_string": "holds [likely secret: AWS access key]", "new_string": "is clean"}
    assert not (await edit(given, context)).is_error
    assert path.read_text() == "src/a.py is clean, and the log [secret TOKEN].\n"
    path.write_text("nothing yet\n")
    text = "found [likely secret: GitHub token]\n"
    assert not (await write({"file_path": "report.md", "content": text}, context)).is_error


def test_every_shown_control_goes_back(context: ToolContext):
    from agentflow.tools.marks import put_back

    before = "".join(map(chr, range(32)))
    back: Callable[[str], str] = lambda text: put_back(text, before)  # noqa: E731
    assert back(visible(before.replace("\r", ""))) == before.replace("\r", "")
