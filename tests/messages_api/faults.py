"""Faults: how the delivery of a reply goes wrong, on which attempts."""

import builtins
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .errors import ApiError

# kind -> error type, message, status; the status faults.
STATUS_FAULTS: dict[str, tuple[str, str, int]] = {
    "bad_request": ("invalid_request_error", "Scripted refusal of the request.", 400),
    "usage_limit": (
        "invalid_request_error",
        "You have reached your specified API usage limits. You will regain access on 2099-01-01 at 00:00 UTC.",
        400,
    ),
    "authentication": ("authentication_error", "invalid x-api-key", 401),
    "billing": ("billing_error", "There is an issue with your billing or payment information.", 402),
    "permission": ("permission_error", "Your API key does not have permission to use the specified resource.", 403),
    "not_found": ("not_found_error", "The requested resource was not found.", 404),
    "too_large": ("request_too_large", "Request exceeds the maximum size", 413),
    "rate_limit": ("rate_limit_error", "This request would exceed your organization's rate limit.", 429),
    "spend_limit": ("rate_limit_error", "Your organization has reached its spend limit.", 429),
    "server_error": ("api_error", "Internal server error", 500),
    "timeout": ("timeout_error", "Request timed out", 504),
    "overloaded": ("overloaded_error", "Overloaded", 529),
}
# kind -> parameters it takes, with what they mean in the README; beyond `kind` and `attempt`.
_PARAMETERS: dict[str, frozenset[str]] = {
    **{kind: frozenset({"retry_after", "message"}) for kind in STATUS_FAULTS},
    "reset": frozenset(),
    "close": frozenset(),
    "delay": frozenset({"seconds"}),
    "slow": frozenset({"seconds"}),
    "cut": frozenset({"at", "how"}),
    "error_event": frozenset({"after", "error"}),
    "html": frozenset(),
    "empty_stream": frozenset(),
    "bad_utf8": frozenset({"after"}),
    "pings": frozenset({"seconds", "after"}),
    "bad_index": frozenset({"after"}),
    "unknown_event": frozenset({"after"}),
    "truncated_tool": frozenset(),
    "duplicate_keys": frozenset(),
    "list_input": frozenset(),
    "open_after_stop": frozenset(),
    "dribble": frozenset({"bytes"}),
    "splice": frozenset({"at", "drop", "insert"}),
    "hang": frozenset({"at"}),
}
CUTS = ("reset", "close", "end")


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. `attempt` counts requests of the same body from 1; None means every attempt."""

    kind: str
    attempt: int | None = None
    retry_after: float | None = None
    message: str | None = None
    seconds: float = 1.0
    at: int = 0
    how: str = "reset"
    after: int = 1
    error: str = "overloaded_error"
    bytes: int = 1
    drop: int = 0
    insert: builtins.bytes = b""

    def __post_init__(self) -> None:
        if self.kind not in _PARAMETERS:
            raise ValueError(f"unknown kind '{self.kind}'; known: {', '.join(sorted(_PARAMETERS))}")
        if self.how not in CUTS:
            raise ValueError(f"'how' must be one of {', '.join(CUTS)}")


def read_faults(data: Iterable[Any]) -> tuple[Fault, ...]:
    """Faults from plain data, such as `{kind: cut, at: 300, how: close, attempt: 1}`; raises ValueError."""
    found: list[Fault] = []
    for item in data:
        if isinstance(item, Fault):
            found.append(item)
            continue
        if not isinstance(item, Mapping) or "kind" not in item:
            raise ValueError("a fault is a mapping with 'kind'")
        fault = Fault(**item) if item["kind"] not in _PARAMETERS else None
        if fault is None:
            extra = sorted(item.keys() - _PARAMETERS[item["kind"]] - {"kind", "attempt"})
            if extra:
                raise ValueError(f"'{item['kind']}' does not take '{extra[0]}'")
            fault = Fault(**item)
        found.append(fault)
    return tuple(found)


class Faults:
    """The faults of one attempt, by kind."""

    def __init__(self, faults: Sequence[Fault], attempt: int) -> None:
        self._by_kind = {fault.kind: fault for fault in faults if fault.attempt in (None, attempt)}

    def __bool__(self) -> bool:
        return bool(self._by_kind)

    def get(self, kind: str) -> Fault | None:
        """The fault of this kind, if the attempt has it."""
        return self._by_kind.get(kind)

    def names(self) -> str:
        """The kinds, joined by `+`."""
        return "+".join(self._by_kind)

    def status(self) -> ApiError | None:
        """The error answer, if the attempt has a status fault."""
        for kind, fault in self._by_kind.items():
            if kind in STATUS_FAULTS:
                error_type, message, status = STATUS_FAULTS[kind]
                headers = {} if fault.retry_after is None else {"retry-after": f"{fault.retry_after:g}"}
                code = "enforced_spend_limit_reached" if kind == "spend_limit" else None
                return ApiError(error_type, fault.message or message, status, code, headers)
        return None
