import asyncio
import os
import signal
import subprocess
import sys
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.tools import command as module
from agentflow.tools.command import Command, CommandNotStarted, base_environment, run_command
from agentflow.tools.output import BoundedOutput
from tests.tools.processes import alive, pid_in, wait_until_gone


@pytest.fixture
def command_of(project):
    def make(*argv, stdin=b"", env=None, timeout=20.0, output_limit=100_000, cwd=None):
        return Command(argv, stdin, env or {}, cwd or project, timeout, output_limit)

    return make


async def test_a_command_gives_its_output_and_exit_code(command_of):
    result = await run_command(command_of("sh", "-c", "echo out; echo err >&2; exit 3"))
    assert (result.exit_code, result.stdout, result.stderr) == (3, "out\n", "err\n")
    assert not result.timed_out
    assert not result.truncated


async def test_a_signals_end_is_told_as_a_shell_tells_it(command_of):
    assert (await run_command(command_of("sh", "-c", "kill -SEGV $$"))).exit_code == 128 + signal.SIGSEGV


async def test_much_input_and_much_output_do_not_block_each_other(command_of):
    data = b"0123456789abcdef" * 200_000
    result = await run_command(command_of("cat", stdin=data, output_limit=len(data)))
    assert result.stdout.encode() == data
    assert not result.truncated


async def test_a_command_need_not_read_its_input(command_of):
    result = await run_command(command_of("sh", "-c", "exec 0<&-; echo done", stdin=b"x" * 5_000_000))
    assert result.stdout == "done\n"


async def test_input_ends(command_of):
    assert (await run_command(command_of("cat"))).stdout == ""


async def test_output_is_cut_in_the_middle_and_says_how_much(command_of):
    result = await run_command(
        command_of("sh", "-c", "echo first; head -c 3000000 /dev/zero; echo last", output_limit=100)
    )
    assert result.truncated
    assert result.stdout.startswith("first\n")
    assert result.stdout.endswith("last\n")
    assert "[… 2,999,911 bytes cut …]" in result.stdout


@given(pieces=st.lists(st.binary(max_size=40), max_size=20), limit=st.integers(0, 60))
def test_the_beginning_and_the_end_of_output_are_kept(pieces, limit):
    output = BoundedOutput(limit)
    for piece in pieces:
        output.add(piece)
    data = b"".join(pieces)
    assert output.truncated == (len(data) > limit)
    if len(data) <= limit:
        assert output.text() == data.decode(errors="replace")
    else:
        assert f"{len(data) - limit:,} bytes cut" in output.text()


def test_a_character_on_the_cut_is_left_out_whole():
    output = BoundedOutput(10)
    output.add("ééééééééééé".encode())
    head, _, tail = output.text().split("\n")
    assert set(head + tail) == {"é"}


async def test_output_that_is_no_text_is_decoded_with_replacements(command_of):
    assert (await run_command(command_of("printf", r"a\377b"))).stdout == "a\ufffdb"


async def test_a_command_out_of_time_is_ended_with_all_it_started(command_of, project):
    script = "sleep 1000 & echo $! > child; wait"
    result = await run_command(command_of("bash", "-c", script, timeout=1.5))
    assert result.timed_out
    assert result.exit_code == 128 + signal.SIGTERM
    wait_until_gone(pid_in(project / "child"))


async def test_a_command_that_ignores_the_request_to_end_is_killed(command_of, project, monkeypatch):
    monkeypatch.setattr(module, "TERMINATE_GRACE", 0.1)
    script = "trap '' TERM; echo $$ > pid; while :; do sleep 0.05; done"
    result = await run_command(command_of("bash", "-c", script, timeout=1.5))
    assert result.timed_out
    assert result.exit_code == 128 + signal.SIGKILL
    wait_until_gone(pid_in(project / "pid"))


async def test_what_a_command_prints_on_being_asked_to_end_is_kept(command_of):
    script = "trap 'echo cleaning up; exit 0' TERM; echo ready; while :; do sleep 0.02; done"
    result = await run_command(command_of("bash", "-c", script, timeout=1.5))
    assert result.stdout == "ready\ncleaning up\n"
    assert result.timed_out


async def test_a_cancelled_command_is_gone_when_the_call_returns(command_of, project):
    call = asyncio.create_task(run_command(command_of("bash", "-c", "sleep 1000 & echo $! > child; wait")))
    child = await asyncio.to_thread(pid_in, project / "child")
    group = os.getpgid(child)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    with pytest.raises(ProcessLookupError):  # reaped, not only killed
        os.kill(group, 0)
    wait_until_gone(child)


async def test_a_background_process_that_holds_the_output_does_not_hold_the_call(command_of, project):
    script = "sleep 1000 & echo $! > child; echo done"
    result = await run_command(command_of("bash", "-c", script))
    assert result.stdout == "done\n"
    assert not result.timed_out
    wait_until_gone(pid_in(project / "child"))


