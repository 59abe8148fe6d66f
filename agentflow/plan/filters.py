"""The published, closed lists of filters and tests; each works on plain data and bounds what it makes."""

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from agentflow.plan.values import (
    LONGEST_TEXT,
    ExpressionError,
    MissingError,
    bounded_list,
    bounded_number,
    bounded_text,
    items_of,
    kind,
    member,
    number,
    text,
    to_text,
    too_long,
)

JSON = Any


def _at(value: JSON, attribute: JSON) -> JSON:
    """The item at a dotted path; None is the value itself."""
    if attribute is None:
        return value
    if isinstance(attribute, int):
        return member(value, attribute)
    for key in text(attribute).split("."):
        value = member(value, int(key) if key.isdecimal() else key)
    return value


def _folded(value: JSON, case_sensitive: JSON) -> JSON:
    return value.lower() if isinstance(value, str) and not case_sensitive else value


def _ordered(values: list[JSON]) -> None:
    kinds = {"number" if kind(value) == "integer" else kind(value) for value in values}
    if len(kinds) > 1 or kinds & {"object", "array", "null", "boolean"}:
        raise ExpressionError(f"values of type {', '.join(sorted(kinds))} have no order; name an `attribute` that has")


def _default(value: JSON, default_value: JSON = "", boolean: JSON = False) -> JSON:
    return default_value if boolean and not value else value


def _join(value: JSON, d: JSON = "", attribute: JSON = None) -> JSON:
    separator, pieces = text(d), (to_text(_at(item, attribute)) for item in items_of(value))
    return bounded_text(piece if index == 0 else separator + piece for index, piece in enumerate(pieces))


def _length(value: JSON) -> JSON:
    if not isinstance(value, str | list | tuple | Mapping):
        raise ExpressionError(f"a value of type {kind(value)} has no length; check what it reads")
    return len(value)


def _first(value: JSON) -> JSON:
    return member(value if isinstance(value, str) else items_of(value), 0)


def _last(value: JSON) -> JSON:
    return member(value if isinstance(value, str) else items_of(value), -1)


def _list(value: JSON) -> JSON:
    return bounded_list(value) if isinstance(value, str) else items_of(value)


def _map(value: JSON, *args: JSON, **kwargs: JSON) -> JSON:
    if "attribute" in kwargs:
        unknown = set(kwargs) - {"attribute", "default"}
        if args or unknown:
            raise ExpressionError("`map` takes a filter, or `attribute` and `default`; write one of the two")
        return [_attribute_or(item, kwargs) for item in items_of(value)]
    name, *rest = args or (None,)
    if name not in FILTERS or name in _TAKES_NAMES:
        raise ExpressionError(f"`map` wants the name of a filter, not {to_text(name)}; or an `attribute`")
    return [apply(FILTERS[name], name, item, rest, kwargs) for item in items_of(value)]


def _attribute_or(item: JSON, kwargs: Mapping[str, JSON]) -> JSON:
    try:
        return _at(item, kwargs["attribute"])
    except MissingError:
        if "default" not in kwargs:
            raise
        return kwargs["default"]


def _holds(value: JSON, test: JSON, args: tuple[JSON, ...]) -> bool:
    if test is None:
        return bool(value)
    if test not in TESTS:
        raise ExpressionError(f"{to_text(test)} is not a test; the tests are {', '.join(sorted(TESTS))}")
    return bool(apply(TESTS[test], test, value, args, {}))


def _attribute_holds(value: JSON, attribute: JSON, test: JSON, args: tuple[JSON, ...]) -> bool:
    try:
        found = _at(value, attribute)
    except MissingError:
        if test in ("defined", "undefined"):
            return bool(test == "undefined")
        raise
    return _holds(found, test, args)


def _select(value: JSON, test: JSON = None, *args: JSON) -> JSON:
    return [item for item in items_of(value) if _holds(item, test, args)]


def _reject(value: JSON, test: JSON = None, *args: JSON) -> JSON:
    return [item for item in items_of(value) if not _holds(item, test, args)]


def _selectattr(value: JSON, attribute: JSON, test: JSON = None, *args: JSON) -> JSON:
    return [item for item in items_of(value) if _attribute_holds(item, attribute, test, args)]


def _rejectattr(value: JSON, attribute: JSON, test: JSON = None, *args: JSON) -> JSON:
    return [item for item in items_of(value) if not _attribute_holds(item, attribute, test, args)]


