"""What is read of a script, without running it."""

import pytest

from agentflow.guard.bash import read_script


@pytest.mark.parametrize(
    ("text", "argvs"),
    [
        ("ls -la | wc -l", [("ls", "-la"), ("wc", "-l")]),
        ("timeout 5 rm -rf /", [("timeout", "5", "rm", "-rf", "/"), ("rm", "-rf", "/")]),
        ("bash -c 'rm -rf /'", [("bash", "-c", "rm -rf /"), ("rm", "-rf", "/")]),
        ("\\rm x; r''m y; 'rm' z", [("rm", "x"), ("rm", "y"), ("rm", "z")]),
        ('echo "a $(ls "b c") d"', [("ls", "b c"), ("echo", None)]),
        ("cat <<EOF | grep x\nhi $(id)\nEOF\nls", [("cat",), ("grep", "x"), ("id",), ("ls",)]),
    ],
)
def test_every_command_of_a_script_is_found(text: str, argvs: list[tuple[str | None, ...]]):
    script = read_script(text)
    assert script.undecidable is None
    assert [command.argv for command in script.commands] == argvs


@pytest.mark.parametrize("text", ["$x", "eval $x", "alias ls=rm", "PATH=. ls", "ls )", "echo 'a", "ls\r", "a\x00b"])
def test_what_cannot_be_told_is_undecidable(text: str):
    assert read_script(text).undecidable
