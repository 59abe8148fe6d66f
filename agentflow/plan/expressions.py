"""Expressions and templates as values: what they read, and what they give over plain data.

`agentflow.plan.templates` builds them from text; nothing here knows how they are parsed.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from agentflow.plan import guards, syntax
from agentflow.plan.evaluate import Rounds, evaluate, pieces
from agentflow.plan.values import ExpressionError, bounded_text, bounded_value

__all__ = ["Expression", "ExpressionError", "Reference", "Template", "references", "verbatim"]

JSON = Any


class Reference(Struct, frozen=True):
    """One thing that an expression reads.

    Attributes:
        root: the name it starts from: `inputs`, `steps`, a variable.
        path: the attribute names and constant subscripts after the root, as far as they are constant.
        defaulted: it stands directly under `default(…)`, `is defined` or `is undefined`, or where `is defined` holds
            of it: it may be missing.
        offset: where it starts in the source text, in characters.
    """

    root: str
    path: tuple[str | int, ...]
    defaulted: bool
    offset: int


class Expression(Struct, frozen=True):
    """A bare expression, such as `steps.check.output.ok`."""

    source: str
    references: tuple[Reference, ...]
    tree: syntax.Node

    def evaluate(self, names: Mapping[str, JSON]) -> JSON:
        """Its value over the names; plain data.

        Raises:
            ExpressionError: it has none.
        """
        try:
            value = evaluate(self.tree, names)
            # What is only passed through is as large as it was; what is put together can double with every step.
            return value if isinstance(self.tree, syntax.Member) else _plain(bounded_value(value))
        except ExpressionError as error:
            raise _located(self.source, error) from None
        except RecursionError:
            raise ExpressionError(f"`{_short(self.source)}`: the data is nested too deeply; flatten it first") from None


class Template(Struct, frozen=True):
    """A text with `{{ }}` in it.

    Attributes:
        constant: there is nothing in it to fill in.
    """

    source: str
    references: tuple[Reference, ...]
    constant: bool
    parts: tuple[syntax.Node, ...]

    def render(self, names: Mapping[str, JSON]) -> str:
        """Its text over the names; what is not text stands in it as JSON.

        Raises:
            ExpressionError: something it reads is not there, or the text passes its bound.
        """
        if self.constant:
            return "".join(part.value for part in self.parts if isinstance(part, syntax.Text))
        try:
            return bounded_text(pieces(self.parts, names, Rounds()))
        except ExpressionError as error:
            raise _located(self.source, error) from None
        except RecursionError:
            raise ExpressionError(f"`{_short(self.source)}`: the data is nested too deeply; flatten it first") from None

    def value(self, names: Mapping[str, JSON]) -> JSON:
        """The value itself where the template is exactly one `{{ }}`; its text otherwise.

        Raises:
            ExpressionError: as for `render`.
        """
        if len(self.parts) == 1 and not isinstance(self.parts[0], syntax.Text | syntax.If | syntax.For):
            return Expression(self.source, self.references, self.parts[0]).evaluate(names)
        return self.render(names)


def verbatim(text: str) -> Template:
    """A text that stands for itself, whatever brackets are in it."""
    return Template(text, (), True, (syntax.Text(text, 0),))


def _value(content: Any, names: Mapping[str, JSON]) -> JSON:
    if isinstance(content, Template):
        return content.value(names)
    if isinstance(content, dict):
        return {name: _value(item, names) for name, item in content.items()}
    if isinstance(content, list):
        return [_value(item, names) for item in content]
    return content


def _templates(content: Any) -> Iterator[Template]:
    if isinstance(content, Template):
        yield content
    elif isinstance(content, dict | list):
        for item in content.values() if isinstance(content, dict) else content:
            yield from _templates(item)


def _source(content: Any) -> JSON:
    if isinstance(content, Template):
        return content.source
    if isinstance(content, dict):
        return {name: _source(item) for name, item in content.items()}
    return [_source(item) for item in content] if isinstance(content, list) else content


def _plain(value: JSON) -> JSON:
    return dict(value) if isinstance(value, Mapping) else value


def _located(source: str, error: ExpressionError) -> ExpressionError:
    return ExpressionError(f"`{_short(source)}`: {error.message}")


def _short(source: str) -> str:
    line = " ".join(source.split())
    return line if len(line) <= 100 else line[:97] + "..."


def references(tree: Iterable[syntax.Node], bound: frozenset[str] = frozenset()) -> Iterator[Reference]:
    """What the nodes read, in the order of the text; variables of their own loops left out.

    Parameters:
        bound: names that stand for something inside the text itself.
    """
    for node in tree:
        yield from _references(node, bound, guards.NONE, False)


def _references(node: syntax.Node, bound: frozenset[str], known: guards.Guards, defaulted: bool) -> Iterator[Reference]:
    found = syntax.chain(node)
    if found is not None:
        name, members = found
        if name.name not in bound:
            path = syntax.constant_path(members)
            there = defaulted or guards.cover(known, (name.name, *path))
            yield Reference(name.name, path, there, name.offset)
        for member in members:
            yield from _references(member.key, bound, known, False)
        return
    soft = syntax.may_be_missing(node)
    inner = bound | {*node.targets, "loop"} if isinstance(node, syntax.For) else bound
    for part in syntax.parts(node):
        own = bound if isinstance(node, syntax.For) and (part is node.items or part in node.otherwise) else inner
        yield from _references(part, own, known | guards.inside(node, part), part is soft)
