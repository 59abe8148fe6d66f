import asyncio
import subprocess
import sys
import textwrap
import time

import pytest

from agentflow.tools import background as module
from agentflow.tools.background import Background
from agentflow.tools.output import UnreadOutput
from tests.tools.processes import alive, pid_in, wait_until_gone


@pytest.fixture
async def tasks(context_of):
    """The tools of a session of its own, and what is left of it when the test is over: nothing."""
    made = Background()

    class Session:
        background = made
        started = 0

        def context(self, session="s", **more):
            type(self).started += 1
            return context_of(session=session, key=f"run/{session}/{self.started}", **more)

        async def start(self, command, session="s", **more):
            given = {"command": command, "run_in_background": True, **more}
            output = await made.tools()["Bash"](given, self.context(session))
            assert not output.is_error, output.content
            return output.content.rpartition("`task_id` ")[2].split(".")[0]

        async def call(self, name, session="s", **given):
            return await made.tools()[name](given, self.context(session))

        async def printed_until(self, task, wanted):
            seen = ""
            deadline = time.monotonic() + 20
            while wanted not in seen:
                assert time.monotonic() < deadline, seen
                seen += (await self.call("TaskOutput", task_id=task, timeout=20)).content
            return seen

    yield Session()
    await made.close()
    assert made._ending == set()


async def test_a_task_starts_at_once_and_what_it_prints_is_read_bit_by_bit(tasks, project):
    task = await tasks.start("echo one; until [ -e go ]; do sleep 0.01; done; echo two; echo bad >&2; exit 3")
    seen = await tasks.printed_until(task, "\none")
    assert "is running" in seen
    assert "\ntwo" not in seen
    (project / "go").touch()
    last = (await tasks.call("TaskOutput", task_id=task, timeout=20_000)).content
    assert "has ended with exit code 3" in last
    assert last.endswith("two\n[stderr]\nbad")
    assert "one" not in last.split("\n", 1)[1]
    again = await tasks.call("TaskOutput", task_id=task)
    assert again.content.endswith("(Nothing was printed since the last look.)")
    assert not again.is_error


async def test_a_look_that_does_not_wait_returns_at_once(tasks):
    task = await tasks.start("sleep 100")
    looked = await asyncio.wait_for(tasks.call("TaskOutput", task_id=task, block=False, timeout=600_000), 20)
    assert "is running" in looked.content


async def test_stopping_a_task_kills_all_that_it_started(tasks, project):
    task = await tasks.start("sleep 100 & echo $! > child; echo began; wait")
    child = await asyncio.to_thread(pid_in, project / "child")
    stopped = await tasks.call("TaskStop", task_id=task)
    assert "Stopped" in stopped.content
    wait_until_gone(child)
    told = (await tasks.call("TaskOutput", task_id=task)).content
    assert "because you stopped it" in told
    assert "began" in told
    assert "nothing to stop" in (await tasks.call("TaskStop", task_id=task)).content


async def test_a_task_ends_when_its_time_is_over(tasks):
    task = await tasks.start("echo began; sleep 100", timeout=200)
    told = (await tasks.call("TaskOutput", task_id=task, timeout=20_000)).content
    assert "because its `timeout` was over" in told
    assert "began" in told


async def test_the_end_of_a_session_ends_its_tasks_and_no_others(tasks, project):
    await tasks.start("sleep 100 & echo $! > mine; wait", session="mine")
    other = await tasks.start("sleep 100 & echo $! > other; wait", session="other")
    mine, others = [await asyncio.to_thread(pid_in, project / name) for name in ("mine", "other")]
    tasks.background.end_session("mine")
    await asyncio.to_thread(wait_until_gone, mine)
    assert alive(others)
    assert "is running" in (await tasks.call("TaskOutput", session="other", task_id=other, block=False)).content


async def test_closing_leaves_nothing_running(tasks, project):
    await tasks.start("trap '' TERM; echo $$ > pid; while :; do sleep 0.05; done")
    process = await asyncio.to_thread(pid_in, project / "pid")
    await tasks.background.close()
    assert not alive(process)


async def test_a_task_of_another_session_or_from_before_a_crash_is_said_to_be_gone(tasks):
    known = await tasks.start("sleep 100")
    for name in ("TaskOutput", "TaskStop"):
        told = await tasks.call(name, task_id="bash_00000000")
        assert told.is_error
        assert "no task `bash_00000000`" in told.content
        assert "taken up again" in told.content
        assert f"- Task `{known}` (`sleep 100`) is running" in told.content
        elsewhere = await tasks.call(name, session="other", task_id=known)
        assert "You have no tasks; start one with Bash" in elsewhere.content


