"""What `agentflow.api` promises of runs that go on from older ones: forks, edited files, sessions taken up again."""

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from agentflow import api
from agentflow.api import RunOptions, RunResult
from agentflow.engine.seeds import Seed, begun
from agentflow.errors import JournalError, UsageError
from agentflow.events.run_events import RunStarted, StepFinished, StepStarted
from agentflow.events.session_events import SessionKept, SessionStarted
from agentflow.events.values import Lineage
from agentflow.journal.sqlite import open_journal
from agentflow.models.port import ModelError, Reply, Request
from tests.builders import unanswered, workflow
from tests.engine.doubles import ModelDouble, prompt_of, reply

FLOW = """
inputs: {topic: {type: string, default: tea}}
agents: {writer: {instructions: Write., tools: [Glob]}}
steps:
  plan: {agent: writer, prompt: "plan {{ inputs.topic }}"}
  log: {run: [sh, -c, "echo ran >> log.txt"], effects: sends}
  write: {agent: writer, prompt: "write {{ steps.plan.output }}", needs: [log]}
  more: {agent: writer, prompt: more, session: {continue: plan}, needs: [write]}
outputs: {more: steps.more.output}
"""
THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "s"}


def said(request: Request) -> Reply:
    """Looks first, then says what it was asked; thinks aloud."""
    assert unanswered(request.messages) == []
    last = request.messages[-1]["content"][-1]
    if last["type"] == "text" and last["text"].startswith("plan"):
        looked = reply("", (f"look{request.turn}", "Glob", {"pattern": "*"}))
        return replace(looked, content=(THOUGHT, *looked.content))
    asked = last["text"] if last["type"] == "text" else "what it saw"
    return reply(f"said {asked}")


@pytest.fixture
def file(tmp_path: Path):
    (tmp_path / ".git").mkdir()

    def write(text: str = FLOW) -> Path:
        path = tmp_path / "flow.yaml"
        path.write_text(workflow(text))
        return path

    return write


def options(model: ModelDouble, **more: object) -> RunOptions:
    return RunOptions(model=model, **more)


async def run(path: Path, model: ModelDouble | None = None, **inputs: object) -> RunResult:
    return await api.run(path, inputs, options(model or ModelDouble(said)))


async def go(seed: Seed, model: ModelDouble, **more: object) -> RunResult:
    return await api.start_seed(seed, options(model, **more))


def asked(model: ModelDouble) -> list[str]:
    return [request.session for request in model.requests]


def events(path: Path, run: str, kind: type) -> list:
    journal = api.open_journal(path.parent)
    try:
        return [entry.event for entry in journal.read(run) if isinstance(entry.event, kind)]
    finally:
        journal.close()


def only_plan_breaks(request: Request) -> Reply:
    if request.session == "write":
        raise ModelError("model_access", "no such key", retryable=False)
    return said(request)


# Forks


async def test_a_fork_runs_only_what_depends_on_the_step_and_pays_only_for_that(file):
    path = file()
    first = await run(path)
    model = ModelDouble(said)
    forked = await go(api.fork(first.run, ["write"], project=path.parent), model)
    assert forked.status == "done"
    assert asked(model) == ["write", "more"]
    assert (path.parent / "log.txt").read_text() == "ran\n", "an effect is not repeated"
    assert 0 < forked.spent.cost_usd < first.spent.cost_usd
    assert [event.step for event in events(path, forked.run, StepStarted)] == ["write", "more"]
    ends = events(path, forked.run, StepFinished)
    assert {event.step for event in ends if event.reused} == {"plan", "log"}
    (begun_by,) = events(path, forked.run, RunStarted)
    assert begun_by.lineage == Lineage(first.run, "fork", ("write",))


async def test_a_session_that_is_kept_is_carried_on_with_its_thoughts(file):
    path = file()
    first = await run(path)
    model = ModelDouble(said)
    await go(api.fork(first.run, ["more"], project=path.parent), model)
    (request,) = model.requests
    carried = [block["type"] for message in request.messages for block in message["content"]]
    assert carried == ["text", "thinking", "tool_use", "tool_result", "text", "text"]
    assert prompt_of(request) == "plan tea"


