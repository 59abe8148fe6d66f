"""What must be so for a condition to hold, as far as its form tells; and which conditions cannot hold together."""

from collections.abc import Hashable, Iterable, Iterator

from msgspec import Struct

from agentflow.plan import syntax
from agentflow.plan.syntax import Node


class Demand(Struct, frozen=True):
    """One thing that must be so.

    Attributes:
        of: what is judged, told apart by its form.
        equals: the constant that it must be; None: it must be true.
        holds: false: it must not be so.
    """

    of: Hashable
    equals: Hashable
    holds: bool


def demands_of(condition: Node) -> frozenset[Demand]:
    """What all must be so, and is enough, for a condition to hold."""
    return frozenset(_demands(condition))


def _demands(node: Node) -> Iterator[Demand]:
    if isinstance(node, syntax.Logic) and node.op == "and":
        yield from _demands(node.left)
        yield from _demands(node.right)
    elif isinstance(node, syntax.Not):
        found = _demand(node.of)
        yield Demand(found.of, found.equals, not found.holds)
    else:
        yield _demand(node)


def _demand(node: Node) -> Demand:
    if isinstance(node, syntax.Compare) and len(node.rest) == 1 and node.rest[0][0] in ("eq", "ne"):
        operator, second = node.rest[0]
        for of, constant in ((node.first, second), (second, node.first)):
            if isinstance(constant, syntax.Literal) and type(constant.value) in (str, int, bool):
                equals = (type(constant.value).__name__, constant.value)
                return Demand(_form(of), equals, operator == "eq")
    return Demand(_form(node), None, True)


def _form(value: object) -> Hashable:
    """A node without the places in it."""
    if isinstance(value, syntax.Literal):
        return type(value.value).__name__, repr(value.value)
    if isinstance(value, Struct):
        inner = (_form(getattr(value, name)) for name in value.__struct_fields__ if name != "offset")
        return type(value).__name__, *inner
    if isinstance(value, tuple):
        return tuple(map(_form, value))
    return value if isinstance(value, Hashable) else repr(value)


def contradict(demands: Iterable[Demand]) -> bool:
    """Whether these cannot all be so."""
    known: dict[tuple[Hashable, Hashable], bool] = {}
    constants: dict[tuple[Hashable, str], Hashable] = {}
    for demand in demands:
        if known.setdefault((demand.of, demand.equals), demand.holds) != demand.holds:
            return True
        if demand.holds and isinstance(demand.equals, tuple):
            # Constants of one type only: what equals `1` may equal `true` as well.
            kind = (demand.of, str(demand.equals[0]))
            if constants.setdefault(kind, demand.equals) != demand.equals:
                return True
    return False
