"""How sandboxed commands end: nothing left running, nothing used up, whatever they do."""

import asyncio
import os
import subprocess
import sys
import textwrap
import time
import uuid
from pathlib import Path

import pytest
from msgspec.structs import replace

from agentflow.tools.command import Command, run_command
from agentflow.tools.sandbox.bubblewrap import Bubblewrap
from agentflow.tools.sandbox.limits import limits_here
from agentflow.tools.sandbox.port import Bounds, Confinement

PYTHON = "/usr/bin/python3"


def running(mark: str) -> list[int]:
    """The processes of this machine that carry a mark in their arguments."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if mark.encode() in (entry / "cmdline").read_bytes() and int(entry.name) != os.getpid():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


@pytest.fixture
def mark() -> str:
    return f"1000000{uuid.uuid4().int % 10**9}"


@pytest.mark.parametrize(
    "how",
    [
        "sleep {} &",
        "setsid sleep {} &",
        "setsid -f sleep {}",
        "nohup sleep {} >/dev/null 2>&1 &",
        "(trap '' TERM HUP INT; setsid sleep {}) & disown",
        "setsid setsid bash -c 'sleep {}' >/dev/null 2>&1 </dev/null &",
    ],
)
async def test_what_a_command_leaves_running_ends_with_it(world, mark, how):
    result = await world.run(f"{how.format(mark)} sleep 0.1; echo ran".replace("& sleep", "& sleep"))
    assert result.stdout.endswith("ran\n"), result.stderr
    assert running(mark) == []


async def test_what_runs_out_of_time_is_asked_to_end_and_may_tidy_up(world):
    result = await world.run("trap 'echo tidied; exit 3' TERM; echo on; while :; do sleep 0.05; done", timeout=1.0)
    assert result.timed_out
    assert result.stdout == "on\ntidied\n"


async def test_what_does_not_end_when_asked_is_killed(world, mark):
    result = await world.run(f"trap '' TERM; setsid sleep {mark} & while :; do :; done", timeout=0.5)
    assert result.timed_out
    assert running(mark) == []


async def test_a_call_that_is_cancelled_leaves_nothing(world, mark):
    call = asyncio.create_task(world.run(f"setsid sleep {mark} & sleep {mark}"))
    while not running(mark):
        await asyncio.sleep(0.02)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert running(mark) == []


async def test_what_a_killed_runner_had_started_dies_too(world, mark):
    script = textwrap.dedent(f"""
        import asyncio, sys
        from pathlib import Path
        from agentflow.plan.sandbox_plan import SandboxPlan
        from agentflow.tools.command import Command, run_command
        from agentflow.tools.sandbox.choice import candidates
        from agentflow.tools.sandbox.port import Bounds, Confinement
        project = Path({str(world.project)!r})
        within = Confinement(next(candidates(project)), Bounds(project, SandboxPlan(), (), project))
        line = "setsid sleep {mark} & sleep {mark}"
        asyncio.run(run_command(Command(("bash", "-c", line), b"", {{}}, project, 600, 1 << 20, within)))
    """)
    runner = subprocess.Popen([sys.executable, "-c", script])
    while len(running(mark)) < 4:  # the runner's own text carries the mark too
        assert runner.poll() is None
        await asyncio.sleep(0.05)
    runner.kill()
    runner.wait()
    deadline = time.monotonic() + 20
    while running(mark) and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    assert running(mark) == []


def smaller(world, **limits) -> Confinement:
    """The same sandbox with less to use."""
    assert isinstance(world.sandbox, Bubblewrap)
    sandbox = Bubblewrap(str(world.sandbox._program), world.sandbox.name, replace(limits_here(), **limits))
    return Confinement(sandbox, Bounds(world.project, world.confinement(write=("out",)).bounds.plan, (), world.project))


async def run_within(world, within: Confinement, script: str, timeout: float = 60.0):
    return await run_command(Command(("bash", "-c", script), b"", {}, world.project, timeout, 1 << 20, within))


async def test_a_fork_bomb_is_bounded_and_ends(world, mark):
    bomb = f"b() {{ b | b & }}; b 2>/dev/null; sleep 1; : {mark}; echo over"
    result = await run_within(world, smaller(world, processes=64), bomb, timeout=20)
    assert result.exit_code is not None
    assert running(mark) == []


async def test_processes_are_bounded_for_root_too(world):
    script = "for i in $(seq 200); do sleep 5 & done 2>&1 | grep -c 'temporarily unavailable'"
    result = await run_within(world, smaller(world, processes=50), script, timeout=30)
    assert int(result.stdout or 0) > 0 or "unavailable" in result.stderr or "fork" in result.stderr


@pytest.mark.skipif(not os.access(PYTHON, os.X_OK), reason="no Python that a sandbox sees")
async def test_one_process_cannot_take_more_memory_than_it_may(world):
    script = f"{PYTHON} -c 'bytearray(600 << 20); print(1)'"
    assert (await run_within(world, smaller(world, memory=1 << 30), script)).stdout == "1\n"
    result = await run_within(world, smaller(world, memory=300 << 20), script)
    assert "MemoryError" in result.stderr


@pytest.mark.skipif(not os.access(PYTHON, os.X_OK), reason="no Python that a sandbox sees")
async def test_many_processes_together_cannot_either(world):
    one = f"{PYTHON} -c 'import time; kept = bytearray(b\"x\" * (150 << 20)); time.sleep(30)'"
    script = " & ".join([one] * 4) + " & wait; echo ended"
    result = await run_within(world, smaller(world, memory=400 << 20), script)
    assert "of memory" in result.stopped
    assert "ended" not in result.stdout


async def test_a_file_cannot_grow_without_end(world):
    result = await run_within(
        world, smaller(world, file_size=1 << 20), "head -c 3M /dev/zero >out/big; stat -c %s out/big"
    )
    assert int(result.stdout.split()[-1]) <= 1 << 20


async def test_scratch_space_is_bounded(world):
    within = smaller(world, scratch=4 << 20)
    result = await run_within(world, within, "head -c 8M /dev/zero >/tmp/big; stat -c %s /tmp/big")
    assert int(result.stdout.split()[-1]) <= 4 << 20
    assert "`/tmp` holds little" in within.explained(result.stderr)


async def test_no_other_place_takes_data_that_stays_in_memory(world):
    places = "/ /dev /etc /var /run /home /opt .agentflow /proc /usr/share"
    result = await world.run(f"for d in {places}; do head -c 1K /dev/zero >$d/x && echo ESCAPED $d; done; echo tried")
    assert result.stdout == "tried\n"


async def test_output_is_bounded(world):
    result = await world.run("head -c 20M /dev/zero | tr '\\0' x")
    assert result.truncated
    assert len(result.stdout) <= (1 << 20) + 200


async def test_open_files_are_bounded(world):
    result = await run_within(
        world,
        smaller(world, files=32),
        'for i in $(seq 3 60); do eval "exec $i</dev/null" || break; done 2>&1 | head -1; ulimit -n',
    )
    assert "32" in result.stdout.split()


async def test_the_input_is_handed_on_and_the_exit_code_comes_back(world):
    result = await world.run("cat; exit 7", stdin=b"as it is\0\xff")
    assert result.exit_code == 7
    assert result.stdout.startswith("as it is\0")


async def test_each_command_begins_with_an_empty_scratch_space(world):
    await world.run("echo x >/tmp/left; echo x >~/left")
    assert (await world.run("ls -A /tmp ~")).stdout.split() == [
        "/tmp:",
        ".home",
        Path(world.project).parts[2],
        "/tmp/.home:",
    ]


async def test_a_secret_in_the_environment_is_in_nobodys_arguments(world, mark):
    call = asyncio.create_task(world.run("sleep 0.5", env={"TOKEN": mark}))
    for _ in range(20):
        assert running(mark) == []
        await asyncio.sleep(0.02)
    await call
