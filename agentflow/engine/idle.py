"""Sessions that have nothing left but people to wait for."""

from agentflow.engine.live import Live
from agentflow.session.state import Call, SessionState


def idle_since(live: Live, stream: str) -> float | None:
    """Since when a session and its subagents have nothing left but people to wait for, in seconds since the epoch;
    None: there is something else."""
    state = live.sessions[stream]
    waited_for = [call for call in state.calls if call.result is None]
    by_name = live.plans[stream].by_name
    held = False  # by a call before it that waits for leave: those with effects keep their order
    if not waited_for or state.in_flight is not None or state.failure is not None or state.finished is not None:
        return None
    latest = state.last_at
    for call in waited_for:
        tool = by_name.get(call.name)
        has_effects = tool is not None and tool.effects != "none"
        behind = held and has_effects and not call.started
        since = state.last_at if behind else _waits_since(live, stream, state, call)
        held = held or (has_effects and call.awaits_leave)
        if since is None:
            return None
        latest = max(latest, since)
    return latest


def _waits_since(live: Live, stream: str, state: SessionState, call: Call) -> float | None:
    if call.awaits_leave:
        return state.last_at
    by = live.plans[stream].by_name[call.name].by if call.started else "toolbox"
    if by == "person":
        return state.last_at
    child = f"{stream}/{call.id}"
    return idle_since(live, child) if by == "subagent" and child in live.sessions else None
