import asyncio
import json
import random
from typing import get_args

import pytest

from agentflow import api
from agentflow.errors import AgentflowError, UsageError
from agentflow.events.run_events import StepFinished
from agentflow.models.recording import RecordingModel
from agentflow.plan.model import StepPlan
from agentflow.run.state import Action
from agentflow.simulation.actions import DRY_ACTIONS
from agentflow.simulation.dry import dry_run
from agentflow.simulation.kinds import KINDS
from tests.builders import workflow
from tests.engine.doubles import ModelDouble, Setting, ToolsDouble, reply
from tests.simulation.flows import checked, simulated, starts, statuses, step

CHAIN = """
agents: {writer: {instructions: Write well.}}
steps:
  draft: {agent: writer, prompt: "Write about {{ inputs.topic }}."}
  save: {run: [tee, out.md], stdin: "{{ steps.draft.output }}"}
inputs: {topic: {type: string, default: tea}}
outputs: {saved: steps.save.output}
"""

GATED = """
steps:
  agree: {approve: "Go on?", show: what for, timeout: 2h}
  go: {needs: [agree], run: [date]}
  told: {needs: [agree], join: done, value: steps.agree.status}
outputs: {told: steps.told.output}
"""

FAN = """
inputs: {items: {type: array, items: {type: string}}}
steps:
  each:
    for_each: inputs.items
    on_error: collect
    steps:
      find: {agent: {instructions: Find.}, prompt: "{{ item }}"}
      kept: {when: "steps.find.output != 'nothing'", value: steps.find.output, if_skipped: null}
    output: steps.kept.output
outputs: {found: steps.each.output, errors: steps.each.errors}
"""


def test_every_action_of_the_run_decider_has_a_stand_in():
    assert set(DRY_ACTIONS) == set(get_args(Action))


def test_every_kind_of_step_says_how_it_is_stubbed():
    assert set(KINDS) == set(StepPlan.__subclasses__())


def test_without_stubs_a_run_goes_through_on_outputs_that_meet_their_schemas():
    run = simulated(CHAIN)
    assert run.trace.result.status == "done"
    assert run.trace.result.outputs == {"saved": "(save)"}
    assert starts(run) == ["draft", "save"]
    assert [traced.stubbed for traced in run.trace.steps] == ["generated", "generated"]


def test_what_would_be_asked_is_rendered():
    run = simulated(CHAIN, "  draft: {output: A poem.}", topic="rain")
    assert step(run, "draft").asked == {
        "agent": "writer",
        "model": "claude-sonnet-5-5",
        "instructions": "Write well.",
        "prompt": "Write about rain.",
    }
    assert step(run, "save").asked == {"argv": ["tee", "out.md"], "stdin": "A poem.", "cwd": None}
    assert [(call.kind, call.name, dict(call.given)) for call in run.trace.calls] == [
        ("agents", "writer", {"prompt": "Write about rain."}),
        ("commands", "tee", {"args": ["out.md"], "stdin": "A poem."}),
    ]


def test_the_same_stubs_give_the_same_trace():
    assert simulated(CHAIN, "  draft: {output: A poem.}") == simulated(CHAIN, "  draft: {output: A poem.}")


def test_nothing_is_executed_written_or_sent(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "flow.yaml").write_text(workflow("steps: {touch: {run: touch made}}"))
    run = dry_run(api.check("flow.yaml"), {})
    assert run.trace.result.status == "done"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["flow.yaml"]


@pytest.mark.parametrize(
    ("stub", "status", "go", "told"),
    [
        ("", "done", "done", "done"),
        ("  agree: {answer: 'yes', by: ada}", "done", "done", "done"),
        ("  agree: {answer: 'no', by: ada}", "rejected", "skipped", "rejected"),
        ("  agree: {answer: timeout}", "rejected", "skipped", "rejected"),
        ("  agree: {status: skipped, reason: not today}", "skipped", "skipped", "skipped"),
    ],
)
def test_gates_go_as_they_are_answered(stub: str, status: str, go: str, told: str):
    run = simulated(GATED, stub)
    assert (step(run, "agree").status, step(run, "go").status) == (status, go)
    assert run.trace.result.outputs == {"told": told}


def test_a_no_has_its_reason():
    run = simulated(GATED, "  agree: {answer: 'no', by: ada}")
    assert step(run, "agree").reason == "ada said no"
    assert step(run, "go").reason == "it needs `agree`, which was rejected"


def test_a_gate_that_nobody_answers_holds_the_run():
    run = simulated(GATED, "  agree: {answer: wait}")
    assert (run.trace.result.status, run.trace.result.waiting) == ("waiting", ("agree",))
    assert statuses(run) == {"agree": "waiting", "go": "unreached", "told": "unreached"}


def test_a_timeout_that_fails_takes_the_time_it_says_and_no_other():
    run = simulated(GATED.replace("timeout: 2h", "timeout: 2h, on_timeout: fail"), "  agree: {answer: timeout}")
    failure = run.trace.result.failure
    assert failure is not None
    assert (failure.kind, failure.step) == ("timeout", "agree")


