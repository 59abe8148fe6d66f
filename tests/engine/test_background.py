"""What a session leaves running ends with it, with the run, and with the process; whoever resumes is told."""

import asyncio

import pytest

from agentflow.engine.drive import drive
from agentflow.engine.live import Live
from agentflow.engine.port import Surroundings
from agentflow.events.session_events import ToolCalled
from agentflow.tools.toolbox import Toolbox
from tests.builders import run_started
from tests.engine.doubles import RUN, CrashError, forever, reply, until
from tests.tools.processes import alive, pid_in, wait_until_gone

TEXT = """
agents:
  a: {tools: [Bash], stop: {failed_calls: 100}}
steps:
  s: {agent: a, prompt: go}
outputs: {s: steps.s.output}
"""
START = {"command": "sleep 100 & echo $! > child; echo began; wait", "run_in_background": True}


def has_begun(run):
    child = run.folder / "child"
    return child.exists() and child.read_text().endswith("\n") and alive(pid_in(child))


def last_result(request):
    return str(request.messages[-1]["content"][0]["content"])


def task_in(text):
    return text.rpartition("`task_id` ")[2].split(".")[0]


async def test_an_agent_starts_follows_and_stops_a_task(setting):
    run = setting(TEXT)
    run.tools = Toolbox(run.plan.tools)
    task = []

    async def answer(request):
        if request.turn == 1:
            assert [tool.name for tool in request.tools] == ["Bash", "TaskOutput", "TaskStop"]
            return reply("", ("1", "Bash", START))
        if request.turn == 2:
            task.append(task_in(last_result(request)))
            await until(lambda: has_begun(run))
        if request.turn < 7:  # a look may be repeated as often as is wanted
            return reply("", (str(request.turn), "TaskOutput", {"task_id": task[0], "block": False}))
        if request.turn == 7:
            return reply("", ("7", "TaskStop", {"task_id": task[0]}))
        return reply(last_result(request))

    run.model.answer = answer
    assert "all it started was killed" in (await run.outputs())["s"]
    wait_until_gone(pid_in(run.folder / "child"))
    assert [(event.tool, event.effects) for event in run.events(ToolCalled)][:2] == [
        ("Bash", "sends"),
        ("TaskOutput", "none"),
    ]


async def test_a_task_ends_with_its_session(setting):
    run = setting(TEXT)
    run.tools = Toolbox(run.plan.tools)

    async def answer(request):
        if request.turn == 1:
            return reply("", ("1", "Bash", START))
        await until(lambda: has_begun(run))
        return reply("done")

    run.model.answer = answer
    assert await run.outputs() == {"s": "done"}
    await run.tools.close()
    wait_until_gone(pid_in(run.folder / "child"))


async def test_after_a_crash_the_agent_is_told_that_its_task_is_gone(setting):
    run = setting(TEXT)
    run.tools = Toolbox(run.plan.tools)
    task = []

    async def answer(request):
        if request.turn == 1:
            return reply("", ("1", "Bash", START))
        if request.turn == 2:
            task[:] = [task_in(last_result(request))]
            await until(lambda: has_begun(run))
            if run.journal.crash_at is None:
                run.journal.crash_at = len(run.journal.appended)
            return reply("", ("2", "TaskOutput", {"task_id": task[0], "block": False}))
        return reply(last_result(request))

    run.model.answer = answer
    with pytest.raises(CrashError):
        await run.run()
    await run.tools.close()
    run.tools, run.journal.crash_at = Toolbox(run.plan.tools), -1
    said = (await run.outputs())["s"]
    assert f"There is no task `{task[0]}`" in said
    assert "taken up again" in said


async def test_an_interrupted_run_leaves_nothing_running(setting):
    run = setting(TEXT)
    interrupt = asyncio.Event()

    async def answer(request):
        if request.turn == 1:
            return reply("", ("1", "Bash", START))
        await until(lambda: has_begun(run))
        interrupt.set()
        return await forever()

    run.model.answer = answer
    started = run_started(run.plan, {}, str(run.folder))
    lease = run.journal.create(started)
    live = Live.begin(run.plan, started)
    outcome = await drive(live, run.journal, lease, run.model, Surroundings(project=run.folder), interrupt)
    assert outcome.status == "interrupted"
    wait_until_gone(pid_in(run.folder / "child"))
    run.journal.release(run.journal.take(RUN))
