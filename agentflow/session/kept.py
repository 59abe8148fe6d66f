"""What an ended session leaves, to an event of another run and back."""

from agentflow.events.session_events import SessionKept
from agentflow.plan.agent_plan import ToolSpec
from agentflow.session.state import Earlier


def kept_session(at: float, agent: str, step: str, earlier: Earlier) -> SessionKept:
    """What a session leaves, as the event that another run takes it over by."""
    tools = [
        {
            "name": tool.name,
            "description": tool.description,
            "input_schema": dict(tool.input_schema),
            "effects": tool.effects,
        }
        for tool in earlier.tools
    ]
    return SessionKept(at, agent, step, [dict(message) for message in earlier.messages], earlier.system, tools)


def earlier_of(event: SessionKept) -> Earlier:
    """What a session left that was taken over from another run."""
    tools = tuple(
        ToolSpec(tool["name"], tool["description"], tool["input_schema"], tool["effects"]) for tool in event.tools or ()
    )
    return Earlier(tuple(event.messages), event.system, tools)
