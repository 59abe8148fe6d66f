"""What `agentflow.api.rewind` promises: the files as they were before a step began, and nobody else's work lost."""

import os
import sqlite3
import stat
import subprocess
from pathlib import Path

import pytest

from agentflow import api
from agentflow.api import RunOptions
from agentflow.engine.rewinding import Rewind
from agentflow.errors import JournalError, UsageError
from agentflow.events.file_events import FileChanging, FilesRewinding, FilesRewound
from agentflow.events.session_events import ToolCalled
from agentflow.journal.owner import boot_id
from agentflow.models.port import Reply, Request
from agentflow.tools import restoring
from agentflow.tools.failures import ToolError
from tests.builders import workflow
from tests.engine.doubles import ModelDouble, reply

FLOW = """
agents: {writer: {instructions: Write., tools: [Write, Edit, Bash, Read]}}
steps:
  first: {agent: writer, prompt: first}
  second: {agent: writer, prompt: second, needs: [first]}
  third: {tool: Write, with: {file_path: step.txt, content: "by a step"}, needs: [second]}
"""

CALLS = {
    "first": [
        ("Write", {"file_path": "a.txt", "content": "first"}),
        ("Write", {"file_path": "new/deep/b.txt", "content": "first b"}),
        ("Edit", {"file_path": "old.txt", "old_string": "original", "new_string": "first"}),
    ],
    "second": [
        ("Edit", {"file_path": "a.txt", "old_string": "first", "new_string": "second"}),
        ("Bash", {"command": "echo bash > by-bash.txt"}),
        ("Edit", {"file_path": "old.txt", "old_string": "first", "new_string": "second"}),
    ],
}


def works(request: Request) -> Reply:
    """One call a turn, as `CALLS` says for the step."""
    step = request.messages[0]["content"][-1]["text"]
    calls = CALLS.get(step, [])
    if request.turn > len(calls):
        return reply("done")
    return reply("", (f"{step}{request.turn}", *calls[request.turn - 1]))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path.resolve() / "project"
    folder.mkdir()
    (folder / ".git").mkdir()
    (folder / "old.txt").write_text("original\n")
    (folder / "old.txt").chmod(0o640)
    (folder / "flow.yaml").write_text(workflow(FLOW))
    return folder


async def ran(project: Path, text: str | None = None) -> str:
    if text is not None:
        (project / "flow.yaml").write_text(workflow(text))
    result = await api.run(project / "flow.yaml", {}, RunOptions(model=ModelDouble(works)))
    assert result.status == "done", result.failure
    return result.run


def files(project: Path) -> dict[str, str]:
    return {
        path.relative_to(project).as_posix(): path.read_text()
        for path in sorted(project.rglob("*"))
        if path.is_file() and path.suffix == ".txt" and ".agentflow" not in path.parts
    }


def fates(found: Rewind) -> dict[str, str]:
    return {look.file.path: look.fate for look in found.looks}


def events(project: Path, run: str, kind: type) -> list:
    journal = api.open_journal(project)
    try:
        return [entry.event for entry in journal.read(run) if isinstance(entry.event, kind)]
    finally:
        journal.close()


AT_THE_END = {
    "a.txt": "second",
    "by-bash.txt": "bash\n",
    "new/deep/b.txt": "first b",
    "old.txt": "second\n",
    "step.txt": "by a step",
}
BEFORE_SECOND = {"a.txt": "first", "by-bash.txt": "bash\n", "new/deep/b.txt": "first b", "old.txt": "first\n"}
BEFORE_FIRST = {"by-bash.txt": "bash\n", "old.txt": "original\n"}


async def test_files_are_as_they_were_before_a_step_began(project):
    run = await ran(project)
    assert files(project) == AT_THE_END
    done = await api.rewind(run, "second", project=project)
    assert done.done
    assert files(project) == BEFORE_SECOND
    await api.rewind(run, "first", project=project)
    assert files(project) == BEFORE_FIRST
    assert not (project / "new").exists(), "folders that were made go too"
    assert stat.S_IMODE((project / "old.txt").stat().st_mode) == 0o640


async def test_a_turn_of_a_session_is_a_place_to_go_back_to(project):
    run = await ran(project)
    await api.rewind(run, "first@3", project=project)
    assert files(project) == {**BEFORE_FIRST, "a.txt": "first", "new/deep/b.txt": "first b"}


