"""What pydantic refused, as findings: each at its place, in the words of the language."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct
from pydantic import ValidationError

from agentflow.source.diagnostics import Diagnostic
from agentflow.source.document import Document, Loc
from agentflow.source.suggest import did_you_mean
from agentflow.spec.base import LONGEST_NAME
from agentflow.spec.findings import EMPTY_HINT, Finding, found, shown
from agentflow.spec.positions import (
    bounds_of,
    has,
    is_step,
    is_tool,
    keys_of,
    later_keys,
    model_at,
    name_of,
    owners_of,
    value_at,
)
from agentflow.spec.steps import KINDS

_FILE = "a path, or `{path, pin}`"
_TEXT = "text, or `{file: path}`"
_BOUND = "a whole number of at least 1, or an input as `inputs.name`"
_ALTERNATIVES = {
    "agent": "an agent's name, or a mapping that describes one",
    "approve": _TEXT,
    "fail": _TEXT,
    "ask": _TEXT,
    "cache": "true, or how long a result holds, as 1h",
    "from": _FILE,
    "imports": _FILE,
    "instructions": _TEXT,
    "max": _BOUND,
    "output": "a JSON Schema, or `{file: path}`",
    "parallel": _BOUND,
    "prompt": _TEXT,
    "run": "a list of arguments, or a line for bash",
    "sandbox": "`off`, or a mapping of what commands may reach",
    "show": _TEXT,
    "stdin": _TEXT,
    "workflow": _FILE,
}
_INTEGERS = frozenset({"int_type", "int_from_float", "int_parsing", "int_parsing_size"})
_NUMBERS = frozenset({"float_type", "finite_number"})
_LIMITS = frozenset({"greater_than_equal", "greater_than", "less_than_equal", "less_than"})
_EMPTY = frozenset({"too_short", "string_too_short"})
_MAPPINGS = frozenset({"dict_type", "model_type", "model_attributes_type"})
MOST_ERRORS = 1_000
_ID_FORM = "a name starts with a letter or `_` and goes on with letters, digits and `_`"
_FUNCTION_FORM = "name a module beside this file and a function in it, as `lib.stats:mean`"
_LENGTH = f"a name has at most {LONGEST_NAME} characters"
_NAME_FORM = f"{_ID_FORM}; agents and the workflow also with `-`"


class _Error(Struct, frozen=True):
    """One of pydantic's errors, with its loc in the document and the alternatives it was met in."""

    type: str
    context: dict[str, Any]
    loc: Loc
    of_key: bool
    branches: tuple[tuple[Loc, str], ...]


def shape_findings(error: ValidationError, document: Document, data: Any) -> Iterator[Finding]:
    """Yields the findings for all that pydantic refused in `data`, one for each cause.

    Args:
        error: of validating `data`.
        document: where the data came from; some of it may be gone from `data`.
        data: what was validated.

    Only the first `MOST_ERRORS` are looked at.
    """
    told = error.errors(include_url=False, include_input=False)[:MOST_ERRORS]
    errors = [_located(details, data) for details in told]
    kept: list[_Error] = []
    misfits: dict[Loc, None] = {}
    for located in errors:
        misfit = _misfit(located, data)
        if misfit is not None:
            misfits[misfit] = None
        elif _is_of_the_branch(located, data):
            kept.append(located)
    yield from (_no_alternative(document, data, loc) for loc in misfits)
    meant = _meant_keys(kept, data)
    for located in kept:
        if not (located.type == "missing" and located.loc in meant) and not _is_a_gap(located, document):
            yield _finding(located, document, data)


def unusable_locs(error: ValidationError, data: Any) -> Iterator[tuple[Loc, bool]]:
    """Yields what pydantic refused in `data`: its loc, and whether it is a key that is missing there."""
    for details in error.errors(include_url=False, include_input=False):
        located = _located(details, data)
        yield located.branches[0][0] if located.branches else located.loc, located.type == "missing"


def _located(details: Any, data: Any) -> _Error:
    """Turns pydantic's loc, which has names of union members between the keys, into one of the document."""
    loc: Loc = ()
    branches: list[tuple[Loc, str]] = []
    segments = list(details["loc"])
    of_key = bool(segments) and segments[-1] == "[key]" and not has(data, tuple(segments))
    if of_key:
        segments.pop()
    kind_is_named = False
    for index, segment in enumerate(segments):
        if (is_step(loc) or is_tool(loc)) and not kind_is_named and segment in KINDS:
            kind_is_named = True
        elif has(data, (*loc, segment)) or (details["type"] == "missing" and index == len(segments) - 1):
            loc = (*loc, segment)
            kind_is_named = False
        else:
            branches.append((loc, str(segment)))
    return _Error(details["type"], details.get("ctx", {}), loc, of_key, tuple(branches))


