"""URLs of models and of redirects: read strictly, so that what was checked is what is asked for."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from msgspec import Struct

from agentflow.guard.addresses import AddressPolicy
from agentflow.plan.hosts import HostError, canonical_host, covers, host_of_rule
from agentflow.tools.failures import ToolError, shortened

if TYPE_CHECKING:
    from agentflow.guard.closed import Closed

MAX_URL_CHARS = 4_096
_DEFAULT_PORTS = {"http": 80, "https": 443}
# What RFC 3986 lets stand in a path or query as it is; `%` is kept, for what is escaped already.
_SAFE = "!$&'()*+,;=:@/?-._~%[]"
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f-\x9f\\\u2028\u2029\ud800-\udfff]")


class WebUrl(Struct, frozen=True):
    """Where to ask for what.

    Attributes:
        host: its canonical name.
        target: path and query, ASCII.
    """

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """The host, with its port where that is not the scheme's own."""
        return self.host if self.port == _DEFAULT_PORTS[self.scheme] else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"


def read_url(text: str, policy: AddressPolicy) -> WebUrl:
    """A URL that may be asked for, as far as that can be told without a resolver; its fragment is left out.

    Raises:
        ToolError: it is malformed, or names a scheme, host or port that is never reached.
    """
    if len(text) > MAX_URL_CHARS:
        message = f"The URL has {len(text):,} characters; {MAX_URL_CHARS:,} are the most."
        raise ToolError(message, "Use a shorter one, or another source.")
    shown = f"`{shortened(text)}`"
    if _FORBIDDEN.search(text):
        raise ToolError(
            f"{shown} is no URL: it holds a space, a backslash or a character that none can hold.", "Escape it as %20."
        )
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ToolError(f"{shown} is no URL that can be read.", "Write it as `https://host/path`.") from None
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORTS or not text[len(scheme) :].startswith("://"):
        raise ToolError(f"{shown} is no http or https URL.", "Write it as `https://host/path`.")
    if "@" in parts.netloc:
        raise ToolError(f"{shown} holds a user name or password.", "None is ever sent: leave it out.")
    try:
        host = canonical_host(_bracketed(parts)) if "%" not in parts.netloc else None
    except HostError as error:
        raise ToolError(f"The host of {shown} {error}.", "Only public hosts can be reached, by their names.") from None
    if host is None:
        raise ToolError(f"The host of {shown} is escaped.", "Write it as it is.")
    port = _DEFAULT_PORTS[scheme] if port is None else port
    if port not in policy.ports:
        raise ToolError(f"Port {port} of {shown} is not reached.", "Only web pages on the usual ports can be fetched.")
    target = quote(parts.path or "/", safe=_SAFE) + (f"?{quote(parts.query, safe=_SAFE)}" if parts.query else "")
    return WebUrl(scheme, host, port, target)


def _bracketed(parts: SplitResult) -> str:
    """The host as written: what stands in brackets is an address, whatever is in them."""
    return parts.netloc if parts.netloc.startswith("[") else parts.hostname or ""


def redirected(url: WebUrl, location: str, policy: AddressPolicy) -> WebUrl:
    """Where a redirect leads.

    Raises:
        ToolError: to no URL that may be asked for, or away from https.
    """
    try:
        joined = urljoin(str(url), location)
    except ValueError:
        joined = location
    try:
        target = read_url(joined, policy)
    except ToolError as error:
        message = f"{url} redirects to where nothing can be fetched. {error.message}"
        raise ToolError(message, "Use another source.") from None
    if url.scheme == "https" and target.scheme == "http":
        raise ToolError(
            f"{url} redirects to {target}, which is not encrypted.", "Fetch that URL itself if you need it."
        )
    return target


def require_open(url: WebUrl, closed: "Closed | None", came_from: WebUrl | None = None) -> None:
    """Refuses a host that permissions close. Raises ToolError, with the rule."""
    rule = None if closed is None else closed.host(url.host)
    if rule is not None:
        how = f"{came_from} redirects to {url}, but `{url.host}`" if came_from else f"`{url.host}`"
        raise ToolError(f"{how} is closed by `{rule.text}` ({rule.where}).", "Go on without it.")


def require_granted(
    url: WebUrl, rules: Sequence[str], came_from: WebUrl | None = None, closed: "Closed | None" = None
) -> None:
    """Refuses a host that no rule covers, or that permissions close.

    Parameters:
        came_from: what redirected there.

    Raises:
        ToolError: it names the hosts that are granted.
    """
    if covers(rules, url.host):
        require_open(url, closed, came_from)
        return
    granted = ", ".join(map(host_of_rule, rules))
    how = f"{came_from} redirects to {url}, but `{url.host}`" if came_from else f"`{url.host}`"
    raise ToolError(f"{how} is not granted; you may fetch from: {shortened(granted)}.", "Do not try it again.")
