"""Quoted text: what stands between quotes, decoded."""

from agentflow.guard.shell.cursor import Cursor
from agentflow.guard.shell.script import UndecidedError

_ESCAPES = {
    "a": "\a",
    "b": "\b",
    "e": "\x1b",
    "E": "\x1b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\\": "\\",
    "'": "'",
    '"': '"',
    "?": "?",
}
_HEX = {"x": 2, "u": 4, "U": 8}
_HEX_DIGITS = "0123456789abcdefABCDEF"
_OCTAL_DIGITS = "01234567"


def read_single(cursor: Cursor) -> str:
    """Reads `'…'`; the cursor stands on the first quote. Raises UndecidedError: it is not closed."""
    closed = cursor.text.find("'", cursor.pos + 1, cursor.end)
    if closed < 0:
        raise UndecidedError("a single quote is not closed")
    inner = cursor.text[cursor.pos + 1 : closed]
    cursor.pos = closed + 1
    return inner


def read_ansi(cursor: Cursor) -> str | None:
    """Reads `$'…'` by the rules of Bash's manual, "ANSI-C Quoting"; the cursor stands on the dollar.

    Returns: the text as bytes in characters; None where it depends on the locale.
    Raises UndecidedError: it is not closed, or holds an escape whose meaning differs between versions.
    """
    cursor.pos += 2
    out: list[str] = []
    is_known = True
    while (character := cursor.peek()) != "'":
        if not character:
            raise UndecidedError("a `$'` quote is not closed")
        cursor.pos += 1
        if character != "\\":
            out.append(character)
            continue
        decoded = _escape(cursor)
        is_known = is_known and decoded is not None
        out.append(decoded or "")
    cursor.pos += 1
    return "".join(out) if is_known else None


def _escape(cursor: Cursor) -> str | None:
    """What a backslash and what follows it stand for; the cursor stands behind the backslash."""
    kind = cursor.peek()
    if kind in _ESCAPES:
        cursor.pos += 1
        return _ESCAPES[kind]
    if kind in _HEX:
        return _hex(cursor, kind)
    if kind and kind in _OCTAL_DIGITS:
        return _byte(int(_digits(cursor, _OCTAL_DIGITS, 3), 8) & 0xFF)
    if kind in ("c", ""):
        raise UndecidedError("a `$'` quote holds a control character's escape")
    return "\\"


def _hex(cursor: Cursor, kind: str) -> str | None:
    cursor.pos += 1
    digits = _digits(cursor, _HEX_DIGITS, _HEX[kind])
    if not digits:
        if kind == "x" and cursor.peek() == "{":
            raise UndecidedError("a `$'` quote holds `\\x{`")
        return "\\" + kind
    code = int(digits, 16)
    if kind == "x" or code < 0x80:
        return _byte(code)
    return None


def _digits(cursor: Cursor, allowed: str, most: int) -> str:
    start = cursor.pos
    while cursor.pos - start < most and cursor.peek() and cursor.peek() in allowed:
        cursor.pos += 1
    return cursor.text[start : cursor.pos]


def _byte(code: int) -> str:
    if code == 0:
        raise UndecidedError("a `$'` quote holds a NUL")
    return chr(code)
