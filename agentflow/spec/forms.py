"""Forms: the JSON Schema of what a person is asked for, field by field.

A form of `type: object` with `properties` has a field for each; any other is a single field without a name.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from agentflow.errors import AgentflowError, UsageError
from agentflow.source.suggest import did_you_mean
from agentflow.spec.contracts import Contract, coerce_input

JSON = Any

LINE_OF_TEXT: Mapping[str, JSON] = {"type": "string"}
"""The form of a question that has none."""

_DEFINITIONS = ("$defs", "definitions")
_LONGEST_CHAIN = 16


class FormField(Struct, frozen=True):
    """One field of a form.

    Attributes:
        name: `""` where the form is a single field.
        required: it must be answered, unless it has a default.
        has_default: `default` is its value where nothing is answered.
    """

    name: str
    schema: Mapping[str, JSON]
    required: bool
    has_default: bool = False
    default: JSON = None

    @property
    def choices(self) -> list[JSON] | None:
        """The values there are to choose from, or None where there is no such list."""
        choices = self.schema.get("enum")
        return choices if isinstance(choices, list) else None


def is_record(form: Mapping[str, JSON]) -> bool:
    """Whether a form has named fields."""
    return form.get("type") == "object" and isinstance(form.get("properties"), Mapping)


def fields_of(form: Mapping[str, JSON]) -> tuple[FormField, ...]:
    """The fields of a form, in its order."""
    if not is_record(form):
        return (FormField("", form, True, "default" in form, form.get("default")),)
    required = [name for name in form.get("required", ()) if isinstance(name, str)]
    # What must be there without being described is asked for as text.
    properties = {**form["properties"], **{name: {} for name in required if name not in form["properties"]}}
    return tuple(
        _field(name, _alone(schema, form) if isinstance(schema, Mapping) else {}, name in required)
        for name, schema in properties.items()
    )


def _field(name: str, schema: Mapping[str, JSON], required: bool) -> FormField:
    return FormField(name, schema, required, "default" in schema, schema.get("default"))


def _alone(schema: Mapping[str, JSON], form: Mapping[str, JSON]) -> Mapping[str, JSON]:
    """A field's schema as it can be read without its form: its own reference followed, those inside it kept."""
    for _ in range(_LONGEST_CHAIN):
        target = _target(schema.get("$ref"), form)
        if target is None:
            break
        schema = {**target, **{key: value for key, value in schema.items() if key != "$ref"}}
    return {**schema, **{key: form[key] for key in _DEFINITIONS if key in form}} if _refers(schema) else schema


def _target(reference: JSON, form: Mapping[str, JSON]) -> Mapping[str, JSON] | None:
    for key in _DEFINITIONS:
        if isinstance(reference, str) and reference.startswith(f"#/{key}/") and isinstance(form.get(key), Mapping):
            target = form[key].get(reference.removeprefix(f"#/{key}/"))
            return target if isinstance(target, Mapping) else None
    return None


def _refers(schema: JSON) -> bool:
    if isinstance(schema, Mapping):
        return "$ref" in schema or any(_refers(inner) for inner in schema.values())
    return isinstance(schema, list) and any(_refers(inner) for inner in schema)


def with_defaults(form: Mapping[str, JSON], answers: JSON) -> JSON:
    """The answers, with the defaults of the fields that were left out."""
    if not is_record(form) or not isinstance(answers, dict):
        return answers
    missing = {field.name: field.default for field in fields_of(form) if field.has_default}
    return {**missing, **answers}


def answered(form: Mapping[str, JSON]) -> Mapping[str, JSON]:
    """The schema of a form's answers: what has a default is always there."""
    if not is_record(form):
        return form
    required = form.get("required", [])
    there = [field.name for field in fields_of(form) if field.has_default]
    return {**form, "required": list(dict.fromkeys([*required, *there]))}


def problems_of(form: Mapping[str, JSON], answers: JSON) -> list[str]:
    """What keeps answers from meeting their form."""
    return Contract(form).problems(answers)


def defaults_of(form: Mapping[str, JSON]) -> tuple[bool, JSON]:
    """Whether the form's own defaults answer all that must be answered, and those answers."""
    if "default" in form:
        answers = form["default"]
    elif is_record(form):
        answers = with_defaults(form, {})
    else:
        return False, None
    return answers is not None and not problems_of(form, answers), answers


def misfits(field: FormField, value: JSON) -> list[str]:
    """What keeps a value from being this field's."""
    try:
        return problems_of(field.schema, value)
    except AgentflowError:  # it points elsewhere in the form, and is judged with the form as a whole
        return []


def field_value(field: FormField, text: str) -> JSON:
    """What a text means in a field.

    Raises:
        UsageError: it is of another type, or not what the field's schema accepts.
    """
    value = coerce_input(text, field.schema)
    misses = misfits(field, value)
    if misses:
        hint = f"it is one of {', '.join(map(str, field.choices))}" if field.choices is not None else None
        raise UsageError(misses[0].removeprefix("$ "), hint)
    return value


def read_answers(form: Mapping[str, JSON], words: tuple[str, ...]) -> JSON:
    """Answers as they are typed: `key=value` for each field, or one value for a form of a single field.

    Raises:
        UsageError: a word names no field, a field stands twice or is missing, or a value does not fit.
    """
    fields = {field.name: field for field in fields_of(form)}
    if not is_record(form):
        if len(words) != 1:
            raise UsageError(f"the question takes one answer, and {len(words)} were given", "give it in quotes")
        return field_value(fields[""], words[0])
    answers: dict[str, JSON] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or name not in fields:
            hint = did_you_mean(name, fields) or f"its fields are {', '.join(fields)}"
            raise UsageError(f"the form has no field `{name}`" if equals else f"`{word}` names no field", hint)
        if name in answers:
            raise UsageError(f"field `{name}` is answered twice", "answer it once; a list is JSON, as `n='[1, 2]'`")
        try:
            answers[name] = field_value(fields[name], text)
        except UsageError as error:
            raise UsageError(f"field `{name}`: {error.message}", error.hint) from None
    return checked(form, answers)


def checked(form: Mapping[str, JSON], answers: JSON) -> JSON:
    """The answers with the form's defaults filled in.

    Raises:
        UsageError: they do not meet the form, the message says why; or they are null, which is no answer.
    """
    if answers is None:
        raise UsageError("the question has no answer yet", f"answer with {_expected(form)}")
    answers = with_defaults(form, answers)
    misses = problems_of(form, answers)
    if misses:
        why = "; ".join(miss.removeprefix("$ ") for miss in misses)
        raise UsageError(f"the answer does not fit: {why}", f"answer with {_expected(form)}")
    return answers


def _expected(form: Mapping[str, JSON]) -> str:
    named = ", ".join(field.name for field in fields_of(form) if field.name)
    return f"its fields: {named}" if named else "a value that its form accepts"
