"""Redirections: what is opened for reading and writing, and here-documents."""

import re

from agentflow.guard.shell.cursor import Cursor, Heredoc, skip_blanks
from agentflow.guard.shell.script import UndecidedError, Word
from agentflow.guard.shell.words import read_double, read_word

_REDIRECTION = re.compile(
    r"(?P<fd>\d{1,9}|\{[A-Za-z_]\w*\})?(?P<how><<<|<<-|<<|<>|<&|>>|>\||>&|[<>](?!\())|(?P<both>&>>?)", re.ASCII
)
_PLAIN_NAME = re.compile(r"[\w./+@%:,-]+")
_DESCRIPTOR = re.compile(r"\d+-?", re.ASCII)
_DELIMITER = re.compile(
    r"(?P<bare>[\w.,:%@/+-]+)|'(?P<single>[^'\n]+)'|\"(?P<double>[^\"\n$`\\]+)\"|\\(?P<escaped>\w+)", re.ASCII
)


def read_redirection(cursor: Cursor) -> bool:
    """Reads one redirection, if the cursor stands on one.

    Returns: whether it did.
    Raises UndecidedError: where it leads depends on what it expands to.
    """
    match = cursor.match(_REDIRECTION)
    if match is None:
        return False
    found = cursor.found
    found.redirects.add(match.start())
    if match["fd"] and match["fd"].startswith("{"):
        found.assigned.append(match["fd"][1:-1])
        found.numeric.add(match["fd"][1:-1])
    cursor.pos = match.end()
    how = match["how"] or match["both"]
    if how in ("<<", "<<-"):
        cursor.pending.append(_announced(cursor, strips_tabs=how == "<<-"))
        return True
    skip_blanks(cursor)
    if how in ("<&", ">&") and cursor.peek() == "-":
        # The hyphen is a word of its own here, whatever stands behind it.
        cursor.pos += 1
        return True
    target = read_word(cursor)
    name = target.values[0] if target.values is not None and len(target.values) == 1 else None
    if how in ("<&", ">&"):
        _duplicate(cursor, how, match["fd"], name)
    elif how in ("<", "<>"):
        found.reads.append(name)
    if how in (">", ">>", ">|", "<>", "&>", "&>>"):
        found.writes.append(name)
    return True


def _duplicate(cursor: Cursor, how: str, fd: str | None, name: str | None) -> None:
    """`>&` copies a descriptor where a number follows, and else opens a file for writing."""
    if name is not None and _DESCRIPTOR.fullmatch(name):
        return
    if how == "<&" or fd is not None:
        raise UndecidedError("a descriptor is copied that is not a number")
    if name is None or not _PLAIN_NAME.fullmatch(name):
        # Bash expands the name twice: `>&'a$(b)'` runs b. (Seen with 5.2.)
        raise UndecidedError("the name of a file behind `>&` is expanded twice")
    cursor.found.writes.append(name)


def _announced(cursor: Cursor, *, strips_tabs: bool) -> Heredoc:
    """Reads the delimiter of a here-document. Raises UndecidedError: it is put together of several pieces."""
    skip_blanks(cursor)
    match = cursor.match(_DELIMITER)
    if match is None:
        raise UndecidedError("the delimiter of a here-document is not a plain word")
    cursor.pos = match.end()
    if cursor.peek() and cursor.peek() not in " \t\n;&|()<>":
        raise UndecidedError("the delimiter of a here-document is not a plain word")
    text = next(group for group in match.groups() if group is not None)
    return Heredoc(text, is_quoted=match["bare"] is None, strips_tabs=strips_tabs)


def read_body(cursor: Cursor, heredoc: Heredoc) -> None:
    """Reads the lines of a here-document up to and with the one that ends it.

    Raises UndecidedError: it is not ended, or continues a line.
    """
    start = cursor.pos
    while True:
        if cursor.pos >= cursor.end:
            raise UndecidedError("a here-document is not ended")
        ends = cursor.text.find("\n", cursor.pos, cursor.end)
        ends = cursor.end if ends < 0 else ends
        line = cursor.text[cursor.pos : ends]
        if (line.lstrip("\t") if heredoc.strips_tabs else line) == heredoc.delimiter:
            break
        if not heredoc.is_quoted and line.endswith("\\"):
            raise UndecidedError("a here-document continues a line")
        cursor.pos = min(ends + 1, cursor.end)
    if not heredoc.is_quoted:
        _expand(cursor, start, cursor.pos)
    cursor.pos = ends


def _expand(cursor: Cursor, start: int, end: int) -> None:
    """Reads the expansions in the lines of a here-document whose delimiter is not quoted."""
    outer, cursor.pos, cursor.end = cursor.end, start, end
    read_double(cursor, closer="")
    cursor.pos, cursor.end = end, outer


def target_names(words: list[Word]) -> tuple[str | None, ...]:
    """The words one after another, as one sequence; None for each that is unknown."""
    out: list[str | None] = []
    for word in words:
        out.extend(word.values if word.values is not None else (None,))
    return tuple(out)
