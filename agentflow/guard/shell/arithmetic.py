"""Arithmetic: harmless where it is made of numbers, operators and names that hold numbers.

Bash evaluates what a name holds as an expression in its turn, and an array's index in it may run a command
(`x='a[$(id)]'; echo $((x))`). So a name must be known to hold a number, and nothing with an index is read.
"""

import re

from agentflow.guard.shell.cursor import Cursor
from agentflow.guard.shell.script import Found, UndecidedError

_SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_ \t\n+-*/%<>=!&|^~?:,()$#{}.@")
_LENGTHS = re.compile(r"\$\{#[A-Za-z_]\w*(\[[@*]\])?\}|\$[#?$!]", re.ASCII)
_BRACED = re.compile(r"\$\{([A-Za-z_]\w*)\}", re.ASCII)
_NAMES = re.compile(r"(?<![\w#])[A-Za-z_]\w*", re.ASCII)
_PUT = re.compile(r"(?<![\w#$])([A-Za-z_]\w*)[ \t\n]*=(?!=)", re.ASCII)
"""A name that is given a number whatever it held before; `x++` and `x += 1` read it first."""

_SET = re.compile(
    r"(?<![\w#$])([A-Za-z_]\w*)[ \t\n]*(?:(?:[-+*/%&^|]|<<|>>)?=(?!=)|\+\+|--)|(?:\+\+|--)[ \t\n]*([A-Za-z_]\w*)",
    re.ASCII,
)


def read_arithmetic(cursor: Cursor, *, separators: str = "") -> None:
    """Reads from behind `((` up to and with `))`, and notes the names.

    Parameters:
        separators: characters that may stand in it besides, as `;` in `for ((`.

    Raises UndecidedError: it holds more than numbers, names and operators, or may be something other than arithmetic.
    """
    start, depth = cursor.pos, 0
    while True:
        if (length := cursor.match(_LENGTHS)) is not None:
            cursor.pos = length.end()
            continue
        character = cursor.peek()
        if character == ")" and depth == 0:
            break
        if not character or (character not in _SAFE and character not in separators):
            raise UndecidedError("arithmetic holds more than numbers, names and operators")
        depth += {"(": 1, ")": -1}.get(character, 0)
        cursor.pos += 1
    if cursor.peek(1) != ")":
        raise UndecidedError("`((` may begin arithmetic or a group of commands")
    note_names(cursor.text[start : cursor.pos], cursor.found)
    cursor.pos += 2


def note_names(expression: str, found: Found) -> None:
    """Notes which names an expression reads and which it gives a number to.

    Raises UndecidedError: it expands something other than a name.
    """
    plain = _BRACED.sub(r" \1 ", _LENGTHS.sub("0", expression))
    if re.search(r"\$(?![A-Za-z_])|[{}@.]", plain):
        raise UndecidedError("arithmetic holds an expansion other than of a name")
    found.counted |= set(_NAMES.findall(plain))
    given = sorted({first or second for first, second in _SET.findall(plain)})
    found.numeric.update(_PUT.findall(plain))
    found.assigned.extend(given)
