"""Plain data as expressions see it: looking up, bounding, turning into text. Data only, never attributes."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

JSON = Any

LONGEST_TEXT = 1_000_000
MOST_ITEMS = 100_000
_LARGEST_INTEGER = 2**63
_LONGEST_VALUE = 10 * LONGEST_TEXT
_MOST_VALUES = 10 * MOST_ITEMS
_DEEPEST_VALUE = 100


class ExpressionError(Exception):
    """An expression has no value: what is wrong with it, and the next move.

    Attributes:
        message: names the expression and what is wrong.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class MissingError(ExpressionError):
    """What an expression reads is not there; only `default` and `is defined` look past it."""


def kind(value: JSON) -> str:
    """What a value is, in the words of JSON Schema."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "object" if isinstance(value, Mapping) else "array"


def member(value: JSON, key: JSON) -> JSON:
    """The item of a mapping, list or text; never an attribute of a Python object.

    Raises:
        MissingError: the value has no such item.
    """
    if isinstance(value, Mapping):
        try:
            return value[key]
        except (KeyError, TypeError):
            raise MissingError(f"there is no {_shown(key)}; give it a `| default(…)` or read what is there") from None
    if isinstance(value, list | tuple | str) and type(key) is int:
        try:
            return value[key]
        except IndexError:
            raise MissingError(f"there is no item {key}, only {len(value)}; give it a `| default(…)`") from None
    raise MissingError(f"a value of type {kind(value)} has no {_shown(key)}; look at what the expression reads")


def _shown(key: JSON) -> str:
    return f"field {key!r}" if isinstance(key, str) else f"item {to_text(key)[:80]}"


def to_text(value: JSON) -> str:
    """A value as it stands in text: text as it is, everything else as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and not math.isfinite(value):
        raise ExpressionError("the number is not finite, and JSON has no word for it; check it before writing it")
    return json.dumps(value, ensure_ascii=False, default=_plain)


def _plain(value: object) -> JSON:
    """Views of steps are mappings that `json` does not know."""
    if isinstance(value, Mapping):
        return dict(value)
    raise ExpressionError(f"{type(value).__name__} is not data; workflows hold JSON only")


def bounded_text(pieces: Iterable[str]) -> str:
    """The pieces as one text.

    Raises:
        ExpressionError: together they are longer than `LONGEST_TEXT`.
    """
    kept: list[str] = []
    length = 0
    for piece in pieces:
        length += len(piece)
        if length > LONGEST_TEXT:
            raise too_long()
        kept.append(piece)
    return "".join(kept)


def too_long() -> ExpressionError:
    """The error of a text past its bound."""
    return ExpressionError(f"the text passes {LONGEST_TEXT:,} characters; shorten it with `truncate`, or use a file")


def bounded_list(items: Iterable[JSON]) -> list[JSON]:
    """The items as a list.

    Raises:
        ExpressionError: they are more than `MOST_ITEMS`.
    """
    kept: list[JSON] = []
    for item in items:
        if len(kept) >= MOST_ITEMS:
            raise ExpressionError(f"the list passes {MOST_ITEMS:,} items; split the work into smaller lists")
        kept.append(item)
    return kept


def items_of(value: JSON) -> list[JSON]:
    """What a loop or a list filter goes over: a list's items, a mapping's keys."""
    if isinstance(value, list | tuple):
        return list(value)
    if isinstance(value, Mapping):
        return list(value)
    raise ExpressionError(f"a value of type {kind(value)} is not a list; `split` or `list` makes lists of text")


def number(value: JSON) -> int | float:
    """The value, which must be a number.

    Raises:
        ExpressionError: it is not one; true and false are none either.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ExpressionError(f"a value of type {kind(value)} is not a number; `int` and `float` make numbers of text")
    return value


def bounded_number(value: JSON) -> int | float:
    """A computed number that JSON can hold: finite, and within 64 bits where it is whole."""
    if isinstance(value, complex):
        raise ExpressionError("the result is not a real number; check the operands")
    result = number(value)
    if isinstance(result, float) and not math.isfinite(result):
        raise ExpressionError("the result is not a finite number; check the operands")
    if isinstance(result, int) and abs(result) > _LARGEST_INTEGER:
        raise ExpressionError("the result does not fit into 64 bits; compute it in a command")
    return result


def text(value: JSON) -> str:
    """The value, which must be text."""
    if not isinstance(value, str):
        raise ExpressionError(f"a value of type {kind(value)} is not text; `string` makes text of it")
    return value


def bounded_value(value: JSON) -> JSON:
    """A value that was put together, which may hold one thing many times over.

    Raises:
        ExpressionError: written out, it would be too large or too deep.
    """
    waiting: list[Iterator[JSON]] = [iter((value,))]
    count = length = 0
    while waiting:
        item = next(waiting[-1], waiting)
        if item is waiting:
            waiting.pop()
            continue
        count += 1
        if isinstance(item, str):
            length += len(item)
        elif isinstance(item, Mapping):
            length += sum(map(len, item))
            waiting.append(iter(item.values()))
        elif isinstance(item, list | tuple):
            waiting.append(iter(item))
        if count > _MOST_VALUES or length > _LONGEST_VALUE:
            raise ExpressionError("the value is too large; keep only what is read later")
        if len(waiting) > _DEEPEST_VALUE:
            raise ExpressionError(f"the value is nested more than {_DEEPEST_VALUE} levels deep; flatten it")
    return value