def _branch_for(loc: Loc, value: Any) -> str | None:
    """Returns which alternative the author plainly meant by `value`; None where it is none of them."""
    key = _key_of(loc)
    if key in ("from", "imports", "workflow") and isinstance(value, dict):
        return "PinnedFile"
    if loc == ("sandbox",) and isinstance(value, dict):
        return "SandboxGrants"
    if key == "agent" and isinstance(value, dict):
        return "Agent"
    if key == "run" and isinstance(value, list):
        return "list"
    if isinstance(value, dict) and "file" in value and _ALTERNATIVES.get(str(key), "").endswith("{file: path}`"):
        return "FileRef"
    return None


def _key_of(loc: Loc) -> str | int | None:
    """The key that a value stands under; of a file among `imports` that one."""
    return loc[0] if len(loc) == 2 and loc[0] == "imports" else (loc[-1] if loc else None)


def _misfit(located: _Error, data: Any) -> Loc | None:
    """Returns the outermost value on the way to an error that is none of its alternatives."""
    for loc, tag in located.branches:
        meant = _branch_for(loc, value_at(data, loc))
        if meant is None:
            return loc
        if not tag.startswith(meant):
            return None
    return None


def _is_of_the_branch(located: _Error, data: Any) -> bool:
    return all(tag.startswith(_branch_for(loc, value_at(data, loc)) or "") for loc, tag in located.branches)


def _no_alternative(document: Document, data: Any, loc: Loc) -> Finding:
    value = value_at(data, loc)
    key = str(_key_of(loc) or "")
    if key == "agent" and isinstance(value, str):
        return found(document, "AF205", f"{shown(value)} is not an agent's name", loc, _NAME_FORM)
    if value is None:
        return found(document, "AF203", f"{name_of(loc)} is empty", loc, EMPTY_HINT)
    expected = _ALTERNATIVES.get(key, "something else")
    hint = _quote_hint(value) if expected == _TEXT else _SANDBOX_HINT if loc == ("sandbox",) else None
    return found(document, "AF203", f"{name_of(loc)} must be {expected}, not {shown(value)}", loc, hint)


def _is_a_gap(error: _Error, document: Document) -> bool:
    """Returns whether something is missing only because it was taken out, which another finding tells."""
    if error.type == "missing":
        return document.has(error.loc)
    return error.type == "too_short" and bool(value_at(document.data, error.loc))


def _meant_keys(errors: Iterable[_Error], data: Any) -> set[Loc]:
    """Returns the missing keys that an unknown key beside them is a misspelling of: the unknown one tells it all."""
    meant = set()
    for error in errors:
        if error.type == "extra_forbidden" and (model := model_at(error.loc[:-1], data)) is not None:
            hint = did_you_mean(str(error.loc[-1]), keys_of(model))
            meant |= {(*error.loc[:-1], key) for key in keys_of(model) if hint and f"`{key}`" in hint}
    return meant


def _finding(error: _Error, document: Document, data: Any) -> Finding:
    loc, value = error.loc, value_at(data, error.loc)
    if error.of_key:
        form = _NAME_FORM if loc[:-1] == ("agents",) else _ID_FORM
        form = _LENGTH if len(str(loc[-1] if error.of_key else value)) > LONGEST_NAME else form
        return found(document, "AF205", f"{shown(loc[-1])} cannot be a name here", loc, form, key=True)
    if error.type == "missing":
        return _missing(document, data, loc)
    if error.type == "extra_forbidden":
        return _unknown_key(document, data, loc)
    if error.type == "string_pattern_mismatch" and loc[-1:] == ("pin",):
        message = f"`pin` must be `sha256:` and 64 digits of base 16, not {shown(value)}"
        return found(document, "AF203", message, loc, "write any digest; the message then tells the right one")
    if error.type == "string_pattern_mismatch" and loc[-1:] == ("call",):
        return found(document, "AF205", f"`call` cannot be {shown(value)}", loc, _FUNCTION_FORM)
    if error.type == "string_pattern_mismatch":
        form = _NAME_FORM if loc == ("name",) else _ID_FORM
        form = _LENGTH if len(str(loc[-1] if error.of_key else value)) > LONGEST_NAME else form
        return found(document, "AF205", f"{name_of(loc)} cannot be {shown(value)}", loc, form)
    if loc == ("agentflow",):
        message = f"version {shown(value)} of the language is not known"
        return found(document, "AF207", message, loc, "write `agentflow: 1`")
    if value is None:
        return found(document, "AF203", f"{name_of(loc)} is empty", loc, EMPTY_HINT)
    if error.type in _EMPTY:
        return found(document, "AF203", f"{name_of(loc)} must not be empty", loc, EMPTY_HINT)
    expected, hint = _expected(error, data, value)
    return found(document, "AF203", f"{name_of(loc)} must be {expected}, not {shown(value)}", loc, hint)


