"""How much of anything a YAML file may have."""

from msgspec import Struct


class Limits(Struct, frozen=True):
    """What a file may have.

    Attributes:
        size: bytes.
        depth: mappings and lists inside each other, aliases expanded.
        aliases: uses of anchors.
        nodes: keys and values, aliases expanded.
        characters: of keys and values, aliases expanded.
        problems: diagnostics, after which the rest is not read.
        directives: lines that begin with `%`; the parser compares each directive with all others.
    """

    size: int = 2 * 1024 * 1024
    depth: int = 100
    aliases: int = 200
    nodes: int = 200_000
    characters: int = 8 * 1024 * 1024
    problems: int = 100
    directives: int = 200


DEFAULT_LIMITS = Limits()
