"""What the API answers when it does not answer: status, error type and message, as one raisable value."""

from collections.abc import Mapping
from typing import Any

STATUS_OF_TYPE = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}


class ApiError(Exception):
    """An error answer.

    Parameters: `error_type` (`invalid_request_error`, ...), `message`, `status` (HTTP), `error_code` (the machine
    readable code some errors carry in `details`), `headers` (extra response headers such as `retry-after`).
    """

    def __init__(
        self,
        error_type: str,
        message: str,
        status: int,
        error_code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.message = message
        self.status = status
        self.error_code = error_code
        self.headers = dict(headers or {})

    def body(self, request_id: str) -> dict[str, Any]:
        """The JSON body of the answer; source: `anthropic.types.shared.error_response`."""
        error: dict[str, Any] = {"type": self.error_type, "message": self.message}
        if self.error_code is not None:
            error["details"] = {"error_code": self.error_code}
        return {"type": "error", "error": error, "request_id": request_id}


def invalid(message: str) -> ApiError:
    """A 400 `invalid_request_error`."""
    return ApiError("invalid_request_error", message, 400)
