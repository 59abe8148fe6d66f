import asyncio
import os
import threading

import pytest

from agentflow.tools import search, tree
from agentflow.tools.search import glob, grep
from agentflow.tools.tree import glob_matcher


def put(project, **files):
    for number, (name, text) in enumerate(files.items()):
        place = project / name.replace("__", "/").replace("_DOT_", ".")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        os.utime(place, (number, number))


@pytest.fixture
def tree_of_files(project):
    put(
        project,
        src__a_DOT_py="import os\n\ndef one():\n    return 1\n",
        src__deep__b_DOT_py="def two():\n    return 2\n",
        README_DOT_md="# one\n",
        node_modules__x_DOT_py="def one(): pass\n",
        _DOT_git__config="one\n",
        _DOT_agentflow__journal="one\n",
        _DOT_github__ci_DOT_yml="one: 1\n",
    )
    return project


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("*.py", "a.py", True),
        ("*.py", "src/a.py", False),
        ("**/*.py", "a.py", True),
        ("**/*.py", "x/y/a.py", True),
        ("src/**", "src/x/y", True),
        ("src/**/b.py", "src/b.py", True),
        ("src/**/b.py", "srcb.py", False),
        ("a?c", "abc", True),
        ("a?c", "a/c", False),
        ("[ab].py", "b.py", True),
        ("[!ab].py", "c.py", True),
        ("[!ab].py", "a.py", False),
        ("[!a]x", "/x", False),
        ("*.{yaml,yml}", "x.yml", True),
        ("{src,lib}/**/*.py", "lib/a.py", True),
        ("./a.py", "a.py", True),
        ("a.py", "axpy", False),
        (r"\*.py", "*.py", True),
        (r"\*.py", "a.py", False),
        ("a[", "a[", True),
        ("é*", "éa", True),
        ("*", "a\nb", True),
        ("a.(py)+", "a.(py)+", True),
        ("}", "}", True),
    ],
)
def test_glob_patterns(pattern, path, matches):
    assert glob_matcher(pattern)(path) is matches


@pytest.mark.parametrize("sign", ["[", "{", "*/", "\\"])
async def test_a_pattern_of_megabytes_is_refused_before_any_work_is_put_into_it(project, context_of, monkeypatch, sign):
    monkeypatch.setattr(tree, "_expression", lambda pattern: pytest.fail("it was translated"))
    output = await glob({"pattern": sign * (1 << 20)}, context_of())
    assert output.is_error
    assert "characters; " in output.content


async def test_files_are_listed_newest_first(tree_of_files, context_of):
    assert (await glob({"pattern": "**/*.py"}, context_of())).content == "src/deep/b.py\nsrc/a.py"
    assert (await glob({"pattern": "*"}, context_of())).content == "README.md"
    assert (await glob({"pattern": "*.py", "path": "src"}, context_of())).content == "src/a.py"
    assert (await glob({"pattern": "*.rs"}, context_of())).content.startswith("No files match.")


async def test_files_of_one_age_are_listed_by_name(project, context_of):
    for name in ("c", "a", "b"):
        (project / name).touch()
        os.utime(project / name, (5, 5))
    assert (await glob({"pattern": "*"}, context_of())).content == "a\nb\nc"


async def test_a_hidden_folder_is_listed_only_when_named(tree_of_files, context_of):
    assert ".github" not in (await glob({"pattern": "**"}, context_of())).content
    assert (await glob({"pattern": ".github/**"}, context_of())).content == ".github/ci.yml"
    assert (await glob({"pattern": "**", "path": ".github"}, context_of())).content == ".github/ci.yml"
    everything = (await glob({"pattern": ".*/**"}, context_of())).content
    assert "journal" not in everything
    assert "config" not in everything


async def test_agentflows_own_folder_is_closed_to_searches(tree_of_files, context_of):
    for output in (
        await glob({"pattern": "**", "path": ".agentflow"}, context_of()),
        await grep({"pattern": "one", "path": ".agentflow"}, context_of()),
        await grep({"pattern": "one", "path": ".agentflow/journal"}, context_of()),
    ):
        assert output.is_error
        assert "closed to tools" in output.content


async def test_only_files_that_the_rules_cover_are_found(tree_of_files, context_of):
    rules = ("src/**", "!src/deep/**")
    assert (await glob({"pattern": "**"}, context_of(*rules))).content == "src/a.py"
    assert (await grep({"pattern": "def|one"}, context_of(*rules))).content == "src/a.py"
    denied = await grep({"pattern": "one", "path": "README.md"}, context_of(*rules))
    assert denied.is_error
    assert "Grep is granted for `src/**`, `!src/deep/**` only; `README.md` does not match" in denied.content