def test_each_item_has_the_stub_that_names_it_best():
    stubs = """
  each.find: {output: anything}
  each[1].find: {output: nothing}
  each[2].find: {error: {kind: turns, message: too many}}
"""
    run = simulated(FAN, stubs, items=["a", "b", "c"])
    assert run.trace.result.outputs == {
        "found": ["anything", None],
        "errors": [{"index": 2, "kind": "turns", "message": "too many"}],
    }
    assert step(run, "each[1].kept").reason == "its `when` is false: steps.find.output != 'nothing'"
    assert statuses(run)["each[2]"] == "failed"


def test_a_list_of_stubs_is_taken_start_by_start_and_its_last_goes_on():
    run = simulated(FAN, "  each.find: [{output: one}, {output: two}]", items=["a", "b", "c"])
    assert run.trace.result.outputs["found"] == ["one", "two", "two"]


def test_a_stub_can_stand_for_a_whole_block():
    run = simulated(FAN, "  each: {output: [x]}", items=["a", "b"])
    assert run.trace.result.outputs == {"found": ["x"], "errors": []}
    assert statuses(run) == {"each": "done"}
    failed = simulated(FAN, "  each: {error: {kind: max_items}}", items=[])
    assert failed.trace.result.failure.kind == "max_items"


def test_a_stub_that_no_step_takes_is_told():
    run = simulated(FAN, "  each[7].find: {output: x}\n  each[0].find: {output: y}", items=["a"])
    assert run.trace.unused == ("each[7].find",)


@pytest.mark.parametrize(("exit_code", "status", "code"), [(0, "done", 0), (1, "done", 1), (2, "failed", 2)])
def test_an_exit_code_counts_as_the_step_says(exit_code: int, status: str, code: int):
    run = simulated("steps: {a: {run: [test, x], exit_codes: [0, 1]}}", f"  a: {{exit_code: {exit_code}}}")
    assert (step(run, "a").status, step(run, "a").exit_code) == (status, code)
    if status == "failed":
        assert step(run, "a").failure.message == "`test` exited with 2"


def test_after_a_failure_nothing_starts_but_what_joins_on_done():
    run = simulated(
        """
steps:
  bad: {run: [a]}
  next: {needs: [bad], run: [b]}
  always: {needs: [bad], join: done, run: [c]}
  late: {needs: [always], run: [d]}
""",
        "  bad: {error: {kind: command_failed, message: it broke}}",
    )
    assert statuses(run) == {"bad": "failed", "next": "skipped", "always": "done", "late": "skipped"}
    assert step(run, "next").reason == "not started: step `bad` failed"
    assert run.trace.result.failure.message == "it broke"


def test_the_bound_on_agents_ends_the_run_as_a_real_one():
    run = simulated(f"limits: {{agents: 2}}{FAN}", items=["a", "b", "c"])
    assert run.trace.result.status == "failed"
    assert run.trace.result.failure.kind == "agents"


def test_a_used_up_bound_ends_sessions_that_are_at_work():
    text = f"limits: {{agents: 1, parallel: 1}}{FAN}"
    assert simulated(text, items=["a", "b"]).trace.result.failure.kind == "agents"


def test_more_items_than_fit_in_flight_all_get_their_turn():
    run = simulated(f"limits: {{parallel: 2, agents: 1000}}{FAN}", items=["x"] * 90)
    assert len(run.trace.result.outputs["found"]) == 90


def test_inputs_are_checked_as_ever():
    with pytest.raises(UsageError, match="input `items` is missing"):
        simulated(FAN)


def test_a_file_with_errors_is_refused():
    with pytest.raises(api.InvalidWorkflowError):
        dry_run(api.check("flow.yaml", b"agentflow: 1\nname: x\nsteps: {a: {value: steps.b.output}}"), {})


def test_a_schema_nobody_can_guess_a_value_for_asks_for_a_stub():
    text = 'steps: {a: {agent: {output: {type: string, pattern: "^[0-9]{3}$"}}, prompt: go}}'
    with pytest.raises(AgentflowError, match="step `a`: no value was found") as refused:
        simulated(text)
    assert "`a: {output: …}`" in str(refused.value.hint)
    assert simulated(text, '  a: {output: "123"}').trace.result.status == "done"


# Over a recording

AGENTS_ALONE = """
limits: {cost_usd: 10}
tools:
  look: {description: Looks., input: {type: object, properties: {at: {type: string}}}, run: [look], effects: none}
agents:
  helper: {description: Helps., tools: [look]}
  lead: {tools: ["Agent(helper)", look], output: {type: object, properties: {n: {type: integer}}, required: [n]}}
steps:
  first: {agent: lead, prompt: Begin.}
  second: {agent: lead, prompt: "Go on from {{ steps.first.output.n }}.", session: {continue: first}}
outputs: {n: steps.second.output.n}
"""


