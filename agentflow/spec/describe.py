"""The keys of the language in its own words, read off the models: for editors and for the reference."""

import json
import types
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from msgspec import Struct
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from agentflow.spec.base import (
    AgentName,
    Duration,
    Expression,
    Id,
    InputBound,
    InputSchema,
    JsonSchema,
    Money,
    NamedFile,
    Spec,
    Template,
    ToolRule,
    ToolSchema,
)
from agentflow.spec.choices import CHOICES
from agentflow.spec.own_tools import Rate, ToolFailure
from agentflow.spec.retry import RetryKind
from agentflow.spec.steps import Step

_BOUNDS = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
_UNITS = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))
# Each type that has a name of its own, for one and for several.
_NAMED: tuple[tuple[Any, str, str], ...] = (
    (AgentName, "name", "names"),
    (Duration, "duration", "durations"),
    (Expression, "expression", "expressions"),
    (Id, "id", "ids"),
    (InputBound, "`inputs.name`", "`inputs.name`"),
    (InputSchema, "JSON Schema", "JSON Schemas"),
    (JsonSchema, "JSON Schema or `{file: path}`", "JSON Schemas"),
    (Money, "US dollars", "US dollars"),
    (NamedFile, "path or `{path: …, pin: …}`", "paths"),
    (Rate, "rate", "rates"),
    (RetryKind, "kind of failure", "kinds of failure"),
    (Step, "step", "steps"),
    (ToolSchema, "JSON Schema", "JSON Schemas"),
    (ToolFailure, "kind of failure", "kinds of failure"),
    (Template, "template", "templates"),
    (ToolRule, "tool or rule", "tools and rules"),
    (str, "text", "texts"),
    (bool, "true or false", "truth values"),
    (int, "whole number", "whole numbers"),
    (float, "number", "numbers"),
    (Any, "any value", "values of any kind"),
)


class Key(Struct, frozen=True):
    """One key of a mapping of the language.

    Attributes:
        name: as a file writes it.
        takes: what may stand there, in words.
        required: it must be there.
        default: what counts where it is absent, as a file would write it; None where its absence means something else.
        bounds: of a number, as `at least 1`; '' where it has none.
        description: what it is for; '' where the model does not say.
        choices: each value it may have and what that means; () where others are possible.
        models: the mappings with keys of their own that may stand there or below.
    """

    name: str
    takes: str
    required: bool
    default: str | None
    bounds: str
    description: str
    choices: tuple[tuple[str, str], ...]
    models: tuple[type[Spec], ...]


def keys_in(model: type[Spec]) -> tuple[Key, ...]:
    """Returns the keys of a mapping, those it shares with others first."""
    hints = get_type_hints(model, include_extras=True)
    return tuple(_key(model, name, field, hints[name]) for name, field in model.model_fields.items())


def models_below(model: type[Spec]) -> tuple[type[Spec], ...]:
    """Returns a mapping's model and all that may stand in it, each once, in the order in which they are met."""
    met: dict[type[Spec], None] = {}
    waiting = [model]
    while waiting:
        current = waiting.pop(0)
        if current not in met:
            met[current] = None
            waiting += [below for key in keys_in(current) for below in key.models]
    return tuple(met)


def duration_text(seconds: float) -> str:
    """Returns seconds as a file would write them: 10m for 600."""
    for unit, length in _UNITS:
        if seconds >= length and seconds % length == 0:
            return f"{seconds / length:g}{unit}"
    return f"{seconds * 1000:g}ms"


def bounds_words(field: FieldInfo) -> str:
    """Returns the bounds of a number in words, as `at least 1 and at most 20`; '' where it has none."""
    found = [
        f"{words} {limit}"
        for bound in [*field.metadata, *_metadata(field.annotation)]
        for attribute, words in _BOUNDS.items()
        if (limit := getattr(bound, attribute, None)) is not None
    ]
    return " and ".join(found)


def _metadata(annotation: Any) -> Iterator[Any]:
    for inner in getattr(annotation, "__metadata__", ()):
        yield from getattr(inner, "metadata", None) or [inner]
    for argument in get_args(annotation):
        if not isinstance(argument, str):
            yield from _metadata(argument)


def _key(model: type[Spec], name: str, field: FieldInfo, hint: Any) -> Key:
    written = field.alias or name
    return Key(
        written,
        _words(hint),
        field.is_required(),
        _default(field, hint),
        "" if _is_named(hint, Duration) else bounds_words(field),
        field.description or "",
        _choices(model, written, hint),
        tuple(dict.fromkeys(_models(hint))),
    )


def _default(field: FieldInfo, hint: Any) -> str | None:
    if field.is_required():
        return None
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is None or isinstance(value, BaseModel) or (isinstance(value, list | dict) and not value):
        return None
    if isinstance(value, float) and _is_named(hint, Duration):
        return duration_text(value)
    return value if isinstance(value, str) else json.dumps(value)


def _choices(model: type[Spec], name: str, hint: Any) -> tuple[tuple[str, str], ...]:
    values = [str(value) for literal in _parts(hint) if get_origin(literal) is Literal for value in get_args(literal)]
    owners = (f"{owner.__name__}.{name}" for owner in model.__mro__)
    meanings: Mapping[str, str] = next((CHOICES[owner] for owner in owners if owner in CHOICES), {})
    return tuple((value, meanings.get(value, "")) for value in values)


def _words(hint: Any, plural: bool = False) -> str:
    """Returns what a type is called."""
    for named, one, several in _NAMED:
        if hint is named:
            return several if plural else one
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _words(arguments[0], plural)
    if origin in (Union, types.UnionType):
        parts = [part for part in arguments if part is not type(None)]
        if tuple(parts) == get_args(NamedFile):  # what is left of `NamedFile | None`, which is one flat union
            return _words(NamedFile, plural)
        return _alternatives([_words(part, plural) for part in parts])
    if origin is Literal:
        return _alternatives([f"`{value}`" for value in arguments])
    if origin is list:
        return f"{'lists' if plural else 'list'} of {_words(arguments[0], plural=True)}"
    if origin is dict:
        name = "mappings" if plural else "mapping"
        return name if arguments[1] is Any else f"{name} of {_words(arguments[1], plural=True)}"
    if isinstance(hint, type) and issubclass(hint, Spec):
        single = tuple(hint.model_fields) == ("file",)
        return "`{file: path}`" if single else "mappings" if plural else "mapping"
    raise TypeError(f"the language has no word for {hint!r}; give it one in describe.py")


def _alternatives(words: list[str]) -> str:
    *others, last = dict.fromkeys(words)
    return f"{', '.join(others)} or {last}" if others else last


def _is_named(hint: Any, named: Any) -> bool:
    return any(part is named for part in _parts(hint))


def _parts(hint: Any) -> Iterator[Any]:
    """Yields a type and the alternatives that it is a union of."""
    yield hint
    if get_origin(hint) in (Union, types.UnionType):
        yield from get_args(hint)


def _models(hint: Any) -> Iterator[type[Spec]]:
    if isinstance(hint, type) and issubclass(hint, Spec):
        yield hint
    for argument in get_args(hint):
        if not isinstance(argument, str):
            yield from _models(argument)