async def test_a_background_process_without_output_is_ended_too(command_of, project):
    script = "sleep 1000 >/dev/null 2>&1 </dev/null & echo $! > child"
    assert (await run_command(command_of("bash", "-c", script))).exit_code == 0
    wait_until_gone(pid_in(project / "child"))


async def test_a_command_inherits_no_descriptor(command_of, project):
    descriptor = os.open(project, os.O_RDONLY)
    os.set_inheritable(descriptor, True)
    try:
        result = await run_command(command_of("ls", "/proc/self/fd"))
    finally:
        os.close(descriptor)
    assert result.stdout.split() == ["0", "1", "2", "3"]  # 3 is the listing's own


async def test_a_command_leaves_no_descriptor_open(command_of):
    await run_command(command_of("true"))  # starts the watchdog, whose pipe stays
    before = sorted(os.listdir("/proc/self/fd"))
    await run_command(command_of("true", stdin=b"x" * 1_000_000))
    await run_command(command_of("sleep", "100", timeout=0.05))
    with pytest.raises(CommandNotStarted):
        await run_command(command_of("no-such-program"))
    assert sorted(os.listdir("/proc/self/fd")) == before


async def test_a_command_sees_little_of_our_environment(command_of, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-secret")
    monkeypatch.setenv("LC_TIME", "C")
    result = await run_command(command_of("env", env={"MINE": "1"}))
    names = {line.partition("=")[0] for line in result.stdout.splitlines()}
    assert {"PATH", "MINE", "LC_TIME"} <= names
    assert names <= {*base_environment(os.environ), "MINE"}
    assert "sk-secret" not in result.stdout


def test_the_base_environment_holds_no_secret():
    environ = {
        "PATH": "/bin",
        "LC_ALL": "C",
        "TZ": "UTC",
        "ANTHROPIC_API_KEY": "k",
        "GITHUB_TOKEN": "t",
        "LD_PRELOAD": "x",
    }
    assert base_environment(environ) == {"PATH": "/bin", "LC_ALL": "C", "TZ": "UTC"}


async def test_a_program_that_cannot_be_started_is_explained(command_of, project):
    (project / "plain").write_text("echo")
    (project / "broken").write_text("neither a script nor a program")
    (project / "broken").chmod(0o755)
    for argv, says in [
        (("no-such-program",), "`no-such-program` was not found"),
        (("./plain",), "may not be executed"),
        (("./broken",), "is no program"),
        (("echo", "a\0b"), "cannot be started"),
        (("echo", "x" * 3_000_000), "too long"),
        ((), "is empty"),
    ]:
        with pytest.raises(CommandNotStarted, match=says):
            await run_command(command_of(*argv))
    with pytest.raises(CommandNotStarted, match=r"the folder .* does not exist"):
        await run_command(command_of("true", cwd=project / "gone"))


async def test_a_steps_script_ends_at_the_first_failure(command_of):
    result = await run_command(command_of("bash", "-euo", "pipefail", "-c", "false | true; echo not reached"))
    assert (result.exit_code, result.stdout) == (1, "")


async def test_many_commands_run_at_once_without_a_thread_each(command_of):
    import threading

    before = threading.active_count()
    calls = [asyncio.create_task(run_command(command_of("cat", stdin=str(n).encode()))) for n in range(40)]
    await asyncio.sleep(0)
    assert threading.active_count() == before
    assert [result.stdout for result in await asyncio.gather(*calls)] == [str(n) for n in range(40)]


@pytest.mark.parametrize("with_pidfd", [True, False])
async def test_the_end_of_a_command_is_noticed_on_any_system(command_of, monkeypatch, with_pidfd):
    if not with_pidfd:
        monkeypatch.delattr(os, "pidfd_open", raising=False)
    assert (await run_command(command_of("sh", "-c", "echo x; exit 4"))).exit_code == 4
    assert (await run_command(command_of("sleep", "100", timeout=0.05))).timed_out
    call = asyncio.create_task(run_command(command_of("sleep", "100")))
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call


RUNNER = """
    import asyncio, pathlib, sys
    from agentflow.tools.command import Command, run_command

    folder = pathlib.Path(sys.argv[1])

    async def main():
        for _ in range(3):
            await run_command(Command(("true",), b"", {}, folder, 20.0, 100))
        script = "sleep 1000 & echo $! > child; wait"
        call = asyncio.create_task(run_command(Command(("bash", "-c", script), b"", {}, folder, 1000.0, 100)))
        await asyncio.sleep(0)
        print("started", flush=True)
        await call

    asyncio.run(main())
"""


def test_a_command_dies_with_a_runner_that_was_killed(project):
    code = [sys.executable, "-c", textwrap.dedent(RUNNER), str(project)]
    runner = subprocess.Popen(code, stdout=subprocess.PIPE, text=True)
    try:
        assert runner.stdout.readline() == "started\n"
        child = pid_in(project / "child")
        bash = os.getpgid(child)
        assert alive(child)
        assert bash != os.getpgid(runner.pid)
    finally:
        runner.kill()
        runner.communicate()
    wait_until_gone(child)
    wait_until_gone(bash)