async def test_searches_do_not_follow_links_out(tree_of_files, context_of):
    outside = tree_of_files.parent / "outside"
    outside.mkdir()
    (outside / "secret.py").write_text("one")
    (tree_of_files / "folder").symlink_to(outside)
    (tree_of_files / "file.py").symlink_to(outside / "secret.py")
    (tree_of_files / "fine.py").symlink_to("src/a.py")
    listed = (await glob({"pattern": "**/*.py"}, context_of())).content.split("\n")
    assert set(listed) == {"src/a.py", "src/deep/b.py", "fine.py"}
    assert "secret" not in (await grep({"pattern": "one", "output_mode": "content"}, context_of())).content
    for output in (
        await glob({"pattern": "*", "path": "folder"}, context_of()),
        await grep({"pattern": "one", "path": "folder"}, context_of()),
        await grep({"pattern": "one", "path": ".."}, context_of()),
    ):
        assert "outside the project" in output.content


async def test_names_that_are_no_text_are_shown_escaped(project, context_of):
    os.close(os.open(os.fsencode(project) + b"/bad\xff.py", os.O_CREAT | os.O_WRONLY))
    (project / "two\nlines.py").write_text("x\n")
    listed = (await glob({"pattern": "*.py"}, context_of("*.py"))).content
    assert set(listed.split("\n")) == {r"bad\xff.py", r"two\nlines.py"}
    assert (await grep({"pattern": "x"}, context_of())).content == r"two\nlines.py"


async def test_a_long_list_is_cut_to_the_newest(project, context_of, monkeypatch):
    monkeypatch.setattr(search, "MAX_FILES", 2)
    put(project, a="", b="", c="")
    lines = (await glob({"pattern": "*"}, context_of())).content.split("\n")
    assert lines == ["c", "b", "(The newest 2 of 3 files; narrow the pattern.)"]


async def test_a_huge_tree_is_searched_up_to_a_bound(project, context_of, monkeypatch):
    put(project, a="x", b="x", c="x")
    monkeypatch.setattr(tree, "MAX_ENTRIES", 2)
    assert "The search stopped" in (await glob({"pattern": "*"}, context_of())).content
    assert "The search stopped" in (await grep({"pattern": "x"}, context_of())).content


async def test_matching_files_newest_first_is_what_grep_gives(tree_of_files, context_of):
    assert (await grep({"pattern": "def"}, context_of())).content == "src/deep/b.py\nsrc/a.py"
    assert (await grep({"pattern": "ONE", "-i": True}, context_of())).content == "README.md\nsrc/a.py"
    assert (await grep({"pattern": "nothing"}, context_of())).content == "No matches."


async def test_matching_lines_with_their_numbers(tree_of_files, context_of):
    output = await grep({"pattern": r"def \w+", "output_mode": "content"}, context_of())
    assert output.content == "src/a.py:3:def one():\nsrc/deep/b.py:1:def two():"
    bare = await grep({"pattern": "two", "output_mode": "content", "-n": False}, context_of())
    assert bare.content == "src/deep/b.py:def two():"


async def test_context_lines_are_shown_once_and_groups_apart(project, context_of):
    put(project, a="1\n2\nx3\n4\nx5\n6\n7\n8\n9\nx10\n11\n")
    ask = {"pattern": "x", "output_mode": "content", "-C": 1}
    assert (await grep(ask, context_of())).content.split("\n") == [
        *("a-2-2", "a:3:x3", "a-4-4", "a:5:x5", "a-6-6", "--", "a-9-9", "a:10:x10", "a-11-11"),
    ]
    ask = {"pattern": "x", "output_mode": "content", "-B": 9, "-A": 2}
    lines = (await grep(ask, context_of())).content.split("\n")
    assert lines[:3] == ["a-1-1", "a-2-2", "a:3:x3"]
    assert len(lines) == 11
    assert (await grep({"pattern": "x1", "output_mode": "content", "-A": 50}, context_of())).content == (
        "a:10:x10\na-11-11"
    )


async def test_matching_lines_are_counted(project, context_of):
    put(project, a="x x\nx\n", b="y\n", c="x\n")
    output = await grep({"pattern": "x", "output_mode": "count"}, context_of())
    assert output.content == "a:2\nc:1\n(3 matching lines in 2 files.)"


async def test_a_match_over_several_lines(project, context_of):
    put(project, a="one {\n  two\n}\nthree\n")
    ask = {"pattern": r"\{.*?\}", "output_mode": "content"}
    assert (await grep(ask, context_of())).content == "No matches."
    assert (await grep({**ask, "multiline": True}, context_of())).content == "a:1:one {\na:2:  two\na:3:}"


