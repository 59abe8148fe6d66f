"""Where requests go, as the environment says: `AGENTFLOW_ENDPOINT`.

It holds a word (`anthropic`, `bedrock`, `vertex`, `foundry`), the address of a server that speaks the Messages API, or
the path of a file that says more (`spec/endpoint_file.py`). Nothing is asked of the network here, and no client is
imported: `validate` reads it too, for what it declares of models.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace

from agentflow.errors import UsageError
from agentflow.plan.declared_models import NOTHING_DECLARED, Catalogue, DeclaredModel, declaring
from agentflow.plan.prices import Price
from agentflow.spec.endpoint_file import (
    KINDS,
    MAX_BYTES,
    EndpointFile,
    ModelLine,
    PriceLine,
    is_url,
    read_endpoint_file,
)

if TYPE_CHECKING:
    from agentflow.plan.model import Plan
    from agentflow.source.diagnostics import Diagnostic
    from agentflow.spec.sources import Source

VARIABLE = "AGENTFLOW_ENDPOINT"
KEY_VARIABLE = "AGENTFLOW_ENDPOINT_KEY"

REGIONAL = 1.1
"""By what a token is dearer at a regional endpoint of Bedrock and Vertex than the Claude API's list says. Source: the
pricing page of the Claude API, "third-party platform pricing". A global one costs what the list says."""

Kind = Literal["anthropic", "bedrock", "vertex", "foundry", "compatible"]

_MOVE = f"set {VARIABLE} to {', '.join(KINDS)}, a URL, or the path of a file (docs/endpoints.md)"


class Endpoint(Struct, frozen=True):
    """Where requests go.

    Attributes:
        kind: `compatible`: any server that speaks the Messages API.
        base_url: its address, or None for the client's own.
        key_from: the variable that holds the key; None: the client's own way to find one.
        lacks: features that need not be tried.
        foreign: the client's own variable names an address that is not Anthropic's, and nobody says that it is the
            Claude API all the same.
        catalogue: what is declared of its models.
    """

    kind: Kind = "anthropic"
    base_url: str | None = None
    key_from: str | None = None
    lacks: frozenset[str] = frozenset()
    foreign: bool = False
    catalogue: Catalogue = NOTHING_DECLARED

    @property
    def is_plain(self) -> bool:
        """It is the Claude API itself, with nothing said about it: requests go as they are."""
        return self == Endpoint()

    @property
    def is_lax(self) -> bool:
        """Its replies may lack what those of the Claude API have."""
        return self.foreign or self.kind == "compatible"


def endpoint_of(environ: Mapping[str, str]) -> Endpoint:
    """The endpoint that the environment names; the Claude API where it names none.

    Raises:
        UsageError: it names what is no endpoint, or its file cannot be used.
    """
    value = environ.get(VARIABLE, "").strip()
    if not value:
        found = _endpoint(EndpointFile(endpoint="anthropic"), environ)
        return replace(found, foreign=_is_foreign(environ.get("ANTHROPIC_BASE_URL", "")))
    if value in KINDS or is_url(value):
        return _endpoint(EndpointFile(endpoint=value), environ)
    path = Path(value).expanduser()
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(
            f"{VARIABLE} names no endpoint and no file: '{value[:200]}' ({error.strerror})", _MOVE
        ) from None
    except ValueError:
        raise UsageError(f"{VARIABLE} names no endpoint and no file", _MOVE) from None
    if len(content) > MAX_BYTES:
        raise UsageError(f"the endpoint file '{value[:200]}' is longer than {MAX_BYTES} bytes", "make it smaller")
    return _endpoint(read_endpoint_file(content, value), environ)


@contextmanager
def declaring_models() -> Iterator[None]:
    """Has what the environment's endpoint declares of models hold in this context.

    One that cannot be used declares nothing: who needs it will say so.
    """
    try:
        catalogue = endpoint_of(os.environ).catalogue
    except UsageError:
        catalogue = NOTHING_DECLARED
    with declaring(catalogue):
        yield


def plan_here(source: "Source") -> "tuple[Plan | None, list[Diagnostic]]":
    """The plan of a file and its problems, by what is declared of models on this machine. Raises as `endpoint_of`."""
    from agentflow.plan.compile import to_plan

    with declaring(endpoint_of(os.environ).catalogue):
        return to_plan(source)


def _endpoint(said: EndpointFile, environ: Mapping[str, str]) -> Endpoint:
    url = said.endpoint if is_url(said.endpoint) else None
    if url is not None:
        _check(url)
    key_from = said.key_from or (KEY_VARIABLE if environ.get(KEY_VARIABLE) else None)
    kind: Kind = "compatible" if url is not None else said.endpoint  # type: ignore[assignment]  # judged by its model
    dearer = REGIONAL if _is_regional(kind, environ) else 1.0
    catalogue = Catalogue({name: _model(line) for name, line in said.models.items()}, dearer)
    return Endpoint(kind, url, key_from, frozenset(said.lacks), catalogue=catalogue)


def _check(url: str) -> None:
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise UsageError(f"the endpoint '{url[:200]}' is no URL", "write it as https://host or http://host:port")
    if parts.username or parts.password or parts.query or parts.fragment:
        move = f"give the key by {KEY_VARIABLE}"
        raise UsageError("the endpoint's URL holds a name, a password or a query", move)


def _is_regional(kind: Kind, environ: Mapping[str, str]) -> bool:
    if kind == "vertex":
        return environ.get("CLOUD_ML_REGION", "") != "global"
    return kind == "bedrock"


def _is_foreign(address: str) -> bool:
    try:
        host = urlsplit(address).hostname or ""
    except ValueError:
        return False
    return bool(host) and host != "anthropic.com" and not host.endswith(".anthropic.com")


def _model(line: ModelLine) -> DeclaredModel:
    return DeclaredModel(line.id, _price(line.price), line.context_window, line.max_output)


def _price(said: PriceLine | Literal[0] | None) -> Price | None:
    if said is None:
        return None
    if said == 0 or not isinstance(said, PriceLine):
        return Price(0.0, 0.0, 0.0, 0.0, 0.0, web_search=0.0)

    def of(rate: float | None) -> float:
        return (said.input if rate is None else rate) / 1_000_000

    search = None if said.web_search is None else said.web_search / 1000
    return Price(
        of(said.input),
        of(said.output),
        of(said.cache_read),
        of(said.cache_write_5m),
        of(said.cache_write_1h),
        web_search=search,
    )
