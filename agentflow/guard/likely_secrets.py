"""Secrets that nobody declared, found by how they look: keys whose makers gave them a shape, and what stands behind
`password =` and its like.

The shapes are those that their makers document, and that detect-secrets (Yelp) and gitleaks look for. One expression
finds where to look, in time linear in the text; each kind then says what of that is to be masked.
"""

import math
import re
from collections import Counter
from typing import Literal

from msgspec import Struct

from agentflow.guard.patterns import Pattern, compile_own

LEAST_ENTROPY = 3.2
"""Bits a character of what stands behind a word such as `password`: words of a language have less, random text more."""


class Kind(Struct, frozen=True):
    """A kind of secret.

    Attributes:
        name: as masks tell it.
        shape: an expression that RE2 and `re` read alike; where it has a group, that alone is the secret.
        by_chance: what it finds counts only where it looks random; `code`: and like nothing that code is made of.
    """

    name: str
    shape: str
    by_chance: Literal["no", "yes", "code"] = "no"


_KEY = r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY(?: BLOCK)?-----"
_NAMED = (
    r"(?:password|passwd|passphrase|pwd|secret|api_?-?key|access_?-?key|auth_?-?key|private_?-?key|account_?-?key|"
    r"access_?-?token|auth_?-?token|api_?-?token|refresh_?-?token|client_?-?secret|bearer_?-?token|_authToken)"
)
_UNQUOTED = r"[^\s\"'`<>(){}\[\],;$*\\]"

