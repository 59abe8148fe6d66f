"""What a plain scalar stands for: the core schema of YAML 1.2.2 (section 10.3.2), as far as JSON can hold it."""

import math
import re

from msgspec import Struct

Scalar = str | int | float | bool | None

# Any integer of at most this many digits can also become a float.
MAX_DIGITS = 300
_BEYOND = 10**MAX_DIGITS

_WORDS: dict[str, Scalar] = {
    "": None,
    "~": None,
    **dict.fromkeys(("null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMBER_STARTS = frozenset("+-.0123456789")
_DECIMAL = re.compile(r"[-+]?[0-9]+")
_OTHER_BASE = re.compile(r"0(?:o[0-7]+|x[0-9a-fA-F]+)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")


class Unfit(Struct, frozen=True):
    """A plain scalar that has a meaning in YAML but not in a workflow file.

    Attributes:
        code: the diagnostic's code.
        message: what is wrong.
        hint: the next move.
    """

    code: str
    message: str
    hint: str


def plain_value(text: str) -> Scalar | Unfit:
    """Returns the value of the plain scalar `text`: null, a boolean, a number, or else `text` itself."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMBER_STARTS:
        return text
    if _NOT_FINITE.fullmatch(text):
        return Unfit("AF105", f"`{text}` is not a number that JSON has", "quote it if it is text")
    whole = _DECIMAL.fullmatch(text) or _OTHER_BASE.fullmatch(text)
    if not whole and not _FLOAT.fullmatch(text):
        return text
    too_large = Unfit("AF104", f"a number of more than {MAX_DIGITS} digits", "quote it if it is text")
    if len(text) > MAX_DIGITS + 2:
        return too_large
    if whole:
        integer = int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
        return integer if abs(integer) < _BEYOND else too_large
    number = float(text)
    return number if math.isfinite(number) else too_large
