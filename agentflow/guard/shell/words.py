"""Words: what quotes, escapes, braces, tildes and patterns make of them."""

import itertools
import re

from agentflow.guard.shell import expansions, quotes
from agentflow.guard.shell.cursor import METACHARACTERS, Cursor
from agentflow.guard.shell.expansions import Part
from agentflow.guard.shell.script import UndecidedError, Word

MAX_ALTERNATIVES = 64
"""The most words that one word with braces is expanded to; what becomes more is unknown."""

_SEGMENT = re.compile(r"[^{}]+|\{[^{}]*\}")
_NUMBERS = re.compile(r"(-?(?:0|[1-9]\d{0,8}))\.\.(-?(?:0|[1-9]\d{0,8}))", re.ASCII)
_TILDE = re.compile(r"(?:^|[=:])~")


def read_word(cursor: Cursor) -> Word:
    """Reads one word; the cursor stands on its first character.

    Raises UndecidedError: it holds something whose meaning is not certain, or is no word.
    """
    start = cursor.pos
    parts: list[tuple[str, bool]] = []
    unknown: list[Part] = []
    while (character := cursor.peek()) and (character not in METACHARACTERS or _begins_process(cursor)):
        if character == "$" and cursor.peek(1) == '"':
            raise UndecidedError('`$"` is translated before it is used')
        part = _read_part(cursor, character)
        if isinstance(part, Part):
            unknown.append(part)
            parts.append(("", True))
        else:
            parts.append(part)
    if cursor.pos == start:
        raise UndecidedError(f"`{cursor.peek() or 'the end'}` stands where a word is expected")
    if cursor.pending and cursor.rest_has(start, "\n"):
        raise UndecidedError("a line ends within a word while a here-document waits for its lines")
    return _word(start, cursor.pos, parts, unknown)


def _begins_process(cursor: Cursor) -> bool:
    return cursor.peek() in ("<", ">") and cursor.peek(1) == "("


def _read_part(cursor: Cursor, character: str) -> Part | tuple[str, bool]:
    """One piece of a word: its text and whether it is quoted, or that it is unknown."""
    if character in "<>":
        return expansions.read_process(cursor)
    if character == "`":
        return expansions.read_backticks(cursor, in_quotes=False)
    if character == "'":
        return quotes.read_single(cursor), True
    if character == '"':
        cursor.pos += 1
        return _known(read_double(cursor))
    if character == "$" and cursor.peek(1) == "'":
        return _known(quotes.read_ansi(cursor))
    if character == "$":
        expanded = expansions.read_dollar(cursor, in_quotes=False)
        return (expanded, True) if isinstance(expanded, str) else expanded
    if character == "\\":
        return _escaped(cursor), True
    cursor.pos += 1
    return character, False


def _known(text: str | Part | None) -> Part | tuple[str, bool]:
    if isinstance(text, str):
        return text, True
    return text or Part(single=True)


def _escaped(cursor: Cursor) -> str:
    following = cursor.peek(1)
    if following in ("\n", ""):
        raise UndecidedError("a line is continued in the midst of a word")
    cursor.pos += 2
    return following


def read_double(cursor: Cursor, closer: str = '"') -> str | Part:
    """Reads from behind `"` up to and with its end, or a here-document's lines up to the cursor's end.

    Returns: the text, or what it becomes where that is unknown.
    Raises UndecidedError: it is not closed, or holds something whose meaning is not certain.
    """
    out: list[str] = []
    unknown: list[Part] = []
    while (character := cursor.peek()) != closer:
        part: Part | str
        if not character:
            raise UndecidedError("a double quote is not closed")
        if character == "`":
            part = expansions.read_backticks(cursor, in_quotes=True)
        elif character == "$":
            part = expansions.read_dollar(cursor, in_quotes=True)
        elif character == "\\" and cursor.peek(1) in ("$", "`", "\\", closer or "\\", "\n"):
            part = "" if cursor.peek(1) == "\n" else cursor.peek(1)
            cursor.pos += 2
        else:
            part = character
            cursor.pos += 1
        if isinstance(part, Part):
            unknown.append(part)
        else:
            out.append(part)
    cursor.pos += len(closer)
    if unknown:
        return Part(single=all(part.single for part in unknown))
    return "".join(out)


def _word(start: int, end: int, parts: list[tuple[str, bool]], unknown: list[Part]) -> Word:
    bare = not any(is_quoted for _, is_quoted in parts)
    # Quoted text takes part in no expansion: a mark that is none of theirs stands for it when looking for these.
    shape = "".join("\0" if is_quoted else text for text, is_quoted in parts)
    has_braces = _has_braces(shape)
    if unknown:
        return Word(
            start, end, None, all(part.single for part in unknown) and not has_braces and not _is_glob(shape), bare
        )
    if has_braces:
        values = _alternatives(shape) if bare else None
        if values is None or _is_glob(shape) or _TILDE.search(shape):
            return Word(start, end, None, False, bare)
        return _decoded(start, end, tuple(value for value in values if value), bare)
    if _is_glob(shape):
        return Word(start, end, None, False, bare)
    if _TILDE.search(shape):
        return Word(start, end, None, True, bare)
    return _decoded(start, end, ("".join(text for text, _ in parts),), bare)


def _decoded(start: int, end: int, values: tuple[str, ...], bare: bool) -> Word:
    try:
        texts = tuple(value.encode("latin-1").decode() for value in values)
    except UnicodeDecodeError:
        return Word(start, end, None, len(values) == 1, bare)
    return Word(start, end, texts, len(values) == 1, bare)


def _is_glob(shape: str) -> bool:
    return "*" in shape or "?" in shape or ("[" in shape and "]" in shape[shape.index("[") :])


def _has_braces(shape: str) -> bool:
    opened = shape.find("{")
    closed = shape.rfind("}")
    return 0 <= opened < closed and ("," in shape[opened:closed] or ".." in shape[opened:closed])


def _alternatives(shape: str) -> list[str] | None:
    """The words that braces without braces in them become; None for all other shapes, and for too many."""
    segments = _SEGMENT.findall(shape)
    if "".join(segments) != shape:
        return None
    choices: list[list[str]] = []
    total = 1
    for segment in segments:
        choice = _choice(segment)
        if choice is None or (total := total * len(choice)) > MAX_ALTERNATIVES:
            return None
        choices.append(choice)
    return ["".join(chosen) for chosen in itertools.product(*choices)]


def _choice(segment: str) -> list[str] | None:
    if not segment.startswith("{"):
        return [segment]
    inner = segment[1:-1]
    if "," in inner:
        return inner.split(",")
    if ".." not in inner:
        return [segment]
    numbers = _NUMBERS.fullmatch(inner)
    if numbers is None:
        return None
    first, last = int(numbers[1]), int(numbers[2])
    if abs(last - first) >= MAX_ALTERNATIVES:
        return None
    step = 1 if last >= first else -1
    return [str(number) for number in range(first, last + step, step)]
