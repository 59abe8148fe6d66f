"""Rules of `Bash`, asked of a script."""

import re
from collections.abc import Sequence
from typing import Literal, Protocol

from msgspec import Struct

_PLAIN = re.compile(r"[A-Za-z0-9_./:@%+,-]+(?: [A-Za-z0-9_./:@%+,-]+)*")


class BashVerdict(Struct, frozen=True):
    """What rules make of a script; `none`: no rule decides."""

    verdict: Literal["allow", "ask", "deny", "none"]
    rule: str | None
    why: str


class DecideBash(Protocol):
    """Judges a script by what stands in the brackets of rules."""

    def __call__(
        self,
        script_text: str,
        *,
        allow: Sequence[str],
        ask: Sequence[str],
        deny: Sequence[str],
        allow_all: bool = False,
        ask_all: bool = False,
        deny_all: bool = False,
    ) -> BashVerdict:
        """What becomes of the script."""


def decide_commands(
    script_text: str,
    *,
    allow: Sequence[str],
    ask: Sequence[str],
    deny: Sequence[str],
    allow_all: bool = False,
    ask_all: bool = False,
    deny_all: bool = False,
) -> BashVerdict:
    """Judges a script of one command in plain words; any other cannot be told, and is never allowed by a rule."""
    known = _PLAIN.fullmatch(script_text.strip()) is not None
    lists: tuple[tuple[Literal["deny", "ask"], Sequence[str], bool], ...] = (
        ("deny", deny, deny_all),
        ("ask", ask, ask_all),
    )
    for verdict, rules, whole in lists:
        if whole or (rules and not known):
            return BashVerdict(verdict, None, "what it runs cannot be told" if not whole else "all of it")
        found = next((rule for rule in rules if _covers(rule, script_text.strip())), None)
        if found is not None:
            return BashVerdict(verdict, found, f"`{found}` covers it")
    if allow_all:
        return BashVerdict("allow", None, "all of it")
    if not known:
        return BashVerdict("none", None, "what it runs cannot be told")
    found = next((rule for rule in allow if _covers(rule, script_text.strip())), None)
    return BashVerdict("none", None, "no rule covers it") if found is None else BashVerdict("allow", found, "covered")


def _covers(rule: str, command: str) -> bool:
    if rule.endswith(" *") and command == rule[:-2]:
        return True
    parts = [re.escape(part) for part in rule.split("*")]
    return len(parts) <= 5 and re.fullmatch(".*".join(parts), command) is not None
