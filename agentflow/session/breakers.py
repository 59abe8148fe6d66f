"""What ends a session that brings nothing any more: repeated calls, failed calls, turns without progress. Pure.

What is found is told as an event with its evidence (`BreakerTripped`), and ends the session.
"""

from collections.abc import Iterable

from agentflow.events.values import Failure
from agentflow.guard.circles import SHOWN, Circles, Made, broken_off, circle_in, made, with_call, with_turn
from agentflow.plan.companions import POLLED
from agentflow.session.state import Call, SessionPlan, SessionState, Trip


def repeats(plan: SessionPlan, state: SessionState) -> Trip | None:
    """The trip that the calls of the last reply are, before they run: they repeat what was done often enough."""
    circles, most = state.circles, plan.agent.stop.repeated_calls
    for call in state.calls:
        if call.name in POLLED:
            circles = broken_off(circles)
            continue
        circles = with_call(circles, made(state.turn, call.id, call.name, call.input))
        circle = circle_in(circles, most)
        if circle is None:
            continue
        last = circle.calls[-1]
        if not circle.is_exact:
            what = f"almost the same call {circle.times} times in a row, with the same result each time"
        elif len(circle.calls) == 1:
            what = f"the same call {circle.times} times in a row"
        else:
            what = f"the same {len(circle.calls)} calls {circle.times} times over, with the same results each time"
        message = f"the agent made {what}: {last.tool} {last.text[:200]}"
        return Trip(Failure("repeated_calls", message), _evidence(circle.calls))
    return None


def circles_after(state: SessionState) -> Circles:
    """What the calls come to once the last reply's, all of them, have their results."""
    if any(call.name in POLLED for call in state.calls):
        return broken_off(state.circles)
    return with_turn(state.circles, tuple(_ended(state.turn, call) for call in state.calls))


def after_results(plan: SessionPlan, state: SessionState) -> Trip | None:
    """The trip that the results of the last reply's calls are, once they are taken up."""
    stop, last = plan.agent.stop, state.circles.last
    if state.failed >= stop.failed_calls:
        said = last[-1].said[:200] if last else ""
        message = f"{state.failed} tool calls in a row failed; the last: {said}"
        return Trip(Failure("failed_calls", message), _evidence(last[-state.failed :]))
    if state.circles.stale >= stop.no_progress:
        message = (
            f"in {state.circles.stale} turns in a row the agent learned and changed nothing: it only repeated calls "
            "whose results it had; reword its prompt, or raise `stop.no_progress`"
        )
        return Trip(Failure("no_progress", message), _evidence(last))
    return None


def _ended(turn: int, call: Call) -> Made:
    if call.result is None:
        raise ValueError(f"call {call.id} has no result")
    begun = made(turn, call.id, call.name, call.input)
    return begun.ended(call.result.content, is_error=call.result.is_error)


def _evidence(calls: Iterable[Made]) -> tuple[dict[str, object], ...]:
    return tuple(
        {"turn": call.turn, "call": call.id, "tool": call.tool, "input": call.text, "result": call.said[:SHOWN]}
        for call in calls
    )
