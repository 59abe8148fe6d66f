"""Where the characters of a scalar's value stand in the text that the scalar was written as."""

import re
from array import array
from bisect import bisect_right
from collections.abc import Iterator

# libyaml still follows YAML 1.1 here: these end a line inside a scalar.
BREAK = "(?:\r\n|[\n\r\x85\u2028\u2029])"

_BREAK = re.compile(BREAK)
_FOLD = rf"(?P<fold>[ \t]*(?:{BREAK}[ \t]*)+)"
_PLAIN = re.compile(rf"{_FOLD}|(?P<same>[^\n\r\x85\u2028\u2029]*[^ \t\n\r\x85\u2028\u2029]|[ \t]+)")
_SINGLE = re.compile(rf"{_FOLD}|(?P<escape>'')|(?P<same>[^'\n\r\x85\u2028\u2029]*[^' \t\n\r\x85\u2028\u2029]|[ \t]+)")
_DOUBLE = re.compile(
    rf"{_FOLD}|(?P<joined>\\{BREAK}[ \t]*(?:{BREAK}[ \t]*)*)"
    r"|(?P<escape>\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.))"
    r"|(?P<same>[^\\\n\r\x85\u2028\u2029]*[^\\ \t\n\r\x85\u2028\u2029]|[ \t]+)"
)


class Offsets:
    """Where the characters of one value stand in its source.

    Exact where the value has a character as it was written or as an escape; a space or break made by folding is found
    at the end of the line before it.

    Args:
        text: the whole file.
        start: where the scalar begins in `text`: its first character, opening quote or block indicator.
        end: where it ends.
        value: what the scalar stands for.
    """

    def __init__(self, text: str, start: int, end: int, value: str) -> None:
        # Pieces of the value: each one's end in it, where it stands in the text, and whether it is as it was written.
        self._ends = array("I")
        self._places = array("I")
        self._same = bytearray()
        self._after = start
        if not value:
            return
        match text[start : start + 1]:
            case "|":
                self._after = end
                self._literal(text, start, end, value)
            case ">":
                self._folded(text, start, end, value)
            case '"':
                self._flow(text, start + 1, end - 1, _DOUBLE)
            case "'":
                self._flow(text, start + 1, end - 1, _SINGLE)
            case _:
                self._flow(text, start, end, _PLAIN)

    def find(self, offset: int) -> int:
        """Returns the offset in the text of the value's character at `offset`; the value's length means its end."""
        index = bisect_right(self._ends, offset)
        if index == len(self._ends):
            return self._after
        return self._places[index] + (offset - (self._ends[index - 1] if index else 0)) * self._same[index]

    def _add(self, end: int, place: int, *, same: bool) -> None:
        self._ends.append(end)
        self._places.append(place)
        self._same.append(same)

    def _flow(self, text: str, start: int, end: int, pieces: re.Pattern[str]) -> None:
        self._after = end
        made = 0
        for piece in pieces.finditer(text, start, end):
            if piece.lastgroup == "same":
                length = piece.end() - piece.start()
            elif piece.lastgroup == "escape":
                length = 1
            else:
                breaks = len(_BREAK.findall(piece[0]))
                length = breaks - 1 if piece.lastgroup == "joined" else max(breaks - 1, 1)
            made += length
            if length:
                self._add(made, piece.start(), same=piece.lastgroup == "same")

    def _literal(self, text: str, start: int, end: int, value: str) -> None:
        """Each line of the value is one line of the source less its indentation."""
        lines = _lines(text, start, end)
        indent = _indentation(text, lines, value)
        made = 0
        for (first, last), line in zip(lines, _BREAK.split(value), strict=False):
            made += len(line) + 1
            self._add(made, min(first + indent, last), same=True)

    def _folded(self, text: str, start: int, end: int, value: str) -> None:
        """Each line that is not blank stands in the value as it is, with spaces or breaks between."""
        lines = _lines(text, start, end)
        indent = _indentation(text, lines, value)
        made = 0
        for first, last in lines:
            content = text[min(first + indent, last) : last]
            if not content.strip(" "):
                continue
            before = made
            while made < len(value) and value[made] in " \n\u2028\u2029" and not value.startswith(content, made):
                made += 1
            if made > before:
                self._add(made, self._after, same=False)
            made += len(content)
            self._add(made, first + indent, same=True)
            self._after = last


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