async def test_a_failed_run_is_gone_on_with_where_it_failed(file):
    path = file()
    first = await run(path, ModelDouble(only_plan_breaks))
    assert first.status == "failed"
    with pytest.raises(JournalError, match="has ended") as raised:
        await api.resume(first.run, options(ModelDouble(said)), project=path.parent)
    assert f"agentflow fork {first.run}" in str(raised.value.hint)
    model = ModelDouble(said)
    forked = await go(api.fork(first.run, project=path.parent), model)
    assert forked.outputs == {"more": "said more"}
    assert asked(model) == ["write", "more"]


async def test_a_fork_whose_process_died_at_once_keeps_all_the_same(file):
    path = file()
    first = await run(path)
    started, kept = begun(api.fork(first.run, ["more"], project=path.parent), 2_000.0)
    journal = open_journal(path.parent / api.JOURNAL)
    journal.release(journal.create(started, kept))
    journal.close()
    model = ModelDouble(said)
    resumed = await api.resume(started.run, options(model), project=path.parent)
    assert resumed.outputs == {"more": "said more"}
    assert asked(model) == ["more"]
    assert (path.parent / "log.txt").read_text() == "ran\n"


async def test_a_fork_that_was_interrupted_is_resumed_although_the_older_run_is_gone(file):
    path = file()
    first = await run(path)
    interrupt = asyncio.Event()

    async def stopped(request: Request) -> Reply:
        interrupt.set()
        await asyncio.Event().wait()
        raise AssertionError(request)

    cut = await go(api.fork(first.run, ["more"], project=path.parent), ModelDouble(stopped), interrupt=interrupt)
    assert cut.status == "interrupted"
    journal = api.open_journal(path.parent, access="write")
    assert journal.prune(4e9) == 1, "the older run"
    journal.close()
    model = ModelDouble(said)
    resumed = await api.resume(cut.run, options(model), project=path.parent)
    assert resumed.outputs == {"more": "said more"}
    (request,) = model.requests
    assert prompt_of(request) == "plan tea"
    again = await go(api.fork(cut.run, ["more"], project=path.parent), ModelDouble(said))
    assert again.status == "done"


async def test_a_fork_of_a_fork_keeps_what_the_first_run_did(file):
    path = file()
    first = await run(path)
    second = await go(api.fork(first.run, ["write"], project=path.parent), ModelDouble(said))
    model = ModelDouble(said)
    third = await go(api.fork(second.run, ["more"], project=path.parent), model)
    assert third.status == "done"
    assert asked(model) == ["more"]
    assert (path.parent / "log.txt").read_text() == "ran\n"


async def test_a_run_at_work_and_one_that_waits_are_not_forked_by_mistake(file):
    path = file("steps: {ok: {approve: Go on?}, a: {agent: {}, prompt: go, needs: [ok]}}")
    waiting = await run(path)
    assert waiting.status == "waiting"
    with pytest.raises(UsageError, match="has not ended") as raised:
        api.fork(waiting.run, project=path.parent)
    assert "agentflow resume" in str(raised.value.hint)
    forked = await go(api.fork(waiting.run, ["ok"], project=path.parent), ModelDouble(), yes=True)
    assert forked.status == "done"
    journal = open_journal(path.parent / api.JOURNAL)
    lease = journal.take(waiting.run)
    await journal.append(lease, [])
    seed = api.fork(forked.run, ["a"], project=path.parent)
    started, kept = begun(seed, 2_000.0)
    journal.create(started, kept)
    with pytest.raises(JournalError, match="a process is at work"):
        api.fork(started.run, ["a"], project=path.parent)
    journal.close()


async def test_secrets_that_only_kept_steps_use_need_no_value(file, monkeypatch):
    text = """
secrets: [TOKEN]
steps:
  a: {run: [sh, -c, "echo got"], env: {TOKEN: "{{ secrets.TOKEN }}"}, effects: none}
  b: {run: [cat], stdin: "{{ steps.a.output }}", effects: none}
outputs: {b: steps.b.output}
"""
    path = file(text)
    first = await api.run(path, {}, RunOptions(secrets={"TOKEN": "x1y2z3"}))
    monkeypatch.delenv("TOKEN", raising=False)
    assert (await api.start_seed(api.fork(first.run, ["b"], project=path.parent))).outputs == {"b": "got"}
    with pytest.raises(UsageError, match="TOKEN"):
        await api.start_seed(api.fork(first.run, ["a"], project=path.parent))