KINDS = (
    Kind("AWS access key", r"\b(?:A3T[A-Z0-9]|ABIA|ACCA|AKIA|ASIA)[0-9A-Z]{16}\b"),
    Kind(
        "AWS secret key",
        r"(?i:aws.{0,20}?(?:secret|key).{0,20}?)[\"' ]{0,3}(?:=|:|=>)[\"' ]{0,3}([0-9A-Za-z/+]{40})\b",
        by_chance="code",
    ),
    Kind("Anthropic key", r"\bsk-ant-[a-z]{2,8}[0-9]{2}-[A-Za-z0-9_-]{20,}"),
    Kind(
        "OpenAI key",
        r"\bsk-(?:proj|svcacct|admin|None)-[A-Za-z0-9_-]{20,}|\bsk-[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}\b",
    ),
    Kind("GitHub token", r"\b(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59})\b"),
    Kind("GitLab token", r"\bgl(?:pat|dt|ptt|rt|cbt|soat|ft|imt|agent|oas)-[A-Za-z0-9_-]{20,}"),
    Kind(
        "Slack token", r"\bxox[abeoprs]-(?:[0-9A-Za-z]+-)+[0-9A-Za-z]{10,}|\bxapp-[0-9]-[A-Z0-9]+-[0-9]+-[a-z0-9]{20,}"
    ),
    Kind("Slack webhook", r"hooks\.slack\.com/(?:services|workflows)/[A-Z0-9]{8,12}/[A-Z0-9]{8,12}/[A-Za-z0-9]{18,}"),
    Kind("Stripe key", r"\b[rs]k_(?:live|test|prod)_[0-9a-zA-Z]{16,}\b|\bwhsec_[A-Za-z0-9]{32,}\b"),
    Kind("Google API key", r"\bAIza[0-9A-Za-z_-]{35}"),
    Kind("Google OAuth token", r"\bya29\.[0-9A-Za-z_-]{30,}|\bGOCSPX-[0-9A-Za-z_-]{28}"),
    Kind("npm token", r"\bnpm_[A-Za-z0-9]{36}\b"),
    Kind("PyPI token", r"\bpypi-AgE[A-Za-z0-9_-]{50,}"),
    Kind("Hugging Face token", r"\bhf_[A-Za-z]{34}\b"),
    Kind("SendGrid key", r"\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}\b"),
    Kind("Mailgun or Mailchimp key", r"\bkey-[0-9a-f]{32}\b|\b[0-9a-f]{32}-us[0-9]{1,2}\b"),
    Kind("DigitalOcean token", r"\bdo[opr]_v1_[a-f0-9]{64}\b"),
    Kind("Databricks token", r"\bdapi[a-f0-9]{32}\b"),
    Kind("Telegram token", r"\b[0-9]{8,10}:AA[0-9A-Za-z_-]{33}\b"),
    Kind("Discord token", r"\b[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38}\b", by_chance="yes"),
    Kind("Square token", r"\bsq0(?:csp|atp|idp)-[0-9A-Za-z_-]{22,43}"),
    Kind("Vault token", r"\bhv[sbr]\.[A-Za-z0-9_-]{24,}"),
    Kind("age key", r"\bAGE-SECRET-KEY-1[0-9A-Z]{58}\b"),
    Kind("Azure storage key", r"(?i:AccountKey|SharedAccessKey)=([A-Za-z0-9+/]{43,86}={1,2})"),
    Kind("JSON Web Token", r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"),
    Kind(
        "private key",
        rf"{_KEY}(?:[^-]|-[A-Za-z0-9]){{40}}(?:[^-]|-[A-Za-z0-9])*-----END [A-Z ]{{0,20}}PRIVATE KEY(?: BLOCK)?-----"
        rf"|{_KEY}(?:(?:\s|\\+[nr]){{1,12}}(?:[0-9]{{1,6}}\t)?[A-Za-z0-9+/]{{40,76}}={{0,2}})+",
    ),
    Kind(
        "password in a URL",
        r"\b[a-z][a-z0-9+.-]{1,15}://[^\s/?#:@\"'`<>{}$]{0,80}:([^\s/?#@\"'`<>{}$%*]{6,120})@",
        by_chance="code",
    ),
    Kind(
        "HTTP credentials",
        r"(?i:\bauthorization[\"']?\s{0,3}[:=]\s{0,3}[\"']?(?:bearer|basic|token)\s{1,3})([A-Za-z0-9_.~+/=-]{16,})",
        by_chance="code",
    ),
    Kind(
        "password or key",
        rf"(?i:{_NAMED})[\"']?\]?\s{{0,4}}(?:=|:|:=|=>)\s{{0,4}}(?:[\"']([^\s\"'<>(){{}}\[\]$*\\]{{10,200}})[\"']|({_UNQUOTED}{{16,200}}))",
        by_chance="code",
    ),
)
_DOTTED = re.compile(r"[A-Za-z_][\w-]*(?:[.:][A-Za-z_][\w-]*)+")
_PLACEHOLDER = re.compile(
    r"(?i)example|placeholder|changeme|change-me|your[_-]|dummy|redacted|secret:|x{4}|\.{3}|0{6}|12345|abcdef|test|fake|sample"
)


class LikelySecrets:
    """Masks what looks like a secret. It is compiled when it is first used."""

    def __init__(self) -> None:
        self._any: Pattern | None = None
        self._sure: Pattern | None = None
        self._shapes = [(kind, re.compile(kind.shape)) for kind in KINDS]

    def masked(self, text: str) -> str:
        """The text with `[likely secret: KIND]` in the place of each."""
        if self._any is None or self._sure is None:
            self._any = compile_own("|".join(f"(?:{kind.shape})" for kind in KINDS))
            self._sure = compile_own("|".join(f"(?:{kind.shape})" for kind in KINDS if kind.by_chance == "no"))
        data = text.encode("utf-8", "surrogatepass")
        without = self._masked(data, self._any, self._sure)
        return text if without is None else without.decode("utf-8", "surrogatepass")

    def _masked(self, data: bytes, look: Pattern, inside: Pattern | None) -> bytes | None:
        """The bytes with masks, or None where there are none.

        Parameters:
            inside: what to look for in what turns out to be no secret as a whole: `token = "ghp_…"`.
        """
        pieces: list[bytes] = []
        at = 0
        while (place := look.find(data, at)) is not None:
            begin, end = place
            shown = self._mask(data[begin:end])
            if shown is None and inside is not None:
                shown = self._masked(data[begin:end], inside, None)
            pieces += [data[at:begin], data[begin:end] if shown is None else shown]
            at = end
        without = b"".join([*pieces, data[at:]])
        return None if without == data else without

    def _mask(self, found: bytes) -> bytes | None:
        """What stands in the place of what was found; None where it is no secret after all."""
        text = found.decode("utf-8", "replace")
        for kind, shape in self._shapes:
            match = shape.fullmatch(text)
            if match is None:
                continue
            group = match.lastindex or 0
            secret = match[group]
            if kind.by_chance != "no" and not _looks_random(secret):
                continue
            if kind.by_chance == "code" and _looks_like_code(secret):
                continue
            begin, end = match.span(group)
            return f"{text[:begin]}[likely secret: {kind.name}]{text[end:]}".encode()
        return None


def _looks_random(text: str) -> bool:
    """Whether nobody would have chosen this text for its meaning."""
    if _PLACEHOLDER.search(text) or not any(one.isdigit() for one in text) or not any(one.isalpha() for one in text):
        return False
    counts = Counter(text)
    entropy = -sum(count / len(text) * math.log2(count / len(text)) for count in counts.values())
    return entropy >= min(LEAST_ENTROPY, math.log2(len(text)) - 0.6)


def _looks_like_code(text: str) -> bool:
    """Calls, paths and dotted names are no values."""
    return "(" in text or "/" in text[:2] or "://" in text or _DOTTED.fullmatch(text) is not None
