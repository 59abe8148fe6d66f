"""Calls are judged before they are announced; one that is asked about waits for a yes to exactly itself."""

import pytest

from agentflow.engine.leave import answer_call
from agentflow.engine.people import say_yes
from agentflow.engine.port import Answer
from agentflow.events.run_events import GateAnswered, GateOpened, QuestionWithdrawn, RunFinished, ToolStepCalled
from agentflow.events.session_events import CallApproved, CallAsked, ModelCalled, ToolCalled, ToolFinished
from agentflow.guard.calls import digest_of
from agentflow.guard.entitlements import entitlements
from agentflow.plan.policies import read_policy
from agentflow.report.lines import line
from agentflow.report.view import RunView
from agentflow.tools.toolbox import Toolbox
from tests.engine.doubles import Clock, CrashError, ModelDouble, reply

TOOLS = """
tools:
  look: {description: d, input: {type: object, properties: {at: {}}}, run: ["true"], effects: none}
  send: {description: d, input: {type: object, properties: {at: {}}}, run: ["true"]}
"""
AGENT = TOOLS + "agents: {w: {tools: [look, send], permissions: {%s}}}\nsteps: {a: {agent: w, prompt: go}}\n"
AGENT += "outputs: {a: steps.a.output}\n"


def results_of(request):
    return [block["content"] for block in request.messages[-1]["content"] if block["type"] == "tool_result"]


def once(*calls):
    return ModelDouble(
        lambda request: reply("", *calls) if request.turn == 1 else reply("; ".join(results_of(request)))
    )


def answer(run, step, *, approved=True, comment=None):
    run.journal.answer("run-1", step, approved=approved, by="ada", comment=comment, at=2_000.0)


async def test_a_denied_call_is_told_with_its_rule_and_the_others_of_its_reply_run(setting):
    calls = (("c1", "send", {"at": "evil"}), ("c2", "look", {"at": "x"}), ("c3", "send", {"at": "good"}))
    run = setting(AGENT % "deny: ['send(at:evil)']", model=once(*calls))
    said = (await run.outputs())["a"]
    assert said.startswith("Not run: `send(at:evil)` denies it (")
    assert said.endswith("look did x; send did good")
    assert run.tools.done == ["look x", "send good"]
    (denied,) = [event for event in run.events(ToolFinished) if event.denied is not None]
    assert (denied.call, denied.is_error, denied.denied.rule) == ("c1", True, "send(at:evil)")
    assert denied.denied.where.endswith("agents.w.permissions.deny")
    assert [event.call for event in run.events(ToolCalled)] == ["c2", "c3"], "nothing was announced of it"


async def test_what_is_asked_about_pauses_the_run_and_runs_in_the_next_process_once_a_person_said_yes(setting):
    run = setting(AGENT % "ask: [send]", model=once(("c1", "send", {"at": "pa\u200bge", "n": 1})))
    outcome = await run.run()
    assert (outcome.status, outcome.waiting) == ("waiting", ("a.call1",))
    (gate,) = run.sqlite.gates("run-1")
    assert "w wants to call `send`, and `send` asks about it" in gate.message
    assert '"at": "pa⟦U+200B⟧ge"' in gate.show
    assert digest_of("send", {"at": "pa\u200bge", "n": 1}) in gate.show
    assert run.tools.done == []
    assert run.events(ToolCalled) == []
    answer(run, "a.call1")
    assert await run.outputs() == {"a": "send did pa⟦U+200B⟧ge"}, "its model is shown what nobody sees"
    assert run.tools.done == ["send pa\u200bge"], "to the letter what was asked about"
    assert [event.attempt for event in run.events(ModelCalled)] == [1, 1], "no turn was repeated"
    assert [event.by for event in run.events(CallApproved)] == ["ada"]
    assert run.sqlite.gates("run-1") == []


