"""What is wrong with an author's file, as a value with a place."""

from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct


class Severity(StrEnum):
    """How much a diagnostic weighs: an error refuses the file, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


class Place(Struct, frozen=True, order=True):
    """Where something stands in a file.

    Attributes:
        path: the file as the user named it.
        line: counted from 1.
        column: counted from 1, in characters.
        width: characters to underline from `column` on, at least 1, never past the line.
    """

    path: str
    line: int
    column: int
    width: int = 1


MOST_TOLD = 100
"""Errors of one file that are told, and warnings; a person corrects the first ones, and asks again."""


class Diagnostic(Struct, frozen=True):
    """One problem of a file.

    Attributes:
        code: a key of `agentflow.source.codes.CODES`, as `AF301`.
        message: names the thing that is wrong.
        place: where it stands.
        hint: the next move, where there is one to name.
        severity: an error refuses the file, a warning does not.
    """

    code: str
    message: str
    place: Place
    hint: str | None = None
    severity: Severity = Severity.ERROR


def in_order(found: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Each once, in the order of the text; at one place a bound that was met comes last, as what closes them."""
    return sorted(set(found), key=lambda one: (one.place, one.code == "AF104", one.code, one.message))


def cut_short(last: Diagnostic) -> Diagnostic:
    """The note that closes the diagnostics of a file which has more errors than are told, at the last one's place."""
    return Diagnostic(
        "AF104", f"{MOST_TOLD} problems; the rest of the file is not checked", last.place, "correct these first"
    )
