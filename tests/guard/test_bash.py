"""What a script would do is read from its text."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agentflow.guard.bash import MAX_BYTES, Script, read_script

Argvs = list[tuple[str | None, ...]]


def argvs(text: str) -> Argvs:
    script = read_script(text)
    assert script.undecidable is None
    return [command.argv for command in script.commands]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ls -la | wc -l", [("ls", "-la"), ("wc", "-l")]),
        ("a && b || c; d & e", [("a",), ("b",), ("c",), ("d",), ("e",)]),
        ("a |& b\nc # and no d\n", [("a",), ("b",), ("c",)]),
        ("(a; b) | { c; }", [("a",), ("b",), ("c",)]),
        ("! a; time b c", [("a",), ("b", "c")]),
        ("if a; then b; elif c; then d; else e; fi", [("a",), ("b",), ("c",), ("d",), ("e",)]),
        ("while a; do b; done; until c; do d; done", [("a",), ("b",), ("c",), ("d",)]),
        ('for x in 1 "2 3"; do a "$x"; done', [("a", None)]),
        ("for x\ndo a; done", [("a",)]),
        ("for ((i = 0; i < 3; i++)); do a; done", [("a",)]),
        ("select x in 1; do a; done", [("a",)]),
        ("case $x in a|b*) a;; (c) b;; *) c;; esac; d", [("a",), ("b",), ("c",), ("d",)]),
        ("[[ -f a && $b == c* ]] && a", [("a",)]),
        ("[ -f a ] && a", [("[", "-f", "a", "]"), ("a",)]),
        ("((1 + 1)) && a", [("a",)]),
        ("ls(){ rm -rf /; }; ls", [("rm", "-rf", "/"), ("ls",)]),
        ("function f { a; }; f", [("a",), ("f",)]),
        ("a \\\n  b", [("a", "b")]),
        ("cat <<EOF | b\nx $(id)\nEOF\nc", [("cat",), ("b",), ("id",), ("c",)]),
        ("cat <<'EOF'\n$(id)\nEOF\nc", [("cat",), ("c",)]),
        ("cat <<-EOF\n\tx $(id)\n\tEOF\nc", [("cat",), ("id",), ("c",)]),
        ('a <<< "$(b)"', [("b",), ("a",)]),
        ('echo "a $(ls "b c") d"', [("ls", "b c"), ("echo", None)]),
        ("a `b c`", [("b", "c"), ("a", None)]),
        ("a <(b) >(c d)", [("b",), ("c", "d"), ("a", None, None)]),
        ("a ${x:-$(b)}", [("b",), ("a", None)]),
        ("x=$(a) y=(b $(c)); d", [("a",), ("c",), ("d",)]),
        ("eval 'a b; c'", [("eval", "a b; c"), ("a", "b"), ("c",)]),
        ("trap 'a b' EXIT; trap - INT", [("trap", "a b", "EXIT"), ("a", "b"), ("trap", "-", "INT")]),
        ("declare -r x=1; readonly z=2", [("declare", "-r", "x=1"), ("readonly", "z=2")]),
    ],
)
def test_every_command_of_a_script_is_found(text: str, found: Argvs):
    assert argvs(text) == found


@pytest.mark.parametrize(
    ("text", "writes", "reads"),
    [
        ("a > b", ("b",), ()),
        ("a >> 'b c' < d", ("b c",), ("d",)),
        ("a >| b", ("b",), ()),
        ("a &> b; a &>> c; a >& d", ("b", "c", "d"), ()),
        ("a 2> b 1>&2 2>&1 3>&-", ("b",), ()),
        ("> a", ("a",), ()),
        ('a > "$x"; a < $y', (None,), (None,)),
        ("a > b*; a > ~/c", (None, None), ()),
        ("{ a; } > b; (a) > c; if a; then b; fi > d", ("b", "c", "d"), ()),
        ("while a; do b; done < c > d", ("d",), ("c",)),
        ("exec 3> a", ("a",), ()),
        ("a > b c", ("b",), ()),
        ("x=$(< a)", (), ("a",)),
        ("sed -i s/a/b/ c; sort -o d e; find . -delete; find . -fprint f", ("c", "d", None, "f"), ()),
    ],
)
def test_what_redirections_open_is_found(text: str, writes: tuple[str | None, ...], reads: tuple[str | None, ...]):
    script = read_script(text)
    assert script.undecidable is None
    assert (script.writes, script.reads) == (writes, reads)


@pytest.mark.parametrize(
    "text",
    [
        "ls )",
        "echo 'a",
        'echo "a',
        "cat <<EOF\na",
        "cat <<EOF\na\\\nEOF\nEOF",
        "if a; then b",
        "a;; b",
        "ls\r",
        "a\x00b",
        "a\u00a0b",
        "a\u2028b",
        "a\u202eb",
        "a\ufffdb",
        "\ud800",
        "ec\\\nho a",
        "coproc a",
        "a | time b",
        "a <&$x",
        "a {x[0]}> b",
        "x[$(a)]=1",
        "x[y]=1",
        "echo ${!x}",
        "echo ${x@P}",
        "echo ${x[$y]}",
        "echo $[1 + 1]",
        'echo $"a"',
        "echo @(a|b)",
        "[[ -v x ]]",
        "[[ $1 -eq 1 ]]",
        "[[ $x -eq 1 ]]",
        "echo $((x))",
        "x='a[$(b)]'; echo $((x))",
        "x=1; read x; echo $((x))",
        "x=1; eval 'x=a'; ((x))",
        "((a[0]))",
        "echo $((++x))",
        "((x += 1))",
        "x+=1; ((x))",
        "((`a`))",
        "$((a) | (b))",
        "echo `a \\`b\\``",
        "a" * (MAX_BYTES + 1),
        "a;" * 10_000,
        "$(" * 50 + "a" + ")" * 50,
        "echo " + "${a:-" * 50 + "}" * 50,
        "bash -c " * 50 + "a",
    ],
)
def test_what_cannot_be_told_is_undecidable(text: str):
    assert read_script(text).undecidable


def test_arithmetic_is_known_where_all_its_names_hold_numbers():
    for text in ("x=1; echo $((x + 2))", "n=0; for i in 1 2; do ((n += i)); done", "[[ $# -eq 1 ]]", "((RANDOM % 2))"):
        assert read_script(text).undecidable is None, text


def test_code_in_arguments_is_read_and_says_what_runs_it():
    (outer, inner) = read_script("timeout 5 bash -c 'rm -rf /'").commands[1:]
    assert (outer.argv, outer.through) == (("bash", "-c", "rm -rf /"), ("timeout",))
    assert (inner.argv, inner.through) == (("rm", "-rf", "/"), ("timeout", "bash"))


def test_functions_are_named_since_they_shadow_commands():
    assert read_script("ls(){ a; }; function b { c; }").functions == ("ls", "b")


def test_the_words_of_a_command_cannot_imitate_other_words():
    scripts = ("a b c", "a 'b c'", "'a b' c", "'a b c'", "a b c ''", "a 'b\nc'", "a \\'b c\\'", "a 'b '\\'' c'")
    texts = {read_script(text).commands[0].text for text in scripts}
    assert len(texts) == len(scripts)


_PIECES = st.sampled_from(
    (
        *" \t\n;&|()<>{}[]!#'\"\\$`*?~=,+-x1",
        *("$(", "${", "((", "))", "[[", "]]", "<<E", "\nE\n", "$'", "if ", "fi", "case ", "esac", "in ", "do ", "done"),
        *("é", "eval ", "bash -c ", "find . -exec ", "xargs ", "env ", "git ", "sed ", "awk ", "[ ", "time ", "{a,b}"),
    )
)
SCRIPTS = st.lists(_PIECES, max_size=40).map("".join) | st.text(max_size=60)


@given(SCRIPTS)
@settings(max_examples=300, deadline=None)
@example("{\x00")
@example("")
def test_no_text_makes_reading_fail_and_the_same_text_reads_the_same(text: str):
    first = read_script(text)
    assert isinstance(first, Script)
    assert read_script(text) == first


@given(SCRIPTS)
@settings(max_examples=200, deadline=None)
def test_a_script_reads_the_same_behind_another_command(text: str):
    alone, together = read_script(text), read_script(f"true\n{text}")
    if alone.undecidable is None and together.undecidable is None:
        assert together.commands[1:] == alone.commands
