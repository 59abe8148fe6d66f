"""Small files with a shape of their own: read, checked against their model, every problem at its place."""

import re
import types
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Generic, TypeVar, Union, get_args, get_origin

from msgspec import Struct
from pydantic import ValidationError

from agentflow.source import yaml_reader
from agentflow.source.diagnostics import Diagnostic
from agentflow.source.document import Document, Loc
from agentflow.source.suggest import did_you_mean
from agentflow.spec.base import Spec
from agentflow.spec.findings import EMPTY_HINT, shown
from agentflow.spec.positions import has, keys_of, value_at

Model = TypeVar("Model", bound=Spec)

_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}
_BOUNDS = {"greater_than_equal": ("at least", "ge"), "less_than_equal": ("at most", "le")}
_EMPTY = frozenset({"too_short", "string_too_short"})


class Closed(Struct, Generic[Model], frozen=True):
    """A file that has its shape."""

    document: Document
    value: Model


def read_closed(model: type[Model], source: bytes | str, path: str) -> tuple[Closed[Model] | None, list[Diagnostic]]:
    """Reads a file and checks its shape.

    Args:
        source: the file's bytes or text.
        path: the file as the user named it.

    Returns:
        The file, or None where there are problems; and all of them, in the order of their places.
    """
    document, problems = yaml_reader.read(source, path)
    if document is None or problems:
        return None, problems
    found = dict.fromkeys(_empty(document, model))
    try:
        value = model.model_validate(document.data)
        if not found:
            return Closed(document, value), []
    except ValidationError as error:
        found.update(dict.fromkeys(_diagnostics(error, document, model)))
    return None, sorted(found, key=lambda diagnostic: (diagnostic.place, diagnostic.code))


def _empty(document: Document, model: type[Spec]) -> Iterator[Diagnostic]:
    """Keys that were written with nothing behind them: read as absent, they would drop what was meant."""
    waiting: list[tuple[Loc, Any, list[Any]]] = [((), document.data, [model])]
    while waiting:
        loc, value, annotations = waiting.pop()
        if value is None and loc and not any(member is Any for found in annotations for member in _members(found)):
            yield Diagnostic("AF203", f"{_name_of(loc)} is empty", document.place(loc), EMPTY_HINT)
        items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, item in items:
            below = [inner for annotation in annotations for inner in _below(annotation, key)]
            if below:
                waiting.append(((*loc, key), item, below))


def _diagnostics(error: ValidationError, document: Document, model: type[Spec]) -> Iterator[Diagnostic]:
    data = document.data
    for details in error.errors(include_url=False, include_input=False):
        loc: Loc = ()
        of_key = details["loc"][-1:] == ("[key]",)
        for index, segment in enumerate(details["loc"]):
            last = index == len(details["loc"]) - 1
            if has(data, (*loc, segment)) or (last and details["type"] == "missing"):
                loc = (*loc, segment)
        yield _diagnostic(details, loc, of_key, document, model)


def _diagnostic(details: Any, loc: Loc, of_key: bool, document: Document, model: type[Spec]) -> Diagnostic:
    kind, context = details["type"], details.get("ctx", {})
    value, name = value_at(document.data, loc), _name_of(loc)
    if kind == "extra_forbidden":
        keys = [key for owner in _models_at(model, loc[:-1]) for key in keys_of(owner)]
        hint = did_you_mean(str(loc[-1]), keys) or f"it takes {', '.join(f'`{key}`' for key in dict.fromkeys(keys))}"
        message = f"{_name_of(loc[:-1])} does not take {shown(loc[-1])}"
        return Diagnostic("AF201", message, document.place(loc, key=True), hint)
    if kind == "missing":
        owner, key = loc[:-1], str(loc[-1])
        purposes = [owned.model_fields[key].description for owned in _models_at(model, owner) if key in keys_of(owned)]
        hint = f"add `{key}`" + (f": {purposes[0]}" if purposes and purposes[0] else "")
        return Diagnostic("AF202", f"{_name_of(owner)} lacks `{key}`", document.place(owner, key=True), hint)
    if of_key:
        return Diagnostic("AF205", f"{shown(loc[-1])} cannot be a name here", document.place(loc, key=True))
    if value is None:
        return Diagnostic("AF203", f"{name} is empty", document.place(loc), EMPTY_HINT)
    if kind in _EMPTY:
        return Diagnostic("AF203", f"{name} must not be empty", document.place(loc))
    if kind == "literal_error":
        choices = re.findall(r"'([^']*)'", str(context.get("expected", "")))
        listed = " or ".join(f"`{choice}`" for choice in choices)
        near = did_you_mean(value, choices) if isinstance(value, str) else None
        return Diagnostic("AF203", f"{name} must be {listed}, not {shown(value)}", document.place(loc), near)
    if kind in _BOUNDS:
        words, bound = _BOUNDS[kind]
        expected = f"{words} {context[bound]}"
    elif kind == "value_error":
        expected = str(context["error"])
    else:
        expected = _EXPECTED.get(kind, "another value")
    return Diagnostic("AF203", f"{name} must be {expected}, not {shown(value)}", document.place(loc))


def _name_of(loc: Loc) -> str:
    if not loc:
        return "the file"
    if isinstance(loc[-1], int):
        return f"item {loc[-1] + 1} of {_name_of(loc[:-1])}"
    return f"`{loc[-1]}`" if len(str(loc[-1])) <= 60 else shown(loc[-1])


def _models_at(model: type[Spec], loc: Loc) -> list[type[Spec]]:
    """The models that the mapping at a loc may be read as."""
    found: list[Any] = [model]
    for segment in loc:
        found = [below for annotation in found for below in _below(annotation, segment)]
    return [inner for annotation in found for inner in _members(annotation) if _is_model(inner)]


def _below(annotation: Any, segment: str | int) -> Iterator[Any]:
    for member in _members(annotation):
        if _is_model(member) and isinstance(segment, str):
            for name, field in member.model_fields.items():
                if (field.alias or name) == segment:
                    yield field.annotation
        elif get_origin(member) is list and isinstance(segment, int):
            yield get_args(member)[0]
        elif get_origin(member) is dict and isinstance(segment, str):
            yield get_args(member)[1]


def _members(annotation: Any) -> Iterable[Any]:
    """The alternatives of an annotation, what they are annotated with left away."""
    if get_origin(annotation) is Annotated:
        return _members(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return [inner for member in get_args(annotation) for inner in _members(member)]
    return [annotation]


def _is_model(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, Spec)
