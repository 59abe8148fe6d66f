"""What the service said against a request becomes a ModelError. Pure.

Source of the rules: the errors page of the Messages API and `anthropic.types.shared.error_details`. A status says
whether the same request may succeed later, except where an error code or the words of the message say that it is
money or access that lacks: that is permanent under any status.
"""

import email.utils
import math
from collections.abc import Mapping

from msgspec import Struct

from agentflow.events.values import FailureKind
from agentflow.models.faults import FAULTS
from agentflow.models.port import ModelError
from agentflow.models.retry import RETRY_AFTER_CAP_SECONDS

LONGEST_QUOTE = 500

_STATUS_OF_TYPE = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "conflict_error": 409,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
_ACCESS = {401: "key_refused", 402: "billing", 403: "not_permitted"}
_PASSING = {408: "timed_out", 409: "conflict", 429: "rate_limited", 504: "timed_out", 529: "overloaded"}
_BUSY = frozenset({429, 529})
_MONEY_CODES = ("_spend_limit_reached", "_billing_unavailable", "_not_billable", "_billing_not_authorized")
_MONEY_WORDS = ("credit balance", "spend limit", "specified api usage limits")

_MONEY_MOVE = "add credit or raise the limit in the Console"
_LESS_MOVE = "give the agent less to read, or split its work between subagents"
_NO_SEARCH_MOVE = "where the model's service has no WebSearch, take it out of the agent's `tools`"
_MOVES = {
    401: "check ANTHROPIC_API_KEY",
    402: _MONEY_MOVE,
    403: "use a key that may use this model and workspace",
    404: "check the model's name and ANTHROPIC_BASE_URL",
}


class Refusal(Struct, frozen=True):
    """An answer that is an error.

    Attributes:
        status: of HTTP; 200 for an error event amid a stream, whose type then decides.
        error_type, code: the API's, where it named one.
        message: the API's words, of any length.
        headers: of the answer, names in lower case; only those about waiting are looked at.
    """

    status: int
    error_type: str = ""
    code: str | None = None
    message: str = ""
    headers: Mapping[str, str] | None = None
    request_id: str | None = None


def model_error(refusal: Refusal, now: float, *, billed: bool = False) -> ModelError:
    """The ModelError of an answer that is an error.

    Args:
        refusal: what was answered.
        now: seconds since the epoch, for a `retry-after` that is a date.
        billed: the reply had begun.
    """
    status = _STATUS_OF_TYPE.get(refusal.error_type, 500) if refusal.status < 300 else refusal.status
    headers = refusal.headers or {}
    fault, move = _judge(status, refusal, headers)
    kind = FAULTS[fault].kind or "model_unavailable"
    retryable = kind == "model_unavailable"
    said = quote(refusal.message)
    named = f"{refusal.status} {refusal.error_type}".strip()
    message = f"the model's service {_VERBS[kind]} ({named}){': ' + said if said else ''}"
    return ModelError(
        kind,
        f"{message.rstrip('.')}; {move}" if move else message,
        retryable=retryable,
        retry_after=retry_after(headers, now) if retryable else None,
        billed=billed,
        request_id=refusal.request_id,
        overloaded=retryable and status in _BUSY,
        fault="error_event" if retryable and refusal.status < 300 else fault,
    )


_VERBS: dict[FailureKind, str] = {
    "model_access": "does not admit this key",
    "model_unavailable": "is not available",
    "model_request_refused": "refuses the request",
    "context_window": "finds the conversation too long",
}


def _judge(status: int, refusal: Refusal, headers: Mapping[str, str]) -> tuple[str, str | None]:
    """The row of the table of faults, and the next move."""
    code, words = refusal.code or "", refusal.message.lower()
    if refusal.error_type == "billing_error":
        return "billing", _MONEY_MOVE
    if code.endswith(_MONEY_CODES) or (status in (400, 403, 429) and any(phrase in words for phrase in _MONEY_WORDS)):
        return "spend_limit", _MONEY_MOVE
    if status == 413 or (status == 400 and words.startswith("prompt is too long")):
        return "too_large" if status == 413 else "too_long", _LESS_MOVE
    if code == "organization_on_hold":
        return "on_hold", _MOVES.get(status)
    if status in _ACCESS:
        return _ACCESS[status], _MOVES[status]
    if status == 400 and "web_search" in words:
        return "bad_request", _NO_SEARCH_MOVE
    if 300 <= status < 400:
        return "redirected", "it redirects, which is not followed: check ANTHROPIC_BASE_URL"
    if status == 429 and headers.get("x-should-retry") == "false":
        return "no_retry", "the service says that waiting will not help; check the limits in the Console"
    if status >= 500 or status in _PASSING:
        return _PASSING.get(status, "server_error"), None
    return "not_found" if status == 404 else "bad_request", _MOVES.get(status)


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds the service asks to wait, between 0 and a day; None where it asks for nothing that can be understood.

    Args:
        headers: `retry-after-ms`, and `retry-after` in seconds or as a date; names in lower case.
        now: seconds since the epoch.
    """
    seconds = _number(headers.get("retry-after-ms"))
    seconds = seconds / 1000 if seconds is not None else _number(headers.get("retry-after"))
    if seconds is None:
        seconds = _until(headers.get("retry-after", ""), now)
    return None if seconds is None else min(RETRY_AFTER_CAP_SECONDS, max(0.0, seconds))


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return None if math.isnan(value) else value


def _until(text: str, now: float) -> float | None:
    try:
        return email.utils.parsedate_to_datetime(text).timestamp() - now
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def quote(text: str) -> str:
    """Somebody else's words as they may stand in a message of ours: one line, printable, at most 500 characters."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text[: 4 * LONGEST_QUOTE]).split())
    return line if len(line) <= LONGEST_QUOTE else line[: LONGEST_QUOTE - 1] + "…"
