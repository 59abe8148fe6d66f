"""What the model will not answer: a refusal, which another may take over."""

from msgspec.structs import replace

from agentflow.events.session_events import ModelReplied
from agentflow.events.values import Spent
from agentflow.session.state import InFlight, SessionPlan, SessionState


def may_fall_back(plan: SessionPlan, asked: InFlight) -> bool:
    """Whether there is another model that has not had this turn yet: it takes a turn over once."""
    return plan.agent.fallback_model not in (None, asked.model)


def falls_back(state: SessionState, event: ModelReplied, asked: InFlight) -> SessionState:
    """The turn goes to the fallback model: paid for, and nothing of the refusal in what that model is sent.

    Source: the page on streaming refusals of the Messages API: what came of a refused turn is to be taken out of the
    conversation before it goes on, or the next turns are refused too.
    """
    return replace(
        state,
        in_flight=None,
        attempt=asked.attempt,
        overloads=0,
        spent=state.spent + Spent(event.usage, event.cost_usd, turns=1),
        falls_back=True,
    )
