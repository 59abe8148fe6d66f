"""Diagnostics as SARIF 2.1.0, for code scanning.

Sections named here are those of the standard, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0",
OASIS, errata 01.
"""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from agentflow.report.explain import explanation
from agentflow.report.inert import inert
from agentflow.source.codes import CODES
from agentflow.source.diagnostics import Diagnostic

if TYPE_CHECKING:
    from agentflow.api import Checked

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LITERAL = str.maketrans({"{": "{{", "}": "}}"})
_LITERAL_LINK = str.maketrans({"\\": "\\\\", "[": "\\[", "]": "\\]"})


def render(checks: Iterable["Checked"], version: str, folder: Path) -> str:
    """A log of one run, which holds the diagnostics of all files.

    Parameters:
        version: agentflow's.
        folder: absolute; files in it are named relative to it, all others by `file:` URIs.
    """
    found = [diagnostic for checked in checks for diagnostic in checked.diagnostics]
    reported = {diagnostic.code for diagnostic in found}
    rules = [code for code in CODES if code in reported]
    run = {
        "tool": {"driver": {"name": "agentflow", "version": version, "rules": [_rule(code) for code in rules]}},
        # Places count characters, which the standard calls code points (3.14.17).
        "columnKind": "unicodeCodePoints",
        "results": [_result(diagnostic, rules.index(diagnostic.code), folder) for diagnostic in found],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _rule(code: str) -> dict[str, Any]:
    told = explanation(code)
    more = f"`agentflow explain {code}` shows a wrong and a right example."
    return {
        "id": code,
        "shortDescription": {"text": message_text(told.summary)},
        "fullDescription": {"text": message_text(told.meaning)},
        "help": {"text": message_text(f"{told.reason}\n\n{more}")},
    }


def _result(diagnostic: Diagnostic, rule: int, folder: Path) -> dict[str, Any]:
    place = diagnostic.place
    text = diagnostic.message if diagnostic.hint is None else f"{diagnostic.message}\nhint: {diagnostic.hint}"
    region = {"startLine": place.line, "startColumn": place.column, "endColumn": place.column + place.width}
    return {
        "ruleId": diagnostic.code,
        "ruleIndex": rule,
        "level": str(diagnostic.severity),
        "message": {"text": message_text(text)},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": _uri(place.path, folder)}, "region": region}}],
    }


def message_text(text: str) -> str:
    """The text as a message string: no part of it is a placeholder (3.11.5) or an embedded link (3.11.6)."""
    text = inert(text).translate(_LITERAL)
    return text.translate(_LITERAL_LINK) if "](" in text else text


def _uri(path: str, folder: Path) -> str:
    """A relative reference for what is inside the folder, so that it holds in any checkout (3.4.3)."""
    absolute = Path(os.path.normpath(folder / path))
    if not absolute.is_relative_to(folder):
        return absolute.as_uri()
    return quote(os.fsencode(absolute.relative_to(folder).as_posix()))
