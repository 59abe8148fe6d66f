import pytest

from agentflow.events.file_events import FileChanging, FilesRewinding
from agentflow.events.run_events import StepStarted
from agentflow.events.session_events import ModelCalled, SessionStarted, ToolCalled
from agentflow.run.checkpoints import History, digest_of, packed, put_back, state_before, unpacked


def changing(path: str, before: str | None, after: str | None, step: str = "fix", **more: object) -> FileChanging:
    held = None if before is None else before.encode()
    return FileChanging(
        at=1.0,
        step=step,
        call="c1",
        tool="Edit",
        folder="",
        path=path,
        mode=None if held is None else 0o644,
        digest=digest_of(held),
        size=len(held or b""),
        content=None if held is None else packed(held),
        after=None if after is None else digest_of(after.encode()),
        **more,
    )


def test_what_was_changed_last_is_put_back_first():
    back = put_back([changing("a", "1", "2"), changing("b", "1", "2"), changing("a", "2", "3")])
    assert [file.path for file in back] == ["a", "b"]
    assert [file.target.content for file in back] == [b"1", b"1"]


def test_a_file_goes_back_to_what_it_was_before_the_first_of_its_changes():
    (file,) = put_back([changing("a", None, "1", made=("x", "x/y")), changing("a", "1", "2")])
    assert file.target.digest is None
    assert file.made == ("x/y", "x"), "the innermost folder goes first"
    assert not file.foreign


def test_a_change_between_two_changes_is_somebody_elses():
    (file,) = put_back([changing("a", "1", "2"), changing("a", "theirs", "3")])
    assert file.foreign


def test_a_change_that_never_came_about_is_nobodys():
    (file,) = put_back([changing("a", "1", "2"), changing("a", "1", "3")])
    assert not file.foreign
    assert file.known == {digest_of(b"1"), digest_of(b"2"), digest_of(b"3")}


def test_files_of_two_workspaces_are_two_files():
    apart = changing("a", "1", "2")
    there = FileChanging(**{name: getattr(apart, name) for name in apart.__struct_fields__} | {"folder": "w"})
    assert len(put_back([apart, there])) == 2


@pytest.mark.parametrize("content", ["", "!", "AAAA", packed(b"another")])
def test_what_was_kept_and_is_damaged_is_not_put_back(content):
    whole = changing("a", "1", "2")
    damaged = FileChanging(**{name: getattr(whole, name) for name in whole.__struct_fields__} | {"content": content})
    state = state_before(damaged)
    assert state.content is None
    assert state.lost == "what was kept of it is damaged"


@pytest.mark.parametrize("content", [b"", b"\0\xff\n", b"x" * 100_000])
def test_any_content_is_kept_as_it_is(content):
    assert unpacked(packed(content)) == content


def test_a_step_begins_with_the_first_of_its_attempts():
    history = History()
    for event in (
        StepStarted(0.0, "fix"),
        changing("a", "1", "2"),
        StepStarted(0.0, "fix", 2),
        changing("b", "1", "2"),
    ):
        history.take("", event)
    assert {file.path for file in history.since("fix").files} == {"a", "b"}


def test_turns_are_those_of_a_steps_own_session_and_not_of_its_subagents():
    history = History()
    history.take("s", SessionStarted(0.0, "a", "fix", "", None))
    history.take("s/c", SessionStarted(0.0, "b", "fix", "", None, 2, "s", "c"))
    history.take("s/c", ModelCalled(0.0, 1, 1, "m", 1, 0.0))
    history.take("s", changing("a", "1", "2"))
    history.take("s", ModelCalled(0.0, 1, 1, "m", 1, 0.0))
    assert history.since("fix@1").files == ()


def test_calls_that_change_nothing_or_keep_what_they_change_are_covered():
    history = History()
    history.take("", StepStarted(0.0, "fix"))
    history.take("s", SessionStarted(0.0, "a", "fix", "", None))
    for tool, effects in (("Read", "none"), ("Write", "writes"), ("Bash", "sends"), ("own", "writes")):
        history.take("s", ToolCalled(0.0, tool, tool, effects, "k"))
    assert [call.tool for call in history.since("fix").not_covered] == ["Bash", "own"]


def test_a_rewind_is_told_from_other_changes():
    history = History()
    history.take("", FilesRewinding(0.0, 1, "fix", "me"))
    rewound = changing("a", "2", "1", step="")
    fields = {name: getattr(rewound, name) for name in rewound.__struct_fields__} | {"tool": "rewind"}
    history.take("", FileChanging(**fields))
    history.take("s", changing("a", "1", "3"))
    (rewind,) = history.rewinds
    assert [change.path for change in rewind[1]] == ["a"]
