"""Diagnostics as workflow commands of GitHub Actions, which become annotations of a change.

One line each: `::error file=…,line=…,col=…,endColumn=…,title=AF301::message`. Columns count from 1 in characters;
`endColumn` is the one after the last, as linters give it. The escapes are those of GitHub's own `@actions/core`
(`command.ts`): percent signs and line breaks everywhere, and in properties colons and commas too.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from agentflow.report.inert import inert
from agentflow.source.diagnostics import Diagnostic

if TYPE_CHECKING:
    from agentflow.api import Checked

_IN_MESSAGES = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_MESSAGE = str.maketrans(_IN_MESSAGES)
_PROPERTY = str.maketrans({**_IN_MESSAGES, ":": "%3A", ",": "%2C"})


def render(checks: Iterable["Checked"]) -> str:
    """The commands for all diagnostics of all files; '' where there are none."""
    return "\n".join(_command(found) for checked in checks for found in checked.diagnostics)


def _command(diagnostic: Diagnostic) -> str:
    place = diagnostic.place
    properties = {
        "file": place.path,
        "line": place.line,
        "col": place.column,
        "endColumn": place.column + place.width,
        "title": diagnostic.code,
    }
    listed = ",".join(f"{name}={escaped_property(str(value))}" for name, value in properties.items())
    text = diagnostic.message if diagnostic.hint is None else f"{diagnostic.message}\nhint: {diagnostic.hint}"
    return f"::{diagnostic.severity} {listed}::{escaped_message(text)}"


def escaped_message(text: str) -> str:
    """The text as the message of a command: on one line, and nothing in it read as an escape."""
    return inert(text).translate(_MESSAGE)


def escaped_property(text: str) -> str:
    """The text as the value of a property: as a message, and nothing in it ends the value."""
    return inert(text).translate(_PROPERTY)