def _keys(value: JSON, attribute: JSON, case_sensitive: JSON) -> list[JSON]:
    return [_folded(_at(item, attribute), case_sensitive) for item in items_of(value)]


def _sort(value: JSON, reverse: JSON = False, case_sensitive: JSON = False, attribute: JSON = None) -> JSON:
    keys = _keys(value, attribute, case_sensitive)
    _ordered(keys)
    order = sorted(range(len(keys)), key=keys.__getitem__, reverse=bool(reverse))
    items = items_of(value)
    return [items[index] for index in order]


def _unique(value: JSON, case_sensitive: JSON = False, attribute: JSON = None) -> JSON:
    seen: set[str] = set()
    kept: list[JSON] = []
    for item, key in zip(items_of(value), _keys(value, attribute, case_sensitive), strict=True):
        mark = json.dumps(key, sort_keys=True, default=dict)
        if mark not in seen:
            seen.add(mark)
            kept.append(item)
    return kept


def _sum(value: JSON, attribute: JSON = None, start: JSON = 0) -> JSON:
    total = number(start)
    for item in items_of(value):
        total = bounded_number(total + number(_at(item, attribute)))
    return total


def _extreme(value: JSON, case_sensitive: JSON, attribute: JSON, sign: Callable[..., int]) -> JSON:
    keys = _keys(value, attribute, case_sensitive)
    _ordered(keys)
    if not keys:
        raise MissingError("an empty list has no smallest or largest item; give it a `| default(…)`")
    return items_of(value)[sign(range(len(keys)), key=keys.__getitem__)]


def _min(value: JSON, case_sensitive: JSON = False, attribute: JSON = None) -> JSON:
    return _extreme(value, case_sensitive, attribute, min)


def _max(value: JSON, case_sensitive: JSON = False, attribute: JSON = None) -> JSON:
    return _extreme(value, case_sensitive, attribute, max)


def _round(value: JSON, precision: JSON = 0, method: JSON = "common") -> JSON:
    places = number(precision)
    if not isinstance(places, int) or abs(places) > 15:
        raise ExpressionError("`round` wants a whole number of places between -15 and 15")
    if method == "common":
        return bounded_number(float(round(number(value), places)))
    if method not in ("ceil", "floor"):
        raise ExpressionError("`round` rounds by 'common', 'ceil' or 'floor'")
    turn = math.ceil if method == "ceil" else math.floor
    return bounded_number(turn(bounded_number(number(value) * 10.0**places)) / 10.0**places)


def _flatten(value: JSON, levels: JSON = None) -> JSON:
    depth = 64 if levels is None else int(number(levels))

    def walk(items: JSON, left: int) -> Any:
        for item in items:
            if isinstance(item, list | tuple) and left > 0:
                yield from walk(item, left - 1)
            else:
                yield item

    return bounded_list(walk(items_of(value), min(depth, 64)))


def _tojson(value: JSON, indent: JSON = None) -> JSON:
    width = None if indent is None else min(int(number(indent)), 16)
    try:
        return bounded_text([json.dumps(value, ensure_ascii=False, indent=width, default=dict, allow_nan=False)])
    except (TypeError, ValueError) as error:
        raise ExpressionError(f"the value is not JSON: {error}; check what it reads") from None


def _trim(value: JSON, chars: JSON = None) -> JSON:
    return text(value).strip(None if chars is None else text(chars))


def _replace(value: JSON, old: JSON, new: JSON, count: JSON = None) -> JSON:
    whole, before, after = text(value), text(old), text(new)
    found = whole.count(before) if before else len(whole) + 1
    times = found if count is None else max(0, min(found, int(number(count))))
    if len(whole) + times * (len(after) - len(before)) > LONGEST_TEXT:
        raise too_long()
    return whole.replace(before, after, times)


def _split(value: JSON, sep: JSON = None, maxsplit: JSON = -1) -> JSON:
    separator = None if sep is None else text(sep)
    if separator == "":
        raise ExpressionError("`split` cannot split at empty text; `list` gives the characters")
    return bounded_list(text(value).split(separator, int(number(maxsplit))))


