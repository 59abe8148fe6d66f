"""The closed tree that expressions and templates become: what has no node here cannot be said.

`templates.py` makes these nodes from Jinja2's own; `evaluate.py` gives them values, `types.py` types.
"""

import re
from collections.abc import Iterator
from typing import Any, TypeAlias

from msgspec import Struct

JSON = Any

_DOTTED = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")
_KEYWORDS = frozenset(["and", "or", "not", "in", "is", "if", "else", "true", "false", "none", "True", "False", "None"])


class Literal(Struct, frozen=True):
    """A constant: text, a number, true, false or null."""

    value: JSON
    offset: int


class ListOf(Struct, frozen=True):
    """`[a, b]`."""

    items: "tuple[Node, ...]"
    offset: int


class MapOf(Struct, frozen=True):
    """`{'a': b}`."""

    pairs: "tuple[tuple[Node, Node], ...]"
    offset: int


class Name(Struct, frozen=True):
    """A name: `inputs`, `steps`, a variable."""

    name: str
    offset: int


class Member(Struct, frozen=True):
    """`of.key`, `of['key']` or `of[0]`; the key is a `Literal` unless it is computed."""

    of: "Node"
    key: "Node"
    offset: int


class Slice(Struct, frozen=True):
    """`of[start:stop]`."""

    of: "Node"
    start: "Node | None"
    stop: "Node | None"
    offset: int


class Not(Struct, frozen=True):
    """`not of`."""

    of: "Node"
    offset: int


class Logic(Struct, frozen=True):
    """`left and right`, `left or right`: one of the two values, as in Python."""

    op: str
    left: "Node"
    right: "Node"
    offset: int


class Compare(Struct, frozen=True):
    """`first < second <= third`: every neighbouring pair must hold."""

    first: "Node"
    rest: "tuple[tuple[str, Node], ...]"
    offset: int


class Arithmetic(Struct, frozen=True):
    """`left op right` with op one of `+ - * / // % **`."""

    op: str
    left: "Node"
    right: "Node"
    offset: int


class Sign(Struct, frozen=True):
    """`-of` or `+of`."""

    op: str
    of: "Node"
    offset: int


class Concat(Struct, frozen=True):
    """`a ~ b`: both as text."""

    parts: "tuple[Node, ...]"
    offset: int


class Choose(Struct, frozen=True):
    """`then if test else otherwise`."""

    test: "Node"
    then: "Node"
    otherwise: "Node"
    offset: int


class Filter(Struct, frozen=True):
    """`of | name(args, key=value)`."""

    name: str
    of: "Node"
    args: "tuple[Node, ...]"
    kwargs: "tuple[tuple[str, Node], ...]"
    offset: int


class Test(Struct, frozen=True):
    """`of is name(args)`."""

    name: str
    of: "Node"
    args: "tuple[Node, ...]"
    offset: int


class Text(Struct, frozen=True):
    """Text of a template that stands for itself."""

    value: str
    offset: int


class If(Struct, frozen=True):
    """`{% if test %}body{% else %}otherwise{% endif %}`."""

    test: "Node"
    body: "tuple[Node, ...]"
    otherwise: "tuple[Node, ...]"
    offset: int


class For(Struct, frozen=True):
    """`{% for targets in items if condition %}body{% else %}otherwise{% endfor %}`."""

    targets: tuple[str, ...]
    items: "Node"
    condition: "Node | None"
    body: "tuple[Node, ...]"
    otherwise: "tuple[Node, ...]"
    offset: int


Node: TypeAlias = (
    Literal
    | ListOf
    | MapOf
    | Name
    | Member
    | Slice
    | Not
    | Logic
    | Compare
    | Arithmetic
    | Sign
    | Concat
    | Choose
    | Filter
    | Test
    | Text
    | If
    | For
)


def chain(node: Node) -> tuple[Name, tuple[Member, ...]] | None:
    """The name and the members of `name.a.b[0]`, outermost last; None where the node is something else."""
    members: list[Member] = []
    while isinstance(node, Member):
        members.append(node)
        node = node.of
    return (node, tuple(reversed(members))) if isinstance(node, Name) else None


def constant_path(members: tuple[Member, ...]) -> tuple[str | int, ...]:
    """The keys of a chain, up to the first that is computed."""
    path: list[str | int] = []
    for member in members:
        if not (isinstance(member.key, Literal) and type(member.key.value) in (str, int)):
            break
        path.append(member.key.value)
    return tuple(path)


def may_be_missing(node: Node) -> Node | None:
    """The operand of `default(…)`, `is defined` or `is undefined`, which alone may read what is not there."""
    if isinstance(node, Filter) and node.name == "default":
        return node.of
    if isinstance(node, Test) and node.name in ("defined", "undefined"):
        return node.of
    return None


def parts(node: Node) -> Iterator[Node]:
    """The nodes directly inside an expression's node, in the order of the text."""
    match node:
        case Literal() | Name() | Text():
            return
        case ListOf(items=several) | Concat(parts=several):
            yield from several
        case MapOf(pairs=pairs):
            for key, value in pairs:
                yield from (key, value)
        case Member(of=of, key=key):
            yield from (of, key)
        case Slice(of=of, start=start, stop=stop):
            yield from (part for part in (of, start, stop) if part is not None)
        case Not(of=of) | Sign(of=of):
            yield of
        case Logic(left=left, right=right) | Arithmetic(left=left, right=right):
            yield from (left, right)
        case Compare(first=first, rest=rest):
            yield first
            yield from (operand for _, operand in rest)
        case Choose(test=test, then=then, otherwise=otherwise):
            yield from (then, test, otherwise)
        case Filter(of=of, args=args, kwargs=kwargs):
            yield from (of, *args, *(value for _, value in kwargs))
        case Test(of=of, args=args):
            yield from (of, *args)
        case If(test=test, body=body, otherwise=others):
            yield from (test, *body, *others)
        case For(items=items, condition=condition, body=body, otherwise=others):
            yield from (items, *(() if condition is None else (condition,)), *body, *others)


def dotted_name(source: str, at: int = 0) -> Node | None:
    """The tree of `a.b.c`, by far the most common expression; None where the source is anything else.

    Parameters:
        at: where the source stands in the text that offsets count in.
    """
    stripped = source.strip()
    if not _DOTTED.fullmatch(stripped):
        return None
    start = at + source.index(stripped)
    name, *keys = stripped.split(".")
    if name in _KEYWORDS:
        return None
    offset = start + len(name)
    tree: Node = Name(name, start)
    for key in keys:
        tree = Member(tree, Literal(key, offset + 1), offset)
        offset += 1 + len(key)
    return tree
