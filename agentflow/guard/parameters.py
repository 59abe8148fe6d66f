"""Conditions on a call's arguments, asked: strictly of what is to run, widely of what is not to. Pure.

What allows is exact, and a value with characters that nobody sees meets it only where any value does. What denies or
asks also takes a value that looks like one it names.
"""

import json
import string
from collections.abc import Mapping, Sequence
from typing import Any

from agentflow.guard.lookalikes import has_hidden, plain_form
from agentflow.guard.patterns import Pattern, compile_pattern
from agentflow.plan.parameter_rules import Condition, compares, plain_text

JSON = Any
_ABSENT = object()


class Conditions:
    """The conditions of a rule, compiled; a call meets them where its arguments meet each.

    Parameters:
        conditions: as the rule was read.
        properties: the schemas of the tool's parameters: an argument that is not given is the default there.
    """

    __slots__ = ("_each",)

    def __init__(self, conditions: Sequence[Condition], properties: Mapping[str, JSON]) -> None:
        self._each = [_Compiled(each, _default(properties.get(each.parameter))) for each in conditions]

    def allow(self, tool_input: Mapping[str, JSON]) -> bool:
        """Whether a call is surely what the rule names."""
        return all(each.surely(tool_input) for each in self._each)

    def concern(self, tool_input: Mapping[str, JSON]) -> bool:
        """Whether a call may be what the rule names."""
        return all(each.maybe(tool_input) for each in self._each)


class _Compiled:
    __slots__ = ("_condition", "_default", "_exact", "_plain")

    def __init__(self, condition: Condition, default: JSON) -> None:
        self._condition = condition
        self._default = default
        parts = condition.parts or ("",)  # of a number it has none, and is never asked
        plain = tuple(plain_form(part) for part in parts)
        self._exact = _Like(parts)
        self._plain = self._exact if plain == parts else _Like(plain)

    def surely(self, tool_input: Mapping[str, JSON]) -> bool:
        value = tool_input.get(self._condition.parameter, _ABSENT)
        if value is _ABSENT:
            return False
        if self._condition.is_any:
            return True
        return all(self._is_exactly(each) for each in _elements(value))

    def maybe(self, tool_input: Mapping[str, JSON]) -> bool:
        value = tool_input.get(self._condition.parameter, self._default)
        if value is _ABSENT:
            return False
        if self._condition.is_any:
            return True
        return any(self._looks_like(each) for each in _elements(value))

    def _is_exactly(self, value: JSON) -> bool:
        if self._condition.comparison != "like":
            return compares(value, self._condition)
        text = _text(value)
        # A line's end would let `*@example.org` be met by an address and a line with another one.
        return text is not None and not has_hidden(text) and "\n" not in text and self._exact.meets(text)

    def _looks_like(self, value: JSON) -> bool:
        if self._condition.comparison != "like":
            return compares(value, self._condition)
        text = _text(value)
        if text is None:  # it cannot be written down: it may be anything
            return True
        if self._exact.meets(text) or (self._plain is not self._exact and self._plain.meets(text)):
            return True
        plain = plain_form(text)
        return plain != text and self._plain.meets(plain)


class _Like:
    """Literal text with anything between its parts, compared with a whole value; re2 is asked from the second `*` on,
    since two ends say all of a single one."""

    __slots__ = ("_begin", "_end", "_least", "_middle", "_whole")

    def __init__(self, parts: Sequence[str]) -> None:
        self._whole = parts[0] if len(parts) == 1 else None
        self._begin, self._end = parts[0], parts[-1]
        self._least = len(self._begin) + len(self._end)
        self._middle = _pattern(parts) if len(parts) > 2 else None

    def meets(self, text: str) -> bool:
        if self._whole is not None:
            return text == self._whole
        if len(text) < self._least or not text.startswith(self._begin) or not text.endswith(self._end):
            return False
        return self._middle is None or self._middle.find(text.encode("utf-8", "replace")) is not None


def _pattern(parts: Sequence[str]) -> Pattern:
    return compile_pattern(r"\A(?s:" + ".*".join(_quoted(part) for part in parts) + r")\z", multiline=True)


def _quoted(text: str) -> str:
    return "".join(f"\\{letter}" if letter in string.punctuation else letter for letter in text)


def _elements(value: JSON) -> Sequence[JSON]:
    """A list counts by what is in it: a rule on `recipients` is about each of them."""
    return value if isinstance(value, list | tuple) else (value,)


def _text(value: JSON) -> str | None:
    try:
        return plain_text(value)
    except (ValueError, RecursionError):  # a number of thousands of digits, or no end of brackets
        return None


def _default(schema: JSON) -> JSON:
    return schema["default"] if isinstance(schema, Mapping) and "default" in schema else _ABSENT


def canonical(tool: str, tool_input: Mapping[str, JSON]) -> str:
    """A call as text that is the same for the same call: what a digest of it is made of."""
    return json.dumps([tool, tool_input], sort_keys=True, separators=(",", ":"))
