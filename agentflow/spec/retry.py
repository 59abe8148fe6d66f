"""What `retry` says: how often a step is tried, how long it rests in between, and after which failures."""

from typing import Annotated, Literal

from pydantic import Field

from agentflow.spec.base import Duration, Spec

RetryKind = Literal[
    "model_unavailable",
    "output_invalid",
    "finish_missing",
    "unexpected_reply",
    "command_failed",
    "call_failed",
    "tool_failed",
    "failed",
    "timeout",
    "max_rounds",
    "turns",
    "cost_usd",
    "tokens",
    "wall_time",
    "tool_calls",
    "repeated_calls",
    "failed_calls",
    "no_progress",
    "refusal",
    "max_tokens",
    "context_window",
    "expression",
    "outcome_unknown",
]
"""The failures that a step can be tried again after. The rest would fail the same way each time, or is no failure of
the step's own: a bound of the run, a request or key that the service refuses, a cancellation."""

WORTH_REPEATING: tuple[RetryKind, ...] = (
    "model_unavailable",
    "output_invalid",
    "finish_missing",
    "unexpected_reply",
    "command_failed",
    "call_failed",
    "tool_failed",
    "failed",
    "timeout",
)
"""What `on` is where it is not written: the same step may well succeed another time. An agent's own `stop` is not among
them, since each attempt would cost as much again; who wants that says so."""

MOST_ATTEMPTS = 20


class Retry(Spec):
    """Tries a step again after a failure, each time afresh."""

    attempts: Annotated[int, Field(ge=2, le=MOST_ATTEMPTS)] = Field(
        description="How often it is tried in all, the first time included."
    )
    backoff: Duration = Field(
        default=1.0, description="The rest before the second attempt, as `30s`; doubled each time, with jitter."
    )
    on: list[RetryKind] = Field(
        default_factory=lambda: list(WORTH_REPEATING),
        min_length=1,
        description="The kinds of failure after which it is tried again.",
    )
    repeat_effects: bool = Field(
        default=False, description="Must be true where the step sends something: it may be sent again."
    )
