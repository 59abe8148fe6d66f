"""What is read of a script is what Bash makes of it: each script is run where no program exists, and what Bash looks
for is compared with what was read."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from agentflow.guard.bash import read_script

BASH = shutil.which("bash")
_HANDLE = r"""command_not_found_handle() { builtin printf '%s\0' "$#" "$@" >> "$LOG"; }"""


def _version() -> int:
    if BASH is None:
        return 0
    done = subprocess.run([BASH, "-c", "echo $BASH_VERSINFO"], capture_output=True, text=True, check=True)
    return int(done.stdout)


pytestmark = pytest.mark.skipif(_version() < 5, reason="there is no Bash of version 5 or later")


def ran(script: str, folder: Path) -> tuple[list[tuple[str, ...]], set[str]]:
    """The words of each command that Bash looked for and did not find, and the files that it made."""
    here, log, handle = folder / "here", folder / "log", folder / "handle"
    here.mkdir()
    log.touch()
    handle.write_text(_HANDLE)
    assert BASH is not None
    subprocess.run(
        [BASH, "-c", script],
        cwd=here,
        env={"PATH": "/nowhere", "BASH_ENV": str(handle), "LOG": str(log), "LANG": "C.UTF-8", "x": "v w"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=20,
        check=False,
    )
    fields = iter(log.read_bytes().decode().split("\0")[:-1])
    return [tuple(next(fields) for _ in range(int(count))) for count in fields], set(os.listdir(here))


def covers(argv: tuple[str | None, ...], words: tuple[str, ...]) -> bool:
    """Whether words are what a command may turn out to be, an unknown one being any number of words."""
    if not argv:
        return not words
    if argv[0] is None:
        return any(covers(argv[1:], words[skipped:]) for skipped in range(len(words) + 1))
    return bool(words) and argv[0] == words[0] and covers(argv[1:], words[1:])


@pytest.mark.parametrize(
    "script",
    [
        "a 'b c' \"d $x\" e\\ f $'g\\n\\x41\\101\\e' ''",
        "a {b,c}{d,e} {1..3} {2..-1} {,f} {} {g} 'h'{i,j}",
        "a {$x,b} {c,{d,e}} {01..03} x{a,b,}y",
        'a $x "$x" ${x%w} ${x/v/y} ${x:0:1} ${#x} ${y:-d} "${y:-d e}"',
        "a ~ b=~ ~/c * b? [c] \\* '*' $ a$ \"$\" \\$x",
        "a;b&&c||d|e|&f&\ng",
        "! a; ! ! b; time c d; time -p e",
        "if a; then b; elif c; then d; else e; fi; f",
        "while a; do b; break; done; until ! c; do d; break; done",
        "for i in 1 'a b' $x; do c \"$i\"; done; for ((n=0;n<2;n++)); do d $n; done",
        "case $x in v*) a;; *) b;; esac; case a in (b|a) c;& d) e;; esac",
        "(a; (b)); { c; { d; }; }",
        "f() { a \"$@\"; }; f 1 '2 3'; function g { b; }; g; h() (c); h",
        "a(){ b; }; a; \\a; 'a'",
        "a <<'E' && b\n$(c)\nE\nd",
        "a <<-E\n\tb $(c)\n\tE\nd",
        "a $(b <<E\n$(c)\nE\n)\nd",
        'a <<<$(b) <<< "$(c)"',
        'a $(b $(c "$(d)")) `e f` "`g`"',
        'a "$(b "c d")" "x${x:-$(e)}y"',
        "a <(b) >(c) > o2",
        "y=$(a) z=(b $(c)) d",
        "a <<E | b > o1\nx $(c) ${x}\nE\ne",
        "a 2>&1 >&2 3>&1 4>&-",
        "a if then fi do done in esac",
        "a{,b} c",
        "y=1; y+=2; a $y $((y + 1)) $(( (y) * 2 ))",
        "a > o1 b 2> o2 c >> o3 3> o4 >| o5 &> o6",
        "> o1; { a; } > o2; (b) >& o3; while c; do break; done > o4",
        'eval \'a "b c"; d\' e; eval "a" b',
        "trap 'a b' EXIT; c",
        "command a b; exec -a c d e",
        '[ -n "$x" ] && a; [[ $x == v* && -n $x ]] && b; ((1)) && c; test a = b || d',
        "[[ $x =~ ^v ]] && a; [[ a < b || ( c > d ) ]] && e",
        "a \\\n  b \\\n  | c",
        "é 漢 'ü ö'",
        'echo a | while read -r l; do b "$l"; done',
        "a | { b; c; } | (d)",
        'set -- p q; a "$1" "$@" "$*" $#',
        "local y; declare z='a b'; readonly w=1; a $z",
        "a $(( 1 > 2 ? 3 : 4 )) $((1<<2))",
        "a && # note\nb ||\n\nc",
        "if a\nthen b\nfi | c",
        "case a in\na)\n  b\n  ;;\nesac\nc",
        "select i in 1; do a; done < /dev/null; b",
        "a 'b\nc' \"d\ne\" $'f\\ng'",
    ],
)
def test_bash_does_what_was_read(script: str, tmp_path: Path):
    found = read_script(script)
    assert found.undecidable is None
    commands, files = ran(script, tmp_path)
    missed = [words for words in commands if not any(covers(command.argv, words) for command in found.commands)]
    assert commands
    assert missed == []
    assert files - set(found.writes) == set()


@pytest.mark.parametrize(
    "script",
    [
        "a | time b",
        "a >&-}",
        "a#b #c\nd # e\n#f\ng",
        "a <<E | b > o1\nx $(c) `d` ${x}\nE\ne",
        "a <<E; b <<F\n$(c)\nE\n$(d)\nF\ne",
        "a 2>&1 >&2 3>&1- 4>&- >&-b",
        "a {fd}> o1",
        "a if then fi do done time in esac function { }",
        "{a,b} c; {d,}",
        "declare -a 'y=($(a))'",
        "declare -A y; typeset y='(a $(a))'",
        "read -a y <<< 1; declare y='($(a))'",
        "y[1]=1; declare y='($(a))'",
        "y=(1); z='($(a))'; declare y=$z",
        "y='b[$(a)]'; : $((y))",
        "[[ -v 'y[$(a)]' ]]",
        "test -v 'y[$(a)]'",
        "printf -v 'y[$(a)]' b",
        "read 'y[$(a)]' <<< b",
        "y=(1); unset 'y[$(a)]'",
        "y='$(a)'; : ${y@P}",
        "y='b[$(a)]'; : ${!y}",
        ": {y[$(a)]}> o",
        ": >&'o$(a)'",
        "y[$(a)]=1",
        "declare -i y='b[$(a)]'",
        "mapfile -c 1 -C a y <<< b",
        "PS4='$(a)'; set -x; :",
    ],
)
def test_a_hidden_command_is_read_or_its_script_is_undecidable(script: str, tmp_path: Path):
    commands, _ = ran(script, tmp_path)
    assert commands, "it runs something"
    found = read_script(script)
    read = all(any(covers(command.argv, words) for command in found.commands) for words in commands)
    assert read or found.undecidable
