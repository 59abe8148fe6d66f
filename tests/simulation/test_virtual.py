import asyncio

import pytest

from agentflow.errors import JournalError
from agentflow.events.run_events import RetryDue
from agentflow.events.values import Workspace
from agentflow.simulation.virtual import Line, NoRecorder, NoWorkspaces, RecordedTools, VirtualTimers, at_once
from agentflow.tools.port import ToolContext


def test_what_is_due_happens_in_the_order_it_was_put_in_line_and_time_passes_only_between():
    line, seen = Line(100.0), []
    for name, seconds in (("late", 5.0), ("first", 0.0), ("second", 0.0), ("sooner", 2.0)):
        line.put("s", "landing", name, seconds, lambda name=name: seen.append((name, line.now)))
    while line.next():
        pass
    assert seen == [("first", 100.0), ("second", 100.0), ("sooner", 102.0), ("late", 105.0)]
    assert not line.due()


def test_what_is_forgotten_does_not_happen():
    line, seen = Line(0.0), []
    for stream, kind, name in (
        ("a", "landing", "x"),
        ("a", "landing", "y"),
        ("a", "timer", "x"),
        ("b", "landing", "x"),
    ):
        line.put(stream, kind, name, 0.0, lambda where=(stream, kind, name): seen.append(where))
    assert line.forget("a", "landing", "x") == 1
    assert line.forget("a", "timer") == 1
    assert line.forget("c", "timer") == 0
    while line.next():
        pass
    assert seen == [("a", "landing", "y"), ("b", "landing", "x")]


def test_a_timer_that_is_set_again_moves():
    line, seen = Line(0.0), []
    timers = VirtualTimers(line)
    timers.set("s", "clock", 1.0, lambda: seen.append("old"))
    timers.set("s", "clock", 3.0, lambda: seen.append("new"))
    timers.set("s", "retry", 2.0, lambda: seen.append("retry"))
    assert timers.any_named("retry")
    timers.forget("s", "retry")
    assert not timers.any_named("retry")
    while line.next():
        pass
    assert (seen, line.now) == (["new"], 3.0)
    timers.set("s", "a", 1.0, lambda: seen.append("never"))
    timers.clear()
    assert not line.next()


def test_a_simulated_call_may_not_wait():
    async def waits():
        await asyncio.sleep(0)

    async def returns():
        return 3

    assert at_once(returns()) == 3
    with pytest.raises(RuntimeError, match="may wait"):
        at_once(waits())


def test_there_is_no_journal():
    recorder, seen = NoRecorder(), []
    recorder.then(lambda: seen.append(1))
    assert seen == [1]
    assert recorder.idle
    with pytest.raises(JournalError, match="no journal"):
        at_once(recorder.run(lambda: None))


def test_no_tool_runs_whatever_is_recorded(tmp_path):
    context = ToolContext(tmp_path, (), {}, "run/session/call", sandbox_off=True)
    output = at_once(RecordedTools(None, "run").run("Write", {"file_path": "x", "content": "y"}, context))
    assert output.is_error
    assert "does not tell what Write gave" in output.content
    assert list(tmp_path.iterdir()) == []


def test_no_workspace_is_made_for_what_works_in_it(tmp_path):
    async def work():
        return RetryDue(0.0, "a")

    workspace = Workspace("copy", "apart", None)
    assert (
        at_once(NoWorkspaces(tmp_path).within(workspace, work, lambda failure: pytest.fail(str(failure)))).step == "a"
    )
    assert list(tmp_path.iterdir()) == []
