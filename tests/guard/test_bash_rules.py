"""Rules for Bash decide on every command of a script."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agentflow.guard.bash_rules import BashVerdict, decide_bash
from tests.guard.test_bash import SCRIPTS


def allowed(script: str, *rules: str) -> bool:
    return decide_bash(script, allow=rules, ask=[], deny=[]).verdict == "allow"


def denied(script: str, *rules: str) -> bool:
    verdict = decide_bash(script, allow=[], ask=[], deny=rules, allow_all=True)
    assert verdict.verdict in ("allow", "deny")
    return verdict.verdict == "deny"


@pytest.mark.parametrize(
    ("rule", "script"),
    [
        ("ls *", "ls"),
        ("ls *", "ls -la 'a b'"),
        ("ls:*", "ls -la"),
        ("ls*", "lsof"),
        ("npm run *", "npm  run\tbuild -- --watch"),
        ("npm run build", 'npm run "build"'),
        ("git * main", "git push origin main"),
        ("* --version", "node --version"),
        ("*", "anything $at [all"),
        ('git log --format="%h %s" *', "git log --format='%h %s' -3"),
        ("git commit -m 'fix *'", 'git commit -m "fix the door"'),
        ("echo *", "echo $x $(echo y)"),
        ("cat *", "cat src/*.py"),
        ("ls *", "timeout -k 1 5 nice -n 3 ls x"),
        ("ls *", "LC_ALL=C ls x 2>/dev/null >&2"),
        ("ls *", "test -d x && ls x || true"),
        ("grep *", "xargs grep y < x"),
        ("bash *", "bash build.sh"),
        ("python *", "python build.py --fast"),
        ("git *", 'git commit -m "$(git log -1)"'),
    ],
)
def test_a_rule_allows_what_it_covers(rule: str, script: str):
    assert allowed(script, rule)


@pytest.mark.parametrize(
    ("rule", "script"),
    [
        ("ls *", "lsof"),
        ("ls:*", "lsof"),
        ("ls", "ls -la"),
        ("npm run build", "npm run build2"),
        ("npm run build", "npm run build x"),
        ("git push *", "git\\ push x"),
        ("git push *", "'git push' x"),
        ("ls *", "Ls"),
        ("ls *", "./ls"),
        ("ls *", "ls; rm x"),
        ("ls *", "ls && rm x"),
        ("ls *", "ls | rm x"),
        ("ls *", "ls & rm x"),
        ("ls *", "ls\nrm x"),
        ("ls *", "ls $(rm x)"),
        ("ls *", "ls `rm x`"),
        ("ls *", 'ls "$(rm x)"'),
        ("ls *", "ls <(rm x)"),
        ("ls *", "ls <<E\n$(rm x)\nE"),
        ("ls *", "ls(){ rm x; }; ls"),
        ("ls *", "true(){ rm x; }; ls; true"),
        ("ls *", "ls > x"),
        ("ls *", "ls > $x"),
        ("ls *", "ls < $x"),
        ("ls *", "ls < /dev/tcp/example.org/80"),
        ("ls *", "PATH=. ls"),
        ("ls *", "LD_PRELOAD=x ls"),
        ("ls *", "FOO=1 ls"),
        ("ls *", "env FOO=1 ls"),
        ("ls *", "export FOO=1; ls"),
        ("ls *", "sudo ls"),
        ("ls *", "timeout 5 rm x"),
        ("ls *", "timeout --unheard-of ls x"),
        ("ls *", "ls; nohup"),
        ("ls *", "./timeout 5 ls"),
        ("ls *", "timeout(){ :; }; timeout 5 ls"),
        ("timeout *", "timeout 5 rm x"),
        ("xargs *", "xargs rm"),
        ("find *", "find . -exec rm {} +"),
        ("find *", "find . -delete"),
        ("find *", "find $x"),
        ("bash *", "bash -c 'rm x'"),
        ("bash *", 'bash -c "$x"'),
        ("bash *", "bash < x"),
        ("python *", "python -c 'x'"),
        ("awk *", "awk 'BEGIN { system(\"rm x\") }'"),
        ("sed *", "sed 's/a/b/e' x"),
        ("sed *", "sed -i s/a/b/ x"),
        ("git *", "git -c core.pager='rm x' log"),
        ("git *", "git -C x log"),
        ("git *", "git log --output=x"),
        ("cat src/*", "cat $x"),
        ("rm *", "$x a"),
        ("[ *", "["),
        ("ls *", "ls )"),
        ("ls *", "true"),
        ("ls *", ""),
    ],
)
def test_a_rule_allows_nothing_else(rule: str, script: str):
    assert not allowed(script, rule)


@pytest.mark.parametrize(
    ("rule", "script"),
    [
        ("rm *", "rm x"),
        ("rm *", "\\rm x"),
        ("rm *", "'rm' x"),
        ("rm *", "r''m x"),
        ("rm *", "$'\\x72m' x"),
        ("rm *", "{rm,x}"),
        ("rm *", "/bin/rm x"),
        ("rm *", "RM x"),
        ("/bin/rm *", "rm x"),
        ("rm *", "true; rm x"),
        ("rm *", "echo $(rm x)"),
        ("rm *", "timeout 5 rm x"),
        ("rm *", "sudo rm x"),
        ("rm *", "env -i rm x"),
        ("rm *", "find . -exec rm {} +"),
        ("rm *", "xargs rm"),
        ("rm *", "bash -c 'rm x'"),
        ("rm *", "sh -c 'rm x'"),
        ("rm *", "eval rm x"),
        ("rm *", "trap 'rm x' EXIT"),
        ("rm *", "npx rm x"),
        ("rm *", "rm(){ :; }; rm x"),
        ("rm *", "echo ok; echo )"),
        ("rm *", "$x y"),
        ("rm *", "r$x y"),
        ("rm *", "ssh host ls"),
        ("rm *", "python -c x"),
        ("rm *", "alias ls=rm"),
        ("rm *", "PATH=. ls"),
        ("rm -rf *", "rm $x"),
        ("rm -rf /", 'rm -rf "/"'),
        ("rm * /", "rm -rf $x"),
        ("timeout *", "timeout 5 ls"),
        ("git push *", "git -C x --no-pager push origin"),
        ("git push *", "git push"),
        ("git push *", "git $x"),
        ("* --force", "git push --force"),
        ("*", "ls"),
        ("git push:*", "git push x"),
    ],
)
def test_nothing_slips_past_a_deny(rule: str, script: str):
    assert denied(script, rule)


@pytest.mark.parametrize(
    ("rule", "script"),
    [
        ("rm *", "ls rm"),
        ("rm *", "echo rm x"),
        ("rm *", "git commit -m 'rm x'"),
        ("rm *", "npx eslint src"),
        ("rm *", "rmdir x"),
        ("rm -rf *", "rm x"),
        ("git push *", "git status; echo $x"),
        ("git push *", 'git commit -m "$message"'),
        ("git push *", "cat <<'EOF'\ngit push\nEOF"),
        ("rm *", "FOO=1 ls; export BAR=2; sudo ls"),
        ("rm *", 'for f in *.py; do wc -l "$f"; done'),
        ("rm *", "true"),
    ],
)
def test_a_deny_leaves_other_commands_alone(rule: str, script: str):
    assert not denied(script, rule)


def test_deny_beats_ask_and_ask_beats_allow():
    rules = {"allow": ["git *"], "ask": ["git push *"], "deny": ["git push --force *"]}
    assert decide_bash("git log", **rules) == BashVerdict("allow", "git *", "`git *` allows it")
    assert decide_bash("git log; git push x", **rules).verdict == "ask"
    assert decide_bash("git push x; git push --force", **rules).rule == "git push --force *"
    assert decide_bash("git log", **rules, deny_all=True) == BashVerdict("deny", "*", "Bash is denied")
    assert decide_bash("git log", **rules, ask_all=True).verdict == "ask"
    assert decide_bash("git push", **rules, allow_all=True).verdict == "ask"


def test_what_is_not_understood_is_asked_for_where_a_rule_asks():
    verdict = decide_bash("ssh host ls", allow=["ssh *"], ask=["rm *"], deny=[], allow_all=True)
    assert (verdict.verdict, verdict.rule) == ("ask", "rm *")
    assert "ssh" in verdict.why


def test_everything_allowed_allows_what_is_not_understood():
    assert decide_bash("$x > $y )", allow=[], ask=[], deny=[], allow_all=True).verdict == "allow"


def test_without_a_rule_nothing_is_decided():
    assert decide_bash("ls", allow=[], ask=[], deny=[]) == BashVerdict("none", None, "no rule covers it")
    assert decide_bash("ls", allow=["cat *"], ask=["rm *"], deny=["mv *"]).verdict == "none"


@pytest.mark.parametrize("rule", ["a" * 5_000, "\ud800", "", "'", '"', "\\", "(((", "*" * 100, " * ", "\x00"])
def test_a_rule_that_cannot_be_used_allows_nothing_and_hides_no_deny(rule: str):
    assert decide_bash("ls -la", allow=[rule], ask=[], deny=[]).verdict == "none" or rule.strip() in ("*", "*" * 100)
    assert decide_bash("ls -la", allow=[], ask=[], deny=[rule, "ls *"], allow_all=True).verdict == "deny"


UNDECIDABLE = st.sampled_from(
    [
        "{}; $x",
        "$x; {}",
        "eval $x\n{}",
        "{} && . x",
        "PATH=. {}",
        "{} | ssh host",
        "( {} ) > $x",
        "if $x; then {}; fi",
        "{} $(python -c x)",
        "while {}; do $x; done",
        "f(){{ {}; $x; }}",
        "alias ls=rm; {}",
        "{} )",
        "{} '",
        "{} &> x",
        "{} <&$x",
    ]
)
ALLOWED = st.sampled_from(["ls", "ls -la", "ls 'a b'", "timeout 5 ls", "ls | ls", "ls $y", "ls; ls"])


@given(UNDECIDABLE, ALLOWED)
@settings(max_examples=150, deadline=None)
def test_what_is_allowed_is_not_beside_what_is_not_understood(outer: str, inner: str):
    assert allowed(inner, "ls *")
    assert not allowed(outer.format(inner), "ls *")


@given(SCRIPTS, st.lists(st.text(max_size=12), max_size=3), st.lists(st.text(max_size=12), max_size=3))
@settings(max_examples=200, deadline=None)
@example("a", ["a\\"], ["'"])
def test_no_text_and_no_rules_make_deciding_fail(script: str, allow: list[str], deny: list[str]):
    first = decide_bash(script, allow=allow, ask=[], deny=deny)
    assert first == decide_bash(script, allow=allow, ask=[], deny=deny)


@given(SCRIPTS)
@settings(max_examples=200, deadline=None)
def test_a_denied_command_is_denied_in_whatever_company(script: str):
    assert decide_bash(f"rm x\n{script}", allow=["*"], ask=[], deny=["rm *"]).verdict == "deny"
