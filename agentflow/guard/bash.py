"""The one door of tree-sitter and its Bash grammar: what a script would do, told from its text."""

import unicodedata
from functools import lru_cache
from typing import Any

from agentflow.guard.shell.reader import read_all
from agentflow.guard.shell.script import Command, Found, Script, UndecidedError
from agentflow.guard.shell.tree import disagreement, spans_of
from agentflow.guard.shell.unfold import unfold

__all__ = ["MAX_BYTES", "Command", "Script", "read_script"]

MAX_BYTES = 131_072
"""The longest script that is read; a longer one is undecidable."""

_FORMAT_CHARACTERS = frozenset("\u200c\u200d")
"""Joiners, of which words and pictures are made in some scripts. Other invisible characters make text lie."""


def read_script(text: str) -> Script:
    """Reads what a script for `bash -c` would do, without running anything.

    Parameters:
        text: the script.

    Returns: its commands and redirections, and why that may not be all. Never raises; the time it takes grows with
    the length of the text, up to MAX_BYTES.
    """
    problem = _unreadable(text)
    if problem is not None:
        return Script(undecidable=problem)
    return unfold(text, _read)


def _unreadable(text: str) -> str | None:
    """Why a text is not even looked at."""
    if len(text) > MAX_BYTES:
        return f"it is longer than {MAX_BYTES:,} bytes"
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        return "it is not valid text: it holds half a surrogate pair"
    if size > MAX_BYTES:
        return f"it is longer than {MAX_BYTES:,} bytes"
    if text.isascii() and text.replace("\n", "").replace("\t", "").isprintable():
        return None
    for character in text:
        if character in "\n\t" or character.isprintable() or character in _FORMAT_CHARACTERS:
            if character == "\ufffd":
                return "it holds U+FFFD, which stands for text that was lost"
            continue
        return f"it holds {unicodedata.name(character, 'a control character')} (U+{ord(character):04X})"
    return None


def _read(text: str) -> Found:
    """Both readings of one text, and whether they agree."""
    data = text.encode()
    found = Found()
    read_all(data, found)
    if found.reasons:
        return found
    try:
        reason = disagreement(found, spans_of(_parse(data)))
    except UndecidedError as problem:
        reason = str(problem)
    if reason is not None:
        found.reasons.append(reason)
    return found


@lru_cache(maxsize=1)
def _grammar() -> Any:
    import tree_sitter
    import tree_sitter_bash

    return tree_sitter.Language(tree_sitter_bash.language())


def _parse(data: bytes) -> Any:
    """The root of tree-sitter's tree. Raises UndecidedError: it met an error, after which it is slow and guesses."""
    import tree_sitter

    parser = tree_sitter.Parser(_grammar())

    def read(offset: int, _: object) -> bytes:
        return data[offset:]

    try:
        tree = parser.parse(read, progress_callback=lambda _, has_error: has_error)
    except ValueError as error:
        raise UndecidedError("its syntax is not understood") from error
    return tree.root_node
