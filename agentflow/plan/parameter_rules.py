"""Rules by parameter, `refund(amount:<=100, currency:EUR)`: what they may say, and whether anything can meet them."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, Literal

from msgspec import Struct

JSON = Any
Comparison = Literal["like", "<", "<=", ">", ">=", "="]

_PARAMETER = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_-]*):")
_COMMA = re.compile(r"(?<!\\)((?:\\\\)*),(?=\s*[A-Za-z_][A-Za-z0-9_-]*:)")
_NUMBER = re.compile(r"(<=|>=|<|>|=)?\s*(-?\d{1,40}(?:\.\d{1,40})?)")
_ESCAPED = frozenset("*,\\")
_NUMBERS = frozenset({"number", "integer"})
MOST_WILDCARDS = 20


class RuleError(ValueError):
    """A rule that cannot be read: what is wrong with it, and the next move."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class Condition(Struct, frozen=True):
    """What one parameter of a call must be.

    Attributes:
        comparison: `like`: `parts` with anything between them; else of a number with `number`.
        parts: literal text; with one part the whole value is it.
        number: in decimal, as `100` or `-0.5`.
    """

    parameter: str
    comparison: Comparison
    parts: tuple[str, ...] = ()
    number: str = ""

    @property
    def is_any(self) -> bool:
        """Whether every value meets it: a lone `*`."""
        return self.comparison == "like" and len(self.parts) > 1 and not any(self.parts)


def conditions_of(rule: str, schema: Mapping[str, JSON]) -> tuple[Condition, ...]:
    """What stands in the brackets of a rule, read by the schema of the tool's input.

    A condition is `parameter:pattern`, several are joined by a comma and all must hold. A pattern is the whole value,
    in which `*` stands for any text and a backslash takes its meaning from `*`, `,` and `\\`; that of a number is a
    number, or one behind `<`, `<=`, `>` or `>=`.

    Raises:
        RuleError: it is malformed, names a parameter that the tool does not have, or nothing can meet it.
    """
    if not rule.strip():
        raise RuleError("the rule is empty", "name a parameter, as `to:*@example.org`, or take the brackets away")
    properties = schema.get("properties")
    known = properties if isinstance(properties, Mapping) else {}
    found = tuple(_condition(text, known) for text in _split(rule))
    for name in dict.fromkeys(condition.parameter for condition in found):
        _check_possible(name, [each for each in found if each.parameter == name], known[name])
    return found


def _split(rule: str) -> Iterator[str]:
    start = 0
    for match in _COMMA.finditer(rule):
        yield rule[start : match.end() - 1]
        start = match.end()
    yield rule[start:]


def _condition(text: str, known: Mapping[str, JSON]) -> Condition:
    match = _PARAMETER.match(text)
    if match is None:
        names = ", ".join(f"`{name}`" for name in list(known)[:10])
        has = f"its parameters are {names}" if names else "the tool has no parameters: take the brackets away"
        raise RuleError(f"`{text.strip()[:80]}` names no parameter", f"write `parameter:pattern`; {has}")
    name, pattern = match[1], text[match.end() :].strip()
    if name not in known:
        names = ", ".join(f"`{each}`" for each in list(known)[:10]) or "none"
        hint = f"its parameters are: {names}; a comma that is part of a pattern is written `\\,`"
        raise RuleError(f"the tool has no parameter `{name}`", hint)
    if not pattern:
        raise RuleError(f"`{name}:` says nothing of it", f"write what it must be, as `{name}:*`")
    if types_of(known[name]) and types_of(known[name]) <= {*_NUMBERS, "null"} and pattern != "*":
        return _of_number(name, pattern)
    parts = _parts(pattern)
    if len(parts) - 1 > MOST_WILDCARDS:
        raise RuleError(f"`{name}` has more than {MOST_WILDCARDS} `*`", "write a simpler pattern")
    return Condition(name, "like", parts)


def types_of(schema: JSON) -> frozenset[str]:
    """The JSON types that a schema names; empty where it does not say."""
    named = schema.get("type") if isinstance(schema, Mapping) else None
    if isinstance(named, str):
        return frozenset({named})
    return frozenset(str(each) for each in named) if isinstance(named, Sequence) else frozenset()


