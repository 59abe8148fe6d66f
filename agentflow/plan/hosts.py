"""Names of hosts in one form, and the rules that narrow which of them a tool may reach: `domain:x.org`."""

import re
from collections.abc import Iterable

_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
# What a number in an address may be written as: decimal, octal, hexadecimal.
_NUMBER = re.compile(r"(?:0[xX][0-9a-fA-F]*|[0-9]+)")
_PRIVATE_ENDS = frozenset({
    "localhost", "localdomain", "local", "internal", "intranet", "private", "corp", "home", "lan", "arpa",
    "onion", "alt", "test", "example", "invalid",
})  # fmt: skip
_LONGEST = 253
DOMAIN = "domain:"
_HINT = "write `domain:x.org` for that host, or `domain:*.x.org` for every host below it"


class HostError(ValueError):
    """A text that names no public host; the message says why, to stand after the text."""


def canonical_host(text: str) -> str:
    """The name of a public host in the one form in which names are compared: lower case, punycode, no final dot.

    Internationalised names are mapped as browsers do (UTS 46). Addresses are no names, in whatever notation: which host
    an address is, no rule could say.

    Raises:
        HostError: it is an address, no name at all, or a name that only private networks know.
    """
    name = _mapped(text)
    labels = name.removesuffix(".").split(".")
    if not name.strip(".") or not all(_LABEL.fullmatch(label) for label in labels):
        raise HostError("is no name of a host")
    if _NUMBER.fullmatch(labels[-1]):
        raise HostError("is an address; only hosts with a name can be reached")
    if len(labels) == 1 or labels[-1] in _PRIVATE_ENDS:
        raise HostError("is a name of private networks")
    return ".".join(labels)


def _mapped(text: str) -> str:
    """Lower case, and what is not ASCII as punycode."""
    if len(text) > _LONGEST + 1:
        raise HostError("is longer than a name of a host can be")
    if text.startswith("[") or ":" in text:
        raise HostError("is an address; only hosts with a name can be reached")
    lowered = text.lower()
    if lowered.isascii() and "xn--" not in lowered:
        return lowered
    import idna

    try:
        return idna.encode(lowered, uts46=True, transitional=False).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        raise HostError("is no name of a host") from None


def domain_rule_problem(rule: str) -> tuple[str, str] | None:
    """What keeps `rule` from narrowing hosts, with the next move; None where nothing does."""
    if not rule.startswith(DOMAIN):
        shown = "a URL" if "://" in rule else "no rule of this tool"
        return f"`{rule[:80]}` is {shown}", _HINT
    name = rule.removeprefix(DOMAIN)
    if not name:
        return "the rule names no host", _HINT
    if "://" in name or "/" in name or "@" in name:
        return "a rule names a host, and no URL or part of one", _HINT
    if re.search(r":\d*$", name) and name.count(":") == 1:
        return "a rule names a host without its port; only the usual ports are reached", _HINT
    below = name.removeprefix("*.")
    if "*" in below:
        return "`*` stands alone at the beginning, before a dot", _HINT
    try:
        canonical = canonical_host(below)
    except HostError as error:
        return f"`{below[:80]}` {error}", _HINT
    if canonical != below:
        return (
            f"`{below[:80]}` is written otherwise in the end",
            f"write `{DOMAIN}{name.removesuffix(below)}{canonical}`",
        )
    return None


def site_rule_problem(rule: str) -> tuple[str, str] | None:
    """What keeps `rule` from narrowing a search: the service takes a site with every host below it, and no less."""
    if not rule.startswith(DOMAIN):
        return f"`{rule[:80]}` is no rule of this tool", "write `domain:x.org` for that site and every host below it"
    if rule.startswith(f"{DOMAIN}*."):
        site = rule.removeprefix(f"{DOMAIN}*.")
        return (
            "a search takes a site with all below it, and cannot leave the site itself out",
            f"write `{DOMAIN}{site}`",
        )
    return domain_rule_problem(rule)


def host_of_rule(rule: str) -> str:
    """What a sound rule covers, as `plan` shows it: `x.org` or `*.x.org`."""
    return rule.removeprefix(DOMAIN)


def covers(rules: Iterable[str], host: str) -> bool:
    """Whether one of the rules covers a host, given as `canonical_host` gives it; no rule at all covers every host.

    `domain:x.org` covers that host alone, `domain:*.x.org` every host below it and not the host itself: exact, as
    Claude Code reads them.
    """
    names = [host_of_rule(rule) for rule in rules]
    return not names or any(
        host.endswith(name[1:]) and len(host) > len(name) - 1 if name.startswith("*.") else host == name
        for name in names
    )
