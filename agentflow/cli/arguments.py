"""Inputs as they are typed: `-i key=value`, `-i key=@file`, and a JSON file of them all."""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentflow.errors import UsageError
from agentflow.spec.json_text import read_json

if TYPE_CHECKING:
    from agentflow.plan.model import Plan

JSON = Any

MAX_INPUT_BYTES = 10 * 1024 * 1024


def read_inputs(plan: "Plan", typed: Iterable[str], file: str | None) -> Mapping[str, JSON]:
    """The values of a workflow's inputs; those typed win over those of the file.

    Parameters:
        typed: `key=value`; `key=@path` reads the file's text, `key=@@…` is a text that begins with `@`.
        file: a JSON object of values, by name; `-` is standard input.

    Raises:
        UsageError: a pair or file cannot be read, a name stands twice, or a text is not of its input's type.
    """
    given = {} if file is None else dict(_json_object(file))
    seen: set[str] = set()
    for pair in typed:
        name, equals, text = pair.partition("=")
        if not equals or not name:
            raise UsageError(f"`-i {pair}` names no value", "write `-i name=value`, or `-i name=@file`")
        if name in seen:
            raise UsageError(f"input `{name}` is given twice", "give it once; a list is JSON, as `-i n='[1, 2]'`")
        seen.add(name)
        given[name] = _typed(plan, name, _text(name, text))
    return given


def _typed(plan: "Plan", name: str, text: str) -> JSON:
    from agentflow.spec.contracts import coerce_input

    if name not in plan.inputs:
        # Left to the check of all inputs, which lists every problem.
        return text
    try:
        return coerce_input(text, plan.inputs[name].schema)
    except UsageError as error:
        raise UsageError(f"input `{name}`: {error.message}", error.hint) from None


def _text(name: str, text: str) -> str:
    if text.startswith("@@"):
        return text[1:]
    if not text.startswith("@"):
        return text
    return read_text(Path(text[1:]), f"input `{name}`")


def read_text(path: Path, what: str) -> str:
    """A file's text. Raises UsageError, which names `what` it is for, where it cannot be read or is too long."""
    return _decoded(_read(path, what), f"the file of {what}")


def _json_object(file: str) -> Mapping[str, JSON]:
    content = sys.stdin.buffer.read(MAX_INPUT_BYTES + 1) if file == "-" else _read(Path(file), "`--inputs`")
    shown = "standard input" if file == "-" else f"'{file}'"
    try:
        value = read_json(_decoded(content, shown))
    except ValueError as error:
        raise UsageError(f"{shown} is not JSON: {error}", 'write an object, as {"topic": "tea"}') from None
    if not isinstance(value, dict):
        raise UsageError(f"{shown} is not a JSON object", 'write the inputs by name, as {"topic": "tea"}')
    return value


def _read(path: Path, what: str) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_INPUT_BYTES + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f"{what}: the file '{path}' cannot be read: {why}", "check the path") from None
    if len(content) > MAX_INPUT_BYTES:
        raise UsageError(f"{what}: the file '{path}' is longer than {MAX_INPUT_BYTES >> 20} MiB", "make it smaller")
    return content


def _decoded(content: bytes, what: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{what} is not UTF-8", "save it again as UTF-8") from None
