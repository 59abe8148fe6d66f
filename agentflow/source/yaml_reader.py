"""YAML becomes a Document: the one door to the YAML parser.

Only the parser's events are used. Its own constructor follows YAML 1.1, keeps the last of two equal keys, forgets
places, expands without bound and crashes on deep nesting. The bounds are checked as events come, and the parser
reads ahead by no more than one simple key (1,024 characters), so that nothing past a bound costs time.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, cast

import yaml

from agentflow.source.core_schema import Unfit, plain_value
from agentflow.source.diagnostics import Diagnostic
from agentflow.source.document import Document, Nodes
from agentflow.source.limits import DEFAULT_LIMITS, Limits
from agentflow.source.lines import Lines
from agentflow.source.node_properties import skip_properties
from agentflow.source.scalar_text import BREAK
from agentflow.source.separators import Separators
from agentflow.source.suggest import did_you_mean
from agentflow.source.syntax import TEMPLATE_HINT, syntax_error
from agentflow.source.text import beginning, decode


def read(source: bytes | str, path: str, limits: Limits = DEFAULT_LIMITS) -> tuple[Document | None, list[Diagnostic]]:
    """Reads one YAML 1.2 file with the core schema.

    Args:
        source: the bytes of the file (UTF-8, a byte order mark is accepted), or its text.
        path: the file as the user named it.
        limits: what the file may have.

    Returns:
        The document and what is wrong with it, in the order of the text. There is a document wherever reading came
        to the end of it, even with errors: the first of two equal keys counts, a key that is not a string stands as
        it was written, and what could not be understood is None. Any diagnostic refuses the file. Nothing is raised,
        whatever the input.
    """
    text = decode(source, path, limits)
    if isinstance(text, Diagnostic):
        return None, [text]
    builder = _Builder(path, text, limits)
    try:
        builder.build()
    except _StopReadingError as stop:
        return None, _in_order([*builder.problems, stop.diagnostic])
    if not builder.has_content or (builder.root is None and not builder.problems):
        problem = builder.problem("AF102", "the file is empty", 0, 0, "begin with `agentflow: 1`")
        return None, [*builder.problems, problem]
    return Document(path, text, builder.root, builder.nodes, builder.lines), _in_order(builder.problems)


def _in_order(problems: list[Diagnostic]) -> list[Diagnostic]:
    return sorted(problems, key=lambda problem: problem.place)


class _StopReadingError(Exception):
    """Reading cannot go on; never leaves this module."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


@dataclass(slots=True)
class _Anchor:
    """What an anchor names, and what an alias of it would add."""

    node: int
    value: Any = None
    nodes: int = 0
    characters: int = 0
    height: int = 0
    is_open: bool = True


@dataclass(slots=True)
class _Frame:
    """A mapping or list that is being read."""

    node: int
    value: dict[str, Any] | list[Any]
    anchor: _Anchor | None
    nodes_before: int
    characters_before: int
    height: int = 1
    wants_key: bool = False
    # None: the pair that is being read is not kept.
    key: str | None = None
    keys: dict[str, int] = field(default_factory=dict)
    items: array[int] = field(default_factory=lambda: array("I"))


_NO_CONTENT = object()
# A hundred problems, each with a suggestion among all anchors of a large file, would take seconds.
_MAX_SUGGESTED = 100
_DIRECTIVE = re.compile(rf"(?:\A|{BREAK})%")
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


