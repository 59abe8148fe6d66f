"""What is sent to whoever shall make a conversation smaller. Pure."""

from msgspec.structs import replace

from agentflow.plan.prices import max_output_tokens
from agentflow.session import summaries
from agentflow.session.compaction import wanted_shape
from agentflow.session.context import Request, request_of
from agentflow.session.sizes import size
from agentflow.session.state import SessionPlan, SessionState
from agentflow.session.transcript import transcript

LONGEST_SUMMARY = 8_000
"""Tokens of a reply that compacts or summarises."""

TRANSCRIPT_SHARE = 0.6
"""Of the summarising model's window, what the conversation may fill, at two characters to a token."""

CHARACTERS_PER_TOKEN = 2

SUFFIX = "#context"
"""Ends the names under which such a request is recorded or scripted, beside the session's and the agent's own."""


def longest_answer(plan: SessionPlan, model: str) -> int:
    """The bound of the reply, in tokens."""
    most = max_output_tokens(model) or LONGEST_SUMMARY
    return min(LONGEST_SUMMARY, plan.agent.max_tokens, most)


def compaction_request(plan: SessionPlan, state: SessionState, session: str, model: str, way: str) -> Request:
    """The request of the compaction that is wanted, or out. Raises ValueError where there is none."""
    context, shape = plan.agent.context, wanted_shape(plan, state)
    if context is None or shape is None:
        raise ValueError("no compaction is wanted")
    asked = replace(
        request_of(plan, state, f"{session}{SUFFIX}", model, longest_answer(plan, model)),
        agent=f"{plan.agent.name}{SUFFIX}",
        turn=state.context.done + 1,
        output_schema=None,
    )
    older = state.messages[: shape.until]
    if way == "api":
        return replace(asked, messages=older, compact=True)
    budget = int(context.summary_window * TRANSCRIPT_SHARE) * CHARACTERS_PER_TOKEN
    if model != plan.agent.model:
        asked = replace(asked, service=plan.agent.service.of_another())
    text = summaries.question(state.context.summary, transcript(older, budget))
    return replace(
        asked,
        system=summaries.INSTRUCTIONS,
        messages=({"role": "user", "content": [{"type": "text", "text": text}]},),
        tools=(),
        tool_choice="auto",
        effort=None,
        thinking=None,
        output_schema=summaries.SCHEMA,
        cache="none",
    )


def compaction_bound(state: SessionState, asked: Request) -> int:
    """The most tokens that such a request can count."""
    if asked.compact:
        # It sends a part of what was counted, and the service's own words on what to do with it.
        return state.context_tokens + state.added_bytes + _SERVICES_WORDS
    return size([asked.system, [message["content"] for message in asked.messages], asked.output_schema]) + _MARGIN


_MARGIN = 1000
_SERVICES_WORDS = 4000
