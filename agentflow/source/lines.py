"""Offsets in a text become lines and columns, as an editor counts them."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from functools import cached_property
from itertools import accumulate

from agentflow.source.diagnostics import Place


def count_breaks(text: str) -> int:
    """Returns how many line breaks a text has."""
    return text.count("\n") + text.count("\r") - text.count("\r\n")


class Lines:
    """The lines of one text.

    A line ends at LF, CR LF or CR. The further separators of Unicode end none, as in editors, in the Language
    Server Protocol and in YAML 1.2 (section 5.4).
    """

    def __init__(self, text: str) -> None:
        self._text = text

    @cached_property
    def _starts(self) -> array[int]:
        # Both replacements keep every offset; splitting in C keeps a file of two million line breaks cheap.
        flat = self._text.replace("\r\n", " \n").replace("\r", "\n")
        return array("I", [0, *accumulate(len(line) + 1 for line in flat.split("\n")[:-1])])

    def line(self, number: int) -> str:
        """Returns line `number`, counted from 1, without its line break; '' where there is no such line."""
        if not 1 <= number <= len(self._starts):
            return ""
        begin, stop = self._span(number)
        return self._text[begin:stop]

    def number(self, offset: int) -> int:
        """Returns the number, from 1, of the line that holds the character at `offset`."""
        return max(bisect_right(self._starts, offset), 1)

    def place(self, path: str, start: int, end: int) -> Place:
        """Returns the place of the characters from `start` up to `end`, or of those on the line of `start`.

        A `start` past the text of its line (the break, the end of the file) gives the line's last character.
        """
        start = min(max(start, 0), len(self._text))
        number = self.number(start)
        begin, stop = self._span(number)
        first = min(start - begin, max(stop - begin - 1, 0))
        if end > stop:
            end = begin + first + len(self._text[begin + first : stop].rstrip())
        return Place(path, number, first + 1, max(end - begin - first, 1))

    def _span(self, number: int) -> tuple[int, int]:
        """Returns the offsets of a line's start and of its break. A line is not copied: it may be megabytes long."""
        starts, text = self._starts, self._text
        begin, stop = starts[number - 1], starts[number] if number < len(starts) else len(text)
        while stop > begin and text[stop - 1] in "\r\n":
            stop -= 1
        return begin, stop
