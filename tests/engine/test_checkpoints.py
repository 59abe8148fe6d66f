import asyncio
from types import SimpleNamespace

import pytest

from agentflow import api
from agentflow.api import RunOptions
from agentflow.engine.checkpoints import keep_for
from agentflow.engine.own_files import own_files
from agentflow.events.file_events import FileChanging
from agentflow.events.run_events import RunStarted
from agentflow.plan.callers import IN_PROJECT
from agentflow.tools.port import Change
from agentflow.tools.threads import WorkCancelledError, in_thread
from tests.builders import workflow
from tests.engine.doubles import ModelDouble, reply

CHANGE = Change("a.txt", b"before", 0o644, b"after")


class LoopDouble:
    """A run whose journal never says that something is on record."""

    def __init__(self, *sessions: str) -> None:
        self.live = SimpleNamespace(sessions=dict.fromkeys(sessions))
        self.recorder = SimpleNamespace(then=lambda start: None)
        self.secrets = SimpleNamespace(redacted=lambda text: text)
        self.happened: list[tuple[str, object, bool]] = []
        self.heard = asyncio.Event()

    def now(self) -> float:
        return 1.0

    def happen(self, stream: str, event: object, *, durable: bool = False) -> None:
        self.happened.append((stream, event, durable))
        self.heard.set()

    def settle(self) -> None:
        pass


async def test_a_call_that_is_cancelled_while_the_journal_is_slow_ends_and_changes_nothing():
    loop, changed = LoopDouble("s"), []
    keep = keep_for(loop, "s", "Write", "fix", None, "c1")

    def work(stop):
        keep(CHANGE, stop)
        changed.append(True)

    task = asyncio.create_task(in_thread(work))
    await loop.heard.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert changed == []
    stream, event, durable = loop.happened[0]
    assert (stream, event.path, durable) == ("s", "a.txt", True)


async def test_a_session_that_has_ended_changes_no_file_any_more():
    loop = LoopDouble()
    keep = keep_for(loop, "s", "Write", "fix", None, "c1")
    with pytest.raises(WorkCancelledError):
        await in_thread(lambda stop: keep(CHANGE, stop))
    assert loop.happened == []


@pytest.mark.parametrize("tool", ["Read", "Bash", "memory", "own"])
async def test_only_write_and_edit_are_kept(tool):
    assert keep_for(LoopDouble("s"), "s", tool, "fix", None) is None


def test_a_dry_run_keeps_nothing_and_needs_no_event_loop():
    assert keep_for(LoopDouble("s"), "s", "Write", "fix", None) is None


FLOW = """
agents: {writer: {instructions: Write., tools: [Write]}}
steps: {fix: {agent: writer, prompt: fix}}
"""


async def test_a_run_that_is_cut_off_in_a_change_goes_on_and_can_be_rewound(tmp_path):
    project = tmp_path.resolve()
    (project / ".git").mkdir()
    (project / "flow.yaml").write_text(workflow(FLOW))
    (project / "a.txt").write_text("before")
    interrupt = asyncio.Event()

    def says(request):
        if len(request.messages) == 1:
            return reply("", ("c1", "Write", {"file_path": "a.txt", "content": "after"}))
        return reply("done")

    def observe(_stream, event):
        if isinstance(event, FileChanging):
            interrupt.set()

    options = RunOptions(model=ModelDouble(says), observe=observe, interrupt=interrupt)
    first = await api.run(project / "flow.yaml", {}, options)
    assert first.status == "interrupted"
    resumed = await api.resume(first.run, RunOptions(model=ModelDouble(says)), project)
    assert resumed.status == "done"
    (project / "a.txt").write_text("after")
    await api.rewind(first.run, "fix", project=project)
    assert (project / "a.txt").read_text() == "before"


def started(**more: object) -> RunStarted:
    given = {"at": 0.0, "run": "r", "workflow": "w", "plan_digest": "", "inputs": {}, **more}
    return RunStarted(**given)


def test_a_runs_own_files_are_named_from_the_project_whereever_it_was_started():
    sources = {"../up/flows/a.yaml": "", "../up/flows/prompts/p.md": "", "../up/lib/b.yaml": ""}
    own = own_files(started(path="../up/flows/a.yaml", folder="flows", project="/p", sources=sources))
    assert own == (*IN_PROJECT, "flows/a.yaml", "flows/prompts/p.md", "lib/b.yaml")


def test_the_environment_that_agentflow_runs_from_is_its_own_where_it_lies_in_the_project(monkeypatch, tmp_path):
    monkeypatch.setattr("sys.prefix", str(tmp_path.resolve() / ".venv"))
    given = {"path": "a.yaml", "folder": "", "sources": {"a.yaml": ""}}
    assert own_files(started(project=str(tmp_path.resolve()), **given)) == (*IN_PROJECT, "a.yaml", ".venv")
    assert own_files(started(project="/elsewhere", **given)) == (*IN_PROJECT, "a.yaml")