class _Builder:
    """Builds data and places from events, with a stack of its own in place of recursion."""

    def __init__(self, path: str, text: str, limits: Limits) -> None:
        self.path = path
        self.text = text
        self.limits = limits
        self.lines = Lines(text)
        self.nodes = Nodes()
        self.problems: list[Diagnostic] = []
        self.root: Any = _NO_CONTENT
        self._stack: list[_Frame] = []
        self._anchors: dict[str, _Anchor] = {}
        self._node_count = 0
        self._character_count = 0
        self._alias_count = 0
        self._separators = Separators(text)

    @property
    def has_content(self) -> bool:
        return self.root is not _NO_CONTENT

    def build(self) -> None:
        """Reads all events; raises _StopReadingError where reading cannot go on."""
        self._bound_directives()
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        try:
            with closing(cast(Generator[Any], yaml.parse(self.text, Loader=loader))) as events:
                for event in events:
                    if handle := _HANDLERS.get(type(event)):
                        handle(self, event)
        except yaml.MarkedYAMLError as error:
            raise _StopReadingError(self._syntax_error(error)) from None
        except yaml.YAMLError as error:
            raise _StopReadingError(self.problem("AF102", f"not YAML: {error}", 0, 0)) from None
        self._refuse_separators(self._separators.outside_texts(len(self.text)))

    def problem(self, code: str, message: str, start: int, end: int, hint: str | None = None) -> Diagnostic:
        return Diagnostic(code, message, self.lines.place(self.path, start, end), hint)

    def _report(self, code: str, message: str, start: int, end: int, hint: str | None = None) -> None:
        self.problems.append(self.problem(code, message, start, end, hint))
        if len(self.problems) >= self.limits.problems:
            message = f"{self.limits.problems} problems; the rest of the file is not read"
            raise _StopReadingError(self.problem("AF104", message, start, end, "correct these first"))

    def _syntax_error(self, error: yaml.MarkedYAMLError) -> Diagnostic:
        mark, context_mark = error.problem_mark or error.context_mark, error.context_mark
        starts = (self.nodes.starts[frame.node] for frame in reversed(self._stack))
        return syntax_error(
            str(error.problem),
            mark.index if mark else 0,
            error.context,
            context_mark.index if context_mark else None,
            next((start for start in starts if self.text.startswith(("[", "{"), start)), None),
            self.text,
            self.path,
        )

    def _bound_directives(self) -> None:
        if sum(self.text.count(f"{end}%") for end in "\n\r\x85\u2028\u2029") < self.limits.directives:
            return
        for count, found in enumerate(_DIRECTIVE.finditer(self.text), start=1):
            if count > self.limits.directives:
                message = f"more than {self.limits.directives} lines begin with `%`"
                hint = "indent them where they are text; workflow files have no directives"
                raise _StopReadingError(self.problem("AF104", message, found.end() - 1, found.end(), hint))

    def _start_document(self, event: Any) -> None:
        start = event.start_mark.index
        if self.has_content:
            raise _StopReadingError(
                self.problem("AF105", "a second document in one file", start, start + 3, "give it a file of its own")
            )
        if event.tags or event.version not in {None, (1, 2)}:
            found = _DIRECTIVE.search(self.text)
            at = found.end() - 1 if found else start
            self._report(
                "AF105",
                "a directive other than `%YAML 1.2`",
                at,
                event.end_mark.index,
                "leave it out; the rest is YAML 1.2",
            )

    def _refuse_separators(self, offsets: Iterator[int]) -> None:
        for at in offsets:
            message = f"the line separator U+{ord(self.text[at]):04X} stands outside a text"
            self._report("AF101", message, at, at + 1, "write a plain line break")

    def _scalar(self, event: Any) -> None:
        text: str = event.value
        is_plain = not event.style
        start, end = self._content_start(event, is_empty=is_plain and not text), event.end_mark.index
        self._refuse_separators(self._separators.pass_scalar(start, end))
        frame = self._stack[-1] if self._stack else None
        if start == end and frame is not None and frame.key is not None and not frame.wants_key:
            # There is nothing to underline in an empty value.
            node = self._add_node(self.nodes.starts[-1], self.nodes.ends[-1], len(text))
        else:
            node = self._add_node(start, end, len(text))
        if frame is not None and frame.wants_key:
            self._take_key(frame, node, text, is_plain)
            value: Any = text
        else:
            value = self._plain(text, start, end) if is_plain else text
            self._put(value, node)
        if event.style == '"' and _UNSTORABLE.search(text):
            self._report("AF101", "a text holds the character U+0000 or half of a pair", start, end, "leave it out")
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchor(node, value, 1, len(text), is_open=False)

    def _plain(self, text: str, start: int, end: int) -> Any:
        value = plain_value(text)
        if isinstance(value, Unfit):
            self._report(value.code, value.message, start, end, value.hint)
            return None
        return value

    def _content_start(self, event: Any, *, is_empty: bool) -> int:
        """Returns where the node begins behind its anchor and tag; reports the tag."""
        start: int = event.start_mark.index
        if event.anchor is None and event.tag is None and not self.text.startswith("!", start):
            return start
        start, tags = skip_properties(self.text, start, event.end_mark.index, is_empty=is_empty)
        for first, last in tags:
            hint = "leave it out; text that begins with `!` wants quotes"
            self._report("AF105", f"the tag `{beginning(self.text[first:last])}`", first, last, hint)
        return start

    def _open(self, event: Any) -> None:
        start = self._content_start(event, is_empty=False)
        self._refuse_separators(self._separators.outside_texts(start))
        self._check_depth(len(self._stack) + 1, start)
        if self._stack and self._stack[-1].wants_key:
            is_template = self.text.startswith("{{", start - 1) or self.text.startswith("{{", start)
            hint = TEMPLATE_HINT if is_template else "a key is a text; quote it if it begins with a bracket"
            self._report("AF105", "a mapping or list as a key", start, start + 1, hint)
        node = self._add_node(start, start + 1, 0)
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        anchor = None
        if event.anchor is not None:
            anchor = self._anchors[event.anchor] = _Anchor(node)
        self._stack.append(
            _Frame(
                node,
                {} if is_mapping else [],
                anchor,
                self._node_count - 1,
                self._character_count,
                wants_key=is_mapping,
            )
        )

    def _close(self, event: Any) -> None:
        frame = self._stack.pop()
        # A block ends where the next thing begins: its place is clipped to its first line in any case.
        self.nodes.ends[frame.node] = max(event.end_mark.index, self.nodes.starts[frame.node] + 1)
        if isinstance(frame.value, dict):
            self.nodes.keys[frame.node] = frame.keys
        else:
            self.nodes.items[frame.node] = frame.items
        if frame.anchor is not None:
            frame.anchor.value = frame.value
            frame.anchor.nodes = self._node_count - frame.nodes_before
            frame.anchor.characters = self._character_count - frame.characters_before
            frame.anchor.height = frame.height
            frame.anchor.is_open = False
        if self._stack:
            self._stack[-1].height = max(self._stack[-1].height, frame.height + 1)
        self._put(frame.value, frame.node)

    def _alias(self, event: Any) -> None:
        start, end = event.start_mark.index, event.end_mark.index
        self._alias_count += 1
        if self._alias_count > self.limits.aliases:
            message = f"more than {self.limits.aliases} aliases"
            raise _StopReadingError(
                self.problem("AF104", message, start, end, "name things once and refer to the name")
            )
        anchor = self._anchors.get(event.anchor)
        if anchor is None or anchor.is_open:
            self._refuse_alias(event.anchor, start, end, is_known=anchor is not None)
            anchor = _Anchor(len(self.nodes.starts), nodes=1)
        self._check_depth(len(self._stack) + anchor.height, start)
        node = self._add_node(start, end, anchor.characters, anchor.nodes)
        if anchor.node != node:
            self.nodes.aliases[node] = anchor.node
        frame = self._stack[-1] if self._stack else None
        if frame is not None:
            frame.height = max(frame.height, anchor.height + 1)
        if frame is None or not frame.wants_key:
            self._put(anchor.value, node)
        elif isinstance(anchor.value, str):
            self._take_key(frame, node, anchor.value, is_plain=False)
        else:
            self._report("AF105", "an alias as a key", start, end, "write the key out")
            self._put(None, node)

    def _refuse_alias(self, name: str, start: int, end: int, *, is_known: bool) -> None:
        if is_known:
            hint = "an alias can only stand for a value that is complete before it"
            self._report("AF105", f"the alias `*{beginning(name)}` stands inside its own anchor", start, end, hint)
        else:
            hint = (
                did_you_mean(name, islice(self._anchors, _MAX_SUGGESTED))
                or "quote it if it is text that begins with `*`"
            )
            self._report("AF102", f"no anchor `&{beginning(name)}` comes before this alias", start, end, hint)

    def _check_depth(self, depth: int, start: int) -> None:
        if depth > self.limits.depth:
            message = f"more than {self.limits.depth} mappings and lists inside each other"
            raise _StopReadingError(
                self.problem("AF104", message, start, start + 1, "take the inner ones out into a file of their own")
            )

    def _add_node(self, start: int, end: int, characters: int, count: int = 1) -> int:
        self._node_count += count
        self._character_count += characters
        if self._node_count > self.limits.nodes:
            message = f"more than {self.limits.nodes:,} keys and values, counting what aliases stand for"
            raise _StopReadingError(self.problem("AF104", message, start, end, "split the file"))
        if self._character_count > self.limits.characters:
            message = f"more than {self.limits.characters:,} characters, counting what aliases stand for"
            raise _StopReadingError(self.problem("AF104", message, start, end, "split the file"))
        self.nodes.starts.append(start)
        self.nodes.ends.append(end)
        return len(self.nodes.starts) - 1

    def _take_key(self, frame: _Frame, node: int, text: str, is_plain: bool) -> None:
        frame.wants_key = False
        frame.key = text
        start, end = self.nodes.starts[node], self.nodes.ends[node]
        if is_plain and text == "<<":
            frame.key = None
            hint = "name the keys, or use an alias for the whole value"
            self._report("AF105", "the merge key `<<`", start, end, hint)
        elif is_plain and not isinstance(plain_value(text), str):
            frame.key = text or None
            message = f"the key `{beginning(text)}` is not a text" if text else "a key is empty"
            self._report(
                "AF105", message, start, end, f'quote it: "{beginning(text)}"' if text else "write a key before the `:`"
            )
        if frame.key is None:
            return
        first = frame.keys.setdefault(frame.key, node)
        if len(frame.keys) > self.limits.entries:
            raise _StopReadingError(self._too_many_entries("keys", node))
        if first != node:
            frame.key = None
            number = self.lines.number(self.nodes.starts[self.nodes.aliases.get(first, first)])
            hint = f"the first is at line {number}; keep one of the two"
            self._report("AF103", f"the key `{beginning(text)}` stands twice in this mapping", start, end, hint)

    def _too_many_entries(self, what: str, node: int) -> Diagnostic:
        message = f"more than {self.limits.entries:,} {what} in one {'list' if what == 'items' else 'mapping'}"
        hint = "let a step read long data from a file"
        return self.problem("AF104", message, self.nodes.starts[node], self.nodes.ends[node], hint)

    def _put(self, value: Any, node: int) -> None:
        """Hands a complete value to the mapping or list around it."""
        if not self._stack:
            self.root = value
            return
        frame = self._stack[-1]
        if isinstance(frame.value, list):
            if len(frame.value) >= self.limits.entries:
                raise _StopReadingError(self._too_many_entries("items", node))
            frame.value.append(value)
            frame.items.append(node)
        elif frame.wants_key:
            # A key of the wrong kind, which has been reported: its value is read and not kept.
            frame.wants_key = False
            frame.key = None
        else:
            if frame.key is not None:
                frame.value[frame.key] = value
            frame.wants_key = True


_HANDLERS: dict[type, Callable[[_Builder, Any], None]] = {
    yaml.DocumentStartEvent: _Builder._start_document,
    yaml.MappingStartEvent: _Builder._open,
    yaml.SequenceStartEvent: _Builder._open,
    yaml.MappingEndEvent: _Builder._close,
    yaml.SequenceEndEvent: _Builder._close,
    yaml.ScalarEvent: _Builder._scalar,
    yaml.AliasEvent: _Builder._alias,
}
