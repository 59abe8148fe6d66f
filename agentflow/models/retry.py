"""When to try a model call again: pure; the waiting and the recording are the engine's."""

import math

from msgspec import Struct

from agentflow.models.faults import Course

MAX_ATTEMPTS = 8
"""Tries at one reply that cannot be had, the first included: a minute of waiting at most, half of it on average."""

BASE_SECONDS = 0.5
CAP_SECONDS = 30.0
RETRY_AFTER_CAP_SECONDS = 24 * 3600.0
"""A service that asks for longer is asked again after a day: a limit may have been raised."""

OUTAGE_CAP_SECONDS = 300.0
"""While the service is not there it is asked at least this often: an outage costs at most so much more time."""

OUTAGE_PATIENCE_SECONDS = 6 * 3600.0
"""An outage is waited for so long before the run pauses: longer than nearly every one that status pages tell of, and
still so that whoever comes in the morning finds a run that says what it waits for."""

_DOUBLINGS = 16


class Tries(Struct, frozen=True):
    """The tries at one turn so far, the one that just failed included.

    Attributes:
        attempt: from 1; `outages`: how many of them met no service.
        down_since: when the first of those did, in seconds since the epoch; None: the last one was no such.
        has_answered: the service has answered something in this run; what never did may be a wrong address.
    """

    attempt: int
    outages: int = 0
    down_since: float | None = None
    has_answered: bool = True


def next_try(
    course: Course, tries: Tries, retry_after: float | None, now: float, random: float
) -> tuple[float | None, bool]:
    """When a turn that failed is tried again, in seconds since the epoch, or not; and whether it waits for a person.

    Args:
        retry_after: seconds the service asked to wait, or None.
        random: uniform in [0, 1).
    """
    if course == "park":
        return None, True
    if course == "again" and tries.attempt - tries.outages < MAX_ATTEMPTS:
        return now + delay(tries.attempt - tries.outages, retry_after, random), False
    if course == "wait":
        patience = OUTAGE_PATIENCE_SECONDS if tries.has_answered else 0.0
        since = now if tries.down_since is None else tries.down_since
        if tries.outages >= MAX_ATTEMPTS and now - since >= patience:
            return None, True
        return now + outage_delay(tries.outages, retry_after, random), False
    return None, False


def delay(attempt: int, retry_after: float | None, random: float, cap: float = CAP_SECONDS) -> float:
    """How long to wait before the next attempt.

    Exponential backoff with full jitter: uniform between nothing and a bound that doubles. Of the usual schemes it
    spreads callers that failed together best (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog,
    2015). What the service asked for is a lower bound; the jitter comes on top of it, so that callers told the same
    second do not return in the same second.

    Args:
        attempt: the attempt that failed, from 1.
        retry_after: seconds the service asked to wait, or None.
        random: uniform in [0, 1).
        cap: the longest backoff, in seconds.

    Returns:
        Seconds: at most `cap`, or a day where the service asked for a wait.
    """
    spread = random * min(cap, BASE_SECONDS * 2.0 ** min(max(attempt - 1, 0), _DOUBLINGS))
    if retry_after is None or math.isnan(retry_after):
        return spread
    return min(RETRY_AFTER_CAP_SECONDS, max(0.0, retry_after) + spread)


def outage_delay(outages: int, retry_after: float | None, random: float) -> float:
    """How long to wait for a service that is not there: as `delay`, and after some attempts up to five minutes, half of
    them at least: nobody is served by asking a service that is down every few seconds."""
    if outages < MAX_ATTEMPTS:
        return delay(outages, retry_after, random)
    return delay(outages, retry_after, 0.5 + random / 2, OUTAGE_CAP_SECONDS)
