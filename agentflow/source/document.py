"""Plain data in which every value and key knows its place."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any

from msgspec import Struct, field

from agentflow.source.diagnostics import Place
from agentflow.source.lines import Lines
from agentflow.source.scalar_text import Offsets

Loc = tuple[str | int, ...]
ROOT = 0
_LONGEST_LOCATED = 200_000


class Nodes(Struct, frozen=True):
    """Where the nodes of a file stand, by number; a node is a key or a value, numbered in the order of the text.

    Eight bytes for a scalar: a file may have 200,000 of them. The value of a mapping's key is the node after
    the key's.

    Attributes:
        starts: the offset of each node's first character.
        ends: the offset past each node's last one.
        keys: of each mapping, the key nodes by their text.
        items: of each sequence, its nodes.
        aliases: of each alias, the node it stands for.
    """

    starts: array[int] = field(default_factory=lambda: array("I"))
    ends: array[int] = field(default_factory=lambda: array("I"))
    keys: dict[int, dict[str, int]] = field(default_factory=dict)
    items: dict[int, array[int]] = field(default_factory=dict)
    aliases: dict[int, int] = field(default_factory=dict)


class _Found(Struct, frozen=True):
    """A node on the way to a loc: the value's number, its key's where it has one, and the value."""

    node: int
    key: int | None
    value: Any


class Document(Struct, frozen=True, eq=False):
    """One file, read.

    Attributes:
        path: the file as the user named it.
        text: what was read, without a byte order mark.
        data: dicts with string keys, lists, strings, integers, finite floats, booleans and None, in the file's order.
            Read only: an alias is the same object as its anchor.
        nodes: where everything stands.
        lines: the lines of `text`.
        located: of scalars whose inside was asked for, where their characters stand; a text has many references.
    """

    path: str
    text: str
    data: Any
    nodes: Nodes
    lines: Lines
    located: dict[int, Offsets] = field(default_factory=dict)

    def has(self, loc: Loc) -> bool:
        """Returns whether there is a value at `loc`, keys and list indexes from the root."""
        return self._walk(loc)[1]

    def place(self, loc: Loc, *, key: bool = False) -> Place:
        """Returns where something stands.

        Args:
            loc: keys and list indexes from the root.
            key: the mapping key in place of its value.

        Returns:
            The first line of the value or key. An empty value is found at its key; what an alias stands for, where
            the anchor has it. Where `loc` does not exist, its nearest ancestor that does: its key, or, where it has
            none, its value.
        """
        found, whole = self._walk(loc)
        wants_key = key or not whole
        node = found.key if wants_key and found.key is not None else found.node
        return self._place_of(node)

    def place_in(self, loc: Loc, offset: int, width: int = 1) -> Place:
        """Returns where characters of a string stand in the text.

        Args:
            loc: keys and list indexes from the root.
            offset: the first character, counted from 0 in the value; its length means the end of the text.
            width: how many characters of the value.

        Returns:
            Exact wherever the text has the characters as such or as escapes; for a space or break that folding made,
            the end of the line before it. What is not a scalar, or not there, is found as by `place`, and so is what
            stands in a scalar of more than 200,000 characters.
        """
        found, whole = self._walk(loc)
        if not whole or isinstance(found.value, dict | list):
            return self.place(loc)
        node = self.nodes.aliases.get(found.node, found.node)
        start, end = self.nodes.starts[node], self.nodes.ends[node]
        if end - start > _LONGEST_LOCATED:
            return self.place(loc)
        value = found.value if isinstance(found.value, str) else self.text[start:end]
        offset = max(offset, 0)
        if offset >= len(value):
            # Past a final line break would be the line after the text.
            offset = len(value.removesuffix("\n"))
        offsets = self.located.get(node)
        if offsets is None:
            offsets = self.located[node] = Offsets(self.text, start, end, value)
        last = offsets.find(min(offset + max(width, 1), len(value)))
        return self.lines.place(self.path, offsets.find(offset), last)

    def line(self, number: int) -> str:
        """Returns line `number` of the text, counted from 1, without its break; '' where there is none."""
        return self.lines.line(number)

    def _place_of(self, node: int) -> Place:
        node = self.nodes.aliases.get(node, node)
        return self.lines.place(self.path, self.nodes.starts[node], self.nodes.ends[node])

    def _walk(self, loc: Loc) -> tuple[_Found, bool]:
        """Returns the last node on the way to `loc` that exists, and whether it is the one at `loc`."""
        found = _Found(ROOT, None, self.data)
        for segment in loc:
            following = self._child(found, segment)
            if following is None:
                return found, False
            found = following
        return found, True

    def _child(self, parent: _Found, segment: str | int) -> _Found | None:
        node = self.nodes.aliases.get(parent.node, parent.node)
        if isinstance(parent.value, dict) and isinstance(segment, str) and segment in parent.value:
            key = self.nodes.keys[node][segment]
            return _Found(key + 1, key, parent.value[segment])
        if isinstance(parent.value, list) and isinstance(segment, int) and 0 <= segment < len(parent.value):
            items: Sequence[int] = self.nodes.items[node]
            return _Found(items[segment], None, parent.value[segment])
        return None
