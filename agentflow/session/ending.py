"""How a session ends well: what its last words must meet, and what it is told when they do not."""

import json
from typing import Any

from msgspec.structs import replace

from agentflow.events.values import Failure
from agentflow.session.state import SessionPlan, SessionState
from agentflow.spec.json_text import read_json

JSON = Any


def ended_turn(plan: SessionPlan, state: SessionState, text: str) -> SessionState:
    """What a reply without tool calls, `text`, comes to: an end, or one more turn to correct the output."""
    if plan.agent.finish and not state.closing:
        message = "the agent stopped without calling `finish`, which it must end by"
        return replace(state, failure=Failure("finish_missing", message))
    if plan.output is None:
        return replace(state, ending="done", result=text)
    value, problems = _read(plan, text)
    if not problems:
        return replace(state, ending="done", result=value)
    listed = "\n".join(f"- {problem}" for problem in problems)
    if state.closing:
        message = f"the output does not meet its schema, after a second try too:\n{listed}"
        return replace(state, failure=Failure("output_invalid", message))
    return replace(
        state,
        correction=(
            f"Your answer does not meet the schema it must meet:\n{listed}\n"
            f"The schema: {json.dumps(plan.agent.output)}\n"
            "Answer again with the corrected JSON value and nothing else."
        ),
    )


def closing_note(plan: SessionPlan) -> str:
    """What an agent that `stop.when` ends is told where a schema asks for a value it has not given."""
    return (
        "Your work ends here. Give your result now: one JSON value that meets this schema and nothing else.\n"
        f"{json.dumps(plan.agent.output)}"
    )


def result_of(plan: SessionPlan, text: str) -> tuple[JSON, bool]:
    """The output that `text` amounts to, and whether it is one."""
    if plan.output is None:
        return text, True
    value, problems = _read(plan, text)
    return value, not problems


def _read(plan: SessionPlan, text: str) -> tuple[JSON, list[str]]:
    try:
        value = read_json(text)
    except json.JSONDecodeError as error:
        return None, [f"it is not JSON: {error}"]
    except ValueError as error:
        return None, [str(error)]
    assert plan.output is not None
    return value, plan.output.problems(value)
