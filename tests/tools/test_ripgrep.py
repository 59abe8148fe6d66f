"""With ripgrep or without, Grep gives the same answers; and what ripgrep says is never taken for the answer."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from agentflow.guard.patterns import PatternError, compile_pattern
from agentflow.tools import ripgrep, search
from agentflow.tools.port import ToolContext
from agentflow.tools.rust_patterns import translated
from agentflow.tools.search import grep

RG = shutil.which("rg") or shutil.which("rg", path=os.path.dirname(sys.executable))
needs_ripgrep = pytest.mark.skipif(RG is None, reason="there is no ripgrep here")

PIECES = [*"abAéÉkx_-1. ([^$\\", "ab", "{2}", "<a>", "\0", "\u212a", "ſ"]
PIECES += ["\t", "\r", "\r\n", "\n", "\n\n", "\ufeff", "\x85", "\u2028", "\v", "\f"]
RAW = [b"\xff", b"\xe9", b"\xed\xa0\x80", b"\xc3", b"\xf0\x9f", b"\x00"]
CONTENTS = st.lists(st.one_of(st.sampled_from([piece.encode() for piece in PIECES]), st.sampled_from(RAW)), max_size=12)
WIDE = st.lists(st.sampled_from(PIECES), max_size=8).map(lambda parts: "".join(parts).encode("utf-16"))
TEXTS = st.one_of(CONTENTS.map(b"".join), CONTENTS.map(b"".join).map(lambda data: b"\xef\xbb\xbf" + data), WIDE)

SYNTAX = r"""
\d \w \s \D \W \S \b \B \t \. \\ \- \< \> \x41 \[ \r \v \f
[ab] [^a] [^ab-] [\w.] [^\s] []a] [a-] [&&b] [a~~b] [--a] [a[] [\]x] [^\d] (a|b) (?:ab) (?P<n>x) (a|) () {,2} a{2}
\z \A (?i)a \pL [[:alpha:]] \Qa.b\E \C \n [^\n] \x{e9}
"""
ATOMS = [*"abéksA_-<>#&~ 1.^${}\ufeff", *SYNTAX.split()]
REPEATS = ["", "", "", "*", "+", "?", "*?", "{1,2}", "{2,}"]
PARTS = st.tuples(st.sampled_from(ATOMS), st.sampled_from(REPEATS)).map("".join)
PATTERNS = st.lists(PARTS, min_size=1, max_size=5).map("".join)
NAMES = ["a", "b.py", "sub/c.py", "sub/-d", "é", "sub/x y", ".hidden", ".dir/e", "node_modules/f", "sub/deep/g"]


def laid_out(folder: str, files: dict[str, bytes]) -> Path:
    """The files, two at a time of one age."""
    project = Path(folder).resolve()
    for number, (name, data) in enumerate(files.items()):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_bytes(data)
        os.utime(project / name, (number // 2, number // 2))
    return project


async def both(project: Path, tool_input: dict[str, object], rules: tuple[str, ...] = ()) -> tuple[str, str]:
    """The answers without ripgrep and with it asked about every file."""
    context = ToolContext(project=project, rules=rules, env={}, key="k", sandbox_off=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ripgrep, "program", lambda _: None)
        ours = await grep(tool_input, context)
    asked = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "FILES_WITHOUT_RIPGREP", 0)
        patch.setattr(search, "BYTES_WITHOUT_RIPGREP", 0)
        original = ripgrep.candidates

        async def counted(*given, **more):
            asked.append(given)
            return await original(*given, **more)

        patch.setattr(ripgrep, "candidates", counted)
        theirs = await grep(tool_input, context)
    both.asked = bool(asked)
    assert ours.is_error == theirs.is_error
    return ours.content, theirs.content


@needs_ripgrep
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    files=st.dictionaries(st.sampled_from(NAMES), TEXTS, min_size=1, max_size=5),
    pattern=PATTERNS,
    ignore_case=st.booleans(),
    mode=st.sampled_from(["content", "files_with_matches", "count"]),
    more=st.sampled_from([{}, {"-C": 1}, {"head_limit": 2}, {"glob": "*.py"}, {"path": "sub"}, {"multiline": True}]),
    rules=st.sampled_from([(), ("sub/**",), ("*.py",)]),
)
@example({"a": b"a\r\nb\r\n"}, "a$", False, "content", {}, ())
@example({"a": b"\xef\xbb\xbfab"}, "^ab", False, "content", {}, ())
@example({"a": b"x\xed\xa0\x80y"}, "x.y", False, "content", {}, ())
@example({"a": "x\u212ay".encode()}, "xky", True, "content", {}, ())
@example({"a": "a\xe9".encode("utf-16")}, "a.$", False, "count", {}, ())
async def test_answers_are_the_same_with_ripgrep_and_without(files, pattern, ignore_case, mode, more, rules):
    try:
        compile_pattern(pattern)
    except PatternError:
        assume(False)
    with tempfile.TemporaryDirectory() as folder:
        project = laid_out(folder, files)
        given_input = {"pattern": pattern, "-i": ignore_case, "output_mode": mode, **more}
        ours, theirs = await both(project, given_input, rules)
    assert ours == theirs


@needs_ripgrep
async def test_what_cannot_be_read_is_counted_the_same(project):
    (project / "a").write_text("needle\n")
    (project / "link").symlink_to("/etc/passwd")
    (project / "bytes\udcff").write_text("needle\n")
    (project / "large").write_bytes(b"needle\n" + b"x" * (search.MAX_SEARCHED_BYTES + 1))
    ours, theirs = await both(project, {"pattern": "needle"})
    assert ours == theirs
    assert "bytes\\xff" in ours
    assert "1 files over 16 MiB were not searched" in ours
    assert both.asked


@pytest.mark.parametrize(
    "pattern", [r"\z", "(?i)a", r"\pL", "[[:alpha:]]", r"\Qa\E", "a\nb", r"a\nb", r"\x{e9}", r"[\W]", r"\B", "(?s:.)"]
)
def test_what_is_not_known_to_mean_the_same_is_not_handed_on(pattern):
    assert translated(pattern, ignore_case=False) is None


def test_letters_that_fold_differently_are_not_handed_on():
    assert translated("é", ignore_case=False) is not None
    assert translated("é", ignore_case=True) is None


def fake(project, text):
    place = project.parent / "rg"
    place.write_text(f"#!/bin/sh\n{text}\n")
    place.chmod(0o755)
    return str(place)


@pytest.mark.parametrize(
    "does",
    [
        "exit 2",
        "echo broken >&2; exit 101",
        "kill -9 $$",
        "printf 'b\\0./b\\0../../etc/passwd\\0./nothing\\0'",
    ],
    ids=["an error", "a crash", "killed", "nonsense"],
)
async def test_a_ripgrep_that_fails_or_talks_nonsense_changes_no_answer(project, does, monkeypatch):
    for name in "ab":
        (project / name).write_text("needle\n" if name == "b" else "other\n")
    rg = fake(project, does)
    monkeypatch.setattr(ripgrep, "program", lambda _: rg)
    monkeypatch.setattr(search, "FILES_WITHOUT_RIPGREP", 0)
    monkeypatch.setattr(search, "BYTES_WITHOUT_RIPGREP", 0)
    context = ToolContext(project=project, rules=(), env={}, key="k", sandbox_off=True)
    assert (await grep({"pattern": "needle"}, context)).content == "b"


async def test_a_ripgrep_that_cannot_be_started_changes_no_answer(project):
    assert await ripgrep.candidates(str(project / "gone"), project, ["a"], "x", ignore_case=False) == {"a"}


async def test_a_file_swapped_for_a_link_after_ripgrep_looked_is_not_followed(project, monkeypatch):
    (project / "a").write_text("needle\n")
    outside = project.parent / "outside"
    outside.write_text("needle of somebody else\n")
    rg = fake(project, f"ln -sf {outside} {project}/a; printf './a\\0'")
    monkeypatch.setattr(ripgrep, "program", lambda _: rg)
    monkeypatch.setattr(search, "FILES_WITHOUT_RIPGREP", 0)
    monkeypatch.setattr(search, "BYTES_WITHOUT_RIPGREP", 0)
    context = ToolContext(project=project, rules=(), env={}, key="k", sandbox_off=True)
    assert (await grep({"pattern": "needle", "output_mode": "content"}, context)).content == "No matches."


def test_a_ripgrep_of_the_project_itself_is_never_run(project, monkeypatch):
    place = project / "rg"
    place.write_text("#!/bin/sh\n")
    place.chmod(0o755)
    monkeypatch.setenv("PATH", str(project))
    assert ripgrep.program(project) is None
    (project.parent / "bin").mkdir()
    (project.parent / "bin" / "rg").symlink_to(place)
    monkeypatch.setenv("PATH", str(project.parent / "bin"))
    assert ripgrep.program(project) is None
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert ripgrep.program(project) is None


async def test_many_names_are_handed_over_in_parts(project, monkeypatch):
    monkeypatch.setattr(ripgrep, "_BATCH_BYTES", 10)
    log = project.parent / "log"
    rg = fake(project, f'for a; do :; done; echo "$a" >> {log}; printf "%s\\0" "$a"')
    names = ["one", "two", "three", "a-name-longer-than-a-part"]
    assert await ripgrep.candidates(rg, project, names, "x", ignore_case=False) == set(names)
    assert log.read_text().split() == [f"./{name}" for name in names]


async def test_a_small_search_asks_nobody(project, monkeypatch):
    (project / "a").write_text("needle\n")
    monkeypatch.setattr(ripgrep, "program", lambda _: "/nowhere/rg")
    monkeypatch.setattr(ripgrep, "candidates", None)
    context = ToolContext(project=project, rules=(), env={}, key="k", sandbox_off=True)
    assert (await grep({"pattern": "needle"}, context)).content == "a"
