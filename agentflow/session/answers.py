"""Calls that the session answers by itself, from its plan and what has happened in it. Pure."""

from collections.abc import Callable, Mapping

from agentflow.session.state import FINISH, Call, GiveResult, SessionPlan, SessionState

Answer = Callable[[SessionPlan, SessionState, Call], GiveResult]


def _finish(_plan: SessionPlan, _state: SessionState, call: Call) -> GiveResult:
    return GiveResult(call, "Accepted.", is_error=False)


ANSWERS: Mapping[str, Answer] = {FINISH: _finish}
"""What each tool `by: session` gives; its input has met the tool's schema."""
