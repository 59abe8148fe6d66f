"""Diagnostics as text: where, what, the line, a caret under it, and the next move."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from agentflow.report.inert import inert, inert_line
from agentflow.report.style import Paint, cell_width, count
from agentflow.source.diagnostics import Diagnostic, Severity
from agentflow.source.lines import Lines

LINE_COLUMNS = 100
"""The most columns of a source line that are shown; a longer one is cut around the place."""

_BEFORE = 30
_TAB = "    "


class DiagnosticWriter:
    """Renders diagnostics.

    Parameters:
        texts: the text of each file that was read, by the path that places name.
        paint: colours.
    """

    def __init__(self, texts: Mapping[str, str], paint: Paint) -> None:
        self._texts = texts
        self._paint = paint
        self._lines: dict[str, Lines] = {}

    def render(self, diagnostic: Diagnostic) -> str:
        """One diagnostic, on two to five lines."""
        paint, place = self._paint, diagnostic.place
        colour = "red" if diagnostic.severity is Severity.ERROR else "yellow"
        where = paint(f"{inert_line(place.path)}:{place.line}:{place.column}:", "bold")
        what = paint(f"{diagnostic.severity}[{diagnostic.code}]:", "bold", colour)
        rows = [f"{where} {what} {inert(diagnostic.message)}", *self._source(diagnostic, colour)]
        if diagnostic.hint:
            rows.append(f"{paint('hint:', 'bold')} {inert(diagnostic.hint)}")
        return "\n".join(rows)

    def _source(self, diagnostic: Diagnostic, colour: str) -> Iterator[str]:
        place = diagnostic.place
        lines = self._lines.get(place.path)
        if lines is None:
            lines = self._lines[place.path] = Lines(self._texts.get(place.path, ""))
        line = lines.line(place.line)
        if not line.strip():
            return
        start = min(place.column - 1, len(line))
        before, marked, after = _cut(line, start, start + place.width)
        gutter = f"{place.line:>5} | "
        yield self._paint(gutter, "dim") + before + marked + after
        caret = "^" * max(cell_width(marked), 1)
        yield " " * (len(gutter) + cell_width(before)) + self._paint(caret, "bold", colour)


def _cut(line: str, start: int, end: int) -> tuple[str, str, str]:
    """What stands before, at and after a place, made fit for showing and cut so that the place is seen."""
    room = LINE_COLUMNS
    # Slices first: a line may be megabytes long.
    before = _plain(line[max(0, start - LINE_COLUMNS) : start])
    marked = _plain(line[start : min(end, start + LINE_COLUMNS)])
    after = _plain(line[end : end + LINE_COLUMNS])
    whole = start <= LINE_COLUMNS and cell_width(before) + cell_width(marked) + cell_width(after) <= room
    if not whole and (start > LINE_COLUMNS or cell_width(before) > _BEFORE):
        before = "…" + _last(before, _BEFORE - 1)
    room -= cell_width(before)
    shown = _first(marked, room)
    if shown != marked or end - start > LINE_COLUMNS:
        return before, shown, "…"
    room -= cell_width(shown)
    tail = _first(after, max(room, 0))
    cut = tail != after or len(line) > end + LINE_COLUMNS
    return before, shown, tail + "…" if cut else tail


def _plain(text: str) -> str:
    return inert(text.replace("\t", _TAB)).replace("\n", " ")


def _first(text: str, columns: int) -> str:
    used = 0
    for index, character in enumerate(text):
        used += cell_width(character)
        if used > columns:
            return text[:index]
    return text


def _last(text: str, columns: int) -> str:
    used = 0
    for index in range(len(text) - 1, -1, -1):
        used += cell_width(text[index])
        if used > columns:
            return text[index + 1 :]
    return text


def summary(diagnostics: Iterable[Diagnostic], files: int) -> str:
    """How many files, errors and warnings."""
    found = list(diagnostics)
    errors = sum(diagnostic.severity is Severity.ERROR for diagnostic in found)
    warnings = len(found) - errors
    if not found:
        return f"{count(files, 'file')} checked, no problems"
    parts = [count(number, what) for number, what in ((errors, "error"), (warnings, "warning")) if number]
    return f"{count(files, 'file')} checked, {' and '.join(parts)}"


def as_json(diagnostic: Diagnostic) -> dict[str, Any]:
    """A diagnostic as JSON data."""
    place = diagnostic.place
    return {
        "path": place.path,
        "line": place.line,
        "column": place.column,
        "width": place.width,
        "severity": str(diagnostic.severity),
        "code": diagnostic.code,
        "message": diagnostic.message,
        "hint": diagnostic.hint,
    }