async def test_a_steps_own_write_is_put_back_too(project):
    run = await ran(project)
    done = await api.rewind(run, "third", project=project)
    assert fates(done) == {"step.txt": "remove"}
    assert files(project) == {name: text for name, text in AT_THE_END.items() if name != "step.txt"}


async def test_what_would_be_done_is_said_and_not_done(project):
    run = await ran(project)
    told = await api.rewind(run, "first", dry_run=True, project=project)
    assert fates(told) == {"step.txt": "remove", "old.txt": "restore", "a.txt": "remove", "new/deep/b.txt": "remove"}
    assert not told.done
    assert files(project) == AT_THE_END
    assert events(project, run, FilesRewinding) == []


async def test_what_is_not_covered_is_named(project):
    run = await ran(project)
    told = await api.rewind(run, "first", dry_run=True, project=project)
    assert [(call.step, call.tool, call.what) for call in told.not_covered] == [
        ("second", "Bash", "echo bash > by-bash.txt")
    ]


async def test_what_somebody_else_changed_since_stays_and_so_does_everything_else(project):
    run = await ran(project)
    (project / "a.txt").write_text("a person's")
    told = await api.rewind(run, "first", project=project)
    assert [(look.file.path, look.why) for look in told.conflicts] == [("a.txt", "somebody else changed it since")]
    assert not told.done
    assert files(project) == {**AT_THE_END, "a.txt": "a person's"}
    forced = await api.rewind(run, "first", force=True, project=project)
    assert forced.done
    assert files(project) == BEFORE_FIRST
    await api.rewind(run, undo=True, project=project)
    assert files(project) == {**AT_THE_END, "a.txt": "a person's"}, "what was forced is not lost either"


async def test_a_file_that_somebody_removed_is_theirs_to_bring_back(project):
    run = await ran(project)
    (project / "old.txt").unlink()
    told = await api.rewind(run, "second", project=project)
    assert [look.why for look in told.conflicts] == ["somebody else removed it since"]
    forced = await api.rewind(run, "second", force=True, project=project)
    assert fates(forced)["old.txt"] == "recreate"
    assert (project / "old.txt").read_text() == "first\n"


async def test_what_bash_did_between_two_edits_is_not_undone_unseen(project, monkeypatch):
    calls = [
        CALLS["first"][0],
        ("Bash", {"command": "echo bash > a.txt"}),
        ("Edit", {"file_path": "a.txt", "old_string": "bash", "new_string": "edited"}),
    ]
    monkeypatch.setitem(CALLS, "first", calls)
    monkeypatch.setitem(CALLS, "second", [])
    run = await ran(project)
    told = await api.rewind(run, "first", project=project)
    assert [look.why for look in told.conflicts] == ["something else changed it in between; that would be lost too"]
    await api.rewind(run, "first", force=True, project=project)
    assert not (project / "a.txt").exists()


async def test_a_rewind_is_undone_and_done_again(project):
    run = await ran(project)
    await api.rewind(run, "first", project=project)
    undone = await api.rewind(run, undo=True, project=project)
    assert (undone.number, undone.undoes) == (2, 1)
    assert files(project) == AT_THE_END
    await api.rewind(run, undo=True, project=project)
    assert files(project) == BEFORE_FIRST
    assert [event.number for event in events(project, run, FilesRewound)] == [1, 2, 3]


async def test_a_rewind_that_was_cut_off_is_done_by_rewinding_once_more(project, monkeypatch):
    run = await ran(project)
    whole, done = restoring._restore, []

    def cut_off(folder, look):
        if len(done) == 2:
            raise ToolError("the power failed")
        done.append(look)
        whole(folder, look)

    monkeypatch.setattr(restoring, "_restore", cut_off)
    with pytest.raises(ToolError):
        await api.rewind(run, "first", project=project)
    monkeypatch.setattr(restoring, "_restore", whole)
    assert files(project) not in (AT_THE_END, BEFORE_FIRST)
    again = await api.rewind(run, "first", project=project)
    assert sorted(fates(again).values()) == ["remove", "remove", "same", "same"]
    assert files(project) == BEFORE_FIRST
    assert len(events(project, run, FilesRewound)) == 1


