"""Reads bash's xtrace: each simple command that ran, builtins and functions too, its words as expanded.

Why xtrace and no DEBUG trap: a trap is told the command as written (`BASH_COMMAND`), is not inherited without two
options that change what the script may do, and runs commands of its own between the script's; xtrace tells the words
that the command was given, and only writes. What it cannot see: a script that turns it off, and shells other than bash
(`sh` here); what these execute and open is seen by the tracer all the same.
"""

import dataclasses
import os
import re

from tests.oracle.scene import MARK, RC, SOURCE_END

_RECORD = re.compile(MARK[:1] + b"+" + MARK[1:] + b"([^\x01\x02]*)" + SOURCE_END)
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*(\[.*\])?\+?=", re.DOTALL)
_KEYWORDS = ("[[ ", "case ", "for ", "select ", "((")
_ANSI_C = {"a": 7, "b": 8, "e": 27, "E": 27, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11, "\\": 92, "'": 39, '"': 34}
_PIECE = re.compile(
    r"\$'(?P<ansi>(?:[^'\\]|\\.)*)'|'(?P<quoted>[^']*)'|\\(?P<escaped>.)|(?P<plain>[^\s'\\$]+|\$)|(?P<gap>\s+)",
    re.DOTALL,
)
_ESCAPE = re.compile(rb"\\(?:([0-7]{1,3})|x([0-9a-fA-F]{1,2})|[uU]([0-9a-fA-F]{1,8})|(.))", re.DOTALL)


@dataclasses.dataclass(slots=True, frozen=True)
class Traced:
    """A simple command that bash ran. `source` is the file it stands in; empty: the script itself."""

    argv: tuple[str, ...]
    source: str


@dataclasses.dataclass(slots=True, frozen=True)
class Assigned:
    """An assignment that bash made, as it wrote it down: `name=value`."""

    text: str
    source: str


@dataclasses.dataclass(slots=True, frozen=True)
class Unread:
    """A record that cannot be read: bash writes long ones piecemeal, and another process came in between."""

    text: str


def read(trace: bytes) -> list[Traced | Assigned | Unread]:
    """What was traced, in order; what begins a compound command (`for`, `[[`, …) is left out, what is in it is not."""
    heads = list(_RECORD.finditer(trace))
    ends = [head.start() for head in heads[1:]] + [len(trace)] * bool(heads)
    found: list[Traced | Assigned | Unread] = []
    for head, end in zip(heads, ends, strict=True):
        text = os.fsdecode(trace[head.end() : end]).removesuffix("\n")
        source = os.fsdecode(head.group(1))
        if text.startswith(_KEYWORDS) or not text or source == RC:
            continue
        source = "" if source == "environment" else source
        words = _words(text)
        if _ASSIGNMENT.match(text):
            found.append(Assigned(text, source))
        else:
            found.append(Unread(text) if words is None else Traced(words, source))
    return found


def _words(text: str) -> tuple[str, ...] | None:
    words: list[str] = []
    word, at = None, 0
    while at < len(text):
        piece = _PIECE.match(text, at)
        if piece is None:
            return None
        at = piece.end()
        if piece["gap"] is not None:
            if word is not None:
                words.append(word)
            word = None
            continue
        word = (word or "") + _decoded(piece)
    return (*words, word) if word is not None else tuple(words)


def _decoded(piece: re.Match[str]) -> str:
    if piece["ansi"] is None:
        return next(text for text in (piece["quoted"], piece["escaped"], piece["plain"]) if text is not None)
    return os.fsdecode(_ESCAPE.sub(_character, os.fsencode(piece["ansi"])))


def _character(escape: re.Match[bytes]) -> bytes:
    octal, hexadecimal, codepoint, letter = escape.groups()
    if octal:
        return bytes([int(octal, 8) & 255])
    if hexadecimal:
        return bytes([int(hexadecimal, 16)])
    if codepoint:
        return chr(int(codepoint, 16)).encode()
    return bytes([_ANSI_C[letter.decode()]]) if letter.decode() in _ANSI_C else b"\\" + letter
