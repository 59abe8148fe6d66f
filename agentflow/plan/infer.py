"""The type of an expression, as far as it can be known, and the fields that its types cannot give."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from msgspec import Struct

from agentflow.plan import guards, syntax
from agentflow.plan.syntax import Node
from agentflow.plan.types import (
    BOOLEAN,
    INTEGER,
    NUMBER,
    STRING,
    UNKNOWN,
    Field,
    Shape,
    always,
    array,
    field_type,
    item_of,
    kinds,
    record,
    shape_of_value,
    union,
)


class Reader(Protocol):
    """What a text may read; see `agentflow.plan.scopes`."""

    def root(self, name: syntax.Name, members: tuple[syntax.Member, ...]) -> tuple[Shape, int] | None:
        """The shape of a name with the first members after it, and how many these were; None: reported, unknown."""

    def problem(self, code: str, message: str, offset: int, hint: str | None, width: int = 1) -> None:
        """Notes what is wrong at an offset of the text."""

    def similar(self, word: str, known: Iterable[str]) -> str | None:
        """A hint that names what the author may have meant."""


class Inference(Struct, frozen=True):
    """Gives each node of one text its shape.

    Attributes:
        reader: resolves names and takes problems.
        bound: variables of loops inside the text.
        known: what is there, since the text asked before.
    """

    reader: Reader
    bound: Mapping[str, Shape]
    known: guards.Guards = guards.NONE

    def where(self, test: Node) -> "Inference":
        """For what is reached only where a condition holds."""
        return Inference(self.reader, self.bound, self.known | guards.given_by(test))

    def parts(self, nodes: tuple[Node, ...]) -> None:
        """Checks the parts of a template."""
        for node in nodes:
            if isinstance(node, syntax.If):
                self.shape(node.test)
                self.where(node.test).parts(node.body)
                self.parts(node.otherwise)
            elif isinstance(node, syntax.For):
                self._loop(node)
            elif not isinstance(node, syntax.Text):
                self.shape(node)

    def _loop(self, node: syntax.For) -> None:
        items = self.shape(node.items)
        item = item_of(items) if always(items, "array") else UNKNOWN
        flag, count = BOOLEAN, INTEGER
        loop = record({"index": count, "index0": count, "first": flag, "last": flag, "length": count})
        targets = dict.fromkeys(node.targets, UNKNOWN) if len(node.targets) > 1 else {node.targets[0]: item}
        known = guards.without(self.known, frozenset([*node.targets, "loop"]))
        inner = Inference(self.reader, {**self.bound, **targets}, known)
        if node.condition is not None:
            inner.shape(node.condition)
        Inference(self.reader, {**inner.bound, "loop": loop}, known).parts(node.body)
        self.parts(node.otherwise)

    def shape(self, node: Node, *, soft: bool = False) -> Shape:
        """The shape of an expression's node.

        Parameters:
            soft: what it reads may be missing.
        """
        found = syntax.chain(node)
        if found is not None:
            return self._chain(*found, soft)
        if isinstance(node, syntax.Member):
            return self._members(self.shape(node.of, soft=soft), (node,), (), soft)
        return _RULES[type(node)](self, node)

    def _chain(self, name: syntax.Name, members: tuple[syntax.Member, ...], soft: bool) -> Shape:
        if name.name in self.bound:
            return self._members(self.bound[name.name], members, (name.name,), soft)
        resolved = self.reader.root(name, members)
        if resolved is None:
            for member in members:
                self.shape(member.key)
            return UNKNOWN
        shape, count = resolved
        before = (name.name, *syntax.constant_path(members[:count]))
        return self._members(shape, members[count:], before, soft)

    def _members(self, shape: Shape, members: tuple[syntax.Member, ...], before: guards.Path, soft: bool) -> Shape:
        """The shape of what `members` lead to; `before` is the path that leads to `shape`, if there is one."""
        path: guards.Path | None = before or None
        for member in members:
            key = member.key.value if isinstance(member.key, syntax.Literal) else None
            if isinstance(key, bool) or not isinstance(key, str | int):
                self.shape(member.key)
                shape, path = (item_of(shape) if always(shape, "array") else UNKNOWN), None
                continue
            path = None if path is None else (*path, key)
            there = soft or (path is not None and guards.reach(self.known, path))
            shape = self.field(shape, key, member.key.offset, there)
        return shape

    def field(self, shape: Shape, key: str | int, offset: int, soft: bool) -> Shape:
        """The shape of one field, its problems noted."""
        found = field_type(shape, key)
        if not isinstance(found, Field):
            what = f"field `{key}`" if isinstance(key, str) else f"item {key}"
            hint = self.reader.similar(str(key), found.known) or "look at the schema of what is read"
            given = " or ".join(found.kinds) or "value"
            self.reader.problem("AF303", f"the {given} has no {what}", offset, hint, len(str(key)))
            return UNKNOWN
        if found.optional and not soft:
            hint = "add `| default(…)`, or make it `required` in its schema"
            if "null" in (kinds(shape) or ()):
                hint = "add `| default(…)`: what it is read from may be null"
            self.reader.problem("AF313", f"`{key}` may be missing", offset, hint, len(str(key)))
        return found.shape


def _several(to: Inference, nodes: tuple[Node, ...]) -> list[Shape]:
    return [to.shape(node) for node in nodes]


def _map_of(to: Inference, node: syntax.MapOf) -> Shape:
    values = [(key, to.shape(value)) for key, value in node.pairs]
    if not all(isinstance(key, syntax.Literal) and isinstance(key.value, str) for key, _ in values):
        return Shape.of({"type": "object"})
    return record({key.value: shape for key, shape in values if isinstance(key, syntax.Literal)})


def _slice(to: Inference, node: syntax.Slice) -> Shape:
    _several(to, tuple(end for end in (node.start, node.stop) if end is not None))
    return to.shape(node.of)


def _compare(to: Inference, node: syntax.Compare) -> Shape:
    _several(to, (node.first, *(operand for _, operand in node.rest)))
    return BOOLEAN


def _not(to: Inference, node: syntax.Not) -> Shape:
    to.shape(node.of)
    return BOOLEAN


def _logic(to: Inference, node: syntax.Logic) -> Shape:
    right = to.where(node.left) if node.op == "and" else to
    return union((to.shape(node.left), right.shape(node.right)))


def _arithmetic(to: Inference, node: syntax.Arithmetic) -> Shape:
    left, right = to.shape(node.left), to.shape(node.right)
    if node.op == "+" and always(left, "string") and always(right, "string"):
        return STRING
    if node.op == "+" and always(left, "array") and always(right, "array"):
        return array(union((item_of(left), item_of(right))))
    if node.op in ("+", "-", "*", "//", "%") and always(left, "integer") and always(right, "integer"):
        return INTEGER
    return UNKNOWN if node.op == "+" and None in (kinds(left), kinds(right)) else NUMBER


def _sign(to: Inference, node: syntax.Sign) -> Shape:
    return INTEGER if always(to.shape(node.of), "integer") else NUMBER


def _concat(to: Inference, node: syntax.Concat) -> Shape:
    _several(to, node.parts)
    return STRING


def _choose(to: Inference, node: syntax.Choose) -> Shape:
    to.shape(node.test)
    return union((to.where(node.test).shape(node.then), to.shape(node.otherwise)))


def _test(to: Inference, node: syntax.Test) -> Shape:
    to.shape(node.of, soft=node.name in ("defined", "undefined"))
    _several(to, node.args)
    return BOOLEAN


def _filter(to: Inference, node: syntax.Filter) -> Shape:
    args = _several(to, node.args)
    named = {key: to.shape(value) for key, value in node.kwargs}
    of = to.shape(node.of, soft=node.name == "default")
    if node.name == "default":
        fallback = named.get("default_value") or (args[0] if args else shape_of_value(""))
        return union((of, fallback))
    if node.name == "map":
        return _mapped(to, node, of)
    return _FILTER_SHAPES[node.name](of)


def _mapped(to: Inference, node: syntax.Filter, of: Shape) -> Shape:
    named = dict(node.kwargs)
    attribute = named.get("attribute")
    item = item_of(of) if always(of, "array") else UNKNOWN
    if isinstance(attribute, syntax.Literal) and isinstance(attribute.value, str):
        for key in attribute.value.split("."):
            item = to.field(item, int(key) if key.isdecimal() else key, attribute.offset, "default" in named)
        return array(union((item, to.shape(named["default"]))) if "default" in named else item)
    first = node.args[0] if node.args else None
    if isinstance(first, syntax.Literal) and first.value in _FILTER_SHAPES:
        return array(_FILTER_SHAPES[first.value](item))
    return array(UNKNOWN)


def _same_list(of: Shape) -> Shape:
    return of if always(of, "array") else array(UNKNOWN)


def _one_item(of: Shape) -> Shape:
    if always(of, "string"):
        return STRING
    return item_of(of) if always(of, "array") else UNKNOWN


def _number_like(of: Shape) -> Shape:
    return INTEGER if always(of, "integer") else NUMBER


def _always(shape: Shape) -> Callable[[Shape], Shape]:
    return lambda of: shape


_FILTER_SHAPES: Mapping[str, Callable[[Shape], Shape]] = {
    "abs": _number_like,
    "first": _one_item,
    "flatten": _always(array(UNKNOWN)),
    "float": _always(NUMBER),
    "int": _always(INTEGER),
    "items": _always(array(UNKNOWN)),
    "join": _always(STRING),
    "last": _one_item,
    "length": _always(INTEGER),
    "list": _same_list,
    "lower": _always(STRING),
    "max": _one_item,
    "min": _one_item,
    "reject": _same_list,
    "rejectattr": _same_list,
    "replace": _always(STRING),
    "reverse": lambda of: STRING if always(of, "string") else _same_list(of),
    "round": _always(NUMBER),
    "select": _same_list,
    "selectattr": _same_list,
    "sort": _same_list,
    "split": _always(array(STRING)),
    "string": _always(STRING),
    "sum": lambda of: _number_like(_one_item(of)),
    "tojson": _always(STRING),
    "trim": _always(STRING),
    "truncate": _always(STRING),
    "unique": _same_list,
    "upper": _always(STRING),
}

_RULES: Mapping[type, Callable[[Inference, Any], Shape]] = {
    syntax.Literal: lambda to, node: shape_of_value(node.value),
    syntax.ListOf: lambda to, node: array(union(_several(to, node.items))),
    syntax.MapOf: _map_of,
    syntax.Slice: _slice,
    syntax.Not: _not,
    syntax.Logic: _logic,
    syntax.Compare: _compare,
    syntax.Arithmetic: _arithmetic,
    syntax.Sign: _sign,
    syntax.Concat: _concat,
    syntax.Choose: _choose,
    syntax.Filter: _filter,
    syntax.Test: _test,
}
