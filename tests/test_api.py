"""What `agentflow.api` promises to who calls it from Python."""

import asyncio
from pathlib import Path

import pytest

from agentflow import api
from agentflow.api import InvalidWorkflowError, RunOptions, RunResult
from agentflow.errors import AgentflowError, JournalError, UsageError
from agentflow.events.run_events import GateAnswered, RunFinished, RunPaused, RunStarted
from agentflow.journal.sqlite import open_journal
from agentflow.models.port import ModelError
from tests.builders import workflow
from tests.engine.doubles import ModelDouble, others, prompt_of, reply, until

GOOD = "steps: {a: {agent: {}, prompt: go}}\noutputs: {a: steps.a.output}"
GATED = """
steps: {g: {approve: Go on?}, a: {agent: {}, prompt: go, needs: [g], if_skipped: none}}
outputs: {a: steps.a.output}
"""


@pytest.fixture
def file(tmp_path: Path):
    """Writes a workflow into a project of its own."""
    (tmp_path / ".git").mkdir()

    def write(text: str = GOOD, name: str = "flow.yaml") -> Path:
        path = tmp_path / name
        path.write_text(workflow(text))
        return path

    return write


def options(model: ModelDouble | None = None, **more: object) -> RunOptions:
    return RunOptions(model=model or ModelDouble(), **more)


async def forever(_request: object) -> None:
    await asyncio.Event().wait()


# check and plan


def test_check_gives_the_plan_of_a_good_file(file):
    checked = api.check(file())
    assert checked.ok
    assert checked.plan.name == "test"
    assert checked.diagnostics == ()
    assert list(checked.texts) == [str(file())]


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe\x00", b"[", b"a: 1\na: 2", b"- x", b"agentflow: 2\nname: x\nsteps: {}"]
)
def test_check_raises_nothing_whatever_the_file_holds(file, content):
    path = file()
    path.write_bytes(content)
    checked = api.check(path)
    assert not checked.ok
    assert checked.diagnostics
    assert all(diagnostic.place.path == str(path) for diagnostic in checked.diagnostics)


def test_check_raises_nothing_where_there_is_no_file(tmp_path):
    checked = api.check(tmp_path / "none.yaml")
    assert [diagnostic.code for diagnostic in checked.diagnostics] == ["AF106"]


def test_check_may_be_handed_the_text(file):
    path = file()
    assert not api.check(path, b"steps: 3").ok
    assert api.check(path).ok


def test_check_tells_all_problems_in_one_pass_by_place(file):
    checked = api.check(file("steps:\n  a: {value: steps.none.output}\n  b: {value: '1 +'}\n  c: {valeu: '1'}"))
    lines = [diagnostic.place.line for diagnostic in checked.diagnostics]
    assert lines == sorted(lines)
    assert len(set(lines)) == 3


def test_plan_raises_with_place_code_and_hint(file):
    path = file("steps: {a: {value: steps.none.output}}")
    with pytest.raises(InvalidWorkflowError, match=rf"{path.name}:\d+:\d+: AF\d+: ") as raised:
        api.plan(path)
    assert raised.value.checked.diagnostics


def test_plan_gives_the_plan(file):
    assert list(api.plan(file()).root.steps) == ["a"]


@pytest.mark.usefixtures("no_sandbox")
def test_only_running_refuses_commands_that_nothing_holds_back(file):
    path = file()
    path.write_text("agentflow: 1\nname: x\nsteps: {a: {run: [ls]}}\n")
    assert api.check(path).ok
    assert "AF504" in [diagnostic.code for diagnostic in api.check_to_run(path).diagnostics]


# run


async def test_run_gives_the_outputs_and_what_was_spent(file):
    model = ModelDouble()
    result = await api.run(file(), options=options(model))
    assert (result.status, result.outputs, result.failure) == ("done", {"a": "done"}, None)
    assert result.spent.turns == 1
    assert result.spent.cost_usd > 0
    assert others() == set()


async def test_run_writes_its_journal_into_the_project(file):
    path = file()
    result = await api.run(path, options=options())
    journal = api.open_journal(path.parent)
    assert [summary.run for summary in journal.runs()] == [result.run]
    assert journal.find(result.run[:12]) == result.run
    journal.close()


