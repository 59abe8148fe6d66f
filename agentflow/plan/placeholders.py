"""The templates that most texts are, without the parser: words, and names between `{{ }}`."""

import re

from agentflow.plan import syntax
from agentflow.plan.syntax import Node

_PLACEHOLDER = re.compile(r"\{\{[ \t\n]*([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)[ \t\n]*\}\}")
_MARK = re.compile(r"\{[{%#]")
_MOST = 400
_MOST_MEMBERS = 20


def plain_parts(source: str) -> tuple[Node, ...] | None:
    """The parts of a template in which only dotted names stand between `{{ }}`; None for every other.

    They are those that the parser gives, in a tenth of its time.
    """
    parts: list[Node] = []
    end = 0
    for count, found in enumerate(_PLACEHOLDER.finditer(source), start=1):
        # Of `{{{`, the first two open.
        if count > _MOST or source.endswith("{", end, found.start()) or _MARK.search(source, end, found.start()):
            return None
        members = found[1].count(".")
        name = syntax.dotted_name(found[1], found.start(1)) if members <= _MOST_MEMBERS else None
        if name is None:
            return None
        if found.start() > end:
            parts.append(syntax.Text(source[end : found.start()], end))
        parts.append(name)
        end = found.end()
    if "\r" in source or _MARK.search(source, end):
        return None
    if end < len(source):
        parts.append(syntax.Text(source[end:], end))
    return tuple(parts)
