"""Money, turns, agents, depth and time: nothing passes what the file allows."""

import asyncio

import pytest

from agentflow.engine.port import Answer
from agentflow.events.run_events import RunFinished, StepFinished
from agentflow.events.session_events import ModelCalled, ModelFailed, SessionFinished, ToolFinished
from agentflow.events.values import Usage
from tests.engine.doubles import (
    FAN,
    ModelDouble,
    alive,
    echo,
    forever,
    others,
    prompt_of,
    reply,
)


async def test_fifty_agents_at_once_never_pass_the_runs_money(setting):
    run = setting(
        (FAN % (50, 50)).replace("cost_usd: 1000", "cost_usd: 0.50"),
        inputs={"items": list(range(50))},
        model=ModelDouble(lambda request: reply("x", usage=Usage(900, request.max_tokens))),
    )
    assert await run.failure() == "cost_usd"
    reserved, settled = {}, 0.0
    for stream, event in run.heard:
        if isinstance(event, ModelCalled):
            reserved[stream] = event.reserved_usd
        elif isinstance(event, ModelFailed):
            settled += event.charged_usd
            del reserved[stream]
        elif type(event).__name__ == "ModelReplied":
            settled += event.cost_usd
            del reserved[stream]
        assert settled + sum(reserved.values()) <= 0.50 + 1e-9
    assert reserved == {}
    assert run.events(RunFinished)[0].spent.cost_usd == pytest.approx(settled)


async def test_an_agents_money_bounds_its_subagents_too(setting):
    def answer(request):
        if request.agent == "helper":
            return reply("x", usage=Usage(900, request.max_tokens))
        calls = [
            (f"c{n}", "Agent", {"subagent_type": "helper", "prompt": str(n), "description": "d"}) for n in range(50)
        ]
        return reply("", *calls)

    run = setting(
        """
        limits: {parallel: 64, agents: 1000}
        agents:
          lead: {tools: ["Agent(helper)"], stop: {cost_usd: 0.20, failed_calls: 1000}}
          helper: {description: Helps., max_tokens: 2048}
        steps: {a: {agent: lead, prompt: go}}
        """,
        model=ModelDouble(answer),
    )
    assert await run.failure() == "cost_usd"
    assert run.events(RunFinished)[0].spent.cost_usd <= 0.20


async def test_turns_of_the_run_are_a_bound(setting):
    run = setting("limits: {turns: 1}\nsteps: {a: {agent: {}, prompt: x}, b: {agent: {}, prompt: y}}")
    assert await run.failure() == "turns"
    assert len(run.model.requests) == 1


async def test_agents_of_the_run_are_a_bound(setting):
    run = setting("limits: {agents: 1}\nsteps: {a: {agent: {}, prompt: x}, b: {agent: {}, prompt: y}}")
    assert await run.failure() == "agents"
    assert len(run.model.requests) <= 1


CAPS = pytest.mark.parametrize("limit", ["turns: 2", "cost_usd: 0.05", "agents: 2"])


@CAPS
@pytest.mark.parametrize("on_error", ["fail", "continue", "collect"])
async def test_a_used_up_cap_of_the_run_ends_it_by_its_own_name_whatever_on_error_says(setting, limit, on_error):
    run = setting(
        f"""
        limits: {{{limit}}}
        steps:
          each:
            for_each: "[1, 2, 3, 4, 5, 6, 7, 8, 9]"
            on_error: {on_error}
            step: {{agent: {{}}, prompt: "{{{{ item }}}}"}}
        """,
        model=ModelDouble(lambda request: reply("well", usage=Usage(1000, 1000))),
    )
    assert await run.failure() == limit.partition(":")[0]


@pytest.mark.parametrize("limit", ["turns: 2", "cost_usd: 0.05"])
async def test_a_used_up_cap_of_the_run_ends_it_by_its_own_name_through_subagents(setting, limit):
    run = setting(NESTED % limit, model=ModelDouble(delegate_for_ever))
    assert await run.failure() == limit.partition(":")[0]
    assert run.events(RunFinished)[0].held
    # Nobody was told that an agent failed, and nobody tried again: what was held back goes on when there is more.
    assert [event.ending for event in run.events(SessionFinished) if event.failure is not None] == []


async def test_what_costs_no_turns_goes_on_to_its_end_before_a_used_up_cap_ends_the_run(setting):
    run = setting(
        """
        limits: {turns: 1}
        steps:
          a: {agent: {}, prompt: x}
          b: {agent: {}, prompt: y}
          slow: {run: 'sleep 0.2; echo there > made'}
          after: {needs: [slow], run: 'cat made > seen'}
        """
    )
    assert await run.failure() == "turns"
    assert (run.folder / "seen").read_text() == "there\n"
    ends = {event.step: event.failure and event.failure.kind for event in run.events(StepFinished)}
    assert sorted(ends.values(), key=str) == [None, None, None]
    assert "b" not in ends or "a" not in ends


