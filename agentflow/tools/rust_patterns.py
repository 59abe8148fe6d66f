"""From a pattern of RE2's to one of ripgrep's that matches on every line the first matches on, and perhaps on more.

The two syntaxes differ in corners, and so do their ideas of words, lines and bytes that are no UTF-8. What is found is
always judged by RE2; ripgrep only says where it is worth looking. So the translation may find too much and never too
little, and for what it does not know it gives none. Sources: https://github.com/google/re2/wiki/Syntax and
https://docs.rs/regex/latest/regex/#syntax.
"""

import re

_DIGIT, _WORD = "0-9", "0-9A-Za-z_"
# Without the line's end, which no match holds.
_SPACE = r"\t\x{C}\r\x{20}"
_SETS = {"d": _DIGIT, "w": _WORD, "s": _SPACE}
_CONTROLS = {"t": "\t", "r": "\r", "f": "\f", "v": "\v", "a": "\a"}
# Half of a pair in UTF-8: a character to RE2 and none to ripgrep.
_HALF_PAIR = r"(?-u:\xED[\xA0-\xBF][\x80-\xBF])"
_REPEAT = re.compile(r"(?:[*+?]|\{[0-9]{1,4}(?:,[0-9]{0,4})?\})\??")
_GROUP = re.compile(r"\((?:\?:|\?P?<[A-Za-z_][A-Za-z0-9_]*>)?(?!\?)")
_OPENED = re.compile(rf"(?:{_GROUP.pattern})*")
_HEX = re.compile(r"x([0-7][0-9A-Fa-f])")
_PLAIN = re.compile(r"[0-9A-Za-z_]")


class _UnknownError(Exception):
    """Something that is not translated."""


def translated(pattern: str, *, ignore_case: bool) -> str | None:
    """A pattern for ripgrep, or None where none is known that finds enough.

    Parameters:
        pattern: that RE2 has accepted; no match of it spans lines.
    """
    if "\n" in pattern or (ignore_case and not pattern.isascii()):
        return None
    try:
        return "".join(_Reader(pattern).read())
    except _UnknownError:
        return None


class _Reader:
    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0

    def read(self) -> list[str]:
        out: list[str] = []
        while self._at < len(self._pattern):
            out.append(self._next())
        return out

    def _next(self) -> str:
        if found := _REPEAT.match(self._pattern, self._at):
            self._at = found.end()
            return found[0]
        if found := _GROUP.match(self._pattern, self._at):
            self._at = found.end()
            return "(?:"
        self._require_outermost()
        character = self._take()
        if character == "\\":
            return self._escape()
        if character == "[":
            return self._class()
        if character == "(":
            raise _UnknownError
        return {
            "|": "|",
            ")": ")",
            ".": f"(?:.|{_HALF_PAIR})",
            "^": r"(?:^\x{FEFF}?)",
            "$": r"(?:\r?$)",
        }.get(character) or _literal(character)

    def _require_outermost(self) -> None:
        """Refuses `^` with something before it, and `$` with something behind.

        Before RE2 looks, a byte order mark and the CR of a line's end are taken away; ripgrep has to step over them,
        and what stands beyond would then be asked about another place.
        """
        before, character, behind = (
            self._pattern[: self._at],
            self._pattern[self._at : self._at + 1],
            self._pattern[self._at + 1 :],
        )
        outside = before.count("(") == before.count(")") and "\\" not in before and "[" not in before
        if character == "^" and not (_OPENED.fullmatch(before) or (outside and before.endswith("|"))):
            raise _UnknownError
        if character == "$" and behind.strip(")") and not (outside and behind.startswith("|")):
            raise _UnknownError

    def _escape(self) -> str:
        if self._pattern[self._at : self._at + 1] in _SETS:
            return f"[{_SETS[self._take()]}]"
        if self._pattern[self._at : self._at + 1] in ("D", "W", "S"):
            return _without(_SETS[self._take().lower()])
        if self._pattern.startswith("b", self._at):
            self._at += 1
            return r"(?-u:\b)"
        return _literal(self._escaped())

    def _escaped(self) -> str:
        """The character that an escape stands for."""
        if found := _HEX.match(self._pattern, self._at):
            self._at = found.end()
            return chr(int(found[1], 16))
        character = self._take()
        if character in _CONTROLS:
            return _CONTROLS[character]
        if not character.isascii() or character.isalnum():
            raise _UnknownError
        return character

    def _class(self) -> str:
        negated = self._pattern.startswith("^", self._at)
        self._at += negated
        members: list[str] = []
        while not members or not self._pattern.startswith("]", self._at):
            members.append(self._member())
        self._at += 1
        return _without("".join(members)) if negated else f"[{''.join(members)}]"

    def _member(self) -> str:
        if self._pattern.startswith("[:", self._at):
            raise _UnknownError
        if self._pattern.startswith("\\", self._at) and self._pattern[self._at + 1 : self._at + 2] in _SETS:
            self._at += 2
            return _SETS[self._pattern[self._at - 1]]
        first = self._end()
        if self._pattern.startswith("-", self._at) and not self._pattern.startswith("-]", self._at):
            self._at += 1
            return f"{_literal(first)}-{_literal(self._end())}"
        return _literal(first)

    def _end(self) -> str:
        character = self._take()
        return self._escaped() if character == "\\" else character

    def _take(self) -> str:
        if self._at >= len(self._pattern):
            raise _UnknownError
        self._at += 1
        return self._pattern[self._at - 1]


def _without(members: str) -> str:
    return f"(?:[^{members}]|{_HALF_PAIR})"


def _literal(character: str) -> str:
    if character == "\n":
        raise _UnknownError
    return character if _PLAIN.fullmatch(character) else f"\\x{{{ord(character):X}}}"