async def test_a_session_whose_files_were_its_own_runs_again_where_it_is_carried_on(file):
    path = file(FLOW.replace("tools: [Glob]", "tools: [Glob], workspace: copy"))
    first = await run(path)
    seed = api.fork(first.run, ["more"], project=path.parent)
    why = {fate.step: fate.why for fate in seed.fates}
    assert "belong to the older run" in str(why["plan"])
    assert why["log"] is None


# Edited files


async def test_an_edited_file_runs_what_the_edit_touches(file):
    path = file()
    first = await run(path)
    path = file(FLOW.replace('"write {{', '"write well {{'))
    seed = api.edited(first.run, api.check_to_run(path), project=path.parent)
    assert {fate.step: fate.why for fate in seed.fates} == {
        "plan": None,
        "log": None,
        "write": "its prompt changed",
        "more": "it needs write, which runs again",
    }
    model = ModelDouble(said)
    assert (await go(seed, model)).status == "done"
    assert asked(model) == ["write", "more"]


async def test_a_file_of_another_project_is_refused(file, tmp_path):
    first = await run(file())
    (tmp_path / "other/.git").mkdir(parents=True)
    other = tmp_path / "other/flow.yaml"
    other.write_text(workflow(FLOW))
    with pytest.raises(UsageError, match="is in the project"):
        api.edited(first.run, api.check_to_run(other), project=tmp_path)


# Sessions that are carried on


async def test_a_session_is_taken_up_with_a_new_prompt_under_the_same_agent(file):
    path = file()
    first = await run(path)
    model = ModelDouble(said)
    seed = api.continued(first.run, "plan", "and {{ now }}?", project=path.parent)
    result = await go(seed, model)
    assert result.outputs == {"reply": "said and {{ now }}?"}, "what a person says is no template"
    (request,) = model.requests
    assert request.system == "Write."
    assert [tool.name for tool in request.tools] == ["Glob"]
    assert [message["role"] for message in request.messages] == ["user", "assistant", "user", "assistant", "user"]
    assert request.messages[1]["content"][0] == THOUGHT
    again = ModelDouble(said)
    await go(api.continued(result.run, "plan", "once more", project=path.parent), again)
    texts = [b["text"] for m in again.requests[0].messages for b in m["content"] if b["type"] == "text"]
    assert texts == ["plan tea", "said what it saw", "and {{ now }}?", "said and {{ now }}?", "once more"]


async def test_a_session_is_forked_at_a_turn_with_every_call_and_its_result(file):
    path = file()
    first = await run(path)
    model = ModelDouble(said)
    await go(api.continued(first.run, "plan", "what else?", at=1, project=path.parent), model)
    (request,) = model.requests
    assert [block["type"] for block in request.messages[-1]["content"]] == ["tool_result", "text"]
    assert len(request.messages) == 3


async def test_a_run_that_carries_a_session_on_is_resumed_and_outlives_the_older_run(file):
    path = file()
    first = await run(path)
    started, kept = begun(api.continued(first.run, "plan", "go on", project=path.parent), 2_000.0)
    journal = open_journal(path.parent / api.JOURNAL)
    journal.release(journal.create(started, kept))
    journal.prune(4e9)
    journal.close()
    resumed = await api.resume(started.run, options(ModelDouble(said)), project=path.parent)
    assert resumed.outputs == {"reply": "said go on"}


async def test_a_subagents_session_and_one_of_a_file_that_a_step_runs_can_be_taken_up(file, tmp_path):
    (tmp_path / "child.yaml").write_text(
        workflow(
            """
inputs: {word: {type: string}}
agents:
  lead: {instructions: "Lead {{ inputs.word }}.", tools: ["Agent(aide)"]}
  aide: {description: Aides., instructions: "Aide {{ inputs.word }}."}
steps: {work: {agent: lead, prompt: "lead"}}
outputs: {work: steps.work.output}
"""
        )
    )

    def answer(request: Request) -> Reply:
        if request.agent == "lead" and request.turn == 1 and len(request.messages) == 1:
            return reply("", ("a", "Agent", {"subagent_type": "aide", "prompt": "help", "description": "d"}))
        return reply(f"{request.agent} is done")

    path = file("steps: {sub: {workflow: child.yaml, with: {word: well}}}\noutputs: {o: steps.sub.output.work}")
    first = await run(path, ModelDouble(answer))
    assert [one.name for one in api.sessions(first.run, project=tmp_path)] == ["sub.work", "sub.work/aide"]
    for name, system in (("sub.work/aide", "Aide well."), ("lead", "Lead well.")):
        model = ModelDouble(answer)
        result = await go(api.continued(first.run, name, "on", project=tmp_path), model)
        assert result.status == "done"
        assert model.requests[0].system == system
        (started,) = events(path, result.run, RunStarted)
        assert started.inputs == {"word": "well"}


