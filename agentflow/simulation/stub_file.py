"""Stubs as a file: what stood in for a run's world, in YAML that is made to be edited."""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from agentflow.errors import UsageError

JSON = Any

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.\[\]-]*")
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_ ./()-]*[A-Za-z0-9_./()-]|[A-Za-z]")
_NOT_TEXT = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n", "inf", "nan"})
_BLOCK = re.compile(
    r"[^\s\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff][^\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff]*"
)
_UNSAFE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_UNWRITABLE = re.compile("[\0\ud800-\udfff]")


def stubs_text(used: Mapping[str, Sequence[Mapping[str, JSON]]], workflow: str) -> str:
    """A file of stubs.

    Parameters:
        used: what each start of a step came to, by the step's path.
        workflow: the workflow's file, for the first line.
    """
    stubs = {path: starts[0] if len(starts) == 1 else list(starts) for path, starts in used.items()}
    shown = re.sub(r"[^\x20-\x7e]", "?", workflow)
    rows = [f"# Stands in for the steps of {shown}: `agentflow run … --dry-run --stubs <this file>`."]
    return "\n".join([*rows, *_rows({"stubs": stubs}, 0)]) + "\n"


def write_stubs(path: Path, text: str) -> None:
    """Writes a new file. Raises UsageError where it is there already or cannot be written."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"the file '{path}' is there already", "name another, or delete it") from None
    except OSError as error:
        raise UsageError(f"the file '{path}' cannot be written: {error.strerror}", "check the folder") from None


def _rows(value: JSON, indent: int) -> Iterator[str]:
    """The lines of a mapping or list that is not empty."""
    space = " " * indent
    if isinstance(value, Mapping):
        for key, item in value.items():
            shown = key if _PLAIN_KEY.fullmatch(key) and key.lower() not in _NOT_TEXT else _quoted(key)
            yield from _entry(f"{space}{shown}:", item, indent)
        return
    for item in value:
        first, *rest = list(_rows(item, indent + 2)) if _is_filled(item) else _entry(f"{space}-", item, indent)
        yield f"{space}- {first.lstrip()}" if _is_filled(item) else first
        yield from rest


def _entry(head: str, value: JSON, indent: int) -> Iterator[str]:
    if _is_filled(value):
        yield head
        yield from _rows(value, indent + 2)
    elif isinstance(value, str) and "\n" in value and _BLOCK.fullmatch(value):
        body = value.rstrip("\n")
        ending = {0: "-", 1: ""}.get(len(value) - len(body), "+")
        yield f"{head} |{ending}"
        # What is kept of line breaks at the end are empty lines: one break more than lines.
        for line in (body if len(value) - len(body) < 2 else value[:-1]).split("\n"):
            yield f"{' ' * (indent + 2)}{line}" if line else ""
    else:
        yield f"{head} {_scalar(value)}"


def _is_filled(value: JSON) -> bool:
    return isinstance(value, Mapping | list | tuple) and len(value) > 0


def _scalar(value: JSON) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    return value if _PLAIN.fullmatch(value) and value.lower() not in _NOT_TEXT else _quoted(value)


def _quoted(text: str) -> str:
    """A text in double quotes; NUL and half of a pair, which no file may hold, become U+FFFD."""
    encoded = json.dumps(_UNWRITABLE.sub("\ufffd", text), ensure_ascii=False)
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", encoded)
