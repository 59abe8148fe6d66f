"""What `sandbox.network` names: `api.x.org`, `*.x.org`, `x.org:8443`. No rule at all covers no host at all."""

import re
from collections.abc import Iterable

from agentflow.plan.hosts import HostError, canonical_host

USUAL_PORTS = frozenset({80, 443})
_PORT = re.compile(r"[1-9][0-9]{0,4}")
_LAST_PORT = 65_535
_HINT = (
    "write `api.x.org` for that host, `*.x.org` for every host below it, `x.org:8443` for another port than 80 and 443"
)


def network_rule_problem(rule: str) -> tuple[str, str] | None:
    """What keeps an entry of `sandbox.network` from naming hosts, with the next move; None where nothing does."""
    shown = rule[:80]
    if "://" in rule or "/" in rule or "@" in rule:
        return f"`{shown}` is no host: a URL, or part of one", _HINT
    name, colon, port = rule.partition(":") if not rule.startswith("[") else (rule, "", "")
    if colon and not _is_port(port):
        return f"`{shown}` has no port between 1 and {_LAST_PORT:,} after its colon, and an address is no host", _HINT
    below = name.removeprefix("*.")
    if "*" in below:
        return "`*` stands alone at the beginning, before a dot", _HINT
    try:
        canonical = canonical_host(below)
    except HostError as error:
        return f"`{shown}` {error}", _HINT
    if canonical != below:
        return (
            f"`{shown}` is written otherwise in the end",
            f"write `{name.removesuffix(below)}{canonical}{colon}{port}`",
        )
    return None


def reaches(rules: Iterable[str], host: str, port: int) -> bool:
    """Whether one of the rules lets `host` be reached on `port`.

    Parameters:
        rules: sound ones. One without a port covers 80 and 443, one with a port that one alone; `*.x.org` covers
            every host below `x.org`, and not `x.org` itself.
        host: as `canonical_host` gives it.
    """
    return any(_covers(rule, host, port) for rule in rules)


def _covers(rule: str, host: str, port: int) -> bool:
    name, _, own = rule.partition(":")
    if port not in ({int(own)} if own else USUAL_PORTS):
        return False
    return host.endswith(name[1:]) and len(host) > len(name) - 1 if name.startswith("*.") else host == name


def _is_port(text: str) -> bool:
    return _PORT.fullmatch(text) is not None and int(text) <= _LAST_PORT
