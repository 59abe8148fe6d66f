import os

import pytest

from agentflow.tools import files
from agentflow.tools.files import read, write


async def test_lines_are_read_with_their_numbers(project, context_of):
    (project / "a").write_text("one\ntwo\r\nthree")
    output = await read({"file_path": "a"}, context_of())
    assert output.content == "     1\tone\n     2\ttwo\n     3\tthree"
    assert not output.is_error


async def test_a_part_of_a_file_is_read_and_how_to_go_on_is_said(project, context_of):
    (project / "a").write_text("".join(f"line {n}\n" for n in range(1, 11)))
    output = await read({"file_path": "a", "offset": 3, "limit": 2}, context_of())
    assert output.content == "     3\tline 3\n     4\tline 4\n\n(More lines follow. Go on with offset=5.)"
    rest = await read({"file_path": "a", "offset": 9, "limit": 2}, context_of())
    assert rest.content == "     9\tline 9\n    10\tline 10"


async def test_two_thousand_lines_are_read_at_a_time(project, context_of):
    (project / "a").write_text("x\n" * 3000)
    output = await read({"file_path": "a"}, context_of())
    assert output.content.endswith("  2000\tx\n\n(More lines follow. Go on with offset=2001.)")


async def test_a_long_line_is_cut_and_the_next_keeps_its_number(project, context_of):
    (project / "a").write_text("x" * 500_000 + "\nnext\n")
    lines = (await read({"file_path": "a"}, context_of())).content.split("\n")
    assert lines[0] == "     1\t" + "x" * 2000 + "… (line cut)"
    assert lines[1] == "     2\tnext"


async def test_what_is_read_is_bounded_as_a_whole(project, context_of):
    (project / "a").write_text(("y" * 1999 + "\n") * 200)
    output = await read({"file_path": "a"}, context_of())
    assert len(output.content) <= 100_000
    assert "Go on with offset=49" in output.content


async def test_reading_past_the_end_says_how_long_the_file_is(project, context_of):
    (project / "a").write_text("one\ntwo\n")
    output = await read({"file_path": "a", "offset": 9}, context_of())
    assert output.is_error
    assert "has 2 lines" in output.content


async def test_an_empty_file_is_said_to_be_empty(project, context_of):
    (project / "a").touch()
    output = await read({"file_path": "a"}, context_of())
    assert output.content == "(`a` is empty)"
    assert not output.is_error


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x7fELF\0\0", ["a program or library (ELF)", "command"]),
        (b"PK\x03\x04\0\0", ["ZIP archive", "unpacked first"]),
        (b"SQLite format 3\0", ["a SQLite database", "`sqlite3`"]),
        (b"\0\0\0\x18ftypheic", ["cannot be shown", "converted to PNG or JPEG"]),
        (b"RIFF\0\0\0\0WAVE", ["audio or video"]),
        (b"x\0", ["a binary file of unknown kind"]),
    ],
)  # fmt: skip
async def test_another_binary_file_is_refused_with_what_it_is_and_what_to_do(project, context_of, data, words):
    (project / "a").write_bytes(data)
    output = await read({"file_path": "a"}, context_of())
    assert output.is_error
    assert all(word in output.content for word in [*words, "Read shows text, images and PDFs"]), output.content


async def test_bytes_that_are_no_utf_8_are_read_as_what_they_most_likely_are(project, context_of):
    (project / "a").write_bytes(b"\xef\xbb\xbfcaf\xe9\n\xc3\xa9\n")
    shown = (await read({"file_path": "a"}, context_of())).content
    assert shown.startswith("     1\tcafé\n     2\té\n(")
    assert "Windows-1252, which is a guess" in shown
    assert "`old_string`" in shown