async def test_run_gives_a_failure_and_raises_nothing_for_it(file):
    def answer(request):
        raise ModelError("model_access", "no key", retryable=False)

    result = await api.run(file(), options=options(ModelDouble(answer)))
    assert (result.status, result.outputs, result.failure.kind) == ("failed", None, "model_access")


async def test_run_raises_for_a_file_with_errors_before_anything_is_written(file):
    path = file("steps: {a: {value: steps.none.output}}")
    with pytest.raises(InvalidWorkflowError):
        await api.run(path, options=options())
    assert not (path.parent / ".agentflow").exists()


@pytest.mark.parametrize("inputs", [{}, {"n": "three"}, {"n": 3, "m": 4}])
async def test_run_raises_for_inputs_that_do_not_fit(file, inputs):
    path = file("inputs: {n: {type: integer}}\nsteps: {a: {value: inputs.n}}\noutputs: {a: steps.a.output}")
    with pytest.raises(UsageError):
        await api.run(path, inputs, options())
    assert (await api.run(path, {"n": 3}, options())).outputs == {"a": 3}


async def test_a_model_that_is_handed_in_is_not_closed(file):
    class Counting(ModelDouble):
        closed = 0

        async def close(self) -> None:
            self.closed += 1

    model = Counting()
    await api.run(file(), options=options(model))
    assert model.closed == 0


async def test_yes_answers_every_gate(file):
    heard = []
    chosen = options(yes=True, observe=lambda stream, event: heard.append(event))
    assert (await api.run(file(GATED), options=chosen)).outputs == {"a": "done"}
    assert [event.by for event in heard if isinstance(event, GateAnswered)] == ["--yes"]


async def test_without_anybody_to_ask_a_run_waits_and_says_for_whom(file):
    result = await api.run(file(GATED), options=options())
    assert (result.status, result.waiting, result.outputs) == ("waiting", ("g",), None)


async def test_text_is_heard_as_it_comes(file):
    heard = []

    class Speaking(ModelDouble):
        async def reply(self, request, on_text=None):
            on_text("Hel")
            on_text("lo")
            return reply("Hello")

    await api.run(file(), options=options(Speaking(), hear=lambda stream, text: heard.append((stream, text))))
    assert heard == [("a", "Hel"), ("a", "lo")]


# interrupt and resume


async def test_an_interrupted_run_can_be_resumed_to_its_end(file):
    path = file()
    interrupt = asyncio.Event()
    model = ModelDouble(forever)
    running = asyncio.create_task(api.run(path, options=options(model, interrupt=interrupt)))
    await until(lambda: bool(model.requests))
    interrupt.set()
    result = await running
    assert (result.status, result.outputs) == ("interrupted", None)
    assert others() == set()
    again = await api.resume(result.run, options(), project=path.parent)
    assert (again.run, again.status, again.outputs) == (result.run, "done", {"a": "done"})


async def test_a_run_may_be_interrupted_before_it_begins(file):
    interrupt = asyncio.Event()
    interrupt.set()
    model = ModelDouble(forever)
    async with asyncio.timeout(10):
        result = await api.run(file(), options=options(model, interrupt=interrupt))
    assert result.status == "interrupted"


async def test_an_answer_given_meanwhile_is_taken_up_by_resume_and_the_past_is_heard_again(file):
    path = file(GATED)
    waiting = await api.run(path, options=options())
    journal = open_journal(path.parent / api.JOURNAL, access="write")
    journal.answer(waiting.run, "g", approved=True, by="ada", comment=None, at=2e9)
    journal.close()
    heard = []
    result = await api.resume(
        waiting.run[:14], options(observe=lambda stream, event: heard.append(event)), project=path.parent
    )
    assert result.outputs == {"a": "done"}
    assert isinstance(heard[0], RunStarted)
    assert isinstance(heard[-1], RunFinished)


