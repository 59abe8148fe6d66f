"""Text to expressions and templates: the one door of Jinja2, of which only the lexer and the parser are used.

What the parser gives is rewritten into the closed tree of `syntax.py`; whatever has no place there is refused
here, with its offset. Nothing is ever turned into Python code.
"""

import inspect
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from jinja2 import TemplateSyntaxError, nodes
from jinja2.lexer import TokenStream
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment
from msgspec import Struct

from agentflow.plan import syntax
from agentflow.plan.expressions import Expression, Template, references
from agentflow.plan.filters import FILTERS, TESTS
from agentflow.plan.line_ends import original_offsets, with_plain_line_ends
from agentflow.plan.placeholders import plain_parts
from agentflow.plan.syntax import Node
from agentflow.plan.syntax_words import said
from agentflow.plan.values import LONGEST_TEXT
from agentflow.source.suggest import did_you_mean

_DEEPEST = 60
# Each token costs some ten microseconds; a list of a thousand items, or a prompt that reads five hundred values, fits.
_MOST_TOKENS = 4_000
_LONGEST_EXPRESSION = 20_000
# The parser goes a dozen calls deeper with each bracket.
_DEEPEST_BRACKETS = 24
_TOO_DEEP = "the expression is nested too deeply"
_NAME_PARTS = "name parts of it by `value` steps"
_BAD_ESCAPE = re.compile(r"(?<!\\)(?:\\\\)*(\\(?![\\'\"abfnrtvxuU\n]))")
_WORDS = {"Assign": "set", "AssignBlock": "set", "CallBlock": "call", "FilterBlock": "filter", "FromImport": "from"}
_METHODS = {"strip": "trim", "get": "default", "format": "~", "count": "length", "append": "+"}


