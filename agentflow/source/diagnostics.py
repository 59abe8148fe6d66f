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


def told_of(found: list[Diagnostic], path: str) -> list[Diagnostic]:
    """What is told of a workflow that is made of many files: all of its own, and the first ones of the others'.

    Args:
        found: in the order of the text; those of one file are bounded already.
        path: the workflow's own file.

    Returns:
        As many errors of the other files, and as many warnings, as are told of one; and a note of those left out.
    """
    told: list[Diagnostic] = []
    last: dict[Severity, Diagnostic] = {}
    counts = dict.fromkeys(Severity, 0)
    for diagnostic in found:
        if diagnostic.place.path != path:
            counts[diagnostic.severity] += 1
            if counts[diagnostic.severity] > MOST_TOLD:
                continue
            last[diagnostic.severity] = diagnostic
        told.append(diagnostic)
    for severity, count in counts.items():
        if count > MOST_TOLD:
            message = f"{MOST_TOLD} {severity}s in other files; {count - MOST_TOLD:,} more are not told"
            told.append(Diagnostic("AF104", message, last[severity].place, "see to these first", severity))
    return told
