"""What has become of a session's context: how full it is, and how it was made smaller."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from agentflow.events.values import CompactionWay, Failure

JSON = Any

USUAL_RATIO = 0.3
"""Tokens to a byte of English and code, until a reply tells what it is in this conversation."""

LEAST_RATIO, MOST_RATIO = 0.1, 1.0


class CompactionOut(Struct, frozen=True):
    """A call that shall make the conversation smaller, and has no answer yet."""

    number: int
    attempt: int
    way: CompactionWay
    max_tokens: int
    reserved_usd: float


class ContextState(Struct, frozen=True):
    """The context of one session.

    Attributes:
        prompt: the session's own, which stays whatever is left out.
        counted_bytes: bytes of all that the last exact count was of; `ratio`: the tokens to a byte that it showed.
        slack: by how much the bytes of what stayed after a compaction overstate it: no part counts more
            than the whole conversation did.
        counts: the service counts tokens when it is asked.
        done: compactions so far; `settled_turn`: the turn after which the last one came.
        calls: those of them that asked a model; each is one of the session's turns.
        out: the call that is out.
        attempt: failed attempts of the way that is being tried; `retry_at`: not before, in seconds since the epoch.
        outages: how many of those met no service; `down_since`: when the first did, in seconds since the epoch, where
            the last one did too; `last_failure`: of the last one.
        failed: the ways that brought nothing this time; `no_api`: the service has no compaction of its own.
        forced: compact before the next turn, however much there is.
        too_long: why the service did not take the last request, where it was its length; `limit`: the threshold, in
            tokens, since one was refused: the model holds less than was thought.
        summary: the layers of the last summary.
    """

    prompt: str = ""
    counted_bytes: int = 0
    ratio: float = USUAL_RATIO
    slack: int = 0
    counts: bool = True
    done: int = 0
    settled_turn: int = -1
    calls: int = 0
    out: CompactionOut | None = None
    attempt: int = 0
    retry_at: float | None = None
    outages: int = 0
    down_since: float | None = None
    last_failure: Failure | None = None
    failed: tuple[CompactionWay, ...] = ()
    no_api: bool = False
    forced: bool = False
    too_long: Failure | None = None
    limit: int | None = None
    summary: Mapping[str, JSON] | None = None


def ratio_of(tokens: int, counted_bytes: int) -> float:
    """Tokens to a byte, within what any text has."""
    if tokens <= 0 or counted_bytes <= 0:
        return USUAL_RATIO
    return min(MOST_RATIO, max(LEAST_RATIO, tokens / counted_bytes))