def _of_number(name: str, pattern: str) -> Condition:
    match = _NUMBER.fullmatch(pattern)
    if match is None:
        message = f"`{name}` is a number, and `{pattern[:80]}` is nothing to compare it with"
        raise RuleError(message, f"write `{name}:<=100`, `{name}:>0`, or `{name}:100`")
    comparison: Any = match[1] or "="
    return Condition(name, comparison, number=match[2])


def _parts(pattern: str) -> tuple[str, ...]:
    parts, at = [""], 0
    while at < len(pattern):
        character = pattern[at]
        if character == "\\":
            following = pattern[at + 1 : at + 2]
            if following not in _ESCAPED or not following:
                message = f"a backslash in `{pattern[:80]}` stands before something else than `*`, `,` and `\\`"
                raise RuleError(message, "write a backslash itself as `\\\\`")
            parts[-1] += following
            at += 1
        elif character == "*":
            parts.append("")
        else:
            parts[-1] += character
        at += 1
    return tuple(parts)


def _check_possible(name: str, conditions: Sequence[Condition], schema: JSON) -> None:
    """Refuses conditions that no value of the parameter can meet."""
    if not isinstance(schema, Mapping):
        return
    values = schema.get("enum") or ([schema["const"]] if "const" in schema else None)
    if types_of(schema) == {"boolean"}:
        values = values or [True, False]
    if isinstance(values, Sequence) and not isinstance(values, str):
        if not any(all(_meets(value, condition) for condition in conditions) for value in values):
            listed = ", ".join(f"`{plain_text(value)}`" for value in list(values)[:10])
            raise RuleError(f"no value of `{name}` can meet the rule", f"its values are {listed}")
        return
    _check_range(name, [each for each in conditions if each.comparison != "like"], schema)


def _check_range(name: str, conditions: Sequence[Condition], schema: Mapping[str, JSON]) -> None:
    if not conditions:
        return
    bounds = [(each.comparison, Fraction(each.number)) for each in conditions]
    for key, comparison in _SCHEMA_BOUNDS.items():
        if isinstance(schema.get(key), int | float) and not isinstance(schema.get(key), bool):
            bounds.append((comparison, Fraction(schema[key])))
    low = max(((value, sign == ">") for sign, value in bounds if sign in (">", ">=", "=")), default=None)
    high = min(((value, sign != "<") for sign, value in bounds if sign in ("<", "<=", "=")), default=None)
    if low is None or high is None or low[0] < high[0]:
        return
    if low[0] > high[0] or low[1] or not high[1]:
        raise RuleError(f"no value of `{name}` can meet the rule", "read the bounds again, those of the schema too")


_SCHEMA_BOUNDS: Mapping[str, Comparison] = {
    "minimum": ">=",
    "maximum": "<=",
    "exclusiveMinimum": ">",
    "exclusiveMaximum": "<",
}


def _meets(value: JSON, condition: Condition) -> bool:
    if condition.comparison != "like":
        return compares(value, condition)
    text, parts = plain_text(value), condition.parts
    if len(parts) == 1:
        return text == parts[0]
    if not text.startswith(parts[0]) or not text.endswith(parts[-1]) or len(text) < len(parts[0]) + len(parts[-1]):
        return False
    at, end = len(parts[0]), len(text) - len(parts[-1])
    for part in parts[1:-1]:
        found = text.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def compares(value: JSON, condition: Condition) -> bool:
    """Whether a number stands as it must to the condition's; what is no number never does."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    number = Fraction(condition.number)
    match condition.comparison:
        case "<":
            return value < number
        case "<=":
            return value <= number
        case ">":
            return value > number
        case ">=":
            return value >= number
        case _:
            return value == number


def plain_text(value: JSON) -> str:
    """An argument as text that patterns are compared with: strings as they are, all else as compact JSON, its keys in
    order, so that what means the same is the same."""
    if isinstance(value, str):
        return value
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
