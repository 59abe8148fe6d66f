"""What a dollar or a backtick begins: parameters, arithmetic and commands put into a word."""

import re

from agentflow.guard.shell import arithmetic, quotes
from agentflow.guard.shell.cursor import Cursor
from agentflow.guard.shell.script import UndecidedError

_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_PLAIN = re.compile(r"#?(?:[A-Za-z_]\w*(?:\[(?:[@*]|\d+)\])?|\d+|[@*#?$!-])\}", re.ASCII)
_HEAD = re.compile(r"([A-Za-z_]\w*|\d+|[@*])(\[(?:[@*]|\d+)\])?", re.ASCII)
_KEYS = re.compile(r"![A-Za-z_]\w*(?:\[[@*]\]|[@*])\}", re.ASCII)
_OPERATOR = re.compile(r":?[-=?+]|##?|%%?|/[/#%]?|\^\^?|,,?|@[UuLQEAKak]|:")
_BLANK_FREE = frozenset("#?$!")


class Part:
    """What an expansion becomes: nothing known, but perhaps one word."""

    __slots__ = ("single",)

    def __init__(self, single: bool) -> None:
        self.single = single


def read_dollar(cursor: Cursor, *, in_quotes: bool) -> Part | str:
    """Reads what a dollar begins; the cursor stands on it.

    Returns: literal text where the dollar stands for itself, else what the expansion becomes.
    Raises UndecidedError: it is a form that may run what cannot be seen.
    """
    following = cursor.peek(1)
    if following == "(":
        return _parenthesized(cursor, in_quotes)
    if following == "{":
        return _braced(cursor, in_quotes)
    if following == "[":
        raise UndecidedError("`$[` is an old form of arithmetic")
    cursor.pos += 1
    if (name := cursor.match(_NAME)) is not None:
        cursor.pos = name.end()
        return Part(single=in_quotes)
    if following and (following in "@*#?$!-" or following in "0123456789"):
        cursor.pos += 1
        return Part(single=following in _BLANK_FREE or (in_quotes and following != "@"))
    return "$"


def _parenthesized(cursor: Cursor, in_quotes: bool) -> Part:
    if cursor.at("$(("):
        cursor.pos += 3
        arithmetic.read_arithmetic(cursor)
        return Part(single=True)
    cursor.pos += 2
    cursor.substitution(")")
    return Part(single=in_quotes)


def read_backticks(cursor: Cursor, *, in_quotes: bool) -> Part:
    """Reads a substitution in backticks; the cursor stands on the first. Raises UndecidedError: it is quoted inside."""
    closed = cursor.text.find("`", cursor.pos + 1, cursor.end)
    inner = cursor.text[cursor.pos + 1 : closed]
    if closed < 0 or "\\" in inner or (in_quotes and '"' in inner):
        raise UndecidedError("backticks with backslashes or quotes in them")
    outer, cursor.end = cursor.end, closed
    cursor.pos += 1
    cursor.substitution("")
    cursor.pos, cursor.end = closed + 1, outer
    return Part(single=in_quotes)


def read_process(cursor: Cursor) -> Part:
    """Reads `<(…)` or `>(…)`; the cursor stands on its first character."""
    cursor.pos += 2
    cursor.substitution(")")
    return Part(single=True)


def _braced(cursor: Cursor, in_quotes: bool) -> Part:
    cursor.pos += 2
    plain = cursor.match(_PLAIN) or cursor.match(_KEYS)
    if plain is not None:
        cursor.pos = plain.end()
        return Part(single=in_quotes and not re.search(r"@[]}]", plain[0] + "}"))
    head = cursor.match(_HEAD)
    if head is None:
        raise UndecidedError("`${` begins a form that may run what cannot be seen")
    cursor.pos = head.end()
    operator = cursor.match(_OPERATOR)
    if operator is None:
        raise UndecidedError("`${` holds an operator that may run what cannot be seen")
    cursor.pos = operator.end()
    if operator[0] in (":=", "="):
        cursor.found.tainted.add(head[1])
        cursor.found.assigned.append(head[1])
    if operator[0] == ":":
        _slice(cursor)
    else:
        _operand(cursor, in_quotes)
    cursor.pos += 1
    return Part(single=in_quotes and head[1] != "@" and head[2] != "[@]" and operator[0][0] not in ":-=?+")


def _slice(cursor: Cursor) -> None:
    """Reads the offset and length of `${x:offset:length}`, which are arithmetic."""
    closed = cursor.text.find("}", cursor.pos, cursor.end)
    expression = cursor.text[cursor.pos : closed]
    if closed < 0 or not re.fullmatch(r"[\w \-+:]*", expression, re.ASCII):
        raise UndecidedError("a slice of a parameter is more than numbers and names")
    arithmetic.note_names(expression, cursor.found)
    cursor.pos = closed


def _operand(cursor: Cursor, in_quotes: bool) -> None:
    """Reads what stands behind the operator of `${x…}`, up to the closing brace."""
    while (character := cursor.peek()) != "}":
        if not character:
            raise UndecidedError("`${` is not closed")
        if character == "$" and cursor.peek(1) == "'" and not in_quotes:
            raise UndecidedError("`${` holds a `$'` quote")
        if character == "$":
            _inner(cursor, in_quotes)
        elif character == "`":
            raise UndecidedError("`${` holds backticks")
        elif character == "\\":
            if cursor.peek(1) in ("\n", ""):
                raise UndecidedError("a line is continued in `${`")
            cursor.pos += 2
        elif character == "'" and not in_quotes:
            quotes.read_single(cursor)
        elif character in "\"'{<>(":
            # How these are read within `${` differs with what stands around it, and between versions.
            raise UndecidedError("`${` holds quotes, braces or redirections")
        else:
            cursor.pos += 1


def _inner(cursor: Cursor, in_quotes: bool) -> None:
    if cursor.peek(1) == "{" or cursor.peek(1) == "(":
        # Each level of `${` is a level of the reader's own calls.
        cursor.nested += 1
        if cursor.nested > 16:
            raise UndecidedError("expansions are nested too deep")
        read_dollar(cursor, in_quotes=in_quotes)
        cursor.nested -= 1
        return
    read_dollar(cursor, in_quotes=in_quotes)
