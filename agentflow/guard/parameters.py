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
        self._exact = _pattern(condition.parts)
        self._plain = _pattern(tuple(plain_form(part) for part in condition.parts))

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
        return text is not None and not has_hidden(text) and "\n" not in text and _meets(self._exact, text)

    def _looks_like(self, value: JSON) -> bool:
        if self._condition.comparison != "like":
            return compares(value, self._condition)
        text = _text(value)
        if text is None:  # it cannot be written down: it may be anything
            return True
        plain = plain_form(text)
        return _meets(self._exact, text) or _meets(self._plain, text) or (plain != text and _meets(self._plain, plain))


Matcher = str | Pattern


def _pattern(parts: Sequence[str]) -> Matcher:
    if len(parts) == 1:
        return parts[0]
    return compile_pattern(r"\A(?s:" + ".*".join(_quoted(part) for part in parts) + r")\z", multiline=True)


def _quoted(text: str) -> str:
    return "".join(f"\\{letter}" if letter in string.punctuation else letter for letter in text)


def _meets(matcher: Matcher, text: str) -> bool:
    if isinstance(matcher, str):
        return text == matcher
    return matcher.find(text.encode("utf-8", "replace")) is not None


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
