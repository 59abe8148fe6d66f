"""Where reading stands in a text, and what lies between its words: blanks, comments, line ends, here-documents.

The text is UTF-8 shown as one character per byte, so that places are bytes, as the parser counts them.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from agentflow.guard.shell.script import Found, UndecidedError

MAX_NESTED = 16
"""Substitutions within substitutions; what is deeper is not read."""

METACHARACTERS = " \t\n;&|()<>"

DIGITS = frozenset("0123456789")


@dataclass(frozen=True, slots=True)
class Heredoc:
    """A here-document that was announced and whose lines come after the next line end."""

    delimiter: str
    is_quoted: bool
    strips_tabs: bool


@dataclass(slots=True)
class Cursor:
    """A place in a text.

    Attributes:
        end: where reading stops, in bytes.
        nested: how many substitutions it stands in.
        after_pipe: a `|` stands before what comes next.
        pending: here-documents whose lines are yet to come.
        read_commands: reads commands up to a closing character or the end; put in by the reader.
    """

    text: str
    found: Found
    read_commands: Callable[["Cursor", str], None]
    pos: int = 0
    end: int = 0
    nested: int = 0
    after_pipe: bool = False
    pending: list[Heredoc] = field(default_factory=list)

    def peek(self, ahead: int = 0) -> str:
        """The character that many places on, or nothing past the end."""
        place = self.pos + ahead
        return self.text[place] if place < self.end else ""

    def at(self, mark: str) -> bool:
        """Whether the text goes on with `mark`."""
        return self.text.startswith(mark, self.pos, self.end)

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """What a pattern matches from here on."""
        return pattern.match(self.text, self.pos, self.end)

    def rest_has(self, start: int, mark: str) -> bool:
        """Whether what was read since `start` holds `mark`."""
        return self.text.find(mark, start, self.pos) >= 0

    def substitution(self, closer: str) -> None:
        """Reads the commands of a substitution, from behind its opening up to and with its closing character.

        Raises UndecidedError: it is nested too deep, or a here-document in it is not ended in it.
        """
        if self.nested >= MAX_NESTED:
            raise UndecidedError(f"commands are nested more than {MAX_NESTED} deep")
        outer, self.pending = self.pending, []
        self.nested += 1
        self.read_commands(self, closer)
        self.nested -= 1
        if self.pending:
            raise UndecidedError("a here-document begins in a substitution and does not end in it")
        self.pending = outer
        self.pos += len(closer)


def skip_blanks(cursor: Cursor) -> None:
    """Passes blanks, continued lines and a comment, up to a line end. Only between words."""
    while True:
        character = cursor.peek()
        if character in (" ", "\t"):
            cursor.pos += 1
        elif character == "\\" and cursor.peek(1) == "\n":
            _require_gap(cursor)
            cursor.pos += 2
        elif character == "#":
            ends = cursor.text.find("\n", cursor.pos, cursor.end)
            cursor.pos = cursor.end if ends < 0 else ends
        else:
            return


def _require_gap(cursor: Cursor) -> None:
    # Bash deletes the pair before it looks for words: `ec\<newline>ho` is one word. A blank on its left rules that out.
    if cursor.pos and cursor.text[cursor.pos - 1] not in " \t\n":
        raise UndecidedError("a line is continued in the midst of a word")


def skip_lines(cursor: Cursor, read_body: Callable[[Cursor, Heredoc], None]) -> None:
    """Passes blanks, comments, line ends, and the here-documents that stand behind a line end."""
    while True:
        skip_blanks(cursor)
        if cursor.peek() != "\n":
            return
        cursor.pos += 1
        waiting, cursor.pending = cursor.pending, []
        for heredoc in waiting:
            read_body(cursor, heredoc)
