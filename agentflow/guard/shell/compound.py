"""Commands that hold words other than their own name's: for, case, function, `[[`, `((`."""

import re

from agentflow.guard.shell import arithmetic
from agentflow.guard.shell.cursor import Cursor, skip_blanks, skip_lines
from agentflow.guard.shell.redirections import read_body
from agentflow.guard.shell.script import UndecidedError, Word
from agentflow.guard.shell.words import read_word

_NAME = re.compile(r"[A-Za-z_]\w*(?=[ \t\n;])", re.ASCII)
_FUNCTION_NAME = re.compile(r"[A-Za-z_][\w.:-]*(?=[ \t\n({])", re.ASCII)
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,17})", re.ASCII)
_COMPARISONS = frozenset(("-eq", "-ne", "-lt", "-le", "-gt", "-ge"))
_KEYWORD_IN = re.compile(r"in(?=[ \t\n;])")
_PLAIN_REGEX = re.compile(
    r"(?:[\w.^$*+?,:/@%=~#-]|\[[\w^.:-]+\]|\$\{\w+\}|\"[^\"$`\\\n]*\"|\\[.^$*+?(){}|/-])+(?=[ \t\n])", re.ASCII
)


def is_number(word: Word) -> bool:
    """Whether a word is known to be a decimal number."""
    return word.values is not None and all(_NUMBER.fullmatch(value) for value in word.values)


def lines(cursor: Cursor) -> None:
    """Passes line ends where they separate nothing."""
    skip_lines(cursor, read_body)


def read_for(cursor: Cursor) -> None:
    """Reads what stands between `for` or `select` and `do`. Raises UndecidedError: it is none of the known forms."""
    skip_blanks(cursor)
    if cursor.at("(("):
        cursor.pos += 2
        arithmetic.read_arithmetic(cursor, separators=";")
        return
    name = cursor.match(_NAME)
    if name is None:
        raise UndecidedError("`for` is not followed by a name")
    cursor.pos = name.end()
    cursor.found.assigned.append(name[0])
    lines(cursor)
    if cursor.match(_KEYWORD_IN) is None:
        cursor.found.tainted.add(name[0])
        return
    cursor.pos += 2
    words = []
    skip_blanks(cursor)
    while cursor.peek() not in (";", "\n", ""):
        words.append(read_word(cursor))
        skip_blanks(cursor)
    kind = cursor.found.numeric if all(is_number(word) for word in words) else cursor.found.tainted
    kind.add(name[0])


def read_case(cursor: Cursor) -> None:
    """Reads what stands between `case` and its first pattern. Raises UndecidedError: `in` is missing."""
    skip_blanks(cursor)
    read_word(cursor)
    lines(cursor)
    if cursor.match(_KEYWORD_IN) is None:
        raise UndecidedError("`case` without `in`")
    cursor.pos += 2


def read_patterns(cursor: Cursor) -> bool:
    """Reads the patterns of one item of `case`, up to and with `)`.

    Returns: False where `esac` stands instead.
    Raises UndecidedError: they are not closed.
    """
    lines(cursor)
    if cursor.match(re.compile(r"esac(?=[ \t\n;&|()<>]|$)")) is not None:
        cursor.found.keywords.add((cursor.pos, cursor.pos + 4))
        cursor.pos += 4
        return False
    if cursor.peek() == "(":
        cursor.pos += 1
        skip_blanks(cursor)
    while True:
        read_word(cursor)
        skip_blanks(cursor)
        if cursor.peek() == ")":
            cursor.pos += 1
            return True
        if cursor.peek() != "|":
            raise UndecidedError("the patterns of `case` are not closed")
        cursor.pos += 1
        skip_blanks(cursor)


def read_function(cursor: Cursor) -> None:
    """Reads a function's name, behind `function`, and its parentheses if it has them."""
    skip_blanks(cursor)
    name = cursor.match(_FUNCTION_NAME)
    if name is None:
        raise UndecidedError("`function` is not followed by a plain name")
    cursor.pos = name.end()
    skip_blanks(cursor)
    if cursor.peek() == "(":
        read_parentheses(cursor)
    cursor.found.functions.append(name[0])


def read_parentheses(cursor: Cursor) -> None:
    """Reads the `()` of a function's definition; the cursor stands on the first."""
    cursor.pos += 1
    skip_blanks(cursor)
    if cursor.peek() != ")":
        raise UndecidedError("a parenthesis stands where none is expected")
    cursor.pos += 1
    lines(cursor)


def read_condition(cursor: Cursor) -> None:
    """Reads from behind `[[` up to and with `]]`.

    Raises UndecidedError: it may evaluate text as code, or matches by a complex expression.
    """
    before: list[Word] = []
    while True:
        lines(cursor)
        character = cursor.peek()
        if character in ("", ";"):
            raise UndecidedError("`[[` is not closed")
        if character in "&|()<>" and not cursor.at("<(") and not cursor.at(">("):
            cursor.pos += 1
            before = []
            continue
        word = read_word(cursor)
        text = word.values[0] if word.values and word.bare else None
        if text == "]]":
            return
        if text in _COMPARISONS:
            _compared(cursor, before)
        elif text in ("-v", "-R"):
            raise UndecidedError("`[[ -v` evaluates the index in a variable's name")
        elif text == "=~":
            _regex(cursor)
        before = [word]


def _compared(cursor: Cursor, before: list[Word]) -> None:
    """What stands on both sides of `-eq` and its like is arithmetic."""
    skip_blanks(cursor)
    right = read_word(cursor)
    for word in (*before, right):
        if not is_number(word):
            _count(cursor, word)


def _count(cursor: Cursor, word: Word) -> None:
    raw = cursor.text[word.start : word.end].strip('"')
    if re.fullmatch(r"\$#|\$\?|\$\{#\w+(\[[@*]\])?\}", raw, re.ASCII):
        return
    named = re.fullmatch(r"\$?(?:\{(\w+)\}|([A-Za-z_]\w*))", raw, re.ASCII)
    if named is None:
        raise UndecidedError("`[[` compares as numbers what may be no number")
    cursor.found.counted.add(named[1] or named[2])


def _regex(cursor: Cursor) -> None:
    skip_blanks(cursor)
    plain = cursor.match(_PLAIN_REGEX)
    if plain is None:
        raise UndecidedError("`[[ =~` is followed by more than a plain expression")
    cursor.pos = plain.end()
