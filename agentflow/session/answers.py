"""Calls that the session answers by itself, from its plan and what has happened in it. Pure."""

from collections.abc import Callable, Mapping

from agentflow.plan.context_tools import COMPACT
from agentflow.session.state import FINISH, Call, GiveResult, SessionPlan, SessionState

Answer = Callable[[SessionPlan, SessionState, Call], GiveResult]


def _finish(_plan: SessionPlan, _state: SessionState, call: Call) -> GiveResult:
    return GiveResult(call, "Accepted.", is_error=False)


def _compact(_plan: SessionPlan, _state: SessionState, call: Call) -> GiveResult:
    return GiveResult(call, "Room is made before your next turn, where there is something to leave out.", False)


ANSWERS: Mapping[str, Answer] = {FINISH: _finish, COMPACT.name: _compact}
"""What each tool `by: session` gives; its input has met the tool's schema."""
