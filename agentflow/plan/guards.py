"""What a text knows to be there: it stands where `… is defined` holds."""

from typing import TypeAlias

from agentflow.plan import syntax

Path: TypeAlias = tuple[str | int, ...]
"""A name and the keys after it, as `("previous", "review", "output")`."""

Guards: TypeAlias = frozenset[Path]

NONE: Guards = frozenset()


def given_by(test: syntax.Node) -> Guards:
    """What is there wherever a condition holds."""
    if isinstance(test, syntax.Logic) and test.op == "and":
        return given_by(test.left) | given_by(test.right)
    if not (isinstance(test, syntax.Test) and test.name == "defined"):
        return NONE
    found = syntax.chain(test.of)
    if found is None:
        return NONE
    path = syntax.constant_path(found[1])
    return frozenset([(found[0].name, *path)]) if len(path) == len(found[1]) else NONE


def inside(node: syntax.Node, part: syntax.Node) -> Guards:
    """What a node makes sure of before it comes to one of its parts."""
    match node:
        case syntax.If(test=test, body=body) if any(part is one for one in body):
            return given_by(test)
        case syntax.Choose(test=test, then=then) if part is then:
            return given_by(test)
        case syntax.Logic(op="and", left=left, right=right) if part is right:
            return given_by(left)
    return NONE


def without(guards: Guards, names: frozenset[str]) -> Guards:
    """The guards that still hold where names stand for something else."""
    return frozenset(path for path in guards if path[0] not in names)


def cover(guards: Guards, path: Path) -> bool:
    """Whether what a text reads of a step is known to be there, as far as the step's field.

    That a step of the last round is there does not say that it has an output: it may have been skipped.
    """
    least = 3 if path[0] == "previous" and path[2:3] == ("output",) else 1
    fields = (guard[:3] for guard in guards if len(guard) >= least)
    return any(path[: len(field)] == field for field in fields)


def reach(guards: Guards, path: Path) -> bool:
    """Whether everything up to the end of a path is known to be there."""
    return any(guard[: len(path)] == path for guard in guards)