def leading(request):
    """A lead that sends out a helper and looks, then gives its output, at first a wrong one."""
    if request.agent == "helper":
        return reply("", ("h1", "look", {"at": "shelf"})) if request.turn == 1 else reply("helped")
    number = 1 if request.session == "first" else 2
    if request.turn == 1:
        delegated = {"subagent_type": "helper", "prompt": "Help.", "description": "Help"}
        return reply("", (f"{request.session}-a", "Agent", delegated), (f"{request.session}-b", "look", {"at": "desk"}))
    return reply('{"n": "one"}') if request.turn == 2 else reply(json.dumps({"n": number}))


def lived(tmp_path, text, model):
    """Runs for real, over doubles; the run's end and its events."""
    setting = Setting(tmp_path, text, model=model, tools=ToolsDouble())
    try:
        return asyncio.run(setting.run()).finished, setting.events()
    finally:
        setting.sqlite.close()


def recorded(tmp_path, text, model):
    """Runs for real, over doubles; the recording and the run's end."""
    recording = RecordingModel(model, tmp_path / "r.jsonl")
    finished, _ = lived(tmp_path, text, recording)
    asyncio.run(recording.close())
    return tmp_path / "r.jsonl", finished


def test_recorded_sessions_are_lived_through_again_tools_subagents_and_money_included(tmp_path):
    text = AGENTS_ALONE
    path, finished = recorded(tmp_path, text, ModelDouble(leading))
    assert finished.status == "done", finished.failure
    run = simulated(text, recording=path)
    assert run.trace.result.outputs == finished.outputs == {"n": 2}
    assert run.trace.result.spent == finished.spent
    assert finished.spent.cost_usd > 0
    assert [(call.kind, call.name) for call in run.trace.calls].count(("tools", "look")) == 4
    assert [call.name for call in run.trace.calls if call.kind == "agents"] == ["lead", "helper", "lead", "helper"]
    assert step(run, "first").stubbed == "recorded"
    assert run.used["first"] == [{"output": {"n": 1}}]


def test_a_stub_goes_before_the_recording_and_what_follows_from_it_may_differ(tmp_path):
    text = AGENTS_ALONE.replace(", session: {continue: first}", "")
    path, _ = recorded(tmp_path, text, ModelDouble(leading))
    run = simulated(text, "  first: {output: {n: 7}}", path)
    failure = run.trace.result.failure
    assert (step(run, "first").stubbed, step(run, "second").status) == ("given", "failed")
    assert "session 'second', turn 1 is another than in the recording" in failure.message
    assert "-messages[0].content[0].text: Go on from 1." in failure.message
    assert "+messages[0].content[0].text: Go on from 7." in failure.message


def test_the_caps_hold_over_a_recording_as_they_do_in_a_run(tmp_path):
    text = AGENTS_ALONE
    path, _ = recorded(tmp_path, text, ModelDouble(leading))
    run = simulated(text.replace("cost_usd: 10", "cost_usd: 10, turns: 4"), recording=path)
    assert run.trace.result.failure.kind == "turns"
    poor = simulated(text.replace("cost_usd: 10", "cost_usd: 0.001"), recording=path)
    assert poor.trace.result.failure.kind == "cost_usd"


@pytest.mark.parametrize("seed", range(30))
def test_a_simulated_run_ends_as_the_real_one_over_the_same_outcomes(tmp_path, seed: int):
    """Agents that answer or fail at random: the engine and the simulation come to the same outputs and skips."""
    rolled = random.Random(seed)
    says = {f"s{n}": rolled.choice(["yes", "no", None]) for n in range(8)}
    lines = []
    for n in range(8):
        reads = [f"s{m}" for m in range(n) if rolled.random() < 0.4]
        prompt = "go " + " ".join(f"{{{{ steps.{name}.output }}}}" for name in reads)
        extra = rolled.choice(["", ", on_error: continue", ", if_skipped: none", ", join: done", ""])
        when = f", when: \"steps.{reads[0]}.output == 'yes'\"" if reads and rolled.random() < 0.4 else ""
        lines.append(f'  s{n}: {{agent: {{}}, prompt: "{prompt}"{extra}{when}}}')
    text = "steps:\n" + "\n".join(lines) + "\n"

    def answer(request):
        said = says[request.session]
        return reply("partial", stop_reason="refusal") if said is None else reply(said)

    finished, events = lived(tmp_path, text, ModelDouble(answer))
    stubs = "\n".join(
        f"  {name}: {{error: {{kind: refusal}}}}" if said is None else f"  {name}: {{output: '{said}'}}"
        for name, said in says.items()
    )
    run = simulated(text, stubs)
    assert run.trace.result.status == finished.status
    ends = {event.step: (event.status, event.reason) for event in events if isinstance(event, StepFinished)}
    assert {traced.path: (traced.status, traced.reason) for traced in run.trace.steps} == ends


def test_a_large_fan_out_is_simulated_without_a_model():
    text = "limits: {agents: 3000}" + FAN.replace("    on_error: collect\n", "    on_error: collect\n    max: 3000\n")
    run = simulated(text, items=["x"] * 2500)
    assert len(run.trace.result.outputs["found"]) == 2500
    assert checked(text).plan is not None