async def test_resume_runs_what_was_started_though_the_file_has_changed(file):
    path = file(GATED)
    waiting = await api.run(path, options=options())
    path.write_text("agentflow: 1\nname: other\nsteps: {}\n")
    model = ModelDouble(lambda request: reply(f"still {prompt_of(request)}"))
    result = await api.resume(waiting.run, options(model, yes=True), project=path.parent)
    assert result.outputs == {"a": "still go"}


async def test_a_run_that_has_ended_or_never_was_cannot_be_resumed(file):
    path = file()
    done = await api.run(path, options=options())
    with pytest.raises(JournalError, match="ended"):
        await api.resume(done.run, options(), project=path.parent)
    with pytest.raises(JournalError, match="nope"):
        await api.resume("nope", options(), project=path.parent)


async def test_a_run_that_is_at_work_cannot_be_resumed(file):
    path = file()
    model = ModelDouble(forever)
    interrupt = asyncio.Event()
    running = asyncio.create_task(api.run(path, options=options(model, interrupt=interrupt)))
    await until(lambda: bool(model.requests))
    with pytest.raises(JournalError, match="being run by process"):
        await api.resume("2", options(), project=path.parent)
    interrupt.set()
    assert (await running).status == "interrupted"


async def test_a_run_of_another_plan_is_not_resumed_and_stays_free(file):
    path = file(GATED)
    journal = open_journal(path.parent / api.JOURNAL)
    text = workflow(GATED)
    started = RunStarted(1.0, "old", "test", "flow.yaml", str(path.parent), {"flow.yaml": text}, "another digest", {})
    journal.release(journal.create(started))
    journal.close()
    for _ in range(2):
        with pytest.raises(AgentflowError, match="another plan"):
            await api.resume("old", options(), project=path.parent)


# stream


async def test_stream_gives_every_event_and_the_result_last(file):
    heard = [entry async for entry in api.stream(file(), options=options())]
    assert isinstance(heard[-1], RunResult)
    assert heard[-1].status == "done"
    names = [type(event).__name__ for _, event in heard[:-1]]
    assert names[0] == "RunStarted"
    assert names[-1] == "RunFinished"
    assert {"StepStarted", "ModelReplied", "StepFinished"} <= set(names)
    assert {stream for stream, _ in heard[:-1]} == {"", "a"}


async def test_stream_raises_what_run_raises(file):
    going = api.stream(file("steps: {a: {value: steps.none.output}}"), options=options())
    with pytest.raises(InvalidWorkflowError):
        await anext(going)


async def test_leaving_a_stream_early_interrupts_the_run(file):
    path = file()
    events = []
    async with asyncio.timeout(10):
        going = api.stream(path, options=options(ModelDouble(forever), observe=lambda s, event: events.append(event)))
        async for entry in going:
            if type(entry[1]).__name__ == "ModelCalled":
                break
        await going.aclose()
    assert isinstance(events[-1], RunPaused)
    assert others() == set()


async def test_a_stream_that_came_to_its_end_leaves_the_callers_interrupt_alone(file):
    interrupt = asyncio.Event()
    async for _ in api.stream(file(), options=options(interrupt=interrupt)):
        pass
    assert not interrupt.is_set()


# Files that use each other

PARENT = """
imports: [lib/agents.yaml]
steps:
  first: {agent: helper, prompt: go}
  ok: {approve: Go on?, needs: [first]}
  child: {workflow: lib/child.yaml, with: {topic: tea}, needs: [ok], if_skipped: {said: null}}
outputs: {said: steps.child.output.said}
"""
LIBRARY = """agentflow: 1
agents:
  helper: {from: ../.claude/agents/helper.md, tools: []}
"""
HELPER = "---\nname: helper\ndescription: Helps.\n---\nHelp {{ as you }} can.\n"
CHILD = """agentflow: 1
name: child
inputs: {topic: {type: string}}
imports: [agents.yaml]
steps: {say: {agent: helper, prompt: {file: prompt.md}}}
outputs: {said: steps.say.output}
"""


