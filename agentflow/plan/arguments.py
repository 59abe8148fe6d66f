"""Values that a step hands on by `with`: plain data in whose texts `{{ }}` may stand."""

from collections.abc import Iterator, Mapping
from typing import Any

from agentflow.plan.draft import Key
from agentflow.plan.expressions import Argument
from agentflow.plan.flow import use_is_tainted
from agentflow.plan.scopes import Scope
from agentflow.plan.texts import TextReader, Use
from agentflow.plan.types import (
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
from agentflow.source.document import Loc

JSON = Any
_DEEPEST = 8


def argument_texts(read: TextReader, loc: Loc, key: Key, value: JSON) -> Iterator[tuple[Key, Use | None]]:
    """The texts in a value.

    Parameters:
        loc: where the value stands.
        key: the same, seen from the step.
    """
    if isinstance(value, str):
        yield key, read.template(loc, value)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from argument_texts(read, (*loc, name), (*key, name), item)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from argument_texts(read, (*loc, index), (*key, index), item)


def argument(value: JSON, key: Key, uses: Mapping[Key, Use]) -> Argument:
    """A value whose texts were parsed."""
    return Argument(_content(value, key, uses))


def _content(value: JSON, key: Key, uses: Mapping[Key, Use]) -> JSON:
    if isinstance(value, str):
        return uses[key].template
    if isinstance(value, dict):
        return {name: _content(item, (*key, name), uses) for name, item in value.items()}
    if isinstance(value, list):
        return [_content(item, (*key, index), uses) for index, item in enumerate(value)]
    return value


def argument_shape(value: JSON, key: Key, shapes: Mapping[Key, Shape], uses: Mapping[Key, Use]) -> Shape:
    """The type of a value.

    Parameters:
        shapes: of its texts.
    """
    if isinstance(value, str):
        return shape_of_value(value) if is_constant(key, uses) else shapes[key]
    if isinstance(value, dict):
        return record({name: argument_shape(item, (*key, name), shapes, uses) for name, item in value.items()})
    if isinstance(value, list):
        return array(union(argument_shape(item, (*key, index), shapes, uses) for index, item in enumerate(value)))
    return shape_of_value(value)


def uses_in(key: Key, uses: Mapping[Key, Use]) -> list[Use]:
    """The texts at a key and below it."""
    return [use for name, use in uses.items() if name[: len(key)] == key]


def is_constant(key: Key, uses: Mapping[Key, Use]) -> bool:
    """Whether a value has nothing to fill in."""
    return all(use.template.constant for use in uses_in(key, uses))


def is_tainted(key: Key, uses: Mapping[Key, Use], scope: Scope) -> bool:
    """Whether a value may hold text that the author and trusted people did not write."""
    return any(use_is_tainted(use, scope) for use in uses_in(key, uses))


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
