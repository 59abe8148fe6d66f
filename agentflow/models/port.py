"""What the rooms above want of a model."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, runtime_checkable

from msgspec import Struct

from agentflow.events.values import Failure, FailureKind, Timings, Usage
from agentflow.guard.pace import RateLimits
from agentflow.session.context import Request

JSON = Any

__all__ = ["Model", "ModelError", "RateLimits", "Reply", "Request", "TokenCounter", "calls_at_first"]


class Reply(Struct, frozen=True):
    """A whole reply, `message_stop` included; fields as the API names them.

    Attributes:
        inference_geo, speed: where and how it was made, where the reply tells; both change what it costs.
        limits: what the service said is left of its limits.
    """

    content: tuple[Mapping[str, JSON], ...]
    stop_reason: str
    stop_detail: str | None
    model: str
    usage: Usage
    request_id: str | None
    timings: Timings
    inference_geo: str | None = None
    speed: str | None = None
    limits: RateLimits | None = None


class ModelError(Exception):
    """A call that brought no whole reply.

    Parameters:
        kind: `model_unavailable` (busy, broken, cut), `model_request_refused` (the request itself is refused),
            `model_access` (key, permission, credit), `context_window` (the conversation is too long for the model).
        retryable: the same request may succeed later.
        retry_after: seconds the service asked to wait, already capped.
        billed: whether the service may charge for it: a stream that had begun is.
        fault: its row in the table of faults; `""`: none.
        limits: as of a reply.
    """

    def __init__(
        self,
        kind: FailureKind,
        message: str,
        *,
        retryable: bool,
        retry_after: float | None = None,
        billed: bool = False,
        request_id: str | None = None,
        overloaded: bool = False,
        fault: str = "",
        limits: RateLimits | None = None,
    ) -> None:
        super().__init__(message)
        self.failure = Failure(kind, message, retryable)
        self.retry_after = retry_after
        self.billed = billed
        self.request_id = request_id
        self.overloaded = overloaded
        self.fault = fault
        self.limits = limits


class Model(Protocol):
    """Answers requests; safe to call many times at once; a cancelled call leaves no connection behind."""

    async def reply(self, request: Request, on_text: Callable[[str], None] | None = None) -> Reply:
        """The whole reply; `on_text` hears its text as it comes. Raises ModelError."""

    async def close(self) -> None:
        """Closes every connection."""


@runtime_checkable
class Limited(Protocol):
    """A model behind a service that admits only so many calls: how many are in flight is found out."""

    @property
    def calls_at_first(self) -> int | None:
        """Calls that may be in flight before anything is known of the service; None: as many as there are."""


def calls_at_first(model: Model) -> int | None:
    """How many calls to a model may be in flight before anything is known of its service; None: there is no bound."""
    return model.calls_at_first if isinstance(model, Limited) else None


@runtime_checkable
class Records(Protocol):
    """A model that writes down what is asked and answered."""

    def keep_out(self, redacted: Callable[[str], str]) -> None:
        """Has every text pass `redacted` before it is written."""


def keep_out(model: Model | None, redacted: Callable[[str], str]) -> None:
    """Keeps secrets out of what a model writes down, where it does."""
    if model is not None and isinstance(model, Records):
        model.keep_out(redacted)


@runtime_checkable
class TokenCounter(Protocol):
    """A model whose service counts what a request would hold."""

    async def count(self, request: Request) -> int | None:
        """The tokens of the request, exact; None where they cannot be had. Raises nothing."""
