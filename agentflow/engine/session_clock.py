"""The bound on a session's time at work."""

from agentflow.engine.port import Loop
from agentflow.events.session_events import LimitReached
from agentflow.events.values import Failure


def watch_the_clock(loop: Loop, stream: str) -> None:
    """Ends a session when its time at work is over; it stands still while the session only waits for people,
    and while its step is held."""
    allowed = loop.live.plans[stream].agent.stop.wall_time
    state = loop.live.sessions[stream]
    if allowed is None or stream in loop.live.idle or state.step in loop.live.run.held:
        return
    worked = state.active_seconds + max(0.0, loop.now() - state.last_at)

    def over() -> None:
        message = f"the agent has worked for its {allowed:g} s; raise `stop.wall_time`, or ask for less"
        loop.happen(stream, LimitReached(loop.now(), Failure("wall_time", message)))
        loop.settle()

    loop.timers.set(stream, "clock", allowed - worked, over)
