"""What a session does next. Pure: the same state gives the same actions."""

from collections.abc import Iterator
from typing import Any

from agentflow.events.values import Failure
from agentflow.plan.expressions import ExpressionError
from agentflow.session.answers import ANSWERS
from agentflow.session.compaction import next_step
from agentflow.session.ending import closing_note, result_of
from agentflow.session.state import (
    Action,
    AskPerson,
    CallModel,
    End,
    GiveResult,
    RunTool,
    SessionPlan,
    SessionState,
    Spawn,
    TellTrip,
)

JSON = Any

OVERLOADS_BEFORE_FALLBACK = 2
"""An overloaded model is tried this often before the agent's `fallback_model` takes the turn over."""


def decide(plan: SessionPlan, state: SessionState) -> tuple[Action, ...]:
    """Everything the session wants done now, beside what is out already."""
    if state.finished is not None:
        return ()
    if state.failure is not None:
        return (End(state.failure.kind, None, state.failure),)
    if state.in_flight is not None or state.context.out is not None or state.parked:
        return ()
    if state.trip is not None:
        return (TellTrip(state.trip),)
    if state.calls:
        return tuple(_calls(plan, state))
    if state.ending is not None:
        return (End(state.ending, state.result, None),)
    return (_next_turn(plan, state),)


def _calls(plan: SessionPlan, state: SessionState) -> Iterator[Action]:
    """Calls without effects all at once, those with effects one after the other in the reply's order."""
    an_effect_is_out = False
    for call in state.calls:
        tool = plan.by_name.get(call.name)
        if call.result is not None:
            continue
        if call.refusal is not None or tool is None:
            yield GiveResult(call, call.refusal or "There is no such tool.", is_error=True)
        elif call.started or call.awaits_leave:
            an_effect_is_out = an_effect_is_out or tool.effects != "none"
        elif tool.by == "session":
            yield ANSWERS[call.name](plan, state, call)
        elif tool.by == "person":
            yield AskPerson(call)
        elif tool.by == "subagent":
            yield Spawn(call, call.input["subagent_type"], call.input["prompt"])
        elif tool.effects == "none":
            yield RunTool(call, tool)
        elif not an_effect_is_out:
            an_effect_is_out = True
            yield RunTool(call, tool)


def _next_turn(plan: SessionPlan, state: SessionState) -> Action:
    agent = plan.agent
    note = state.correction
    if note is None and not state.closing:
        if state.turn > 0 and state.attempt == 0 and agent.stop.when is not None:
            try:
                holds = agent.stop.when.evaluate(_names(plan, state))
            except ExpressionError as error:
                return _end(Failure("expression", f"stop.when: {error}"))
            if holds is True:
                value, meets = result_of(plan, state.text)
                if meets:
                    return End("when", value, None)
                note = closing_note(plan)
        if note is None and (failure := _bound_reached(plan, state)) is not None:
            return _end(failure)
    if (step := next_step(plan, state, note)) is not None:
        return step
    attempt = state.attempt + 1
    turn = state.turn if state.attempt else state.turn + 1
    falls_back = state.falls_back or state.overloads >= OVERLOADS_BEFORE_FALLBACK
    model = agent.fallback_model if falls_back and agent.fallback_model is not None else agent.model
    return CallModel(turn, attempt, model, state.retry_at, note)


def _bound_reached(plan: SessionPlan, state: SessionState) -> Failure | None:
    """The bound that keeps the agent from another turn. Money and time are the engine's to tell."""
    stop = plan.agent.stop
    if state.attempt == 0 and state.turn + state.context.calls >= stop.turns:
        return Failure("turns", f"the agent has used its {stop.turns} turns; raise `stop.turns`, or ask for less")
    if stop.tokens is not None and state.spent.usage.total >= stop.tokens:
        used = state.spent.usage.total
        return Failure("tokens", f"the agent has used {used} of its {stop.tokens} tokens; raise `stop.tokens`")
    return None


def _names(plan: SessionPlan, state: SessionState) -> dict[str, JSON]:
    usage = state.spent.usage
    return {
        "turn": state.turn,
        "usage": {
            "input_tokens": usage.input_total,
            "output_tokens": usage.output_tokens,
            "cost_usd": state.spent.cost_usd,
        },
        "last": {"text": state.text, "tool_calls": state.last_calls},
        "calls": {name: state.counts.get(name, 0) for name in plan.by_name},
    }


def _end(failure: Failure) -> End:
    return End(failure.kind, None, failure)