async def test_a_cut_through_a_character_is_no_fault_of_the_file(project, context_of):
    (project / "a").write_text("x" + "é" * 70_000 + "\nnext")
    shown = (await read({"file_path": "a"}, context_of())).content.split("\n")
    assert shown == ["     1\tx" + "é" * 1999 + "… (line cut)", "     2\tnext"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
async def test_wide_text_with_a_byte_order_mark_is_read_as_text(project, context_of, encoding):
    (project / "a").write_bytes("one\r\ntwo é\n".encode(encoding))
    shown = (await read({"file_path": "a"}, context_of())).content
    assert shown == f"     1\tone\n     2\ttwo é\n(The file is {encoding.upper()}, and Edit takes UTF-8 alone.)"


async def test_wide_text_with_endless_lines_is_bounded(project, context_of):
    (project / "a").write_bytes(("x" * 300_000 + "\nnext").encode("utf-16"))
    shown = (await read({"file_path": "a"}, context_of())).content.split("\n")
    assert shown[0] == "     1\t" + "x" * 2000 + "… (line cut)"
    assert shown[1] == "     2\tnext"


async def test_a_folder_and_a_missing_file_are_named(project, context_of):
    (project / "folder").mkdir()
    assert "is a folder" in (await read({"file_path": "folder"}, context_of())).content
    assert "is a folder" in (await read({"file_path": "."}, context_of())).content
    missing = await read({"file_path": "no/such"}, context_of())
    assert missing.is_error
    assert "`no/such` does not exist" in missing.content


async def test_a_large_file_is_read_as_a_small_one_is(project, context_of):
    text = "".join(f"{n}\n" for n in range(100_000))
    (project / "a").write_text(text)
    assert (project / "a").stat().st_size > files.INLINE_BYTES
    output = await read({"file_path": "a", "offset": 99_999}, context_of())
    assert output.content == " 99999\t99998\n100000\t99999"


async def test_a_file_is_created_with_its_folders(project, context_of):
    output = await write({"file_path": "out/deep/a.txt", "content": "é\nb\n"}, context_of("out/**"))
    assert output.content == "Created `out/deep/a.txt`: 2 lines, 5 bytes."
    assert (project / "out/deep/a.txt").read_text(encoding="utf-8") == "é\nb\n"
    assert os.listdir(project / "out/deep") == ["a.txt"]


async def test_a_file_is_overwritten_and_keeps_its_mode(project, context_of):
    target = project / "run.sh"
    target.write_text("old")
    target.chmod(0o751)
    output = await write({"file_path": "run.sh", "content": "new"}, context_of())
    assert output.content.startswith("Overwrote `run.sh`")
    assert target.read_text() == "new"
    assert target.stat().st_mode & 0o7777 == 0o751


async def test_writing_what_is_there_already_changes_nothing(project, context_of):
    (project / "a").write_text("same")
    before = (project / "a").stat()
    output = await write({"file_path": "a", "content": "same"}, context_of())
    assert "already held exactly this" in output.content
    assert not output.is_error
    after = (project / "a").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


async def test_a_hard_link_to_a_file_elsewhere_is_not_written_through(project, context_of):
    elsewhere = project.parent / "elsewhere"
    elsewhere.write_text("theirs")
    os.link(elsewhere, project / "a")
    await write({"file_path": "a", "content": "ours"}, context_of())
    assert elsewhere.read_text() == "theirs"


async def test_a_failed_write_leaves_the_old_file_and_no_scrap(project, context_of, monkeypatch):
    (project / "a").write_text("old")

    def no_room(descriptor):
        raise OSError(28, "No space left on device", str(project))

    monkeypatch.setattr(os, "fsync", no_room)
    output = await write({"file_path": "a", "content": "new"}, context_of())
    assert output.content.startswith("`a`: No space left on device\nThere is no room on the disk")
    assert (project / "a").read_text() == "old"
    assert os.listdir(project) == ["a"]


async def test_a_write_protected_file_is_refused(project, context_of, monkeypatch):
    (project / "a").write_text("old")
    monkeypatch.setattr(os, "access", lambda *_, **__: False)  # root may write everything
    output = await write({"file_path": "a", "content": "new"}, context_of())
    assert "write-protected" in output.content
    assert (project / "a").read_text() == "old"


@pytest.mark.parametrize("name", ["a/b", "folder"])
async def test_a_file_is_no_folder_and_a_folder_no_file(project, context_of, name):
    (project / "a").write_text("x")
    (project / "folder").mkdir()
    output = await write({"file_path": name, "content": "new"}, context_of())
    assert output.is_error
    assert "folder" in output.content
    assert (project / "a").read_text() == "x"


async def test_half_a_character_is_refused(project, context_of):
    output = await write({"file_path": "a", "content": "\ud800"}, context_of())
    assert "not valid text" in output.content
    assert not (project / "a").exists()


async def test_a_refused_write_makes_no_folders(project, context_of):
    output = await write({"file_path": "src/new/x.py", "content": "x"}, context_of("out/**"))
    assert "Write is granted for `out/**` only; `src/new/x.py` does not match" in output.content
    assert os.listdir(project) == []


async def test_a_file_with_a_hole_of_a_terabyte_is_read_only_so_far(project, context_of, monkeypatch):
    monkeypatch.setattr("agentflow.tools.lines.MAX_SCANNED", 1 << 20)
    with open(project / "huge", "wb") as file:  # noqa: ASYNC230 - nothing else runs
        file.write(b"line\n" * 4_000)
        file.truncate(1 << 40)
    output = await read({"file_path": "huge", "offset": 3_999}, context_of())
    assert output.content.splitlines()[:2] == ["  3999\tline", "  4000\tline"]
    assert output.content.endswith("(What is behind the first GiB is not looked at.)")
    behind = await read({"file_path": "huge", "offset": 5_000}, context_of())
    assert behind.is_error
    assert "4,001 lines in its first GiB; the rest is not looked at" in behind.content
