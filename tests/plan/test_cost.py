"""What a file can cost, against figures reckoned by hand.

One call of claude-sonnet-5-5 with the default `max_tokens`: 1,000,000 tokens written to the cache at $2.50 a million,
and 16,000 tokens of reply at $10 a million: $2.50 + $0.16 = $2.66.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from agentflow import api
from agentflow.models.retry import MAX_ATTEMPTS
from agentflow.plan.agent_plan import StopRules
from agentflow.plan.cost import ATTEMPTS, RunCost, call_usd, run_cost
from agentflow.plan.iterations import Iterations
from agentflow.plan.model import AgentStepPlan, Plan, every_step
from tests.builders import plan_of

CALL = 2.66


def costs(plan: Plan, values: Mapping[str, Any] | None = None) -> RunCost:
    return run_cost(plan, values or {})


def once(cost: RunCost) -> dict[str, float]:
    return {step.path: round(step.usd.once, 6) for step in cost.steps}


def bounds(cost: RunCost) -> dict[str, tuple[float, float]]:
    return {bound.by: (round(bound.usd.once, 6), round(bound.usd.retried, 6)) for bound in (cost.cap, *cost.others)}


def test_calls_are_tried_as_often_as_the_engine_tries_them():
    assert ATTEMPTS == MAX_ATTEMPTS


def test_a_session_costs_its_turns_and_a_retried_one_eight_times_that():
    cost = costs(plan_of("steps: {ask: {agent: {instructions: Go., stop: {turns: 3}}, prompt: Hello}}"))
    (step,) = cost.steps
    assert step.session is not None
    assert step.session.call_usd == pytest.approx(CALL)
    assert (step.times, step.session.turns, step.session.subagents, step.session.by) == (1, 3, 0, "stop.turns")
    assert step.usd.once == pytest.approx(7.98)  # 3 × 2.66
    assert step.usd.retried == pytest.approx(63.84)  # 8 × 7.98


def test_the_cap_of_the_run_decides_and_what_would_hold_without_it_is_told():
    cost = costs(
        plan_of("""
            limits: {cost_usd: 2.00, turns: 10, agents: 4}
            steps: {ask: {agent: {instructions: Go., stop: {turns: 3}}, prompt: Hello}}
        """)
    )
    assert (cost.most.by, cost.most.usd.retried) == ("limits.cost_usd", 2.0)
    assert bounds(cost) == {
        "limits.cost_usd": (2.0, 2.0),
        "the steps": (7.98, 63.84),
        "limits.turns": (26.6, 26.6),  # 10 × 2.66, retries among the ten
        "limits.agents": (31.92, 255.36),  # 4 × 7.98, 4 × 63.84
    }
    whole, retried = cost.without_cap
    assert (whole.by, retried.by) == ("the steps", "limits.turns")


def test_the_cap_of_an_agent_decides_what_its_session_costs():
    cost = costs(plan_of("steps: {ask: {agent: {instructions: Go., stop: {cost_usd: 0.25}}, prompt: Hello}}"))
    assert cost.steps[0].session is not None
    assert cost.steps[0].session.by == "stop.cost_usd"
    assert (cost.most.by, cost.most.usd.retried) == ("the steps", 0.25)


def test_a_bound_on_tokens_counts_the_call_that_passes_it():
    cost = costs(plan_of("steps: {ask: {agent: {instructions: Go., stop: {tokens: 100000}}, prompt: Hello}}"))
    assert cost.steps[0].session is not None
    assert cost.steps[0].session.by == "stop.tokens"
    assert cost.steps[0].usd.once == pytest.approx(3.66)  # 100,000 × $10 a million + 2.66
    assert cost.steps[0].usd.retried == pytest.approx(532.0)  # 25 turns × 8 × 2.66


def test_an_output_is_worth_one_turn_more_to_correct_it():
    cost = costs(
        plan_of("""
            steps:
              ask: {agent: {instructions: Go., stop: {turns: 1}, output: {type: string}}, prompt: Hello}
        """)
    )
    assert once(cost) == {"ask": 5.32}  # 2 × 2.66


def test_the_dearer_of_a_model_and_its_fallback_counts():
    plan = plan_of("""
        steps:
          ask:
            agent: {instructions: Go., model: claude-3-5-haiku-latest, fallback_model: claude-sonnet-5-5}
            prompt: Hello
    """)
    step = next(every_step(plan.root))
    assert isinstance(step, AgentStepPlan)
    assert call_usd(step.agent) == pytest.approx(CALL)
    # 200,000 × $1 + 16,000 × $4, a million
    assert call_usd(replace(step.agent, fallback_model=None)) == pytest.approx(0.264)


def test_searches_count_with_what_is_read_again_after_each():
    (step,) = costs(plan_of("steps: {s: {agent: {tools: [WebSearch]}, prompt: go}}")).steps
    assert step.session is not None
    # 16,000 × $10 a million for the reply; the window of 1,000,000 × $2.50 six times; five searches of $0.01
    assert step.session.call_usd == pytest.approx(0.16 + 6 * 2.5 + 5 * 0.01)


def test_loops_multiply_and_blocks_add_up():
    cost = costs(
        plan_of("""
            defaults: {model: claude-sonnet-5-5}
            agents:
              one: {instructions: Go., stop: {turns: 1}}
            inputs:
              depth: {type: integer, minimum: 1, maximum: 6}
              names: {type: array, items: {type: string}}
            steps:
              outer:
                for_each: inputs.names
                as: name
                max: 4
                steps:
                  first: {agent: one, prompt: "{{ name }}"}
                  again:
                    for_each: inputs.names
                    as: other
                    max: inputs.depth
                    step: {agent: one, prompt: "{{ other }}"}
              last: {agent: one, prompt: Hello}
        """)
    )
    assert once(cost) == {
        "outer": 74.48,  # 10.64 + 63.84
        "outer.first": 10.64,  # 4 × 2.66
        "outer.again": 63.84,
        "outer.again.step": 63.84,  # 4 × 6 × 2.66
        "last": 2.66,
    }
    assert bounds(cost)["the steps"][0] == pytest.approx(77.14)


RESEARCH = """
agents:
  lead: {{description: Leads., instructions: Go., tools: ["Agent(scout)"], stop: {{turns: 2{stop}}}}}
  scout: {{description: Scouts., instructions: Go., tools: ["Agent(clerk)"], stop: {{turns: 3}}}}
  clerk: {{description: Files., instructions: Go., stop: {{turns: 5}}}}