class SyntaxProblem(Exception):  # noqa: N818  # a finding about the author's text, which becomes a Diagnostic
    """A text that is no expression or template of the language.

    Attributes:
        code: AF306 where it cannot be parsed, AF307 where the language does not have the feature.
        message: what is wrong.
        offset: where, in characters from the start of the text.
        hint: the next move.
    """

    def __init__(self, code: str, message: str, offset: int, hint: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.offset = offset
        self.hint = hint


def parse_expression(source: str) -> Expression:
    """A bare expression.

    Parameters:
        source: its text, without `{{ }}`.

    Raises:
        SyntaxProblem: it cannot be parsed, or uses what the language does not have.
    """
    if len(source) > _LONGEST_EXPRESSION:
        message = f"the expression is longer than {_LONGEST_EXPRESSION:,} characters"
        raise SyntaxProblem("AF306", message, 0, "put long data into a file that a step reads, or into `inputs`")
    tree = syntax.dotted_name(source) if source.count(".") < _DEEPEST else None
    if tree is None:
        if "{{" in source.split("'")[0].split('"')[0]:
            raise SyntaxProblem("AF306", "an expression stands bare here", 0, "write it without `{{ }}`")
        tree = _parsed(source, lambda parser: _whole_expression(parser, source), "variable")
    return Expression(source, tuple(references((tree,))), tree)


def parse_template(source: str, *, statements: bool) -> Template:
    """A text in which `{{ }}` holds expressions.

    Parameters:
        source: the text.
        statements: whether `{% if %}` and `{% for %}` may stand in it.

    Raises:
        SyntaxProblem: it cannot be parsed, or uses what the language does not have.
    """
    if not any(mark in source for mark in ("{{", "{%", "{#")):
        return Template(source, (), True, (syntax.Text(with_plain_line_ends(source), 0),) if source else ())
    if len(source) > LONGEST_TEXT:
        message = f"a text with `{{{{ }}}}` in it has at most {LONGEST_TEXT:,} characters"
        raise SyntaxProblem("AF306", message, 0, "no result could be longer either; let a step read it with a tool")
    parts = plain_parts(source)
    if parts is None:
        parts = _parsed(source, lambda parser: _Translator(statements).body(parser.subparse(), 0), None)
    constant = all(isinstance(part, syntax.Text) for part in parts)
    return Template(source, tuple(references(parts)), constant, parts)


class _OffsetEnvironment(ImmutableSandboxedEnvironment):
    """Tokens carry their offset where Jinja2 keeps the line, so that every node knows exactly where it stands."""

    def _tokenize(
        self, source: str, name: str | None, filename: str | None = None, state: str | None = None
    ) -> TokenStream:
        normal = with_plain_line_ends(source)
        original = original_offsets(source)
        tokens: list[tuple[int, str, str]] = []
        position = depth = 0
        try:
            for _, token, value in self.lexer.tokeniter(normal, name, filename, state):
                # Text that `-%}` strips is skipped without a token; only white space can lie between.
                position = normal.index(value, position)
                if token == "string" and (bad := _BAD_ESCAPE.search(value)):
                    at = original(position + bad.start(1))
                    raise SyntaxProblem("AF306", "an unknown escape in a text", at, r"write `\\`")
                depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(value, 0) if token == "operator" else 0
                if depth > _DEEPEST_BRACKETS:
                    raise SyntaxProblem("AF306", _TOO_DEEP, original(position), _NAME_PARTS)
                if token != "whitespace":
                    tokens.append((original(position), token, value))
                if len(tokens) > _MOST_TOKENS:
                    message = f"more than {_MOST_TOKENS:,} words and signs in one expression or template"
                    raise SyntaxProblem("AF306", message, original(position), _NAME_PARTS)
                position += len(value)
        except TemplateSyntaxError as error:
            message, hint = said(error.message)
            raise SyntaxProblem("AF306", message, original(position), hint) from None
        return TokenStream(self.lexer.wrap(tokens, name, filename), name, filename)


@cache
def _environment() -> _OffsetEnvironment:
    return _OffsetEnvironment(autoescape=False, keep_trailing_newline=True)


def _parsed(source: str, parse: Callable[[Parser], Any], state: str | None) -> Any:
    try:
        return parse(Parser(_environment(), source, state=state))
    except TemplateSyntaxError as error:
        message, hint = said(error.message)
        raise SyntaxProblem("AF306", message, min(error.lineno, len(source)), hint) from None
    except RecursionError:
        raise SyntaxProblem("AF306", _TOO_DEEP, 0, _NAME_PARTS) from None
    except ValueError:
        raise SyntaxProblem("AF306", "a number in the expression is too long", 0, "use a smaller number") from None


def _whole_expression(parser: Parser, source: str) -> Node:
    if not source.strip():
        raise SyntaxProblem("AF306", "the expression is empty", 0, "write what it reads, as `steps.plan.output`")
    node = parser.parse_expression()
    if not parser.stream.eos:
        at = parser.stream.current.lineno
        hint = "join the parts by an operator, as `and`, `==` or `~`, and put texts in quotes"
        raise SyntaxProblem("AF306", "the expression goes on where it should end", at, hint)
    return _Translator(False).node(node, 0)


class _Translator(Struct, frozen=True):
    """Rewrites Jinja2's nodes; `lineno` of a node is the offset of its token."""

    statements: bool

    def body(self, body: Iterable[nodes.Node], depth: int) -> tuple[Node, ...]:
        """The parts of a template or of a statement's inside."""
        parts: list[Node] = []
        for node in body:
            if isinstance(node, nodes.Output):
                parts.extend(self._output(node, depth))
            elif self.statements and isinstance(node, nodes.If):
                parts.append(self._if(node, depth + 1))
            elif self.statements and isinstance(node, nodes.For):
                parts.append(self._for(node, depth + 1))
            else:
                raise self._refused_statement(node)
        return tuple(parts)

    def _output(self, node: nodes.Output, depth: int) -> Iterator[Node]:
        for part in node.nodes:
            if isinstance(part, nodes.TemplateData):
                yield syntax.Text(part.data, part.lineno)
            else:
                yield self.node(part, depth + 1)

    def _refused_statement(self, node: nodes.Node) -> SyntaxProblem:
        word = _WORDS.get(type(node).__name__, type(node).__name__.lower())
        if isinstance(node, nodes.If | nodes.For):
            hint = "statements stand in prompts, instructions, `approve` and `show` only; use a `value` step"
        else:
            hint = "`{% if %}` and `{% for %}` are all the statements there are"
        return SyntaxProblem("AF307", f"`{{% {word} %}}` cannot stand here", node.lineno, hint)

    def _if(self, node: nodes.If, depth: int) -> Node:
        _check_depth(depth, node)
        otherwise = self.body(node.else_, depth)
        for branch in reversed(node.elif_):
            otherwise = (
                syntax.If(self.node(branch.test, depth), self.body(branch.body, depth), otherwise, branch.lineno),
            )
        return syntax.If(self.node(node.test, depth), self.body(node.body, depth), otherwise, node.lineno)

    def _for(self, node: nodes.For, depth: int) -> Node:
        _check_depth(depth, node)
        if node.recursive:
            raise SyntaxProblem("AF307", "a loop cannot be recursive", node.lineno, "write the levels out")
        targets = node.target.items if isinstance(node.target, nodes.Tuple) else [node.target]
        if not all(isinstance(target, nodes.Name) for target in targets):
            raise SyntaxProblem(
                "AF307", "a loop's variables are plain names", node.lineno, "write `for key, value in …`"
            )
        return syntax.For(
            tuple(target.name for target in targets if isinstance(target, nodes.Name)),
            self.node(node.iter, depth),
            None if node.test is None else self.node(node.test, depth),
            self.body(node.body, depth),
            self.body(node.else_, depth),
            node.lineno,
        )

    def node(self, node: nodes.Node, depth: int) -> Node:
        """One expression's node.

        Raises:
            SyntaxProblem: the language does not have it.
        """
        _check_depth(depth, node)
        translate = _TRANSLATIONS.get(type(node))
        if translate is None:
            message = f"`{type(node).__name__.lower()}` is not part of the language"
            raise SyntaxProblem("AF307", message, node.lineno, "compute it in a step with `run`")
        return translate(self, node, depth + 1)

    def several(self, several: Iterable[nodes.Node], depth: int) -> tuple[Node, ...]:
        """Nodes in a row."""
        return tuple(self.node(node, depth) for node in several)


def _check_depth(depth: int, node: nodes.Node) -> None:
    if depth > _DEEPEST:
        raise SyntaxProblem("AF306", _TOO_DEEP, node.lineno, _NAME_PARTS)


def _literal(to: _Translator, node: nodes.Const, depth: int) -> Node:
    if isinstance(node.value, str) and any("\ud800" <= character <= "\udfff" for character in node.value):
        raise SyntaxProblem("AF306", "a text holds half a character", node.lineno, "write the character itself")
    if isinstance(node.value, float) and not math.isfinite(node.value):
        raise SyntaxProblem("AF306", "a number in the expression is too large", node.lineno, "use a smaller number")
    return syntax.Literal(node.value, node.lineno)


def _pair(to: _Translator, node: nodes.Pair, depth: int) -> tuple[Node, Node]:
    return to.node(node.key, depth), to.node(node.value, depth)


def _subscript(to: _Translator, node: nodes.Getitem, depth: int) -> Node:
    if isinstance(node.arg, nodes.Slice):
        if node.arg.step is not None:
            raise SyntaxProblem("AF307", "a slice has no step here", node.lineno, "use `reverse`, or a command")
        start, stop = (None if end is None else to.node(end, depth) for end in (node.arg.start, node.arg.stop))
        return syntax.Slice(to.node(node.node, depth), start, stop, node.lineno)
    return syntax.Member(to.node(node.node, depth), to.node(node.arg, depth), node.lineno)


def _attribute(to: _Translator, node: nodes.Getattr, depth: int) -> Node:
    return syntax.Member(to.node(node.node, depth), syntax.Literal(node.attr, node.lineno + 1), node.lineno)


def _compare(to: _Translator, node: nodes.Compare, depth: int) -> Node:
    rest = tuple((_COMPARISONS[op.op], to.node(op.expr, depth)) for op in node.ops)
    return syntax.Compare(to.node(node.expr, depth), rest, node.lineno)


def _choose(to: _Translator, node: nodes.CondExpr, depth: int) -> Node:
    if node.expr2 is None:
        raise SyntaxProblem("AF307", "an `if` in an expression needs an `else`", node.lineno, "add `else …`")
    test, then, otherwise = (to.node(part, depth) for part in (node.test, node.expr1, node.expr2))
    return syntax.Choose(test, then, otherwise, node.lineno)


def _filter(to: _Translator, node: nodes.Filter, depth: int) -> Node:
    if node.node is None or node.dyn_args is not None or node.dyn_kwargs is not None:
        raise SyntaxProblem("AF307", "arguments are written out one by one", node.lineno)
    if node.name not in FILTERS:
        raise _unknown("filter", node.name, FILTERS, node.lineno)
    args = to.several(node.args, depth)
    keywords: list[Any] = list(node.kwargs)  # the stubs take these for expressions
    kwargs = tuple((str(pair.key), to.node(pair.value, depth)) for pair in keywords)
    _check_arguments(FILTERS[node.name], node.name, len(args), [key for key, _ in kwargs], node.lineno)
    _check_named(node.name, args, node.lineno)
    return syntax.Filter(node.name, to.node(node.node, depth), args, kwargs, node.lineno)


def _check_named(name: str, args: tuple[Node, ...], offset: int) -> None:
    """`map('upper')`, `select('eq', 1)`: the filter or test that an argument names."""
    index = {"map": 0, "select": 0, "reject": 0, "selectattr": 1, "rejectattr": 1}.get(name)
    if index is None or len(args) <= index:
        return
    named = args[index]
    if not isinstance(named, syntax.Literal) or not isinstance(named.value, str):
        raise SyntaxProblem("AF307", f"`{name}` takes a quoted name here", offset, f"write `{name}('…')`")
    table, what = (FILTERS, "filter") if name == "map" else (TESTS, "test")
    if named.value not in table:
        raise _unknown(what, named.value, table, named.offset)


def _test(to: _Translator, node: nodes.Test, depth: int) -> Node:
    if node.kwargs or node.dyn_args is not None or node.dyn_kwargs is not None:
        raise SyntaxProblem("AF307", "arguments are written out one by one", node.lineno)
    if node.name not in TESTS:
        raise _unknown("test", node.name, TESTS, node.lineno)
    args = to.several(node.args, depth)
    _check_arguments(TESTS[node.name], node.name, len(args), [], node.lineno)
    return syntax.Test(node.name, to.node(node.node, depth), args, node.lineno)


def _unknown(what: str, name: str, known: Mapping[str, object], offset: int) -> SyntaxProblem:
    listed = ", ".join(sorted(known))
    return SyntaxProblem(
        "AF307", f"there is no {what} `{name}`", offset, did_you_mean(name, known) or f"the {what}s are {listed}"
    )


@cache
def _signature(function: Callable[..., object]) -> inspect.Signature:
    return inspect.signature(function)


def _check_arguments(function: Callable[..., object], name: str, count: int, keywords: list[str], offset: int) -> None:
    try:
        _signature(function).bind(None, *[None] * count, **dict.fromkeys(keywords))
    except TypeError as error:
        raise SyntaxProblem("AF307", f"`{name}` does not take these arguments: {error}", offset) from None


def _call(to: _Translator, node: nodes.Call, depth: int) -> Node:
    if isinstance(node.node, nodes.Getattr):
        method = node.node.attr
        name = _METHODS.get(method, method)
        hint = f"use the filter: `| {name}`" if name in FILTERS else "use a filter: `| name`"
        raise SyntaxProblem("AF307", f"data has no methods, and `{method}()` calls one", node.node.lineno, hint)
    raise SyntaxProblem("AF307", "there are no functions to call", node.lineno, "filters do it: `value | filter`")


def _arithmetic(op: str) -> Callable[[_Translator, Any, int], Node]:
    def translate(to: _Translator, node: nodes.BinExpr, depth: int) -> Node:
        return syntax.Arithmetic(op, to.node(node.left, depth), to.node(node.right, depth), node.lineno)

    return translate


def _logic(op: str) -> Callable[[_Translator, Any, int], Node]:
    def translate(to: _Translator, node: nodes.BinExpr, depth: int) -> Node:
        return syntax.Logic(op, to.node(node.left, depth), to.node(node.right, depth), node.lineno)

    return translate


_COMPARISONS = {
    "eq": "eq", "ne": "ne", "lt": "lt", "lteq": "le", "gt": "gt", "gteq": "ge", "in": "in", "notin": "notin",
}  # fmt: skip

_TRANSLATIONS: Mapping[type, Callable[[_Translator, Any, int], Node]] = {
    nodes.Const: _literal,
    nodes.Name: lambda to, node, depth: syntax.Name(node.name, node.lineno),
    nodes.List: lambda to, node, depth: syntax.ListOf(to.several(node.items, depth), node.lineno),
    nodes.Tuple: lambda to, node, depth: syntax.ListOf(to.several(node.items, depth), node.lineno),
    nodes.Dict: lambda to, node, depth: syntax.MapOf(tuple(_pair(to, pair, depth) for pair in node.items), node.lineno),
    nodes.Getattr: _attribute,
    nodes.Getitem: _subscript,
    nodes.Not: lambda to, node, depth: syntax.Not(to.node(node.node, depth), node.lineno),
    nodes.And: _logic("and"),
    nodes.Or: _logic("or"),
    nodes.Compare: _compare,
    nodes.Add: _arithmetic("+"),
    nodes.Sub: _arithmetic("-"),
    nodes.Mul: _arithmetic("*"),
    nodes.Div: _arithmetic("/"),
    nodes.FloorDiv: _arithmetic("//"),
    nodes.Mod: _arithmetic("%"),
    nodes.Pow: _arithmetic("**"),
    nodes.Neg: lambda to, node, depth: syntax.Sign("-", to.node(node.node, depth), node.lineno),
    nodes.Pos: lambda to, node, depth: syntax.Sign("+", to.node(node.node, depth), node.lineno),
    nodes.Concat: lambda to, node, depth: syntax.Concat(to.several(node.nodes, depth), node.lineno),
    nodes.CondExpr: _choose,
    nodes.Filter: _filter,
    nodes.Test: _test,
    nodes.Call: _call,
}
