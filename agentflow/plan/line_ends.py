"""Line ends as templates know them, and where each character stood before."""

from bisect import bisect_left
from collections.abc import Callable
from itertools import accumulate


def with_plain_line_ends(source: str) -> str:
    """The text with LF in the place of CR LF and CR."""
    return source.replace("\r\n", "\n").replace("\r", "\n")


def original_offsets(source: str) -> Callable[[int], int]:
    """A function from an offset in the text with plain line ends to the one in `source`."""
    if "\r\n" not in source:
        return lambda offset: offset
    # A pair is one character shorter now, and so is everything behind it nearer.
    pairs = list(accumulate(len(line) + 1 for line in source.split("\r\n")[:-1]))
    return lambda offset: offset + bisect_left(pairs, offset + 1)
