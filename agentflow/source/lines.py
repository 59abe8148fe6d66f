"""Offsets in a text become lines and columns, as an editor counts them."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from functools import cached_property
from itertools import accumulate

from agentflow.source.diagnostics import Place


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
        starts = self._starts
        if not 1 <= number <= len(starts):
            return ""
        end = starts[number] if number < len(starts) else len(self._text)
        return self._text[starts[number - 1] : end].rstrip("\r\n")

    def number(self, offset: int) -> int:
        """Returns the number, from 1, of the line that holds the character at `offset`."""
        return max(bisect_right(self._starts, offset), 1)

    def place(self, path: str, start: int, end: int) -> Place:
        """Returns the place of the characters from `start` up to `end`, or of those on the line of `start`.

        A `start` past the text of its line (the break, the end of the file) gives the line's last character.
        """
        start = min(max(start, 0), len(self._text))
        number = self.number(start)
        line = self.line(number)
        first = min(start - self._starts[number - 1], max(len(line) - 1, 0))
        last = end - self._starts[number - 1]
        if last > len(line):
            last = len(line.rstrip())
        return Place(path, number, first + 1, max(last - first, 1))
