import os
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.tools.edit import edit, replaced
from agentflow.tools.failures import ToolError


def change(old, new, **more):
    return {"file_path": "a", "old_string": old, "new_string": new, **more}


async def test_the_one_occurrence_is_replaced(project, context_of):
    (project / "a").write_text("x = 1\ny = 2\n")
    (project / "a").chmod(0o640)
    output = await edit(change("y = 2", "y = 3"), context_of())
    assert output.content == "Edited `a`: 1 replacement."
    assert (project / "a").read_text() == "x = 1\ny = 3\n"
    assert (project / "a").stat().st_mode & 0o777 == 0o640
    assert os.listdir(project) == ["a"]


async def test_several_occurrences_are_counted_and_nothing_changes(project, context_of):
    (project / "a").write_text("x x x")
    output = await edit(change("x", "y"), context_of())
    assert output.is_error
    assert "occurs 3 times" in output.content
    assert (project / "a").read_text() == "x x x"
    assert "3 replacements" in (await edit(change("x", "y", replace_all=True), context_of())).content
    assert (project / "a").read_text() == "y y y"


async def test_the_nearest_line_is_shown_when_nothing_matches(project, context_of):
    (project / "a").write_text("def one():\n    return 1\n\ndef two():\n    return 2\n")
    assert "the nearest is line 4: `def two():`" in (await edit(change("def twoo():", "x"), context_of())).content
    assert "line 2 begins alike" in (await edit(change("\treturn 1", "x"), context_of())).content
    assert "nothing like it" in (await edit(change("#######", "x"), context_of())).content


async def test_an_edit_made_before_is_recognised(project, context_of):
    (project / "a").write_text("new text\n")
    output = await edit(change("old words", "new text"), context_of())
    assert output.is_error
    assert "perhaps this edit was made before" in output.content


async def test_crlf_is_kept(project, context_of):
    (project / "a").write_bytes(b"one\r\ntwo\r\nthree\r\n")
    await edit(change("one\ntwo", "1\n2\n2.5"), context_of())
    assert (project / "a").read_bytes() == b"1\r\n2\r\n2.5\r\nthree\r\n"


async def test_bytes_that_are_no_utf8_survive(project, context_of):
    (project / "a").write_bytes(b"\xff\xfe caf\xe9 x\n")
    await edit(change("x", "y"), context_of())
    assert (project / "a").read_bytes() == b"\xff\xfe caf\xe9 y\n"


@pytest.mark.parametrize(("old", "new", "says"), [("", "x", "is empty"), ("x", "x", "are the same")])
async def test_an_edit_that_says_nothing_is_refused(project, context_of, old, new, says):
    (project / "a").write_text("x")
    output = await edit(change(old, new), context_of())
    assert output.is_error
    assert says in output.content


async def test_a_missing_a_binary_and_a_forbidden_file_are_refused(project, context_of):
    (project / "b").mkdir()
    assert "does not exist" in (await edit({**change("x", "y"), "file_path": "new/a"}, context_of())).content
    assert not (project / "new").exists()
    (project / "a").write_bytes(b"x\0")
    assert "binary" in (await edit(change("x", "y"), context_of())).content
    assert "Edit is granted for `out/**` only" in (await edit(change("x", "y"), context_of("out/**"))).content


async def test_half_a_character_is_refused(project, context_of):
    (project / "a").write_text("x")
    assert "not valid text" in (await edit(change("x", "\ud800"), context_of())).content
    assert (project / "a").read_text() == "x"


async def test_a_change_made_by_somebody_else_meanwhile_is_not_lost(project, context_of, monkeypatch):
    (project / "a").write_text("x = 1\n")
    fsync = os.fsync

    def change_meanwhile(descriptor):
        (project / "a").write_text("x = 1\ny = 2\n")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", change_meanwhile)
    output = await edit(change("x = 1", "x = 3"), context_of())
    assert output.is_error
    assert "changed by somebody else" in output.content
    assert (project / "a").read_text() == "x = 1\ny = 2\n"
    assert os.listdir(project) == ["a"]


def test_a_file_cannot_be_blown_up():
    with pytest.raises(ToolError, match="grow beyond"):
        replaced("a" * 100_000, "a", "b" * 1_000, every=True)


def with_crlf(text):
    return text.replace("\r\n", "\n").replace("\n", "\r\n")


TEXT = st.text(alphabet="ab\n\r", max_size=20)


@given(text=TEXT, old=TEXT.filter(bool), new=TEXT)
def test_only_what_was_named_changes(text, old, new):
    try:
        after, count = replaced(text, old, new, every=False)
    except ToolError:
        return
    assert count == 1
    found = [form for form in (old, with_crlf(old)) if text.count(form) == 1]
    assert any(
        after == before + made + behind
        for before, _, behind in (text.partition(form) for form in found)
        for made in (new, with_crlf(new))
    )


@given(lines=st.lists(st.text(alphabet="abc", max_size=4), min_size=2), new=st.text(alphabet="ab\n", max_size=9))
def test_an_edit_leaves_every_line_end_crlf(lines, new):
    text = "".join(f"{line}\r\n" for line in lines) + "HERE\r\n"
    after, _ = replaced(text, "HERE", new, every=False)
    assert after.count("\n") == after.count("\r\n")


async def test_a_reader_sees_the_old_file_or_the_new_one_never_a_part(project, context_of):
    (project / "a").write_text("0" * 100_000)
    seen: set[str] = set()
    done = threading.Event()

    def watch():
        while not done.is_set():
            seen.add((project / "a").read_text())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        for old, new in (("0", "1"), ("1", "2"), ("2", "3")):
            await edit(change(old, new, replace_all=True), context_of())
    finally:
        done.set()
        watcher.join()
    assert {frozenset(text) for text in seen} <= {frozenset(digit) for digit in "0123"}
    assert {len(text) for text in seen} == {100_000}