async def test_the_end_of_a_windows_line_is_its_end(project, context_of):
    (project / "a").write_bytes(b"one\r\ntwo\r\n")
    assert (await grep({"pattern": "^one$", "output_mode": "content"}, context_of())).content == "a:1:one"


async def test_empty_matches_show_each_line_once(project, context_of):
    put(project, a="1\n2\n", empty="")
    assert (await grep({"pattern": "x*", "output_mode": "content"}, context_of())).content == "a:1:1\na:2:2"
    assert (await grep({"pattern": "$", "output_mode": "count"}, context_of())).content.startswith("a:2\n")


@pytest.mark.parametrize(
    ("pattern", "found"), [("*.py", {"src/a.py", "src/deep/b.py"}), ("src/*.py", {"src/a.py"}), ("*.{md,rs}", set())]
)
async def test_grep_is_narrowed_by_a_glob(tree_of_files, context_of, pattern, found):
    lines = set((await grep({"pattern": "return", "glob": pattern}, context_of())).content.split("\n"))
    assert lines == (found or {"No matches."})


async def test_one_file_is_searched(tree_of_files, context_of):
    assert (await grep({"pattern": "def", "path": "src/a.py"}, context_of())).content == "src/a.py"
    assert "does not exist" in (await grep({"pattern": "def", "path": "nope"}, context_of())).content


async def test_output_is_cut_at_the_limit_and_says_so(project, context_of):
    put(project, a="x\n" * 10, b="x\n")
    output = await grep({"pattern": "x", "output_mode": "content", "head_limit": 3}, context_of())
    assert output.content == "a:1:x\na:2:x\na:3:x\n(The first 3; narrow the search, or raise head_limit.)"
    files = await grep({"pattern": "x", "head_limit": 1}, context_of())
    assert files.content == "b\n(The first 1 of 2; narrow the search, or raise head_limit.)"


async def test_long_lines_and_much_output_are_bounded(project, context_of):
    put(project, a=("x" * 10_000 + "\n") * 500)
    output = await grep({"pattern": "x", "output_mode": "content", "head_limit": 10_000}, context_of())
    assert len(output.content) <= 100_000
    assert "a:1:" + "x" * 500 + "… (line cut)\n" in output.content


async def test_binary_large_and_odd_files_are_left_out(project, context_of, monkeypatch):
    monkeypatch.setattr(search, "MAX_SEARCHED_BYTES", 100)
    (project / "binary").write_bytes(b"x\0")
    (project / "large").write_text("x" * 101)
    os.mkfifo(project / "pipe")
    put(project, a="x")
    lines = (await grep({"pattern": "x"}, context_of())).content.split("\n")
    assert lines[0] == "a"
    assert lines[1].startswith("(1 files over")


async def test_a_malformed_pattern_is_explained(context_of, project):
    for output in (await grep({"pattern": "(a"}, context_of()), await grep({"pattern": "(?=a)"}, context_of())):
        assert output.is_error
        assert "RE2" in output.content
    unclosed = await glob({"pattern": "{a,b"}, context_of())
    assert unclosed.is_error
    assert "without its }" in unclosed.content


async def test_a_deep_tree_is_walked_to_a_bound(project, context_of, monkeypatch):
    monkeypatch.setattr(tree, "MAX_DEPTH", 2)
    put(project, a__b__c__d="x", a__b__x="x")
    output = await glob({"pattern": "**"}, context_of())
    assert output.content.startswith("a/b/x\n(The search stopped")


async def test_a_cancelled_search_has_ended_when_the_call_returns(project, context_of, monkeypatch):
    put(project, a="x", b="x")
    began, go_on, ended = threading.Event(), threading.Event(), threading.Event()
    searched = search._search_file

    def slow(place, query, report, stop):
        began.set()
        go_on.wait(10)
        try:
            searched(place, query, report, stop)
        finally:
            ended.set()

    monkeypatch.setattr(search, "_search_file", slow)
    call = asyncio.create_task(grep({"pattern": "x"}, context_of()))
    await asyncio.to_thread(began.wait, 10)
    call.cancel()
    await asyncio.sleep(0)
    assert not call.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert ended.is_set()


async def test_wide_text_and_text_behind_a_byte_order_mark_are_searched_as_what_they_say(project, context_of):
    (project / "wide").write_bytes("one\r\ntwo é\r\n".encode("utf-16"))
    (project / "marked").write_bytes(b"\xef\xbb\xbfone\n")
    found = await grep({"pattern": "^(one|two é)$", "output_mode": "content"}, context_of())
    assert found.content == "marked:1:one\nwide:1:one\nwide:2:two é"