@pytest.fixture
def several(file, tmp_path: Path) -> Path:
    """A workflow with an import, an agent file, and a file that it runs, which has a prompt in a file of its own."""
    for name, text in {
        "lib/agents.yaml": LIBRARY,
        "lib/child.yaml": CHILD,
        "lib/prompt.md": "About {{ inputs.topic }}.",
        ".claude/agents/helper.md": HELPER,
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return file(PARENT)


async def test_a_run_of_several_files_is_resumed_with_what_it_was_started_with(several, tmp_path: Path):
    model = ModelDouble(lambda request: reply(f"{prompt_of(request)} {request.system}"))
    paused = await api.run(several, options=options(model))
    assert (paused.status, paused.waiting) == ("waiting", ("ok",))
    for name in ("lib/agents.yaml", "lib/child.yaml", "lib/prompt.md", ".claude/agents/helper.md"):
        (tmp_path / name).write_text("changed: beyond recognition")
    several.unlink()
    done = await api.resume(paused.run, options(model, yes=True), project=tmp_path)
    assert done.outputs == {"said": "About tea. Help {{ as you }} can."}


def test_check_reads_each_file_once_and_holds_its_text(several, tmp_path: Path):
    checked = api.check(several)
    assert checked.diagnostics == ()
    names = sorted(str(Path(path).relative_to(tmp_path)) for path in checked.texts)
    assert names == [".claude/agents/helper.md", "flow.yaml", "lib/agents.yaml", "lib/child.yaml", "lib/prompt.md"]


@pytest.mark.parametrize("name", ["lib/agents.yaml", "lib/child.yaml", "lib/prompt.md", ".claude/agents/helper.md"])
def test_the_digest_of_a_plan_covers_every_file(several, tmp_path: Path, name: str):
    before = api.plan(several).digest
    path = tmp_path / name
    path.write_text(path.read_text() + "\n ")
    assert api.plan(several).digest != before


def test_a_file_of_agents_is_checked_as_one_where_that_is_asked_for(several, tmp_path: Path):
    library = tmp_path / "lib/agents.yaml"
    assert api.check(library, or_library=True).ok
    assert {found.code for found in api.check(library).diagnostics} == {"AF202"}
    library.write_text(LIBRARY + "tools: {t: {description: Does., run: [ls, '{{ input.x }}']}}\n")
    assert not api.check(library, or_library=True).ok


@pytest.mark.usefixtures("no_sandbox")
async def test_what_run_alone_refuses_it_refuses_in_every_file(file, tmp_path: Path):
    (tmp_path / "child.yaml").write_text("agentflow: 1\nname: c\nsteps: {a: {run: [date]}}\n")
    path = file("steps: {c: {workflow: child.yaml}}")
    assert api.check(path).ok
    with pytest.raises(InvalidWorkflowError) as refused:
        await api.run(path)
    (found,) = refused.value.checked.diagnostics
    assert (found.code, Path(found.place.path).name) == ("AF504", "child.yaml")


@pytest.mark.usefixtures("no_sandbox")
def test_a_hundred_commands_without_a_sandbox_are_told_and_the_rest_in_a_note(tmp_path: Path):
    steps = "".join(f"  s{number}: {{run: [ls]}}\n" for number in range(150))
    (tmp_path / "w.yaml").write_text(f"agentflow: 1\nname: many\nsteps:\n{steps}")
    checked = api.check_to_run(tmp_path / "w.yaml")
    assert checked.plan is None
    assert [found.code for found in checked.diagnostics] == ["AF504"] * 100 + ["AF104"]
    assert checked.diagnostics[-1].message == "100 problems; the rest of the file is not checked"


def test_warnings_past_a_hundred_leave_the_file_valid(tmp_path: Path):
    inputs = ", ".join(f"i{number}: {{}}" for number in range(150))
    (tmp_path / "w.yaml").write_text(f"agentflow: 1\nname: many\ninputs: {{{inputs}}}\nsteps: {{a: {{value: '1'}}}}\n")
    checked = api.check(tmp_path / "w.yaml")
    assert checked.ok
    assert sorted(found.code for found in checked.diagnostics) == ["AF104"] + ["AF404"] * 100
    assert "50 more" in next(found.message for found in checked.diagnostics if found.code == "AF104")
