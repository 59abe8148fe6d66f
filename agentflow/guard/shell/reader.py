"""Commands: a text split where Bash splits it.

It does not build a tree. Reserved words, parentheses and operators only separate commands here; whether they are
balanced is for the other reader, tree-sitter, whose reading has to agree with this one.
"""

import re

from agentflow.guard.shell import arithmetic, compound
from agentflow.guard.shell.cursor import Cursor, skip_blanks
from agentflow.guard.shell.redirections import read_redirection
from agentflow.guard.shell.script import Found, Simple, UndecidedError, Word
from agentflow.guard.shell.words import read_word

_RESERVED = re.compile(
    r"(?:if|then|elif|else|fi|while|until|do|done|time|coproc|function|for|select|case|esac|\[\[|[!{}])"
    r"(?=[ \t\n;&|()<>]|\Z)"
)
_ASSIGNMENT = re.compile(r"(?P<name>[A-Za-z_]\w*)(?P<index>\[\d+\])?(?P<adds>\+?)=", re.ASCII)
_INDEXED = re.compile(r"[A-Za-z_]\w*\[", re.ASCII)
_OPTION = re.compile(r"-\S+")
_TIME_OPTIONS = re.compile(r"(?:[ \t]+-p)?(?:[ \t]+--)?(?=[ \t\n])")
MAX_COMMANDS = 5_000

DECLARATIONS = frozenset(("declare", "typeset", "local", "export", "readonly"))


def read_all(data: bytes, found: Found) -> None:
    """Reads a whole text into `found`, as far as it can be read; why not farther is then in its reasons."""
    text = data.decode("latin-1")
    cursor = Cursor(text, found, read_commands, end=len(text))
    try:
        read_commands(cursor, "")
        if cursor.pending:
            raise UndecidedError("a here-document is not ended")
    except UndecidedError as reason:
        found.reasons.append(str(reason))


def read_commands(cursor: Cursor, closer: str) -> None:
    """Reads commands up to the closing character of a substitution, or to the end.

    Raises UndecidedError: something stands where it cannot, or its meaning is not certain.
    """
    opened: list[str] = []
    while True:
        compound.lines(cursor)
        character = cursor.peek()
        if character == "" or (character == closer and not opened):
            if (closer and not character) or opened:
                raise UndecidedError("the text ends before a group, a `case` or a substitution does")
            return
        if character == ")":
            if not opened or opened.pop() != "(":
                raise UndecidedError("a parenthesis closes what was not opened")
            cursor.pos += 1
        elif character == "(":
            _open(cursor, opened)
        elif character in ";&|" and not cursor.at("&>"):
            _operator(cursor, opened)
        else:
            _command(cursor, opened)
            cursor.after_pipe = False


def _open(cursor: Cursor, opened: list[str]) -> None:
    if cursor.at("(("):
        cursor.pos += 2
        arithmetic.read_arithmetic(cursor)
        return
    cursor.pos += 1
    opened.append("(")


def _operator(cursor: Cursor, opened: list[str]) -> None:
    for mark in (";;&", ";;", ";&"):
        if cursor.at(mark):
            if not opened or opened[-1] != "case":
                raise UndecidedError(f"`{mark}` stands outside a `case`")
            cursor.pos += len(mark)
            _patterns(cursor, opened)
            return
    mark = next(mark for mark in ("&&", "||", "|&", ";", "&", "|") if cursor.at(mark))
    cursor.pos += len(mark)
    cursor.after_pipe = mark in ("|", "|&")


def _patterns(cursor: Cursor, opened: list[str]) -> None:
    if not compound.read_patterns(cursor):
        opened.pop()


def _command(cursor: Cursor, opened: list[str]) -> None:
    """Reads a reserved word, or a simple command."""
    match = cursor.match(_RESERVED)
    if match is None:
        _simple(cursor)
        return
    word, span = match[0], match.span()
    cursor.pos = match.end()
    cursor.found.keywords.add(span)
    if word in ("for", "select"):
        compound.read_for(cursor)
    elif word == "case":
        compound.read_case(cursor)
        opened.append("case")
        _patterns(cursor, opened)
    elif word == "esac":
        if not opened or opened.pop() != "case":
            raise UndecidedError("`esac` ends no `case`")
    elif word == "function":
        compound.read_function(cursor)
    elif word == "[[":
        compound.read_condition(cursor)
    elif word == "coproc":
        raise UndecidedError("`coproc` runs a command beside the script")
    elif word == "time" and cursor.after_pipe:
        raise UndecidedError("`time` behind a pipe is a program, not a word of the shell")
    elif word == "time" and (options := cursor.match(_TIME_OPTIONS)) is not None:
        cursor.found.keywords.update(
            option.span() for option in _OPTION.finditer(cursor.text, cursor.pos, options.end())
        )
        cursor.pos = options.end()