async def test_a_no_reaches_the_agent_with_what_the_person_said(setting):
    run = setting(AGENT % "ask: [send]", model=once(("c1", "send", {"at": "x"})))
    await run.run()
    answer(run, "a.call1", approved=False, comment="not today")
    said = (await run.outputs())["a"]
    assert said.startswith("Not run: ada said no: not today (the rule `send`)")
    assert run.tools.done == []
    assert run.events(ToolFinished)[0].denied.by == "ada"


async def test_each_call_of_a_reply_is_asked_about_by_itself_and_effects_keep_their_order(setting):
    calls = (("c1", "send", {"at": "1"}), ("c2", "look", {"at": "2"}), ("c3", "send", {"at": "3"}))
    run = setting(AGENT % "ask: [send]", model=once(*calls))
    assert (await run.run()).waiting == ("a.call1", "a.call2")
    answer(run, "a.call2")
    assert (await run.run()).waiting == ("a.call1",)
    assert run.tools.done == ["look 2"], "the third waits for the first"
    answer(run, "a.call1", approved=False)
    assert (await run.outputs())["a"].endswith("look did 2; send did 3")
    assert len(run.events(CallAsked)) == len(run.events(GateAnswered)) == 2


async def test_a_call_behind_one_that_is_asked_about_waits_and_no_clock_runs_meanwhile(setting):
    clock = Clock()

    async def ask(gate):
        clock.now += 100_000.0
        return Answer(True, "ada")

    text = (AGENT % "ask: ['send(at:1)']").replace(
        "tools: [look, send],", "tools: [look, send], stop: {wall_time: 1m},"
    )
    calls = (("c1", "send", {"at": "1"}), ("c2", "send", {"at": "2"}))
    run = setting(text, model=once(*calls), around={"ask": ask, "clock": clock})
    assert await run.outputs() == {"a": "send did 1; send did 2"}


async def test_yes_in_advance_is_no_yes_to_a_call_that_nobody_has_seen(setting):
    run = setting(AGENT % "ask: [send]", model=once(("c1", "send", {"at": "x"})), around={"ask": say_yes})
    assert (await run.run()).waiting == ("a.call1",)
    assert run.tools.done == []


@pytest.mark.parametrize("at", range(5))
@pytest.mark.parametrize("recorded", [True, False])
async def test_a_crash_at_any_write_asks_once_and_runs_at_most_once(setting, at, recorded):
    async def ask(gate):
        return Answer(True, "ada")

    run = setting(AGENT % "ask: [send]", model=once(("c1", "send", {"at": "x"})), around={"ask": ask})
    run.journal.crash_at, run.journal.recorded = at, recorded
    with pytest.raises(CrashError):
        await run.run()
    run.journal.crash_at = None
    if not run.events(RunFinished):
        await run.run()
    assert run.events(RunFinished)[0].status == "done"
    assert len(run.tools.done) <= 1
    assert len(run.events(CallAsked)) == len(run.events(GateOpened)) == 1
    assert len(run.events(ToolCalled)) == 1
    assert run.sqlite.gates("run-1") == []


async def test_an_answer_that_comes_for_other_arguments_runs_nothing(setting):
    run = setting(AGENT % "ask: [send]", model=once(("c1", "send", {"at": "x"})))

    async def ask(gate):
        opened = run.engine.live.run.gates["a.call1"]
        other = GateOpened(
            opened.at, opened.step, "", about="call", session="a", call="c1", digest=digest_of("send", {})
        )
        answer_call(run.engine, other, Answer(True, "ada"))
        run.engine.settle()

    run.around["ask"] = ask
    said = (await run.outputs())["a"]
    assert said.startswith("Not run: the call is not the one that was approved")
    assert run.tools.done == []
    assert [type(event) for event in run.events(QuestionWithdrawn)] == [QuestionWithdrawn]


