"""The value of a syntax tree over plain data. No Python object's attribute or method can be reached from here."""

from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from agentflow.plan import syntax
from agentflow.plan.filters import FILTERS, TESTS, apply
from agentflow.plan.syntax import Node
from agentflow.plan.values import (
    LONGEST_TEXT,
    MOST_ITEMS,
    ExpressionError,
    MissingError,
    bounded_list,
    bounded_number,
    bounded_text,
    items_of,
    kind,
    member,
    number,
    to_text,
    too_long,
)

JSON = Any
Names = Mapping[str, JSON]


def evaluate(node: Node, names: Names) -> JSON:
    """The value of an expression.

    Raises:
        ExpressionError: it has none.
    """
    return _EVALUATORS[type(node)](node, names)


@dataclass(slots=True)
class Rounds:
    """The rounds that the loops of one text still have, all together."""

    left: int = MOST_ITEMS

    def spend(self) -> None:
        """Take one.

        Raises:
            ExpressionError: there is none left.
        """
        self.left -= 1
        if self.left < 0:
            raise ExpressionError(f"the loops pass {MOST_ITEMS:,} rounds; loop over a smaller list")


def pieces(nodes: tuple[Node, ...], names: Names, rounds: Rounds) -> Iterator[str]:
    """The texts of a template's parts, in order."""
    for node in nodes:
        if isinstance(node, syntax.Text):
            yield node.value
        elif isinstance(node, syntax.If):
            yield from pieces(node.body if evaluate(node.test, names) else node.otherwise, names, rounds)
        elif isinstance(node, syntax.For):
            yield from _loop(node, names, rounds)
        else:
            yield to_text(evaluate(node, names))


def _loop(node: syntax.For, names: Names, rounds: Rounds) -> Iterator[str]:
    bound: list[dict[str, JSON]] = []
    for item in items_of(evaluate(node.items, names)):
        rounds.spend()
        variables = _unpacked(node.targets, item)
        if node.condition is None or evaluate(node.condition, ChainMap(variables, names)):  # type: ignore[arg-type]  # ChainMap only reads its later maps
            bound.append(variables)
    for index, variables in enumerate(bound):
        variables["loop"] = {
            "index": index + 1,
            "index0": index,
            "first": index == 0,
            "last": index == len(bound) - 1,
            "length": len(bound),
        }
        yield from pieces(node.body, ChainMap(variables, names), rounds)  # type: ignore[arg-type]  # as above
    if not bound:
        yield from pieces(node.otherwise, names, rounds)


def _unpacked(targets: tuple[str, ...], item: JSON) -> dict[str, JSON]:
    if len(targets) == 1:
        return {targets[0]: item}
    values = items_of(item)
    if len(values) != len(targets):
        raise ExpressionError(f"an item of the loop has {len(values)} parts, not {len(targets)}; name as many")
    return dict(zip(targets, values, strict=True))


def _name(node: syntax.Name, names: Names) -> JSON:
    try:
        return names[node.name]
    except KeyError:
        raise MissingError(f"`{node.name}` is not defined here; give it a `| default(…)`") from None


def _member(node: syntax.Member, names: Names) -> JSON:
    return member(evaluate(node.of, names), evaluate(node.key, names))


def _slice(node: syntax.Slice, names: Names) -> JSON:
    value = evaluate(node.of, names)
    if not isinstance(value, list | tuple | str):
        raise ExpressionError(f"a value of type {kind(value)} has no parts to cut out; only text and lists have")
    start, stop = (None if end is None else number(evaluate(end, names)) for end in (node.start, node.stop))
    if isinstance(start, float) or isinstance(stop, float):
        raise ExpressionError("the ends of a slice are whole numbers; `int` makes one")
    return value[start:stop]


def _map_of(node: syntax.MapOf, names: Names) -> JSON:
    made: dict[str, JSON] = {}
    for key, value in node.pairs:
        name = evaluate(key, names)
        if not isinstance(name, str):
            raise ExpressionError(f"a key of an object is text, not a value of type {kind(name)}; quote it")
        made[name] = evaluate(value, names)
    return made


def _logic(node: syntax.Logic, names: Names) -> JSON:
    left = evaluate(node.left, names)
    return evaluate(node.right, names) if bool(left) == (node.op == "and") else left