limits: {{agents: 4, depth: {depth}, cost_usd: 1000}}
steps: {{ask: {{agent: lead, prompt: Hello}}}}
"""


@pytest.mark.parametrize(
    ("depth", "stop", "expected", "by", "subagents"),
    [
        (1, "", 5.32, "stop.turns", 0),  # nobody below: 2 × 2.66
        (2, "", 29.26, "limits.agents", 3),  # 5.32 + 3 scouts of 7.98
        (3, "", 45.22, "limits.agents", 3),  # 5.32 + 3 of the dearest below, clerks of 13.30
        (2, ", tool_calls: 1", 13.30, "stop.tool_calls", 1),  # 5.32 + 1 scout of 7.98
        (2, ", tool_calls: 1, cost_usd: 9", 9.0, "stop.cost_usd", 1),
    ],
)
def test_subagents_count_by_what_bounds_them(depth: int, stop: str, expected: float, by: str, subagents: int):
    cost = costs(plan_of(RESEARCH.format(depth=depth, stop=stop)))
    session = cost.steps[0].session
    assert session is not None
    assert (round(session.usd.once, 6), session.by, session.subagents) == (expected, by, subagents)
    bounded = depth == 1 or "tool_calls" in stop
    assert bounded != any("how many agents `lead`" in text for text in cost.beyond)


def test_a_file_that_is_tried_again_costs_as_often_and_its_own_cap_holds_for_each_attempt(tmp_path: Path):
    head = "agentflow: 1\nname: x\n"
    session = (
        "steps: {a: {agent: {stop: {cost_usd: 0.04}}, prompt: p}, b: {agent: {stop: {cost_usd: 0.03}}, prompt: p}}"
    )
    (tmp_path / "free.yaml").write_text(head + session)
    (tmp_path / "held.yaml").write_text(f"{head}limits: {{cost_usd: 0.05}}\n{session}")
    (tmp_path / "main.yaml").write_text(f"""{head}
