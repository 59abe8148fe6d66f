"""JSON that models, commands and people write, read within bounds. Pure.

What is read here goes on record, is shown, and is sent on: each of these must be able to take every value. Python's own
reader gives infinity for 1e999, which is no JSON and cannot be written again, and values so deep that only it can walk
through them.
"""

import json
import math
from typing import Any, NoReturn

JSON = Any

DEEPEST = 100
"""Levels of mappings and lists inside each other; as deep as expressions, schemas and functions go."""
MOST_DIGITS = 3_000
"""Of a whole number; Python itself refuses more than 4,300."""


def read_json(text: str, *, unique_keys: bool = False) -> JSON:
    """The value that `text` stands for.

    Raises:
        json.JSONDecodeError: it is no JSON.
        ValueError: it is nested too deep, holds a number that is too large or none of JSON's, or, with `unique_keys`,
            a key twice. The message says which.
    """
    try:
        value = (_UNIQUE if unique_keys else _PLAIN).decode(text)
    except RecursionError:
        raise _too_deep() from None
    if text.count("{") + text.count("[") > DEEPEST and is_deeper(value):
        raise _too_deep()
    return value


def is_deeper(value: JSON, bound: int = DEEPEST) -> bool:
    """Whether mappings and lists stand in each other more than `bound` deep; walks by levels, so any depth will do."""
    level = [value]
    for _ in range(bound):
        level = [item for item in level if isinstance(item, dict | list | tuple)]
        if not level:
            return False
        level = [child for item in level for child in (item.values() if isinstance(item, dict) else item)]
    return any(isinstance(item, dict | list | tuple) for item in level)


def refuse_constant(constant: str) -> NoReturn:
    """Refuses NaN and the infinities, which Python's reader takes."""
    raise ValueError(f"it holds {constant}, which is not JSON")


def finite(text: str) -> float:
    """The number, unless it is past what a float can hold."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("it holds a number that is too large")
    return value


def _whole(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise ValueError(f"it holds a number of more than {MOST_DIGITS:,} digits")
    return int(text)


def _unique(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("it holds a key twice")
    return value


def _too_deep() -> ValueError:
    return ValueError(f"it is nested more than {DEEPEST} deep")


_PLAIN = json.JSONDecoder(parse_constant=refuse_constant, parse_float=finite, parse_int=_whole)
_UNIQUE = json.JSONDecoder(
    parse_constant=refuse_constant, parse_float=finite, parse_int=_whole, object_pairs_hook=_unique
)
