"""Colour on a terminal, and how wide text is there."""

import os
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import IO

_CODES: Mapping[str, str] = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34"}
_EMOJI_FORM = "\ufe0f"


class Paint:
    """Colours text, or leaves it as it is where `on` is false."""

    def __init__(self, on: bool) -> None:
        self.on = on

    @classmethod
    def for_stream(cls, stream: IO[str], environment: Mapping[str, str] = os.environ) -> "Paint":
        """Colour for a terminal, unless NO_COLOR is set (no-color.org) or the terminal is dumb."""
        wanted = stream.isatty() and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"
        return cls(wanted)

    def __call__(self, text: str, *names: str) -> str:
        """The text in the named colours."""
        if not self.on or not text:
            return text
        return f"\x1b[{';'.join(_CODES[name] for name in names)}m{text}\x1b[0m"


def takes_drawing(stream: IO[str], environment: Mapping[str, str] = os.environ) -> bool:
    """Whether something can be drawn on a stream over and over: it is a terminal that can, and somebody looks at it.

    What continuous integration gives for a terminal is a log that is read later; `CI` is set there.
    """
    if environment.get("CI", "").lower() not in ("", "0", "false", "no"):
        return False
    return stream.isatty() and environment.get("TERM", "dumb") not in ("dumb", "")


def terminal_size(stream: IO[str], environment: Mapping[str, str] = os.environ) -> tuple[int, int]:
    """Columns and lines of the terminal that a stream is, now; `COLUMNS` and `LINES` say it where they are set."""
    try:
        size: tuple[int, int] = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):  # no terminal
        size = (0, 0)
    columns, lines = (
        int(said) if (said := environment.get(name, "")).isdecimal() else found
        for name, found in zip(("COLUMNS", "LINES"), size, strict=True)
    )
    return columns or 80, lines or 24


def cell_width(text: str) -> int:
    """How many columns the text takes: two for wide characters (UAX #11), none for combining and invisible ones."""
    if text.isascii():
        return len(text)
    return sum(map(_width_of, text))


def cut(text: str, columns: int) -> str:
    """The beginning of a text that takes more than so many columns, with a sign that something is missing."""
    if cell_width(text) <= columns:
        return text
    kept, taken = [], 1
    for character in text:
        taken += _width_of(character)
        if taken > columns:
            break
        kept.append(character)
    return "".join(kept) + "…" if columns > 0 else ""


@lru_cache(maxsize=4096)
def _width_of(character: str) -> int:
    if character == _EMOJI_FORM:
        # It widens the character before it where that is narrow by itself (UTS #51); too wide is safer than too narrow.
        return 1
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def count(number: int, what: str, plural: str | None = None) -> str:
    """A number and its noun: `1 turn`, `2 turns`."""
    return f"{number:,} {what if number == 1 else plural or what + 's'}"


def case_name(choice: str) -> str:
    """A case of a `choose` in words: `case 2`, or `otherwise`."""
    return f"case {choice}" if choice.isdecimal() else choice


def money(usd: float) -> str:
    """US dollars, small amounts with four decimals; what is less than that is not told as nothing."""
    if 0 < usd < 0.00005:
        return "<$0.0001"
    return f"${usd:.4f}" if 0 < usd < 0.1 else f"${usd:.2f}"


def duration(seconds: float) -> str:
    """`0.4s`, `42s`, `3m05s`, `2h07m`."""
    seconds = max(seconds, 0.0)
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02}m"


def whole_seconds(seconds: float) -> str:
    """As `duration`, in whole seconds, for what is still counted."""
    return f"{int(max(seconds, 0.0))}s" if seconds < 9.95 else duration(seconds)


def tokens(number: int) -> str:
    """`940`, `12.3k`, `1.2M`."""
    if number < 1000:
        return str(number)
    if number < 999_950:
        return f"{number / 1000:.1f}k"
    return f"{number / 1_000_000:.1f}M"
