"""What a file says of full context windows becomes sizes, and what it cannot mean is told where it is written."""

import pytest

from agentflow.plan.agent_plan import AgentPlan
from agentflow.plan.contexts import SUMMARY_MODEL
from agentflow.plan.cost import call_usd
from agentflow.plan.model import AgentStepPlan
from agentflow.plan.prices import price_of


def agent_of(plan) -> AgentPlan:
    step = plan.root.steps["s"]
    assert isinstance(step, AgentStepPlan)
    return step.agent


def one(planned, agent: str, head: str = "") -> AgentPlan:
    return agent_of(planned(f"{head}\nsteps: {{s: {{agent: {{{agent}}}, prompt: Hi}}}}"))


def told(compiled, agent: str, head: str = "") -> list[tuple[str, int, str]]:
    _, found = compiled(f"{head}\nsteps: {{s: {{agent: {{{agent}}}, prompt: Hi}}}}")
    return [(each.code, each.place.line, each.message) for each in found if each.severity == "error"]


def test_who_says_nothing_has_its_conversation_compacted_at_80_percent(planned):
    context = one(planned, "model: claude-haiku-4-5").context
    assert (context.strategy, context.at, context.keep_last, context.keep) == ("compact", 160_000, 10, ())
    assert context.window == 200_000


def test_none_is_none(planned):
    assert one(planned, "context: {strategy: none}").context is None


def test_a_share_is_of_the_smaller_window_of_model_and_fallback(planned):
    context = one(planned, "model: claude-sonnet-5-5, fallback_model: claude-haiku-4-5, context: {at: 50%}").context
    assert (context.window, context.at) == (200_000, 100_000)


def test_there_is_room_for_a_whole_reply(planned):
    assert one(planned, "model: claude-haiku-4-5, max_tokens: 60000, context: {at: 95%}").context.at == 140_000


def test_an_agents_context_replaces_that_of_the_defaults(planned):
    head = "defaults: {context: {strategy: window, keep_last: 3}}"
    steps = "steps: {s: {agent: {context: {at: 9000}}, prompt: a}, t: {agent: {}, prompt: b}}"
    plan = planned(f"{head}\n{steps}")
    assert (agent_of(plan).context.strategy, agent_of(plan).context.keep_last) == ("compact", 10)
    assert plan.root.steps["t"].agent.context.keep_last == 3


def test_summaries_are_written_by_what_costs_less_also_to_fill(planned):
    assert one(planned, "model: claude-opus-5-5").context.model == SUMMARY_MODEL
    assert one(planned, "model: claude-haiku-4-5").context.model == "claude-haiku-4-5", "its whole window costs less"
    assert one(planned, "context: {model: claude-opus-5-5}").context.model == "claude-opus-5-5"


def test_a_dearer_writer_counts_in_the_most_a_call_can_cost(planned):
    own = one(planned, "model: claude-haiku-5-5, context: {strategy: none}")
    dear = one(planned, "model: claude-haiku-5-5, context: {model: claude-opus-5-5}")
    assert call_usd(dear) > call_usd(own)
    assert price_of("claude-opus-5-5").input > price_of("claude-haiku-5-5").input


@pytest.mark.parametrize("at", ["80", "80.5%", "5%", "96%", "'80 %'", "1999", "true", "-1", "1.5", "[1]"])
def test_a_threshold_is_a_share_or_a_number_of_tokens(at):
    from pydantic import ValidationError
    from yaml import safe_load

    from agentflow.spec.context import Context

    with pytest.raises(ValidationError, match="a share of the window from 10% to 95%"):
        Context.model_validate({"at": safe_load(at)})


def test_what_is_never_reached_is_an_error_where_it_is_written(compiled):
    message = "the window of its model holds 200,000 tokens: `at: 200000` is never reached"
    assert told(compiled, "model: claude-haiku-4-5, context: {at: 200000}") == [("AF203", 4, message)]
    head = "defaults: {model: claude-haiku-4-5, context: {at: 200000}}"
    assert told(compiled, "tools: []", head) == [("AF203", 3, message)]


def test_what_is_kept_must_be_a_tool_of_the_agent(compiled):
    (found,) = told(compiled, "tools: [Read], context: {keep: [Read, Raed]}")
    assert found == ("AF309", 4, "the agent has no tool `Raed` to keep the results of")
    assert told(compiled, "tools: [Read]", "defaults: {context: {keep: [Grep]}}") == [], "others may have it"


def test_a_model_for_summaries_wants_a_price(compiled):
    assert [found[0] for found in told(compiled, "context: {model: claude-hiaku-5-5}")] == ["AF310"]
    assert [found[0] for found in told(compiled, "context: {model: my-own-model}")] == ["AF601"]
    assert [found[0] for found in told(compiled, "context: {model: '{{ inputs.m }}'}")] == ["AF307"]


def test_an_agent_that_may_compact_needs_a_way_to(compiled):
    (found,) = told(compiled, "tools: [Compact], context: {strategy: none}")
    assert found[:2] == ("AF309", 4)


def test_the_files_own_tools_cannot_take_the_names(compiled):
    tool = "tools: {Recall: {description: x, run: [x]}}"
    _, found = compiled(f"{tool}\nsteps: {{s: {{agent: {{tools: [Recall]}}, prompt: Hi}}}}")
    assert any(each.severity == "error" for each in found)
