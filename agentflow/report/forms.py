"""The form of a question as text for people, and what to type to answer it."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from agentflow.report.inert import inert_line
from agentflow.report.style import count
from agentflow.spec.forms import FormField, fields_of

JSON = Any

_LONGEST = 100
_MOST_FIELDS = 40
_MOST_WORDS = 8


def form_lines(form: Mapping[str, JSON]) -> Iterator[str]:
    """A form, a line for each field, as `tone: one of calm, loud (default calm) – How it should sound`."""
    fields = fields_of(form)
    for field in fields[:_MOST_FIELDS]:
        name = inert_line(field.name, _LONGEST) or "answer"
        yield f"  {name}: {field_text(field)}"
    if len(fields) > _MOST_FIELDS:
        yield f"  … {count(len(fields) - _MOST_FIELDS, 'more field')}"


def field_text(field: FormField) -> str:
    """What a field takes, in words."""
    text = _kind(field)
    if field.has_default:
        text += f" (default {_shown(field.default)})"
    elif not field.required:
        text += " (optional)"
    about = field.schema.get("description") if field.name else None
    return f"{text} – {inert_line(about, _LONGEST)}" if isinstance(about, str) and about else text


def answer_words(form: Mapping[str, JSON]) -> list[str]:
    """The words that answer a form on a command line, with `…` for the values; fields with a default left out."""
    fields = fields_of(form)
    if not fields:
        return ["--json", "…"]
    if not fields[0].name:
        return ["…"]
    needed = tuple(field for field in fields if field.required and not field.has_default)
    shown = [f"{inert_line(field.name, _LONGEST)}=…" for field in (needed or fields[:1])[:_MOST_WORDS]]
    return [*shown, "…"] if len(needed) > _MOST_WORDS else shown


def _kind(field: FormField) -> str:
    if field.choices is not None:
        more = ", …" if len(field.choices) > _MOST_FIELDS else ""
        return f"one of {', '.join(_shown(choice) for choice in field.choices[:_MOST_FIELDS])}{more}"
    types = field.schema.get("type")
    names = [types] if isinstance(types, str) else types if isinstance(types, list) else []
    known = [_KINDS[name] for name in names if name in _KINDS]
    bounds = [f"{words} {field.schema[key]}" for key, words in _BOUNDS.items() if _bounds(field, key)]
    bounded = f", {' and '.join(bounds)}" if bounds else ""
    return (" or ".join(known) or "any value") + bounded


def _bounds(field: FormField, key: str) -> bool:
    """Whether a bound is worth a word; that a text must not be empty goes without saying."""
    return key in field.schema and (key, field.schema[key]) != ("minLength", 1)


def _shown(value: JSON) -> str:
    return inert_line(value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False), _LONGEST)


_KINDS = {
    "string": "text",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "array": "a list as JSON",
    "object": "a mapping as JSON",
    "null": "null",
}
_BOUNDS = {
    "minimum": "at least",
    "exclusiveMinimum": "more than",
    "maximum": "at most",
    "exclusiveMaximum": "less than",
    "minLength": "in length at least",
    "maxLength": "in length at most",
}