SUBAGENT = """
tools:
  send: {description: d, input: {type: object, properties: {at: {}}}, run: ["true"]}
agents:
  boss: {tools: [Agent(helper)], permissions: {%s}}
  helper: {description: Helps., tools: [send], permissions: {mode: bypass, allow: [send]}}
steps: {a: {agent: boss, prompt: go}}
outputs: {a: steps.a.output}
"""


def delegating(request):
    if request.agent == "helper":
        return reply("", ("h1", "send", {"at": "x"})) if request.turn == 1 else reply(results_of(request)[0])
    if request.turn == 1:
        return reply("", ("s1", "Agent", {"description": "d", "subagent_type": "helper", "prompt": "help"}))
    return reply(results_of(request)[0])


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("deny: [send]", "`send` denies it"),
        ("mode: plan", "in the mode `plan` nothing with effects runs"),
        ("mode: dont_ask, ask: [send]", "what would be asked about is denied"),
        ("deny: [Agent(helper)]", "`Agent(helper)` denies it"),
    ],
)
async def test_a_subagent_does_not_get_round_what_its_caller_may_not(setting, said, told):
    run = setting(SUBAGENT % said, model=ModelDouble(delegating))
    assert told in (await run.outputs())["a"]
    assert run.tools.done == []


async def test_what_its_caller_is_asked_about_a_subagent_is_asked_about_too(setting):
    run = setting(SUBAGENT % "ask: [send]", model=ModelDouble(delegating))
    assert (await run.run()).waiting == ("a.call1",)
    answer(run, "a.call1")
    assert await run.outputs() == {"a": "send did x"}


async def test_the_file_holds_for_every_agent(setting):
    text = (AGENT % "mode: bypass, allow: [send]").replace("tools:", "permissions: {deny: [send]}\ntools:", 1)
    run = setting(text, model=once(("c1", "send", {"at": "x"})))
    assert "`send` denies it" in (await run.outputs())["a"]


STEP = TOOLS + "permissions: {%s}\nsteps: {t: {tool: send, with: {at: x}}}\noutputs: {t: steps.t.output}\n"


async def test_a_tool_step_that_is_denied_fails_with_the_rule(setting):
    run = setting(STEP % "deny: ['send(at:x)']")
    finished = (await run.run()).finished
    assert finished.failure.kind == "denied"
    assert "`send(at:x)` denies it" in finished.failure.message
    assert run.events(ToolStepCalled) == []


@pytest.mark.parametrize("approved", [True, False])
async def test_a_tool_step_that_is_asked_about_waits_at_its_own_path(setting, approved):
    run = setting(STEP % "ask: [send]")
    assert (await run.run()).waiting == ("t",)
    assert run.tools.done == []
    assert (await run.run()).waiting == ("t",), "a restart runs nothing either"
    assert run.tools.done == []
    answer(run, "t", approved=approved, comment="no" if not approved else None)
    finished = (await run.run()).finished
    assert run.tools.done == (["send x"] if approved else [])
    assert (finished.status, getattr(finished.failure, "kind", None)) == (
        ("done", None) if approved else ("failed", "denied")
    )
    assert len(run.events(GateOpened)) == 1


async def test_what_a_link_leads_to_is_closed_where_it_is_denied_and_searches_leave_it_out(setting):
    text = """
agents: {w: {tools: [Read, Grep, Glob], permissions: {deny: ["Read(secret/**)"], ask: ["Read(asked/**)"]}}}
steps: {a: {agent: w, prompt: go}}
"""
    calls = (
        ("c1", "Read", {"file_path": "link"}),
        ("c2", "Grep", {"pattern": "word"}),
        ("c3", "Glob", {"pattern": "**/*"}),
        ("c4", "Read", {"file_path": "asked_link"}),
        ("c5", "Read", {"file_path": "open.txt"}),
    )
    run = setting(text, model=once(*calls))
    for name in ("secret/key", "asked/one", "open.txt"):
        (run.folder / name).parent.mkdir(exist_ok=True)
        (run.folder / name).write_text("word\n")
    (run.folder / "link").symlink_to("secret/key")
    (run.folder / "asked_link").symlink_to("asked/one")
    run.tools = Toolbox({})
    await run.run()
    results = {event.call: event.content for event in run.events(ToolFinished)}
    assert "closed by `Read(secret/**)`" in results["c1"]
    assert results["c2"] == "open.txt"
    assert "secret" not in results["c3"]
    assert "asked/one" not in results["c3"]
    assert "closed by `Read(asked/**)`" in results["c4"]
    assert "word" in results["c5"]