limits: {{cost_usd: 500}}
steps:
  loop:
    repeat: {{until: loop.index == 2, max: 2}}
    retry: {{attempts: 2}}
    steps:
      free: {{workflow: free.yaml, retry: {{attempts: 3}}}}
      held: {{workflow: held.yaml, retry: {{attempts: 3}}}}
""")
    assert once(costs(api.plan(tmp_path / "main.yaml"))) == {
        "loop": 1.44,
        "loop.free": 0.84,
        "loop.free.a": 0.48,
        "loop.free.b": 0.36,
        "loop.held": 0.6,
        "loop.held.a": 0.48,
        "loop.held.b": 0.36,
    }


def test_a_file_without_agents_costs_nothing():
    cost = costs(plan_of("steps: {say: {value: 1 + 1}}"))
    assert (cost.steps, cost.most.usd.retried, cost.beyond) == ((), 0, ())


def test_a_model_whose_window_is_unknown_is_held_by_the_cap_alone():
    cost = costs(plan_of("steps: {ask: {agent: {instructions: Go., model: claude-v1}, prompt: Hello}}"))
    assert (cost.most.by, cost.most.usd.retried) == ("limits.cost_usd", 5.0)
    assert "only limits.cost_usd bounds a call of agent `ask`" in cost.beyond[0]
    assert all(bound.usd.once == float("inf") for bound in cost.others)


@settings(max_examples=60, deadline=None)
@given(
    turns=st.integers(1, 30),
    cap=st.none() | st.floats(0.01, 50),
    tokens=st.none() | st.integers(1, 10**7),
    run_cap=st.floats(0.01, 500),
)
def test_no_bound_is_above_one_that_it_contains(turns: int, cap: float | None, tokens: int | None, run_cap: float):
    plan = plan_of("steps: {ask: {agent: {instructions: Go.}, prompt: Hello}}")
    ask = plan.root.steps["ask"]
    assert isinstance(ask, AgentStepPlan)
    ask = replace(ask, agent=replace(ask.agent, stop=StopRules(turns, 3, 5, cap, tokens)))
    limits = replace(plan.limits, cost_usd=run_cap)
    cost = costs(replace(plan, limits=limits, root=replace(plan.root, steps={"ask": ask})))
    (step,) = cost.steps
    assert 0 < step.usd.once <= step.usd.retried
    assert cap is None or step.usd.retried <= cap
    assert cost.most.usd.retried <= run_cap
    assert cost.most.usd.retried <= min(bound.usd.retried for bound in cost.others)


def test_rounds_multiply_and_of_a_choice_the_dearest_case_counts():
    cost = costs(
        plan_of(
            """
            inputs: {rounds: {type: integer, maximum: 4}, quick: {type: boolean}}
            steps:
              report:
                repeat: {until: loop.index > 1, max: inputs.rounds}
                steps:
                  route:
                    choose:
                      - {when: inputs.quick, agent: {stop: {turns: 1}}, prompt: Hello}
                      - when: loop.index == 1
                        for_each: "[1, 2]"
                        max: 2
                        step: {agent: {stop: {turns: 3}}, prompt: Hello}
                    otherwise: {value: "1"}
            """
        )
    )
    assert once(cost) == {
        "report": round(4 * 6 * CALL, 6),
        "report.route": round(4 * 6 * CALL, 6),
        "report.route.1": round(4 * CALL, 6),
        "report.route.2": round(4 * 6 * CALL, 6),
        "report.route.2.step": round(4 * 6 * CALL, 6),
    }
    assert cost.steps[0].rounds == Iterations(4, "max: inputs.rounds")


def test_each_attempt_at_a_file_may_cost_what_the_file_allows():
    child = """
        agentflow: 1
        name: child
        limits: {cost_usd: 0.20}
        steps: {ask: {agent: {instructions: Go., stop: {turns: 1}}, prompt: Hello}}
    """
    cost = costs(plan_of("steps: {c: {workflow: child.yaml, retry: {attempts: 3}}}", {"child.yaml": child}))
    assert once(cost) == {"c": 0.6, "c.ask": 7.98}  # 3 × 0.20, 3 × 2.66
    assert [step.times for step in cost.steps] == [3, 3]
    assert (cost.most.by, cost.most.usd.retried) == ("the steps", pytest.approx(0.6))
