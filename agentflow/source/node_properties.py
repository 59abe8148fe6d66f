"""The tag and anchor that may stand before a node's content (YAML 1.2.2, section 6.9)."""

import re

_ANCHOR = re.compile(r"&[\w-]*")
_TAG = re.compile(r"!(?:<[^>]*>|[^\s,\[\]{}]*)")
_SPACE = re.compile(r"(?:\s++|(?<=\s)#[^\r\n\x85\u2028\u2029]*+)*+")

Span = tuple[int, int]


def skip_properties(text: str, start: int, end: int, *, is_empty: bool) -> tuple[int, list[Span]]:
    """Passes over tag and anchor.

    Args:
        text: the whole file.
        start: where the node begins, its properties included.
        end: where it ends.
        is_empty: there is no content, so that what follows belongs to another node.

    Returns:
        Where the content begins (`end` when there is none), and where tags stand.
    """
    tags = []
    position = start
    while found := _ANCHOR.match(text, position) or _TAG.match(text, position):
        if found[0].startswith("!"):
            tags.append((found.start(), found.end()))
        spaces = _SPACE.match(text, found.end())
        position = spaces.end() if spaces else found.end()
        if is_empty and position >= end:
            return end, tags
    return position, tags