def _truncate(value: JSON, length: JSON = 255, killwords: JSON = False, end: JSON = "...", leeway: JSON = 5) -> JSON:
    whole, most, tail = text(value), int(number(length)), text(end)
    if most < len(tail):
        raise ExpressionError(f"`truncate` cannot keep {most} characters of which {len(tail)} are its `end`")
    if len(whole) <= most + int(number(leeway)):
        return whole
    cut = whole[: most - len(tail)]
    return (cut if killwords else cut.rsplit(" ", 1)[0]) + tail


def _int(value: JSON) -> JSON:
    return bounded_number(int(value if _is_whole(value) else _float(value)))


def _is_whole(value: JSON) -> bool:
    return isinstance(value, int) or (isinstance(value, str) and len(value) < 25 and value.strip("+-").isdecimal())


def _float(value: JSON) -> JSON:
    try:
        return bounded_number(float(value))
    except (TypeError, ValueError, OverflowError):
        raise ExpressionError(f"{to_text(value)[:80]!r} is not a number; check what it reads") from None


def _items(value: JSON) -> JSON:
    if not isinstance(value, Mapping):
        raise ExpressionError(f"`items` wants an object, not a value of type {kind(value)}")
    return [[key, item] for key, item in value.items()]


def _eq(value: JSON, other: JSON) -> bool:
    return bool(value == other)


def _ne(value: JSON, other: JSON) -> bool:
    return bool(value != other)


def _ordered_pair(value: JSON, other: JSON) -> tuple[JSON, JSON]:
    _ordered([value, other])
    return value, other


def _lt(value: JSON, other: JSON) -> bool:
    left, right = _ordered_pair(value, other)
    return bool(left < right)


def _le(value: JSON, other: JSON) -> bool:
    left, right = _ordered_pair(value, other)
    return bool(left <= right)


def _gt(value: JSON, other: JSON) -> bool:
    return _lt(other, value)


def _ge(value: JSON, other: JSON) -> bool:
    return _le(other, value)


def _in(value: JSON, container: JSON) -> bool:
    if isinstance(container, str):
        return text(value) in container
    if isinstance(container, Mapping):
        return isinstance(value, str) and value in container
    return value in items_of(container)


def apply(
    function: Callable[..., JSON],
    name: str,
    value: JSON,
    args: "list[JSON] | tuple[JSON, ...]",
    kwargs: Mapping[str, JSON],
) -> JSON:
    """Call a filter or test.

    Raises:
        ExpressionError: it has no result for these values.
    """
    try:
        return function(value, *args, **kwargs)
    except (TypeError, ValueError, OverflowError, AttributeError) as error:
        raise ExpressionError(f"`{name}` cannot take these values: {error}; look at its arguments") from None


FILTERS: Mapping[str, Callable[..., JSON]] = {
    "abs": lambda value: bounded_number(abs(number(value))),
    "default": _default,
    "first": _first,
    "flatten": _flatten,
    "float": _float,
    "int": _int,
    "items": _items,
    "join": _join,
    "last": _last,
    "length": _length,
    "list": _list,
    "lower": lambda value: text(value).lower(),
    "map": _map,
    "max": _max,
    "min": _min,
    "reject": _reject,
    "rejectattr": _rejectattr,
    "replace": _replace,
    "reverse": lambda value: value[::-1] if isinstance(value, str) else items_of(value)[::-1],
    "round": _round,
    "select": _select,
    "selectattr": _selectattr,
    "sort": _sort,
    "split": _split,
    "string": lambda value: bounded_text([to_text(value)]),
    "sum": _sum,
    "tojson": _tojson,
    "trim": _trim,
    "truncate": _truncate,
    "unique": _unique,
    "upper": lambda value: text(value).upper(),
}
# These take the name of another filter or test: nested, they would be a language of their own.
_TAKES_NAMES = frozenset({"map", "select", "reject", "selectattr", "rejectattr"})

TESTS: Mapping[str, Callable[..., bool]] = {
    "boolean": lambda value: isinstance(value, bool),
    "defined": lambda value: True,
    "eq": _eq,
    "ge": _ge,
    "gt": _gt,
    "in": _in,
    "integer": lambda value: kind(value) == "integer",
    "le": _le,
    "lt": _lt,
    "mapping": lambda value: isinstance(value, Mapping),
    "ne": _ne,
    "none": lambda value: value is None,
    "number": lambda value: kind(value) in ("integer", "number"),
    "sequence": lambda value: isinstance(value, list | tuple),
    "string": lambda value: isinstance(value, str),
    "undefined": lambda value: False,
}