@pytest.mark.parametrize(
    ("name", "prompt", "at", "says"),
    [
        ("plan", "  ", None, "nothing to say"),
        ("nobody", "x", None, "has no session `nobody`"),
        ("", "x", None, "has no session ``"),
        ("writer", "x", None, "more than one session"),
        ("plan", "x", 3, "has no turn 3"),
        ("plan", "x", 0, "has no turn 0"),
    ],
)
async def test_what_cannot_be_carried_on_is_said(file, name: str, prompt: str, at: int | None, says: str):
    path = file()
    first = await run(path)
    with pytest.raises(UsageError, match=says) as raised:
        api.continued(first.run, name, prompt, at, project=path.parent)
    assert raised.value.hint


async def test_a_session_at_work_is_taken_up_only_at_a_turn_that_has_ended(file):
    path = file()
    interrupt = asyncio.Event()

    async def stops(request: Request) -> Reply:
        if request.turn == 1:
            return said(request)
        interrupt.set()
        await asyncio.Event().wait()
        raise AssertionError

    cut = await api.run(path, {}, options(ModelDouble(stops), interrupt=interrupt))
    with pytest.raises(UsageError, match="turn 2 of session `plan` has not ended"):
        api.continued(cut.run, "plan", "x", project=path.parent)
    model = ModelDouble(said)
    assert (await go(api.continued(cut.run, "plan", "x", at=1, project=path.parent), model)).status == "done"


async def test_a_session_with_files_of_its_own_is_not_taken_up(file):
    path = file(FLOW.replace("tools: [Glob]", "tools: [Glob], workspace: copy"))
    first = await run(path)
    with pytest.raises(UsageError, match="files of its own, a copy"):
        api.continued(first.run, "plan", "x", project=path.parent)


async def test_a_session_that_was_kept_can_be_taken_up_but_not_at_a_turn(file):
    path = file()
    first = await run(path)
    forked = await go(api.fork(first.run, ["more"], project=path.parent), ModelDouble(said))
    assert [event.step for event in events(path, forked.run, SessionKept)] == ["plan"]
    with pytest.raises(UsageError, match="taken over whole"):
        api.continued(forked.run, "plan", "x", 1, project=path.parent)
    model = ModelDouble(said)
    await go(api.continued(forked.run, "plan", "x", project=path.parent), model)
    assert prompt_of(model.requests[0]) == "plan tea"


# Sessions, shown


async def test_sessions_tell_turns_money_and_time(file):
    path = file()
    first = await run(path)
    plan, write, more = api.sessions(first.run, project=path.parent)
    assert [(one.name, one.agent, one.state, one.turns, one.tool_calls) for one in (plan, write, more)] == [
        ("plan", "writer", "done", 2, 1),
        ("write", "writer", "done", 1, 0),
        ("more", "writer", "done", 1, 0),
    ]
    assert more.continues == "plan"
    assert plan.ended_at is not None
    assert plan.seconds == pytest.approx(plan.ended_at - plan.started_at)


async def test_a_session_tells_what_was_said_and_the_last_request(file):
    path = file()
    first = await run(path)
    story = api.session(first.run, "pl", project=path.parent)
    assert story.prompt == "plan tea"
    assert story.turn == 2
    assert story.request is not None
    assert len(story.request.messages) == 3
    assert story.reply is not None
    assert story.reply.content == ({"type": "text", "text": "said what it saw"},)
    assert [message["role"] for message in story.earlier.messages] == ["user", "assistant", "user", "assistant"]
    starts = events(path, first.run, SessionStarted)
    assert [event.step for event in starts] == ["plan", "write", "more"]
