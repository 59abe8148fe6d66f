"""How much of anything a YAML file may have."""

from msgspec import Struct


class Limits(Struct, frozen=True):
    """What a file may have.

    Attributes:
        size: bytes.
        lines: line breaks.
        depth: mappings and lists inside each other, aliases expanded. A step in a step takes two.
        entries: keys of one mapping, or items of one list.
        aliases: uses of anchors.
        nodes: keys and values, aliases expanded; a workflow of 10,000 steps has from 60,000 to 150,000.
        characters: of keys and values, aliases expanded.
        problems: diagnostics, after which the rest is not read.
        directives: lines that begin with `%`; the parser compares each directive with all others.
    """

    size: int = 2 * 1024 * 1024
    lines: int = 200_000
    depth: int = 128
    entries: int = 10_000
    aliases: int = 200
    nodes: int = 200_000
    characters: int = 8 * 1024 * 1024
    problems: int = 100
    directives: int = 200


DEFAULT_LIMITS = Limits()
MAX_NAMED_CHARACTERS = 8 * 1024 * 1024
"""What the files that one workflow names may have together."""
