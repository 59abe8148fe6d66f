"""When to try a model call again: pure; the waiting and the recording are the engine's."""

import math

MAX_ATTEMPTS = 8
"""Calls of one turn in all, the first included: with the bounds below a minute of waiting at most, half on average."""

BASE_SECONDS = 0.5
CAP_SECONDS = 30.0
RETRY_AFTER_CAP_SECONDS = 60.0

_DOUBLINGS = 16


def delay(attempt: int, retry_after: float | None, random: float) -> float:
    """How long to wait before the next attempt.

    Exponential backoff with full jitter: uniform between nothing and a bound that doubles. Of the usual schemes it
    spreads callers that failed together best (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog,
    2015). What the service asked for is a lower bound; the jitter comes on top of it, so that callers told the same
    second do not return in the same second.

    Args:
        attempt: the attempt that failed, from 1.
        retry_after: seconds the service asked to wait, or None.
        random: uniform in [0, 1).

    Returns:
        Seconds: at most 30, or 60 where the service asked for a wait.
    """
    spread = random * min(CAP_SECONDS, BASE_SECONDS * 2.0 ** min(max(attempt - 1, 0), _DOUBLINGS))
    if retry_after is None or math.isnan(retry_after):
        return spread
    return min(RETRY_AFTER_CAP_SECONDS, max(0.0, retry_after) + spread)