async def test_the_same_call_made_anew_never_names_another_task(tasks, context_of):
    first = await tasks.start("true")
    second = await tasks.start("true")
    assert first != second


async def test_a_session_has_so_many_tasks_and_no_more(tasks, monkeypatch):
    monkeypatch.setattr(module, "MAX_RUNNING", 2)
    running = [await tasks.start("sleep 100") for _ in range(2)]
    refused = await tasks.call("Bash", command="sleep 100", run_in_background=True)
    assert refused.is_error
    assert "2 tasks are running" in refused.content
    assert all(task in refused.content for task in running)
    assert "TaskStop" in refused.content
    await tasks.call("TaskStop", task_id=running[0])
    await tasks.start("true")


async def test_of_tasks_that_have_ended_the_oldest_are_forgotten(tasks, monkeypatch):
    monkeypatch.setattr(module, "MAX_REMEMBERED", 2)
    started = []
    for _ in range(4):
        started.append(await tasks.start("true"))
        await tasks.call("TaskOutput", task_id=started[-1], timeout=20_000)
    assert (await tasks.call("TaskOutput", task_id=started[0])).is_error
    assert not (await tasks.call("TaskOutput", task_id=started[-1])).is_error


async def test_a_task_that_prints_without_end_is_stopped(tasks, monkeypatch):
    monkeypatch.setattr(module, "MAX_PRINTED_BYTES", 1 << 20)
    task = await tasks.start("yes")
    told = (await tasks.call("TaskOutput", task_id=task, timeout=20_000)).content
    assert "because it printed over 1 MiB" in told
    assert len(told) < 100_000
    assert "bytes cut" in told


async def test_where_commands_are_refused_so_are_tasks(tasks, context_of, project):
    bash = tasks.background.tools()["Bash"]
    refused = await bash({"command": "touch ran", "run_in_background": True}, context_of(sandbox_off=False))
    assert refused.is_error
    assert "sandbox: off" in refused.content
    assert not (project / "ran").exists()


async def test_a_step_has_no_session_that_a_task_could_belong_to(tasks, context_of):
    output = await tasks.background.tools()["Bash"]({"command": "true", "run_in_background": True}, context_of())
    assert output.is_error
    assert "for agents" in output.content


async def test_what_cannot_be_started_is_told(tasks, context_of, tmp_path):
    from msgspec.structs import replace

    gone = replace(tasks.context(), project=tmp_path / "gone")
    output = await tasks.background.tools()["Bash"]({"command": "true", "run_in_background": True}, gone)
    assert output.is_error
    assert "does not exist" in output.content
    assert "You have no tasks" in (await tasks.call("TaskOutput", task_id="x")).content


def test_only_whole_lines_are_given_out_until_the_end():
    output = UnreadOutput(100)
    output.add(b"one\ntw")
    assert output.take(ended=False) == "one\n"
    assert output.unfinished == 2
    output.add("o é\n".encode()[:4])
    assert output.take(ended=False) == ""
    output.add("o é\n".encode()[4:])
    assert output.take(ended=False) == "two é\n"
    output.add(b"rest")
    assert output.take(ended=True) == "rest"
    assert output.printed == 15


def test_a_line_that_never_ends_is_not_held_for_ever():
    output = UnreadOutput(10)
    output.add(b"x" * 11)
    assert output.take(ended=False).count("x") == 10
    assert output.unfinished == 0


def test_a_killed_process_leaves_no_task_behind(project):
    script = textwrap.dedent(
        """
        import asyncio, os, pathlib, signal, sys
        from agentflow.tools.background import Background
        from agentflow.tools.port import ToolContext

        async def main():
            context = ToolContext(pathlib.Path(sys.argv[1]), (), {}, "key", True, session="s")
            given = {"command": "sleep 100 & echo $! > child; wait", "run_in_background": True}
            await Background().tools()["Bash"](given, context)
            while not os.path.exists(sys.argv[1] + "/child"):
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.05)
            os.kill(os.getpid(), signal.SIGKILL)

        asyncio.run(main())
        """
    )
    subprocess.run([sys.executable, "-c", script, str(project)], check=False)
    wait_until_gone(pid_in(project / "child"))
