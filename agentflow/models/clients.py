"""Which of the library's clients asks an endpoint, with which key, and what must be installed for it."""

import os
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING, Any

from agentflow.errors import AgentflowError
from agentflow.plan.endpoints import KEY_VARIABLE, Endpoint, Kind

if TYPE_CHECKING:
    import httpx2

NO_KEY = "not-needed"
"""Sent to a server without a key; the client does not start without one."""

HINTS: Mapping[Kind, str] = {
    "anthropic": "set ANTHROPIC_API_KEY, or try the workflow without a model: `--scripted FILE`",
    "bedrock": "set AWS_REGION, and AWS_BEARER_TOKEN_BEDROCK or the usual credentials of AWS",
    "vertex": "set CLOUD_ML_REGION and ANTHROPIC_VERTEX_PROJECT_ID, and log in with `gcloud auth application-default`",
    "foundry": "set ANTHROPIC_FOUNDRY_API_KEY, and ANTHROPIC_FOUNDRY_RESOURCE or ANTHROPIC_FOUNDRY_BASE_URL",
    "compatible": f"where the server wants a key, set {KEY_VARIABLE}",
}
"""What to do about credentials, by the kind of endpoint."""


def new_client(library: ModuleType, endpoint: Endpoint, http_client: "httpx2.AsyncClient") -> Any:
    """A client for an endpoint, without retries of its own.

    Raises:
        AgentflowError: what it needs is not installed, or the variable that is to hold the key is empty.
        Exception: the library's own, where the environment lacks what that client needs.
    """
    common: dict[str, Any] = {"max_retries": 0, "http_client": http_client, "timeout": http_client.timeout}
    key = _key(endpoint)
    if endpoint.kind == "bedrock":
        if key is None and not os.environ.get("AWS_BEARER_TOKEN_BEDROCK"):
            _need("boto3", "bedrock")
        from anthropic.lib.bedrock import AsyncAnthropicBedrock

        return AsyncAnthropicBedrock(api_key=key, **common)
    if endpoint.kind == "vertex":
        if key is None:
            _need("google.auth", "vertex")
        if not os.environ.get("ANTHROPIC_VERTEX_PROJECT_ID"):
            # The client would ask for it with the first request only.
            raise AgentflowError("the endpoint `vertex` needs ANTHROPIC_VERTEX_PROJECT_ID", HINTS["vertex"])
        from anthropic.lib.vertex import AsyncAnthropicVertex

        return AsyncAnthropicVertex(access_token=key, **common)
    if endpoint.kind == "foundry":
        return library.AsyncAnthropicFoundry(api_key=key, **common)
    if endpoint.kind == "compatible":
        # A key for the Claude API is nobody else's: without one of its own the server gets none.
        return library.AsyncAnthropic(base_url=endpoint.base_url, api_key=key or NO_KEY, **common)
    return library.AsyncAnthropic(base_url=endpoint.base_url, api_key=key, **common)


def _key(endpoint: Endpoint) -> str | None:
    if endpoint.key_from is None:
        return None
    key = os.environ.get(endpoint.key_from, "")
    if not key:
        raise AgentflowError(f"the endpoint's key is to come from {endpoint.key_from}, which is not set", "set it")
    return key


def _need(module: str, extra: str) -> None:
    try:
        found = find_spec(module) is not None
    except ModuleNotFoundError:
        found = False
    if not found:
        library = module.partition(".")[0]
        message = f"the endpoint `{extra}` needs {library}, which is not installed"
        raise AgentflowError(message, f"pip install 'agentflow[{extra}]'")


def secrets_of(client: Any) -> tuple[str, ...]:
    """The secrets that a client holds, which no message may quote."""
    names = ("api_key", "auth_token", "access_token", "aws_secret_key", "aws_session_token")
    found = (getattr(client, name, None) for name in names)
    return tuple(secret for secret in found if isinstance(secret, str) and secret)


def credential_errors(kind: Kind) -> tuple[type[Exception], ...]:
    """What comes up in a request where the credentials of a cloud cannot be had: its library's, and `RuntimeError` from
    the client in between."""
    found: list[type[Exception]] = []
    if kind == "bedrock" and (module := sys.modules.get("botocore.exceptions")) is not None:
        found.append(module.BotoCoreError)
    if kind == "vertex" and (module := sys.modules.get("google.auth.exceptions")) is not None:
        found.append(module.GoogleAuthError)
    return (*found, RuntimeError) if kind in ("bedrock", "vertex") else ()


def sizes_told(model: Any) -> tuple[int | None, int | None]:
    """The tokens that a model takes and gives, of what a server tells of it: `max_input_tokens` and `max_tokens` of the
    Claude API, or `max_model_len` of vLLM for both together."""

    def count(*names: str) -> int | None:
        found = (getattr(model, name, None) for name in names)
        return next((value for value in found if type(value) is int and value > 0), None)

    return count("max_input_tokens", "max_model_len"), count("max_tokens")
