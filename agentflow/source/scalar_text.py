"""Where a character of a scalar's value stands in the text that the scalar was written as."""

import re
from collections.abc import Iterator

# libyaml still follows YAML 1.1 here: these end a line inside a scalar.
BREAK = "(?:\r\n|[\n\r\x85\u2028\u2029])"

_BREAK = re.compile(BREAK)
_FOLD = rf"(?P<fold>[ \t]*(?:{BREAK}[ \t]*)+)"
_PLAIN = re.compile(rf"{_FOLD}|(?P<same>[^ \t\n\r\x85\u2028\u2029]+|[ \t]+)")
_SINGLE = re.compile(rf"{_FOLD}|(?P<escape>'')|(?P<same>[^' \t\n\r\x85\u2028\u2029]+|[ \t]+)")
_DOUBLE = re.compile(
    rf"{_FOLD}|(?P<joined>\\{BREAK}[ \t]*(?:{BREAK}[ \t]*)*)"
    r"|(?P<escape>\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.))"
    r"|(?P<same>[^\\ \t\n\r\x85\u2028\u2029]+|[ \t]+)"
)


def locate(text: str, start: int, end: int, value: str, offset: int) -> int:
    """Finds a character of a value in its source.

    Args:
        text: the whole file.
        start: where the scalar begins in `text`: its first character, opening quote or block indicator.
        end: where it ends.
        value: what the scalar stands for.
        offset: the character of `value` that is wanted; its length means the scalar's end.

    Returns:
        The character's offset in `text`. Exact where the value has the character as it was written or as an escape;
        a space or break made by folding is found at the end of the line before it.
    """
    if not value:
        return start
    match text[start : start + 1]:
        case "|":
            return _in_literal(text, start, end, value, offset)
        case ">":
            return _in_folded(text, start, end, value, offset)
        case '"':
            return _in_flow(text, start + 1, end - 1, offset, _DOUBLE)
        case "'":
            return _in_flow(text, start + 1, end - 1, offset, _SINGLE)
        case _:
            return _in_flow(text, start, end, offset, _PLAIN)


def _in_flow(text: str, start: int, end: int, offset: int, pieces: re.Pattern[str]) -> int:
    made = 0
    for piece in pieces.finditer(text, start, end):
        if piece.lastgroup == "same":
            length = piece.end() - piece.start()
            if offset < made + length:
                return piece.start() + offset - made
        elif piece.lastgroup == "escape":
            length = 1
        else:
            breaks = len(_BREAK.findall(piece[0]))
            length = breaks - 1 if piece.lastgroup == "joined" else max(breaks - 1, 1)
        made += length
        if offset < made:
            return piece.start()
    return end


def _in_literal(text: str, start: int, end: int, value: str, offset: int) -> int:
    """Each line of the value is one line of the source less its indentation."""
    before = list(_BREAK.finditer(value, 0, offset))
    column = offset - (before[-1].end() if before else 0)
    lines = _lines(text, start, end)
    indent = _indentation(text, lines, value)
    if len(before) >= len(lines):
        return end
    first, last = lines[len(before)]
    return min(first + indent + column, last)


def _in_folded(text: str, start: int, end: int, value: str, offset: int) -> int:
    """Each line that is not blank stands in the value as it is, with spaces or breaks between."""
    lines = _lines(text, start, end)
    indent = _indentation(text, lines, value)
    made = 0
    line_end = start
    for first, last in lines:
        content = text[min(first + indent, last) : last]
        if not content.strip(" "):
            continue
        while made < len(value) and value[made] in " \n\u2028\u2029" and not value.startswith(content, made):
            made += 1
        if offset < made:
            return line_end
        if offset < made + len(content):
            return first + indent + offset - made
        made += len(content)
        line_end = last
    return line_end


def _lines(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Returns first and last offset of each line below the header of a block scalar, without its break."""
    return list(_spans(text, start, end))[1:]


def _spans(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    for found in _BREAK.finditer(text, start, end):
        yield start, found.start()
        start = found.end()
    yield start, end


def _indentation(text: str, lines: list[tuple[int, int]], value: str) -> int:
    """Compares the first line that is not blank with the value: right with and without an indentation indicator."""
    for first, last in lines:
        line = text[first:last]
        if line.strip(" "):
            kept = next((line for line in _BREAK.split(value) if line.strip(" ")), "")
            return max(_leading_spaces(line) - _leading_spaces(kept), 0)
    return 0


def _leading_spaces(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
