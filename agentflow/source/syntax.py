"""Words for what the YAML parser refuses."""

import re

from agentflow.source.diagnostics import Diagnostic
from agentflow.source.lines import Lines

_TEMPLATE = re.compile(r"(?:^|[:,\[-])\s*\{[{%]")
_TABS = "indent with spaces: YAML does not allow tabs there"
TEMPLATE_HINT = 'put quotes around a value that begins with a template: "{{ … }}"'
_HINTS = (
    ("mapping values are not allowed", "quote a value that holds `: `, or correct the indentation"),
    ("cannot start any token", "quote a value that begins with `@`, `%` or a backtick"),
    ("unknown escape character", "write `\\\\` for a backslash, or use single quotes"),
    ("alphabetic or numeric character", "quote a value that begins with `*` or `&`"),
    ("did not find expected key", "align the keys of a mapping in one column, and close quotes at a value's end"),
    ("expected '-' indicator", "align the items of a list in one column"),
    ("could not find expected ':'", "a key wants `:` and a space after it; a text over several lines wants `|`"),
    ("document start", "indent what belongs to a value, and quote a value that begins with a quote or bracket"),
)


def syntax_error(
    problem: str, offset: int, context: str | None, began: int | None, opened: int | None, text: str, path: str
) -> Diagnostic:
    """Says what the parser refused.

    Args:
        problem: the parser's words.
        offset: where in `text` it stopped.
        context: the parser's words for what it was reading.
        began: where in `text` that began.
        opened: where in `text` the innermost bracket that is open stands.
        text: the whole file.
        path: the file as the user named it.

    Returns:
        AF102. What is never closed is placed where it opens; everything else where the parser stopped.
    """
    lines = Lines(text)
    offset = min(offset, len(text))
    if began is not None and text.startswith(('"', "'"), began):
        opened = began
    if opened is not None and offset >= len(text.rstrip()):
        message = f"not YAML: what `{text[opened]}` opens is never closed ({problem})"
        hint = "close it; text that begins with a quote or bracket wants quotes around it"
        return Diagnostic("AF102", message, lines.place(path, opened, opened + 1), hint)
    if began is not None and "could not find expected ':'" in problem:
        # The parser notices at the next line.
        offset = began
    message = f"not YAML: {context}, {problem}" if context else f"not YAML: {problem}"
    return Diagnostic(
        "AF102", message, lines.place(path, offset, offset + 1), _hint(problem, offset, began, lines, text)
    )


def _hint(problem: str, offset: int, began: int | None, lines: Lines, text: str) -> str | None:
    number = lines.number(offset)
    line = lines.line(number)
    if (
        "\t" in line[: len(line) - len(line.lstrip())]
        or "tab character" in problem
        or text[offset : offset + 1] == "\t"
    ):
        return _TABS
    # The parser may notice one line late.
    if _TEMPLATE.search(line) or _TEMPLATE.search(lines.line(number - 1)):
        return TEMPLATE_HINT
    for words, hint in _HINTS:
        if words in problem:
            return hint
    return None if began is None else f"it began at line {lines.number(began)}"