def _compare(node: syntax.Compare, names: Names) -> JSON:
    left = evaluate(node.first, names)
    for op, operand in node.rest:
        right = evaluate(operand, names)
        if not (not TESTS["in"](left, right) if op == "notin" else TESTS[op](left, right)):
            return False
        left = right
    return True


def _arithmetic(node: syntax.Arithmetic, names: Names) -> JSON:
    left, right = evaluate(node.left, names), evaluate(node.right, names)
    if node.op == "+" and isinstance(left, str) and isinstance(right, str):
        return bounded_text((left, right))
    if node.op == "+" and isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return bounded_list(item for side in (left, right) for item in side)
    left, right = number(left), number(right)
    if node.op == "**" and (abs(right) > 64 or abs(left) > 2**63):
        raise ExpressionError("the power is too large; compute it in a command")
    try:
        return bounded_number(_ARITHMETIC[node.op](left, right))
    except ZeroDivisionError:
        raise ExpressionError("a number is divided by zero; check the divisor first") from None
    except OverflowError:
        raise ExpressionError("the number is too large; compute it in a command") from None


def _sign(node: syntax.Sign, names: Names) -> JSON:
    value = number(evaluate(node.of, names))
    return -value if node.op == "-" else value


def _concat(node: syntax.Concat, names: Names) -> JSON:
    return bounded_text(to_text(evaluate(part, names)) for part in node.parts)


def _filter(node: syntax.Filter, names: Names) -> JSON:
    args = [evaluate(arg, names) for arg in node.args]
    kwargs = {key: evaluate(value, names) for key, value in node.kwargs}
    if node.name == "default":
        try:
            value = _soft(node.of, names)
        except _Absent:
            return kwargs.get("default_value", args[0] if args else "")
    else:
        value = evaluate(node.of, names)
    result = apply(FILTERS[node.name], node.name, value, args, kwargs)
    if isinstance(result, str) and len(result) > LONGEST_TEXT and result is not value:
        raise too_long()
    return result


def _test(node: syntax.Test, names: Names) -> JSON:
    if node.name in ("defined", "undefined"):
        try:
            _soft(node.of, names)
        except _Absent:
            return node.name == "undefined"
    args = [evaluate(arg, names) for arg in node.args]
    return bool(apply(TESTS[node.name], node.name, evaluate(node.of, names), args, {}))


class _Absent(Exception):  # noqa: N818  # not an error: what `default` is there for
    """The operand of `default` or `is defined` is not there."""


_MAY_BE_EMPTY = ("first", "last", "min", "max")


def _soft(node: Node, names: Names) -> JSON:
    """The value, or `_Absent` where a member of the chain, or the first item of an empty list, is not there.

    What is missing deeper inside, as in a subscript or an argument, stays an error.
    """
    if isinstance(node, syntax.Member):
        value, key = _soft(node.of, names), evaluate(node.key, names)
        try:
            return member(value, key)
        except MissingError:
            raise _Absent from None
    if isinstance(node, syntax.Name):
        if node.name not in names:
            raise _Absent
        return names[node.name]
    if isinstance(node, syntax.Filter) and node.name in _MAY_BE_EMPTY:
        value = evaluate(node.of, names)
        if isinstance(value, str | list | tuple | Mapping) and not value:
            raise _Absent
    return evaluate(node, names)


_ARITHMETIC: Mapping[str, Callable[[Any, Any], JSON]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left / right,
    "//": lambda left, right: left // right,
    "%": lambda left, right: left % right,
    "**": lambda left, right: left**right,
}

_EVALUATORS: Mapping[type, Callable[[Any, Names], JSON]] = {
    syntax.Literal: lambda node, names: node.value,
    syntax.ListOf: lambda node, names: [evaluate(item, names) for item in node.items],
    syntax.MapOf: _map_of,
    syntax.Name: _name,
    syntax.Member: _member,
    syntax.Slice: _slice,
    syntax.Not: lambda node, names: not evaluate(node.of, names),
    syntax.Logic: _logic,
    syntax.Compare: _compare,
    syntax.Arithmetic: _arithmetic,
    syntax.Sign: _sign,
    syntax.Concat: _concat,
    syntax.Choose: lambda node, names: evaluate(node.then if evaluate(node.test, names) else node.otherwise, names),
    syntax.Filter: _filter,
    syntax.Test: _test,
}