def _simple(cursor: Cursor) -> None:
    """Reads a command's assignments, redirections and words, or a function's name."""
    words: list[Word] = []
    assigned: list[str] = []
    start = cursor.pos
    while True:
        skip_blanks(cursor)
        character = cursor.peek()
        if character in ("", "\n", ";", "|", ")") or (character == "&" and cursor.peek(1) != ">"):
            break
        if read_redirection(cursor):
            continue
        if character == "(":
            _define(cursor, words, assigned, start)
            return
        if not words and _assign(cursor, assigned):
            continue
        word = read_word(cursor)
        words.append(word)
        if cursor.peek() in ("<", ">") and cursor.text[word.start] == "{" and cursor.text[word.end - 1] == "}":
            raise UndecidedError("the index in a descriptor's name is evaluated")
        if cursor.peek() == "(" and cursor.text[cursor.pos - 1] == "=" and _declares(words):
            _array(cursor)
            words[-1] = Word(word.start, cursor.pos, None, True, False)
    if len(cursor.found.simples) >= MAX_COMMANDS:
        raise UndecidedError(f"it runs more than {MAX_COMMANDS:,} commands")
    if words:
        cursor.found.simples.append(Simple(words, tuple(assigned)))
    else:
        cursor.found.assigned.extend(assigned)
    if cursor.pos == start:
        raise UndecidedError(f"`{character}` stands where a command is expected")


def _declares(words: list[Word]) -> bool:
    return len(words) > 1 and words[0].values is not None and words[0].values[0] in DECLARATIONS


def _define(cursor: Cursor, words: list[Word], assigned: list[str], start: int) -> None:
    """A parenthesis in a simple command: it may only be that of `name()`."""
    if len(words) != 1 or assigned or not words[0].bare or words[0].values is None or words[0].start != start:
        raise UndecidedError("a parenthesis stands where none is expected")
    compound.read_parentheses(cursor)
    cursor.found.functions.append(words[0].values[0])


def _assign(cursor: Cursor, assigned: list[str]) -> bool:
    match = cursor.match(_ASSIGNMENT)
    if match is None:
        if cursor.match(_INDEXED) is not None:
            raise UndecidedError("the index of an array is evaluated")
        return False
    cursor.pos = match.end()
    name = match["name"]
    assigned.append(name)
    if match["index"]:
        cursor.found.arrays.add(name)
    if cursor.peek() == "(":
        _array(cursor)
        cursor.found.arrays.add(name)
        cursor.found.tainted.add(name)
        return True
    start = cursor.pos
    if cursor.peek() and cursor.peek() not in " \t\n;&|)":
        value = read_word(cursor)
        known = compound.is_number(value) or _is_arithmetic(cursor.text[start : cursor.pos])
    else:
        known = True
    if not known:
        cursor.found.tainted.add(name)
    elif not match["adds"]:
        cursor.found.numeric.add(name)
    return True


def _is_arithmetic(raw: str) -> bool:
    """Whether a value is one arithmetic expansion, or a count, and so a number."""
    return bool(re.fullmatch(r'"?\$(?:\(\([^()"]*\)\)|#|\?|\{#\w+\})"?', raw, re.ASCII))


def _array(cursor: Cursor) -> None:
    """Reads `( … )` of an array's assignment; the cursor stands on the parenthesis."""
    cursor.pos += 1
    if cursor.pending:
        raise UndecidedError("an array begins while a here-document waits for its lines")
    while True:
        compound.lines(cursor)
        if cursor.peek() == ")":
            cursor.pos += 1
            return
        if cursor.peek() == "[":
            raise UndecidedError("the index of an array is evaluated")
        read_word(cursor)