async def test_the_undoing_of_a_rewind_that_was_cut_off_brings_back_what_it_had_done(project, monkeypatch):
    run = await ran(project)
    whole, done = restoring._restore, []

    def cut_off(folder, look):
        if len(done) == 2:
            raise ToolError("the power failed")
        done.append(look)
        whole(folder, look)

    monkeypatch.setattr(restoring, "_restore", cut_off)
    with pytest.raises(ToolError):
        await api.rewind(run, "first", project=project)
    monkeypatch.setattr(restoring, "_restore", whole)
    await api.rewind(run, undo=True, project=project)
    assert files(project) == AT_THE_END


async def test_nothing_to_put_back_is_done_at_once_and_not_recorded(project):
    run = await ran(project)
    await api.rewind(run, "first", project=project)
    again = await api.rewind(run, "first", project=project)
    assert again.done
    assert again.number is None
    assert set(fates(again).values()) == {"same"}
    assert len(events(project, run, FilesRewinding)) == 1


async def test_large_and_binary_files_come_back_byte_by_byte(project):
    content = os.urandom(3 << 20) + b"\0\xff\r\n"
    (project / "a.txt").write_bytes(content)
    run = await ran(project)
    await api.rewind(run, "first", project=project)
    assert (project / "a.txt").read_bytes() == content


async def test_a_link_that_was_put_in_the_way_is_not_followed(project):
    run = await ran(project)
    outside = project.parent / "outside"
    outside.mkdir()
    (outside / "b.txt").write_text("first b")
    (project / "new/deep/b.txt").unlink()
    (project / "new/deep").rmdir()
    (project / "new/deep").symlink_to(outside)
    told = await api.rewind(run, "first", force=True, project=project)
    assert [look.file.path for look in told.conflicts] == ["new/deep/b.txt"]
    assert (outside / "b.txt").read_text() == "first b"
    assert not (project / "a.txt").exists(), "the rest is done where it is forced"


@pytest.mark.parametrize("kind", ["copy", "worktree"])
async def test_files_of_a_workspace_of_its_own_are_put_back_there(project, kind):
    (project / ".git").rmdir()
    for words in ("init -q .", "add -A", "-c user.name=a -c user.email=a@b commit -qm begun"):
        subprocess.run(["git", *words.split()], cwd=project, check=True)  # noqa: ASYNC221 - quick, and nothing else runs
    text = FLOW.replace("prompt: first}", f"prompt: first, workspace: {kind}}}").replace(
        "prompt: second,", "prompt: none,"
    )
    run = await ran(project, text)
    (folder,) = {event.folder for event in events(project, run, FileChanging) if event.step == "first"}
    assert folder.startswith(".agentflow/workspaces/")
    assert (project / folder / "old.txt").read_text() == "first\n"
    await api.rewind(run, "first", project=project)
    assert (project / folder / "old.txt").read_text() == "original\n"
    assert not (project / folder / "a.txt").exists()
    assert files(project) == {"old.txt": "original\n"}


async def test_a_step_that_never_began_is_named_with_those_that_changed_files(project):
    run = await ran(project)
    with pytest.raises(UsageError) as caught:
        await api.rewind(run, "fist", project=project)
    assert "first" in str(caught.value.hint)
    with pytest.raises(UsageError) as caught:
        await api.rewind(run, project=project)
    assert "first, second, third" in str(caught.value.hint)


async def test_there_must_be_a_rewind_to_undo(project):
    run = await ran(project)
    with pytest.raises(UsageError, match="nothing was rewound"):
        await api.rewind(run, undo=True, project=project)


async def test_a_run_that_is_at_work_is_not_rewound(project):
    run = await ran(project)
    journal = api.open_journal(project, access="write")
    try:
        lease = journal.take(run, ended=True)
        with pytest.raises(JournalError, match="is being run by process"):
            await api.rewind(run, "first", project=project)
        journal.release(lease)
    finally:
        journal.close()


