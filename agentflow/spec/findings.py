"""What a check found: a diagnostic, and what must go so that the rest can still be read."""

from typing import Any

from msgspec import Struct

from agentflow.source.diagnostics import Diagnostic
from agentflow.source.document import Document, Loc

EMPTY_HINT = "give it a value, or delete it"


class Finding(Struct, frozen=True):
    """A diagnostic, and the value that cannot be used because of it; None: nothing has to go."""

    diagnostic: Diagnostic
    unusable: Loc | None


def found(
    document: Document, code: str, message: str, loc: Loc, hint: str | None = None, *, key: bool = False
) -> Finding:
    """Returns a finding at the value at `loc`, or at its key."""
    return Finding(Diagnostic(code, message, document.place(loc, key=key), hint), loc)


def shown(value: Any) -> str:
    """Returns a value of the file for a message: short ones as they are, others by their kind."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return repr(value if len(value) <= 40 else value[:39] + "…")
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "a mapping"
    if isinstance(value, int) and value.bit_length() > 128:
        return "a very long number"
    return repr(value)
