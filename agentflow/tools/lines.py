"""Text as Read shows it: numbered lines, bounded in number, in length and as a whole."""

import codecs
import io
from collections.abc import Iterator
from io import BufferedReader

from agentflow.tools.failures import shortened
from agentflow.tools.port import ToolOutput
from agentflow.tools.signatures import UTF_8_MARK
from agentflow.tools.threads import Stop

DEFAULT_LINES = 2_000
MAX_LINE_CHARS = 2_000
MAX_READ_CHARS = 98_000
MAX_SCANNED = 1 << 30
"""So many bytes (of wide text, characters) are gone through at most: a file may have holes, or grow meanwhile."""
_PIECE = 64 << 10
_LONGEST_CHARACTER = 4
_GUESS = (
    "(Some bytes are not UTF-8 and are shown as Windows-1252, which is a guess. Edit does not find what they stand "
    "for: leave such characters out of `old_string`.)"
)


class _Text:
    """The lines of a file, each cut where it is too long to be shown.

    Attributes:
        guessed: a line was met that is no UTF-8.
        stopped: what is behind the bound was left out.
    """

    def __init__(self, file: BufferedReader, encoding: str, stop: Stop) -> None:
        self.guessed = False
        self.stopped = False
        self._left = MAX_SCANNED
        self._file = file
        self._encoding = encoding
        self._stop = stop

    def __iter__(self) -> Iterator[str]:
        return self._narrow() if self._encoding == "utf-8" else self._wide()

    def _narrow(self) -> Iterator[str]:
        if self._file.peek(len(UTF_8_MARK)).startswith(UTF_8_MARK):
            self._file.read(len(UTF_8_MARK))
        # A line is never held beyond a piece: what is behind is read past.
        while self._goes_on() and (line := self._file.readline(_PIECE)):
            self._left -= len(line)
            rest = line
            while len(rest) == _PIECE and not rest.endswith(b"\n") and self._goes_on():
                rest = self._file.readline(_PIECE)
                self._left -= len(rest)
            yield self._decoded(line.rstrip(b"\r\n"))

    def _wide(self) -> Iterator[str]:
        text = io.TextIOWrapper(self._file, self._encoding, errors="replace", newline="\n")
        try:
            while self._goes_on() and (line := text.readline(_PIECE)):
                self._left -= len(line)
                rest = line
                while len(rest) == _PIECE and not rest.endswith("\n") and self._goes_on():
                    rest = text.readline(_PIECE)
                    self._left -= len(rest)
                yield _cut(line.rstrip("\r\n"))
        finally:
            text.detach()  # the file is closed by who opened it

    def _goes_on(self) -> bool:
        self._stop.check()
        self.stopped = self._left <= 0
        return not self.stopped

    def _decoded(self, line: bytes) -> str:
        shown = line[: (MAX_LINE_CHARS + 1) * _LONGEST_CHARACTER]
        try:
            # The cut may go through a character; only what is no UTF-8 elsewhere counts.
            text = codecs.getincrementaldecoder("utf-8")().decode(shown, final=len(shown) == len(line))
        except UnicodeDecodeError:
            self.guessed = True
            text = shown.decode("cp1252", "replace")
        return _cut(text)


def _cut(text: str) -> str:
    return text if len(text) <= MAX_LINE_CHARS else text[:MAX_LINE_CHARS] + "… (line cut)"


def numbered(file: BufferedReader, name: str, encoding: str, first: int, count: int, stop: Stop) -> ToolOutput:
    """Lines of a text file with their numbers, and how to go on where there are more.

    Parameters:
        encoding: `utf-8`, or what the file's byte order mark says.
        first: the number of the first line, from 1.
        count: how many lines at most.
    """
    if not file.peek(1):
        return ToolOutput(f"(`{shortened(name)}` is empty)")
    lines = _Text(file, encoding, stop)
    shown: list[str] = []
    room = MAX_READ_CHARS
    number = 0
    for number, line in enumerate(lines, 1):
        if number < first:
            continue
        text = f"{number:>6}\t{line}"
        room -= len(text) + 1
        if room < 0 or number >= first + count:
            shown.append(f"\n(More lines follow. Go on with offset={number}.)")
            break
        shown.append(text)
    if not shown:
        has = f"has {number:,} lines" + (" in its first GiB; the rest is not looked at" if lines.stopped else "")
        return ToolOutput(f"`{shortened(name)}` {has}; none from line {first:,} on.", is_error=True)
    if lines.stopped:
        shown.append("(What is behind the first GiB is not looked at.)")
    if lines.guessed:
        shown.append(_GUESS)
    if encoding != "utf-8":
        shown.append(f"(The file is {encoding.upper()}, and Edit takes UTF-8 alone.)")
    return ToolOutput("\n".join(shown))
