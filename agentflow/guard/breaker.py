"""Whether a model is asked at all: not while its service is known to be down. Pure.

M. Nygard, "Release It!" (2007), on circuit breakers: a service that failed several callers in a row is left alone for
a while, then one caller tries; only when that one was answered do the others follow.
"""

from msgspec import Struct
from msgspec.structs import replace

FAILURES_TO_OPEN = 5
"""In a row, of all sessions together: fewer may be chance, and each further one is a caller who waits for nothing."""

FIRST_COOL_DOWN_SECONDS = 5.0
LONGEST_COOL_DOWN_SECONDS = 300.0

_DOUBLINGS = 16


class Breaker(Struct, frozen=True):
    """What is known of one model.

    Attributes:
        failures: in a row.
        opened: how often it was opened in a row.
        until: calls are held until then, in seconds since the epoch; None: they are not.
        probing: one call is out to see whether the service is there again.
    """

    failures: int = 0
    opened: int = 0
    until: float | None = None
    probing: bool = False


def failed(breaker: Breaker, now: float, random: float) -> Breaker:
    """A call met no service.

    Args:
        random: uniform in [0, 1): processes that went down together do not come back together.
    """
    failures = breaker.failures + 1
    if not breaker.probing and (failures < FAILURES_TO_OPEN or breaker.until is not None):
        # A call that went out before the breaker opened says nothing new.
        return replace(breaker, failures=failures)
    longest = FIRST_COOL_DOWN_SECONDS * 2.0 ** min(breaker.opened, _DOUBLINGS)
    cool_down = min(LONGEST_COOL_DOWN_SECONDS, longest) * (0.5 + random / 2)
    return Breaker(failures, breaker.opened + 1, now + cool_down)


def answered(_breaker: Breaker) -> Breaker:
    """The service is there, whatever it said."""
    return Breaker()


def probe_gone(breaker: Breaker) -> Breaker:
    """The call that was to see whether the service is there ended without telling."""
    return replace(breaker, probing=False)


def held_until(breaker: Breaker, now: float) -> float | None:
    """Until when a call is held: a time to come; `now` while another call is trying; None: it may go."""
    if breaker.until is None:
        return None
    if breaker.probing:
        return now
    return breaker.until if breaker.until > now else None


def going(breaker: Breaker) -> Breaker:
    """A call goes out; after a cool-down it is the one that tries."""
    return breaker if breaker.until is None else replace(breaker, probing=True)
