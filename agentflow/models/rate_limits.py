"""What the headers of an answer say is left of the service's limits. Pure.

Source: the rate limits page of the Messages API: `anthropic-ratelimit-{requests,tokens,input-tokens}-remaining`, and
`-reset` as a time of RFC 3339.
"""

from collections.abc import Mapping
from datetime import datetime

from agentflow.guard.pace import RateLimits

_TOKENS = ("input-tokens", "tokens")


def rate_limits(headers: Mapping[str, str], now: float) -> RateLimits | None:
    """What is left, or None where the headers do not say; what cannot be understood is passed over.

    Args:
        headers: names in lower case.
        now: seconds since the epoch: of what resets only how far off it is counts.
    """
    requests, requests_in = _left(headers, "requests", now)
    tokens, tokens_in = min((_left(headers, name, now) for name in _TOKENS), key=lambda left: _or_many(left[0]))
    if requests is None and tokens is None:
        return None
    return RateLimits(requests, requests_in, tokens, tokens_in)


def _left(headers: Mapping[str, str], what: str, now: float) -> tuple[int | None, float]:
    text = headers.get(f"anthropic-ratelimit-{what}-remaining", "")
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        return None, 0.0
    try:
        reset = datetime.fromisoformat(headers.get(f"anthropic-ratelimit-{what}-reset", ""))
        seconds = reset.timestamp() - now if reset.tzinfo is not None else 0.0
    except (ValueError, OverflowError):
        seconds = 0.0
    return int(text), max(0.0, seconds)


def _or_many(count: int | None) -> float:
    return float("inf") if count is None else count
