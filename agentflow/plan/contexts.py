"""What a file says of full context windows, with the sizes of its models filled in. Pure."""

from agentflow.plan.agent_plan import ContextPlan
from agentflow.plan.context_tools import COMPACT
from agentflow.plan.findings import Findings
from agentflow.plan.prices import context_window, price_of
from agentflow.source.document import Loc
from agentflow.spec.context import Context

SUMMARY_MODEL = "claude-haiku-5-5"
"""What writes summaries where the file names no model, and the agent's own costs more."""

UNKNOWN_WINDOW = 200_000
"""Tokens taken for the window of a model of which none is known: that of every model of the last three years."""


def context_plan(context: Context | None, model: str, fallback: str | None, max_tokens: int) -> ContextPlan | None:
    """The plan of an agent's context; None where nothing is to be done.

    Parameters:
        context: as it is written, or None: the default.
        fallback: the agent's fallback model, which must be able to take the conversation over.
        max_tokens: of its replies, for which there must be room.
    """
    context = context or Context()
    if context.strategy == "none":
        return None
    window = min(_window(name) for name in (model, fallback or model))
    writer = context.model or _cheaper(model)
    return ContextPlan(
        strategy=context.strategy,
        at=_threshold(context, window, max_tokens),
        window=window,
        keep_last=context.keep_last,
        keep=tuple(dict.fromkeys(context.keep)),
        model=writer,
        summary_window=_window(writer),
    )


def _threshold(context: Context, window: int, max_tokens: int) -> int:
    at = context.at
    wanted = at if isinstance(at, int) else window * int(at[:-1]) // 100
    # A reply that finds no room is cut off by the service; half of the window is left to the conversation all the same.
    return min(wanted, max(window - max_tokens, window // 2))


def _window(model: str) -> int:
    return context_window(model) or UNKNOWN_WINDOW


def _cheaper(model: str) -> str:
    """A model that costs less than an agent's own, also to fill; its own where none is known to."""
    own, other = price_of(model), price_of(SUMMARY_MODEL)
    if own is None or other is None:
        return model
    own, other = own.at(_window(model)), other.at(_window(SUMMARY_MODEL))
    fills_for_less = _window(SUMMARY_MODEL) * other.cache_write_5m <= _window(model) * own.cache_write_5m
    return SUMMARY_MODEL if fills_for_less and other.input < own.input and other.output < own.output else model


def check_context(
    context: Context | None, granted: frozenset[str], window: int, loc: Loc, own: bool, findings: Findings
) -> None:
    """Notes what in an agent's `context` cannot be meant.

    Parameters:
        granted: the names of the agent's tools.
        window: of its model, in tokens.
        loc: of `context` in the document, at the agent or in `defaults`.
        own: the agent has it itself: what `defaults` keep need not be granted to everyone.
    """
    if context is not None and isinstance(context.at, int) and context.at >= window:
        message = f"the window of its model holds {window:,} tokens: `at: {context.at}` is never reached"
        findings.at("AF203", message, (*loc, "at"), "write a share, as `80%`, or fewer tokens")
    if own and context is not None:
        for index, name in enumerate(context.keep):
            if name not in granted:
                message = f"the agent has no tool `{name}` to keep the results of"
                hint = findings.similar(name, sorted(granted)) or "name one of its `tools`, without brackets"
                findings.at("AF309", message, (*loc, "keep", index), hint)
    if context is not None and context.strategy == "none" and COMPACT.name in granted:
        message = f"the agent is granted `{COMPACT.name}`, and `strategy: none` compacts nothing"
        findings.at("AF309", message, (*loc, "strategy"), f"take `{COMPACT.name}` out of `tools`, or choose a strategy")