async def test_a_run_that_waits_goes_on_after_its_files_were_put_back(project):
    text = FLOW.replace("third:", "sure: {approve: Sure?, needs: [second]}\n  third:").replace(
        "[second]}", "[sure]}", 2
    )
    text = text.replace("Sure?, needs: [sure]", "Sure?, needs: [second]")
    (project / "flow.yaml").write_text(workflow(text))
    waiting = await api.run(project / "flow.yaml", {}, RunOptions(model=ModelDouble(works)))
    assert waiting.status == "waiting"
    await api.rewind(waiting.run, "second", project=project)
    assert files(project) == BEFORE_SECOND
    done = await api.resume(waiting.run, RunOptions(model=ModelDouble(works), yes=True), project)
    assert done.status == "done"
    assert files(project) == {**BEFORE_SECOND, "step.txt": "by a step"}


async def test_a_run_that_a_restart_of_the_machine_cut_off_is_resumed_or_cancelled_first(project):
    text = FLOW.replace(
        'third: {tool: Write, with: {file_path: step.txt, content: "by a step"}', "third: {approve: Sure?"
    )
    (project / "flow.yaml").write_text(workflow(text))
    waiting = await api.run(project / "flow.yaml", {}, RunOptions(model=ModelDouble(works)))
    database = sqlite3.connect(project / ".agentflow/journal.db")
    (owner,) = database.execute("SELECT DISTINCT owner FROM streams").fetchone()
    database.execute("UPDATE streams SET owner = ?", (owner.replace(boot_id(), "an-earlier-boot"),))
    database.commit()
    database.close()
    with pytest.raises(JournalError, match="cut off when the machine was restarted"):
        await api.rewind(waiting.run, "second", project=project)
    assert (await api.rewind(waiting.run, "second", dry_run=True, project=project)).looks


async def test_what_a_file_held_is_on_record_before_it_changes(project):
    seen: list[tuple[str, str]] = []

    def observe(stream: str, event: object) -> None:
        if isinstance(event, FileChanging) and event.path == "old.txt":
            seen.append((event.step, (project / "old.txt").read_text()))

    options = RunOptions(model=ModelDouble(works), observe=observe)
    await api.run(project / "flow.yaml", {}, options)
    assert seen == [("first", "original\n"), ("second", "first\n")]


async def test_the_content_of_a_file_with_a_secret_in_it_is_never_in_the_journal(project, monkeypatch):
    monkeypatch.setenv("TOKEN", "hunter2hunter2")
    (project / "a.txt").write_text("key = hunter2hunter2")
    run = await ran(project, f"secrets: [TOKEN]\nenv: {{TOKEN: '{{{{ secrets.TOKEN }}}}'}}\n{FLOW}")
    changed = [event for event in events(project, run, FileChanging) if event.path == "a.txt"]
    assert changed[0].content is None
    told = await api.rewind(run, "first", project=project)
    assert [look.why for look in told.conflicts] == ["it held the value of a secret, which the journal does not keep"]


async def test_deleting_a_run_deletes_what_its_files_held(project):
    (project / "a.txt").write_bytes(os.urandom(100_000))
    run = await ran(project)
    journal = api.open_journal(project, access="write")
    try:
        assert journal.prune(before=2e10) == 1
    finally:
        journal.close()
    with pytest.raises(JournalError):
        await api.rewind(run, "first", project=project)
    assert (project / ".agentflow/journal.db").stat().st_size < 400_000


@pytest.mark.parametrize("name", ["flow.yaml", "policy.yaml", "prompts/writer.md", "FLOW.yaml", "rules/ours.yaml"])
async def test_the_files_that_a_run_is_made_of_are_closed_to_its_tools(project, monkeypatch, name):
    (project / "prompts").mkdir()
    (project / "prompts/writer.md").write_text("Write.")
    (project / "rules").mkdir()
    (project / "rules/ours.yaml").write_text("agentflow: 1\nunknown_users: {}\n")
    monkeypatch.setenv("AGENTFLOW_POLICY", str(project / "rules/ours.yaml"))
    text = FLOW.replace("instructions: Write.", "instructions: {file: prompts/writer.md}")
    monkeypatch.setitem(CALLS, "first", [("Write", {"file_path": name, "content": "mine"})])
    monkeypatch.setitem(CALLS, "second", [])
    run = await ran(project, text)
    assert len(events(project, run, ToolCalled)) == 1
    assert [event.path for event in events(project, run, FileChanging)] == ["step.txt"]
    assert (project / "flow.yaml").read_text() == workflow(text)
    assert (project / "prompts/writer.md").read_text() == "Write."
