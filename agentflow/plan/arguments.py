"""`with`: values in which every text is a template, and a template that is one `{{ }}` keeps its type."""

from collections.abc import Iterator, Mapping
from typing import Any

from agentflow.plan.draft import Draft, Key
from agentflow.plan.expressions import Reference, Template
from agentflow.plan.texts import TextReader, Use
from agentflow.plan.types import (
    UNKNOWN,
    Field,
    NoField,
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
from agentflow.plan.values import bounded_value
from agentflow.source.document import Loc

JSON = Any
WITH = "with"
_DEEPEST = 8


def texts_in(read: TextReader, loc: Loc, value: JSON, key: Key = (WITH,)) -> Iterator[tuple[Key, Use | None]]:
    """Every text in a value, by where it stands in the step.

    Parameters:
        loc: of the step.
        key: where the value stands in it.
    """
    waiting = [(key, value)]
    while waiting:
        key, value = waiting.pop()
        if isinstance(value, str):
            yield key, read.template((*loc, *key), value)
        inside = list(_inside(value))
        waiting += [((*key, name), item) for name, item in reversed(inside)]


def shape_in(draft: Draft, value: JSON, shapes: Mapping[Key, Shape], key: Key = (WITH,)) -> Shape:
    """What a value comes to, from what its texts come to."""
    if isinstance(value, str):
        return shape_of_value(value) if is_constant(draft, value, key) else shapes.get(key, UNKNOWN)
    if isinstance(value, dict):
        return record({name: shape_in(draft, item, shapes, (*key, name)) for name, item in value.items()})
    if isinstance(value, list):
        return array(union(shape_in(draft, item, shapes, (*key, index)) for index, item in enumerate(value)))
    return shape_of_value(value)


def uses_in(draft: Draft, key: Key) -> list[Use]:
    """The texts at a key of a step and below it."""
    return [use for name, use in draft.uses.items() if name[: len(key)] == key]


def is_constant(draft: Draft, value: JSON, key: Key) -> bool:
    """Whether no text in a value has anything to fill in."""
    if isinstance(value, str):
        use = draft.uses.get(key)
        return use is not None and use.template.constant
    return all(is_constant(draft, item, (*key, name)) for name, item in _inside(value))


def built(draft: Draft, value: JSON, key: Key = (WITH,)) -> JSON:
    """A value with its templates in place of its texts."""
    if isinstance(value, str):
        return draft.uses[key].template
    if isinstance(value, dict):
        return {name: built(draft, item, (*key, name)) for name, item in value.items()}
    if isinstance(value, list):
        return [built(draft, item, (*key, index)) for index, item in enumerate(value)]
    return value


def templates_in(value: JSON) -> Iterator[Template]:
    """The templates of a built value."""
    if isinstance(value, Template):
        yield value
    for _, item in _inside(value):
        yield from templates_in(item)


def references_in(value: JSON) -> Iterator[Reference]:
    """What the templates of a built value read."""
    for template in templates_in(value):
        yield from template.references


def rendered(value: JSON, names: Mapping[str, JSON]) -> JSON:
    """A built value over the names; plain data.

    Raises:
        ExpressionError: a template has no value, or the whole is too large.
    """
    return bounded_value(_rendered(value, names))


def _rendered(value: JSON, names: Mapping[str, JSON]) -> JSON:
    if isinstance(value, Template):
        return value.value(names)
    if isinstance(value, dict):
        return {name: _rendered(item, names) for name, item in value.items()}
    if isinstance(value, list):
        return [_rendered(item, names) for item in value]
    return value


def sources(value: JSON) -> JSON:
    """A built value as it was written."""
    if isinstance(value, Template):
        return value.source
    if isinstance(value, dict):
        return {name: sources(item) for name, item in value.items()}
    return [sources(item) for item in value] if isinstance(value, list) else value


def _inside(value: JSON) -> Iterator[tuple[str | int, JSON]]:
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list):
        yield from enumerate(value)


def misfit(given: Shape, wanted: Shape, depth: int = 0) -> str | None:
    """Why no value of one type can be of another, in words; None where one can, or where that cannot be told."""
    has, wants = kinds(given), kinds(wanted)
    if has is None or wants is None or depth > _DEEPEST:
        return None
    if "number" in wants:
        wants |= {"integer"}
    # A whole number may come as one of any kind.
    if not has & wants and not (has == {"number"} and "integer" in wants):
        return f"it is {' or '.join(sorted(has))}, not {' or '.join(sorted(wants))}"
    if always(given, "array") and always(wanted, "array"):
        inner = misfit(item_of(given), item_of(wanted), depth + 1)
        return None if inner is None else f"of its items, {inner}"
    if always(given, "object") and always(wanted, "object"):
        return _misfit_of_fields(given, wanted, depth)
    return None


def _misfit_of_fields(given: Shape, wanted: Shape, depth: int) -> str | None:
    required = wanted.schema.get("required")
    for name in required if isinstance(required, list) else ():
        found, meant = field_type(given, name), field_type(wanted, name)
        if isinstance(found, NoField):
            return f"it has no field `{name}`"
        if isinstance(meant, Field) and (inner := misfit(found.shape, meant.shape, depth + 1)) is not None:
            return f"of its field `{name}`, {inner}"
    return None
