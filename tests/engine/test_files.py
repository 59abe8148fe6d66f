"""Files that run as steps, driven: their own agents, tools, variables and limits, inside those of the run."""

import asyncio

import pytest

from agentflow.engine.port import Answer
from agentflow.events.run_events import RunResumed, WorkflowLimitReached
from agentflow.events.session_events import ModelCalled, SessionFinished, SessionStarted
from agentflow.tools.port import ToolOutput
from agentflow.tools.toolbox import Toolbox
from tests.engine.doubles import CrashError, ModelDouble, ToolsDouble, others, prompt_of, reply

CHILD = """
agentflow: 1
name: child
limits: {LIMITS}
inputs: {topic: {type: string}}
sandbox: "off"
env: {WHO: "child of {{ inputs.topic }}"}
tools:
  say: {description: Says it., run: [sh, -c, "echo $WHO"], effects: none}
agents:
  lead: {instructions: "Lead on {{ inputs.topic }}.", tools: ["Agent(helper)", say]}
  helper: {description: The child's., instructions: "Help on {{ inputs.topic }}."}
steps:
  work: {agent: lead, prompt: "{{ inputs.topic }}"}
  gate: {approve: "Go on with {{ steps.work.output }}?"}
  more: {agent: helper, prompt: "more of {{ steps.work.output }}", needs: [gate], if_skipped: none}
outputs: {work: steps.work.output, more: steps.more.output}
"""
PARENT = """
agents:
  helper: {description: The parent's., instructions: Parent.}
tools:
  say: {description: Says it., run: [echo, parent], effects: none}
steps:
  each:
    for_each: "['tea', 'salt']"
    step: {workflow: child.yaml, with: {topic: "{{ item }}"}}
  end: {agent: helper, prompt: "the end of {{ steps.each.output }}"}
outputs: {each: steps.each.output}
"""


def child(limits: str = "{}") -> dict[str, str]:
    return {"child.yaml": CHILD.replace("{LIMITS}", limits)}


def answer(request):
    prompt = prompt_of(request)
    if request.agent == "lead" and request.turn == 1:
        return reply("", ("a", "Agent", {"subagent_type": "helper", "prompt": f"help {prompt}", "description": "d"}),
                     ("s", "say", {}))  # fmt: skip
    return reply(f"did {prompt}")


async def say_yes(_gate):
    return Answer(True, "ada")


EXPECTED = {"each": [{"work": f"did {x}", "more": f"did more of did {x}"} for x in ("tea", "salt")]}


async def test_agents_of_files_with_the_same_names_are_each_their_files(setting):
    model = ModelDouble(answer)
    run = setting(PARENT, files=child(), model=model, around={"ask": say_yes})
    assert await run.outputs() == EXPECTED
    systems = {(request.agent, str(request.system)) for request in model.requests}
    assert systems == {
        ("lead", "Lead on tea."), ("lead", "Lead on salt."),
        ("helper", "Help on tea."), ("helper", "Help on salt."), ("helper", "Parent."),
    }  # fmt: skip
    described = [tool.description for request in model.requests if request.agent == "lead" for tool in request.tools]
    assert any("The child's." in text for text in described)
    assert not any("The parent's." in text for text in described)


async def test_a_tool_runs_under_its_own_files_command_and_variables(setting):
    run = setting(PARENT, files=child(), model=ModelDouble(answer), around={"ask": say_yes})
    run.tools = Toolbox(run.plan.tools)
    said: list[str] = []

    def heard(request):
        for message in request.messages:
            for block in message["content"]:
                if block["type"] == "tool_result" and "child of" in str(block["content"]):
                    said.append(str(block["content"]))
        return answer(request)

    run.model = ModelDouble(heard)
    await run.outputs()
    assert {text for text in said if "child of tea" in text}
    assert {text for text in said if "child of salt" in text}


@pytest.mark.parametrize("recorded", [True, False], ids=["after the record", "before it"])
async def test_a_crash_at_any_record_and_a_resume_come_to_the_same_outputs(setting, recorded):
    def whole():
        return setting(
            PARENT, files=child("{cost_usd: 1, turns: 50, agents: 20, wall_time: 1h, parallel: 1}"),
            model=ModelDouble(answer), around={"ask": say_yes},
        )  # fmt: skip

    probe = whole()
    assert await probe.outputs() == EXPECTED
    for crash_at in range(len(probe.journal.appended) - 1):
        run = whole()
        run.journal.crash_at, run.journal.recorded = crash_at, recorded
        with pytest.raises(CrashError):
            await run.run()
        assert others() == set()
        run.journal.crash_at = None
        assert await run.outputs() == EXPECTED
        assert len(run.events(RunResumed)) == 1


async def test_the_calls_in_flight_in_a_file_are_bounded_by_its_own_parallel_and_the_others_are_not(setting):
    fan = """
agentflow: 1
name: fan
limits: {parallel: 2}
steps:
  l: {for_each: "range(9) | list", parallel: 9, step: {agent: {}, prompt: "in {{ item }}"}}
"""
    parent = """
limits: {parallel: 9}
steps:
  fan: {workflow: fan.yaml}
  l: {for_each: "range(9) | list", parallel: 9, step: {agent: {}, prompt: "out {{ item }}"}}
"""
    now: dict[str, int] = {"in": 0, "out": 0}
    most: dict[str, int] = {"in": 0, "out": 0}

    async def slowly(request):
        where = prompt_of(request).split()[0]
        now[where] += 1
        most[where] = max(most[where], now[where])
        for _ in range(20):
            await asyncio.sleep(0)
        now[where] -= 1
        return reply("done")

    run = setting(parent.replace("range(9) | list", "[1,2,3,4,5,6,7,8,9]"),
                  files={"fan.yaml": fan.replace("range(9) | list", "[1,2,3,4,5,6,7,8,9]")},
                  model=ModelDouble(slowly))  # fmt: skip
    await run.outputs()
    assert most["in"] == 2
    assert most["out"] > 2


