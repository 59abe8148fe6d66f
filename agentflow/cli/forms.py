"""Asks a person at the terminal field by field: types are checked at once, and asked again with the reason."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import click

from agentflow.errors import UsageError
from agentflow.report.forms import field_text
from agentflow.report.inert import inert, inert_line
from agentflow.spec.forms import FormField, checked, field_value, fields_of, is_record

JSON = Any
Line = Callable[[str], Awaitable[str]]
"""A line from the terminal after a prompt; raises EOFError where the input was closed."""


async def fill(form: Mapping[str, JSON], line: Line) -> JSON:
    """The answers to a form; asked anew as a whole where they do not fit together."""
    while True:
        answers = {}
        for field in fields_of(form):
            given, value = await _ask(field, line)
            if given:
                answers[field.name] = value
        try:
            return checked(form, answers if is_record(form) else answers.get(""))
        except UsageError as error:
            _say(error)


async def _ask(field: FormField, line: Line) -> tuple[bool, JSON]:
    """Whether a field was answered, and how."""
    name = inert_line(field.name)
    prompt = f"{name} ({field_text(field)}): " if name else f"answer ({field_text(field)}): "
    while True:
        text = (await line(prompt)).rstrip("\r")
        if not text.strip() and field.has_default:
            return True, field.default
        if not text.strip() and not field.required:
            return False, None
        try:
            if not text.strip():
                raise UsageError("an answer is needed")
            return True, field_value(field, text)
        except UsageError as error:
            _say(error)


def _say(error: UsageError) -> None:
    hint = f" ({error.hint})" if error.hint else ""
    click.echo(f"  {inert(error.message)}{inert(hint)}", err=True)
