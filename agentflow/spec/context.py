"""What an agent does when its context window fills."""

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from agentflow.spec.base import Spec

Strategy = Literal["compact", "window", "summarize", "clear_tools", "none"]

SMALLEST_AT_TOKENS = 2000
SHARE_PATTERN = r"^([1-9][0-9])%$"
HIGHEST_SHARE = 95

_SHARE = re.compile(SHARE_PATTERN)


def _threshold(value: Any) -> Any:
    """A share of the window or a number of tokens; one sentence says both, where a union would say two."""
    if isinstance(value, str) and (match := _SHARE.fullmatch(value)) and int(match[1]) <= HIGHEST_SHARE:
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value >= SMALLEST_AT_TOKENS:
        return value
    raise ValueError(f"a share of the window from 10% to {HIGHEST_SHARE}%, or tokens from {SMALLEST_AT_TOKENS} on")


_Share = Annotated[str, StringConstraints(pattern=SHARE_PATTERN)]
Threshold = Annotated[
    str | int,
    BeforeValidator(_threshold, json_schema_input_type=_Share | Annotated[int, Field(ge=SMALLEST_AT_TOKENS)]),
]


class Context(Spec):
    """What is done with a conversation that fills the model's context window; the journal keeps the whole of it."""

    strategy: Strategy = Field(
        default="compact",
        description="How room is made.",
    )
    at: Threshold = Field(
        default="80%",
        description="When: a share of the model's context window, as `80%`, or a number of tokens.",
        examples=["80%", 150000],
    )
    keep_last: int = Field(
        default=10, ge=1, description="Turns at the end that stay as they are, as far as they fit half of `at`."
    )
    keep: list[Annotated[str, Field(min_length=1)]] = Field(
        default_factory=list, description="Names of its tools whose results always stay.", examples=[["Read"]]
    )
    model: str | None = Field(
        default=None,
        min_length=1,
        description="The model that writes summaries; where absent `claude-haiku-5-5`, if that costs less than the "
        "agent's own.",
    )