ASKING = """
agentflow: 1
name: asking
limits: %s
steps:
  l: {for_each: "[1, 2, 3, 4]", parallel: 1, on_error: collect, step: {agent: {}, prompt: "{{ item }}"}}
outputs: {l: steps.l.output}
"""


@pytest.mark.parametrize(("limits", "kind", "calls"), [
    ("{turns: 2}", "turns", 2), ("{agents: 3}", "agents", 3), ("{cost_usd: 0.0001}", "cost_usd", 0),
])  # fmt: skip
async def test_a_used_up_cap_of_a_file_ends_its_step_by_that_name_whatever_on_error_says_inside(
    setting, limits, kind, calls
):
    run = setting("steps: {a: {workflow: a.yaml}}", files={"a.yaml": ASKING % limits})
    assert await run.failure() == kind
    assert len(run.model.requests) == calls
    (reached,) = run.events(WorkflowLimitReached)
    assert reached.step == "a"
    assert "a.yaml" in reached.failure.message
    assert "limits." in reached.failure.message


async def test_the_parent_may_go_on_when_a_files_cap_is_used_up(setting):
    parent = """
steps:
  a: {workflow: a.yaml, on_error: continue}
  b: {agent: {}, prompt: after, needs: [a], join: done}
outputs: {b: steps.b.output}
"""
    run = setting(parent, files={"a.yaml": ASKING % "{turns: 2}"})
    assert await run.outputs() == {"b": "done"}


async def test_a_file_cannot_widen_the_caps_around_it(setting):
    run = setting("limits: {turns: 1}\nsteps: {a: {workflow: a.yaml}}", files={"a.yaml": ASKING % "{turns: 1000}"})
    assert await run.failure() == "turns"
    assert run.events(WorkflowLimitReached) == []
    assert len(run.model.requests) == 1


async def test_money_spent_in_a_file_counts_in_all_that_are_around_it(setting):
    middle = """
agentflow: 1
name: middle
limits: {turns: 3}
steps: {a: {workflow: a.yaml}, b: {workflow: a.yaml, needs: [a]}}
"""
    run = setting("steps: {m: {workflow: m.yaml}}", files={"m.yaml": middle, "a.yaml": ASKING % "{turns: 100}"})
    assert await run.failure() == "turns"
    (reached,) = run.events(WorkflowLimitReached)
    assert reached.step == "m"


async def test_subagents_are_nested_no_deeper_than_the_file_says(setting):
    deep = CHILD.replace("{LIMITS}", "{depth: 1}")
    run = setting(PARENT, files={"child.yaml": deep}, model=ModelDouble(answer), around={"ask": say_yes})
    await run.outputs()
    assert [event for event in run.events(SessionStarted) if event.parent is not None] == []


async def test_a_file_whose_time_is_over_ends_what_it_has_at_work_and_nothing_else(setting):
    slow = """
agentflow: 1
name: slow
sandbox: "off"
limits: {wall_time: 50ms}
steps:
  think: {agent: {}, prompt: for ever}
  wait: {run: [sleep, "60"]}
"""

    async def think(request):
        if prompt_of(request) == "for ever":
            await asyncio.Event().wait()
        return reply("done")

    parent = """
steps:
  s: {workflow: slow.yaml, on_error: continue}
  b: {agent: {}, prompt: short, needs: [s], join: done}
outputs: {b: steps.b.output}
"""
    run = setting(parent, files={"slow.yaml": slow}, model=ModelDouble(think))
    assert await run.outputs() == {"b": "done"}
    (reached,) = run.events(WorkflowLimitReached)
    assert reached.failure.kind == "wall_time"
    assert [event.failure.kind for event in run.events(SessionFinished) if event.failure] == ["wall_time"]
    assert others() == set()


async def test_a_command_of_a_file_without_sandbox_off_is_refused_whatever_its_parent_says(setting):
    files = {"a.yaml": "agentflow: 1\nname: a\nsteps: {a: {run: [touch, made]}}"}
    run = setting("steps: {a: {workflow: a.yaml}}", files=files)
    assert await run.failure() == "sandbox"
    assert not (run.folder / "made").exists()


async def test_a_session_may_go_on_inside_a_file(setting):
    going_on = """
agentflow: 1
name: a
steps: {a: {agent: {}, prompt: one}, b: {agent: {}, prompt: two, session: {continue: a}}}
outputs: {b: steps.b.output}
"""
    files = {"a.yaml": going_on}
    run = setting("steps: {f: {workflow: a.yaml}}\noutputs: {b: steps.f.output.b}", files=files)
    assert await run.outputs() == {"b": "done"}
    assert [len(request.messages) for request in run.model.requests] == [1, 3]
    assert len(run.events(ModelCalled)) == 2


async def test_tools_double_is_handed_the_files_own_tool(setting):
    seen = []

    class Hearing(ToolsDouble):
        async def run(self, name, tool_input, context):
            seen.append((name, context.own.argv[0].source, dict(context.env)))
            return ToolOutput("heard")

    run = setting(PARENT, files=child(), model=ModelDouble(answer), tools=Hearing(), around={"ask": say_yes})
    await run.outputs()
    assert ("say", "sh", {"WHO": "child of tea"}) in seen
