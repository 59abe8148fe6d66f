"""A sample of what `python -m tests.oracle` goes through, and whether the oracle itself can be trusted."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentflow.guard.bash import Script, read_script
from tests.oracle.grammar import TOPICS, Case, cases, templates
from tests.oracle.judge import judge
from tests.oracle.scene import build, why_not
from tests.oracle.tracer import Tracer
from tests.oracle.xtrace import Assigned, Traced, read

SAMPLE = 300
SEED = 7
_SLOW = re.compile(
    r"\b(npm|npx|pip|watch|vim?|ex|ssh-agent|su|runuser|valgrind|gdb|cpan|daemon|mergetool|filter-branch|node)\b|:e;be"
)
"""Programs that take their time to start, or wait for someone."""


@pytest.fixture(scope="module")
def tracer() -> Iterator[Tracer]:
    if reason := why_not():
        pytest.skip(reason)
    try:
        entered = Tracer().__enter__()
    except OSError as problem:
        pytest.skip(f"{problem}")
    yield entered
    entered.__exit__(None, None, None)


def test_no_command_of_a_sample_does_anything_that_was_not_seen_in_its_text(tracer: Tracer):
    quick = [case for case in cases(SEED, SAMPLE * 2) if not _SLOW.search(case.text)][:SAMPLE]
    verdicts = [judge(case, tracer.run(case.text)) for case in quick]
    assert {verdict.case.text: verdict.misses for verdict in verdicts if verdict.misses} == {}
    decided = [verdict for verdict in verdicts if verdict.undecidable is None]
    assert len(decided) > SAMPLE // 4
    assert sum(verdict.ran for verdict in decided) > SAMPLE // 4
    assert sum(verdict.traced for verdict in decided) > SAMPLE // 4
    assert sum(verdict.wrote for verdict in decided) > 10


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("t1 a", "t1"),
        ("t2 > out.txt", "t2"),
        ("echo x", "echo"),
        ("f() { echo y; }; f", "echo"),
        ("env t3 x", "t3"),
        ("find . -maxdepth 0 -exec t4 ';'", "t4"),
        ("sh -c 't5; t6' & wait", "t6"),
    ],
)
def test_what_is_not_listed_is_a_miss(tracer: Tracer, text: str, seen: str):
    verdict = judge(Case(text, "mixed"), tracer.run(text), lambda _text: Script())
    assert any(seen in miss for miss in verdict.misses)
    assert judge(Case(text, "mixed"), tracer.run(text)).misses == []


def test_a_write_that_is_not_listed_is_a_miss(tracer: Tracer):
    text = "t1 > out.txt 2>> 'o ut'"

    def blind(script: str) -> Script:
        seen = read_script(script)
        return Script(commands=seen.commands, writes=seen.writes[:1])

    verdict = judge(Case(text, "mixed"), tracer.run(text), blind)
    assert ["'o ut'" in miss for miss in verdict.misses] == [True]


def test_the_tracer_tells_who_ran_what_and_which_shell_wrote(tracer: Tracer):
    seen = tracer.run("t1 'a b' > one; env t2 & sh -c 't3 >> two'; cp a.txt three; nosuch; wait; ./script.sh")
    assert {(image.argv, image.by.argv[0] if image.by else None) for image in seen.ran} == {
        (("t1", "a b"), "bash"),
        (("env", "t2"), "bash"),
        (("t2",), "env"),
        (("sh", "-c", "t3 >> two"), "bash"),
        (("t3",), "sh"),
        (("cp", "a.txt", "three"), "bash"),
        (("./script.sh",), "bash"),
        (("t9", "from", "script"), "./script.sh"),
    }
    assert sorted(write.path for write in seen.wrote) == ["by-script", "one", "two"]


def test_what_outlives_the_script_is_waited_for_and_what_never_ends_is_ended(tracer: Tracer):
    assert [image.argv for image in tracer.run("(sleep 0.05; t9) &").ran] == [("sleep", "0.05"), ("t9",)]
    assert tracer.run("while :; do :; done").late


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_the_tracer_sees_the_same_executions_as_strace(tracer: Tracer, tmp_path: Path):
    script = (
        "t1 a; nice env t2; find . -maxdepth 1 -name a.txt -exec t3 {} +; echo t4 | xargs -I% sh -c %; make; t5 & wait"
    )
    told = tmp_path / "strace.txt"
    command = ["strace", "-f", "-qq", "-e", "trace=execve", "-o", str(told), *build(tmp_path / "scene"), script]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    executed = re.findall(r'execve\("([^"]+)",.*\) = 0$', told.read_text(), re.MULTILINE)
    begin = next(at for at, path in enumerate(executed) if path.endswith("/bash"))
    assert sorted(executed[begin + 1 :]) == sorted(image.path for image in tracer.run(script).ran)


def test_traced_words_are_read_back_as_they_were(tracer: Tracer):
    words = ["a b", "it's", "", "\\", "a\nb", "\x01\x02", "é", "\udcff", "$x", "~", "a=b", "!", "#"]
    quoted = " ".join(
        "$'" + "".join(f"\\x{byte:02x}" for byte in word.encode("utf-8", "surrogateescape")) + "'" for word in words
    )
    trace = read(tracer.run(f"echo {quoted}").traced)
    assert trace == [Traced(("echo", *words), "")]


def test_commands_of_other_files_are_told_apart_from_those_of_the_script(tracer: Tracer):
    trace = read(tracer.run(". ./lib.sh; x=1; git push").traced)
    assert trace == [
        Traced((".", "./lib.sh"), ""),
        Traced(("t9", "from", "lib"), "./lib.sh"),
        Assigned("x=1", ""),
        Traced(("git", "push"), ""),
        Traced(("t9", "shadowed"), "./lib.sh"),
    ]


def test_the_commands_are_the_same_for_the_same_seed_and_of_every_topic():
    chosen = list(cases(3, 400))
    assert chosen == list(cases(3, 400))
    assert len({case.text for case in chosen}) == 400
    assert {case.topic for case in chosen} == {*TOPICS, "mixed", "damaged"}


@pytest.mark.parametrize("topic", TOPICS)
def test_each_template_stands_once_in_its_file(topic: str):
    lines = templates(topic)
    assert [line for line in lines if lines.count(line) > 1 or not line.strip()] == []
