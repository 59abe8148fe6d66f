"""How many calls to a model may be in flight: as many as its service is seen to admit. Pure.

The number is found out as TCP finds its window (RFC 5681): from few calls it grows by one with each reply until the
first refusal; a refusal halves it, once for all the calls that were in flight then; after that it grows by one with
each full round of replies. What the service says is left of its limits holds calls back before it has to refuse them.
"""

from math import inf, isfinite

from msgspec import Struct
from msgspec.structs import replace

CALLS_AT_FIRST = 16
"""Enough for most workflows from the first moment, and few enough not to be refused by any account."""

LONGEST_HOLD_SECONDS = 60.0
"""Limits of requests and tokens fill up within a minute; a clock that is off may say something longer."""


class RateLimits(Struct, frozen=True):
    """What a service said is left of its limits, and in how many seconds each is full again; None: it did not say."""

    requests: int | None = None
    requests_in: float = 0.0
    tokens: int | None = None
    tokens_in: float = 0.0


class Pace(Struct, frozen=True):
    """How many calls to a model may be in flight.

    Attributes:
        most: never more than this.
        window: so many may be; the whole part counts.
        growing: no refusal has come yet, and the window still doubles with each round.
        cut_at: when it was halved last, in seconds since the epoch.
        held_until: no call goes out before.
        requests, tokens: what is left until `requests_at` and `tokens_at`, as far as is known.
    """

    most: int
    window: float
    growing: bool = True
    cut_at: float = -inf
    held_until: float = -inf
    requests: float = inf
    requests_at: float = -inf
    tokens: float = inf
    tokens_at: float = -inf

    @property
    def allowed(self) -> int:
        """How many calls may be in flight."""
        return max(1, min(self.most, int(self.window)))


def pace(most: int, at_first: int | None = None) -> Pace:
    """Of a model of which nothing is known yet.

    Args:
        most: calls in flight that are never passed.
        at_first: how many may be at the beginning; None: `most`.
    """
    return Pace(most, float(most if at_first is None else min(most, at_first)))


def sent(known: Pace, tokens: int) -> Pace:
    """A call went out that counts about so many tokens."""
    return replace(known, requests=known.requests - 1, tokens=known.tokens - tokens)


def replied(known: Pace) -> Pace:
    """A reply came: a little more may be in flight."""
    step = 1.0 if known.growing else 1.0 / max(1.0, known.window)
    return replace(known, window=min(float(known.most), known.window + step))


def refused(known: Pace, sent_at: float, in_flight: int, now: float, retry_after: float | None) -> Pace:
    """The service had no room for a call.

    Args:
        sent_at: when that call went out: of all that were in flight together only the first one that is refused counts.
        in_flight: calls that were in flight with it, itself included.
        retry_after: seconds in which the service wants no other call.
    """
    until = known.held_until
    if retry_after is not None and isfinite(retry_after):
        until = max(until, now + min(retry_after, LONGEST_HOLD_SECONDS))
    known = replace(known, held_until=until, growing=False)
    if sent_at <= known.cut_at:
        return known
    window = max(1.0, min(known.window, float(in_flight)) / 2)
    return replace(known, window=window, cut_at=now)


def told(known: Pace, limits: RateLimits, now: float) -> Pace:
    """The service said what is left of its limits."""
    if limits.requests is not None:
        known = replace(
            known, requests=limits.requests, requests_at=now + min(limits.requests_in, LONGEST_HOLD_SECONDS)
        )
    if limits.tokens is not None:
        known = replace(known, tokens=limits.tokens, tokens_at=now + min(limits.tokens_in, LONGEST_HOLD_SECONDS))
    return known


def may_go_at(known: Pace, tokens: int, now: float) -> float:
    """When a call of about so many tokens may go out: `now`, or later where a limit must fill up first."""
    at = max(now, known.held_until)
    if known.requests < 1 and known.requests_at > now:
        at = max(at, known.requests_at)
    if known.tokens < tokens and known.tokens_at > now:
        at = max(at, known.tokens_at)
    return at