async def test_money_that_comes_back_is_spent_before_the_cap_ends_the_run(setting):
    run = setting(
        """
        limits: {cost_usd: 0.05}
        steps: {a: {agent: {max_tokens: 3000}, prompt: x}, b: {agent: {max_tokens: 3000}, prompt: y}}
        outputs: {both: "[steps.a.output, steps.b.output]"}
        """,
        model=ModelDouble(lambda request: reply("well")),
    )
    assert await run.outputs() == {"both": ["well", "well"]}


NESTED = """
limits: {%s}
agents: {boss: {description: Delegates., tools: ["Agent(worker)"]}, worker: {description: Works.}}
steps: {a: {agent: boss, prompt: go}}
outputs: {a: steps.a.output}
"""


def delegate(request):
    if request.agent == "worker":
        return reply("worked")
    if request.turn == 1:
        return reply("", ("c1", "Agent", {"subagent_type": "worker", "prompt": "work", "description": "d"}))
    return reply(request.messages[-1]["content"][0]["content"])


def delegate_for_ever(request):
    if request.agent == "worker":
        return reply("worked")
    use = (f"c{request.turn}", "Agent", {"subagent_type": "worker", "prompt": f"{request.turn}", "description": "d"})
    return reply("", use, usage=Usage(1000, 1000))


@pytest.mark.parametrize(("limits", "told"), [("depth: 1", "limits.depth"), ("agents: 1", "limits.agents")])
async def test_a_subagent_past_a_bound_is_refused_and_the_agent_is_told(setting, limits, told):
    run = setting(NESTED % limits, model=ModelDouble(delegate))
    assert told in (await run.outputs())["a"]
    assert len(run.events(SessionFinished)) == 1


async def test_a_subagent_gives_its_final_result_and_nothing_else(setting):
    run = setting(NESTED % "depth: 2", model=ModelDouble(delegate))
    assert await run.outputs() == {"a": "worked"}
    worker = next(request for request in run.model.requests if request.agent == "worker")
    assert len(worker.messages) == 1
    assert prompt_of(worker) == "work"


async def test_a_subagent_that_fails_is_a_failed_call(setting):
    def answer(request):
        return reply("so far", stop_reason="refusal") if request.agent == "worker" else delegate(request)

    run = setting(NESTED % "depth: 2", model=ModelDouble(answer))
    assert "did not succeed (refusal)" in (await run.outputs())["a"]
    assert "so far" in run.events(ToolFinished)[0].content


async def test_wall_time_of_an_agent_ends_it_and_its_subagents(setting):
    def answer(request):
        return forever() if request.agent == "worker" else delegate(request)

    text = (NESTED % "depth: 2").replace('"Agent(worker)"]', '"Agent(worker)"], stop: {wall_time: 50ms}')
    run = setting(text, model=ModelDouble(answer))
    assert await run.failure() == "wall_time"
    assert run.model.in_flight.now == 0
    assert [event.ending for event in run.events(SessionFinished)] == ["cancelled", "wall_time"]
    assert others() == set()


async def test_wall_time_of_the_run_ends_it_with_everything_in_flight(setting, tmp_path):
    run = setting(
        """
        limits: {wall_time: 100ms}
        steps: {a: {agent: {}, prompt: go}, b: {run: 'echo $$ > pid; exec sleep 60'}}
        """,
        model=ModelDouble(forever),
    )
    assert await run.failure() == "wall_time"
    assert {event.step: event.failure.kind for event in run.events(StepFinished)} == {
        "a": "wall_time",
        "b": "cancelled",
    }
    assert run.model.in_flight.now == 0
    assert others() == set()
    assert not alive(run.folder / "pid")


async def test_time_that_people_take_is_not_the_runs(setting):
    async def ask(gate):
        await asyncio.sleep(0.3)
        return Answer(True, "ada")

    run = setting("limits: {wall_time: 200ms}\nsteps: {g: {approve: Go on?}}", around={"ask": ask})
    assert (await run.run()).finished.status == "done"


async def test_a_freed_place_is_taken_though_its_call_was_cancelled_before_it_began(setting):
    """The one place is held by a call that is being recorded; its agent's time runs out just then."""
    run = setting(
        """
        limits: {parallel: 1}
        agents: {hasty: {stop: {wall_time: 20ms}}}
        steps:
          a: {agent: hasty, prompt: hasty, on_error: continue}
          b: {agent: {}, prompt: patient}
        outputs: {b: steps.b.output}
        """,
        model=ModelDouble(echo),
    )

    async def slowly(entries):
        if any(isinstance(entry.event, ModelCalled) for entry in entries) and not run.journal.appended[1:]:
            await asyncio.sleep(0.1)

    run.journal.before = slowly
    async with asyncio.timeout(5):
        assert await run.outputs() == {"b": "got patient"}
    assert [prompt_of(request) for request in run.model.requests] == ["patient"]


async def test_instructions_that_cannot_be_rendered_for_a_subagent_are_told_and_no_bug_of_ours(setting):
    text = (NESTED % "depth: 2").replace("worker: {", 'worker: {instructions: "{{ 1 / inputs.n }}", ')
    run = setting(text + "inputs: {n: {type: integer}}\n", inputs={"n": 0}, model=ModelDouble(delegate))
    assert "zero" in (await run.outputs())["a"]