async def test_a_link_does_not_lead_out_of_what_is_allowed(setting):
    text = """
agents: {w: {tools: [Read, Write], permissions: {mode: %s, allow: ["Edit(src/**)"]}}}
steps: {a: {agent: w, prompt: go}}
"""
    policy, problems = read_policy(b"agentflow: 1\nusers: {mel: {tools: {allow: ['Read(src/**)', Write]}}}", "p.yaml")
    assert policy is not None, problems
    calls = (
        ("c1", "Write", {"file_path": "src/out", "content": "x"}),
        ("c2", "Read", {"file_path": "src/in"}),
        ("c3", "Read", {"file_path": "src/one"}),
    )
    for mode, written in (("default", "old"), ("accept_edits", "x")):
        around = {"entitled": entitlements(policy, "p.yaml", "mel", None), "user": "mel"}
        run = setting(text % mode, model=once(*calls), around=around)
        (run.folder / "src").mkdir(exist_ok=True)
        for name in ("src/one", "other", "secret"):
            (run.folder / name).write_text("old")
        for link, to in (("src/out", "../other"), ("src/in", "../secret")):
            if not (run.folder / link).is_symlink():
                (run.folder / link).symlink_to(to)
        run.tools = Toolbox({})
        await run.run()
        results = {event.call: event.content for event in run.events(ToolFinished)}
        assert (run.folder / "other").read_text() == written, results
        assert "closed by `allow: Read(src/**)` (tools of users.mel of p.yaml)" in results["c2"]
        assert "old" in results["c3"]


async def test_searches_find_what_the_policy_allows_and_nothing_else(setting):
    text = "agents: {w: {tools: [Grep, Glob]}}\nsteps: {a: {agent: w, prompt: go}}\n"
    policy, _ = read_policy(b"agentflow: 1\nusers: {mel: {tools: {allow: ['Read(src/**)']}}}", "p.yaml")
    assert policy is not None
    calls = (
        ("c1", "Grep", {"pattern": "word"}),
        ("c2", "Glob", {"pattern": "**/*.md"}),
        ("c3", "Grep", {"pattern": "word", "path": "src"}),
        ("c4", "Grep", {"pattern": "word", "path": "other.md", "output_mode": "content"}),
    )
    around = {"entitled": entitlements(policy, "p.yaml", "mel", None), "user": "mel"}
    run = setting(text, model=once(*calls), around=around)
    (run.folder / "src").mkdir()
    for name in ("src/one.md", "other.md"):
        (run.folder / name).write_text("word\n")
    (run.folder / "src/link.md").symlink_to("../other.md")
    run.tools = Toolbox({})
    await run.run()
    results = {event.call: event.content for event in run.events(ToolFinished)}
    assert [results[call] for call in ("c1", "c2", "c3")] == ["src/one.md"] * 3
    assert "word" not in results["c4"], results["c4"]


async def test_people_who_follow_the_run_are_told_of_a_denial_with_its_rule(setting):
    run = setting(AGENT % "deny: ['send(at:evil)']", model=once(("c1", "send", {"at": "evil"})))
    await run.run()
    view = RunView()
    lines = [line for entry in run.sqlite.read("run-1") if (line := told(view, entry)) is not None]
    assert any("a call was denied: `send(at:evil)` denies it (" in line for line in lines)


def told(view, entry):
    view.apply(entry.stream, entry.event)
    return line(view, entry.stream, entry.event)
