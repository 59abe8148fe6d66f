"""Wrappers are looked through by their own options."""

import pytest

from agentflow.guard.bash import read_script


@pytest.mark.parametrize(
    "wrapped",
    [
        "timeout 5",
        "timeout -k 1 -s KILL 5",
        "timeout --kill-after=1 --signal KILL 5",
        "timeout -k1 -- 5",
        "nice",
        "nice -n 5",
        "nice -5",
        "nice --adjustment=5",
        "nohup",
        "stdbuf -oL -e 0",
        "setsid -w",
        "ionice -c 3 -n 1",
        "chrt -b 0",
        "taskset -c 0,1",
        "/usr/bin/time -v",
        "env",
        "env -i",
        "env - LANG=C",
        "env -u x LANG=C",
        "command -p",
        "command --",
        "exec -a b",
        "xargs -n 1 -P 4",
        "xargs -0 -I{}",
        "xargs --max-args=1 --no-run-if-empty",
        "flock /tmp/l",
        "sudo -u b --",
        "doas",
        "timeout 5 nice -n 3 env",
    ],
)
def test_the_command_behind_a_wrapper_is_found(wrapped: str):
    script = read_script(f"{wrapped} rm x")
    assert script.undecidable is None
    assert script.commands[-1].argv[:2] == ("rm", "x")
    assert script.commands[-1].through


@pytest.mark.parametrize(
    "text",
    [
        "timeout --kill 1 5 rm",
        "timeout $x rm y",
        "timeout -z 5 rm",
        "nice -q rm",
        "env -S 'rm x'",
        "env $x rm",
        "env a-b=c rm",
        "env PATH=. rm",
        "xargs --process-slot-var=PATH rm",
        "xargs $x rm",
        "xargs -I{} {} x",
        "xargs -I{} sh -c 'rm {}'",
        "xargs bash -c",
        "sudo -i",
        "sudo -e x",
        "flock x -c 'rm y'",
        "unshare rm",
        "watch rm",
        "exec $x",
        "builtin eval $x",
        "command -x rm",
    ],
)
def test_a_wrapper_with_options_that_are_not_known_is_not_guessed(text: str):
    assert read_script(text).undecidable


def test_only_what_does_nothing_but_run_another_command_is_a_wrapper():
    wrappers = {
        command.argv[0]: command.is_wrapper
        for text in (
            "timeout 5 a",
            "sudo a",
            "find . -exec a {} +",
            "bash -c a",
            "env",
            "./timeout 5 a",
            "command -v a",
        )
        for command in read_script(text).commands
        if command.argv[0] != "a"
    }
    assert {name for name, is_wrapper in wrappers.items() if is_wrapper} == {"timeout"}