def _missing(document: Document, data: Any, loc: Loc) -> Finding:
    parent, key = loc[:-1], str(loc[-1])
    model = model_at(parent, data)
    fields = model.model_fields.items() if model is not None else ()
    purpose = next((field.description for name, field in fields if (field.alias or name) == key), None)
    said = (purpose or "").partition(". ")[0].rstrip(".")
    hint = f"add `{key}`: {said[0].lower()}{said[1:]}" if said else f"add `{key}`"
    message = f"{name_of(parent)} lacks `{key}`"
    return Finding(Diagnostic("AF202", message, document.place(parent, key=True), hint), loc)


def _unknown_key(document: Document, data: Any, loc: Loc) -> Finding:
    parent, key = loc[:-1], str(loc[-1])
    model = model_at(parent, data)
    if model is not None and key in later_keys(model):
        message = f"`{key}` is not supported yet by this version"
        return found(document, "AF201", message, loc, "delete it", key=True)
    owners = owners_of(key)
    hint = f"`{key}` belongs to {' or '.join(owners)}" if owners else None
    if hint is None and model is not None:
        hint = did_you_mean(key, keys_of(model)) or f"{name_of(parent)} takes {_listed(keys_of(model))}"
    message = f"{name_of(parent)} does not take {_code(key)}"
    return found(document, "AF201", message, loc, hint, key=True)


def _listed(keys: tuple[str, ...]) -> str:
    return ", ".join(f"`{key}`" for key in keys)


def _code(key: str) -> str:
    return f"`{key}`" if len(key) <= 60 and key.isprintable() else shown(key)


_SANDBOX_HINT = "write `sandbox: {network: [], write: [out]}`, or leave it out"
_UNITS: dict[str | int, str] = {
    "rate_limit": "`{}/min` for so many a minute",
    "at": "`{}%` for a share of the window",
}
"""What a bare number may have meant, by its key; elsewhere it is a time."""


def _expected(error: _Error, data: Any, value: Any) -> tuple[str, str | None]:
    """Returns what a value must be, and a hint."""
    if error.type == "literal_error":
        return _choice(error, value)
    if error.type == "value_error":
        unit = _UNITS.get(error.loc[-1] if error.loc else "", "`{}s` for seconds")
        is_number = isinstance(value, int) and not isinstance(value, bool)
        hint = f"write {unit.format(value)}" if is_number else None
        return str(error.context.get("error", "another value")), hint
    if error.type in _LIMITS and isinstance(value, str):
        return "longer than nothing", None
    if error.type in _INTEGERS | _NUMBERS | _LIMITS:
        whole = error.type in _INTEGERS or (error.type in _LIMITS and isinstance(value, int))
        return f"a {'whole ' if whole else ''}number{bounds_of(error.loc, data)}", None
    if error.type == "string_type":
        return "text", _quote_hint(value)
    if error.type == "list_type":
        short = isinstance(value, str) and len(value) <= 40 and value.isprintable()
        return "a list", f"write `[{value}]`" if short else None
    if error.type in _MAPPINGS:
        schema = len(error.loc) == 2 and error.loc[0] == "inputs"
        return "a mapping", "write a JSON Schema, as `{type: string}`" if schema else None
    return "a value of another kind", None


def _choice(error: _Error, value: Any) -> tuple[str, str | None]:
    choices = re.findall(r"'([^']*)'", str(error.context.get("expected", "")))
    hint = did_you_mean(value, choices) if isinstance(value, str) else None
    if value == "collect":
        hint = "`collect` belongs to a step with `for_each`"
    *others, last = [f"`{choice}`" for choice in choices]
    return f"{', '.join(others)} or {last}" if others else last, hint


def _quote_hint(value: Any) -> str | None:
    """Returns how to write a number or truth value as text."""
    if isinstance(value, bool | float) or (isinstance(value, int) and value.bit_length() <= 128):
        return f'write it in quotes: "{shown(value)}"'
    return None
