"""What a model is told of a Python function, read off its text: what it is for, and what it takes as JSON Schema."""

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from agentflow.plan.docstrings import parameters, summary
from agentflow.plan.functions import LONGEST, FunctionError, bound_by, is_transparent, parsed, statements
from agentflow.plan.type_hints import NotUnderstoodError, TypeNames, encodable, with_words

JSON = Any


class Described(Struct, frozen=True):
    """A function as a tool.

    Attributes:
        description: the first paragraph of its docstring; '' where it has none.
        schema: JSON Schema of its arguments; None where its text does not tell.
        makes: of each parameter that takes more than JSON data, what is made of its argument (`type_hints.Hint.maker`).
        unclear: why there is no schema, and of which parameter; one entry for each.
    """

    description: str
    schema: Mapping[str, JSON] | None
    makes: Mapping[str, JSON]
    unclear: tuple[str, ...] = ()


Trees = dict[str, ast.Module | None]
"""Modules that were parsed, by their files; None where one could not be, or is too long."""


def described(text: str, function: str, file: str, trees: Trees) -> Described:
    """What a function's text says of it.

    Parameters:
        text: of its module.
        file: its name, for messages and `trees`.
        trees: what was parsed so far; this one is added.
    """
    if file not in trees:
        trees[file] = _tree(text, file)
    tree = trees[file]
    if tree is None:
        return Described("", None, {}, (f"`{file}` has over {LONGEST:,} characters and is not read",))
    node = _definition(tree, function)
    if node is None:
        return Described("", None, {}, (f"`{function}` is not defined by a `def` of `{file}`",))
    docstring = encodable(ast.get_docstring(node) or "")
    if not all(map(is_transparent, node.decorator_list)):
        return Described(summary(docstring), None, {}, (f"`{function}` is decorated, and may take something else",))
    return _of_arguments(node, docstring, TypeNames.of(tree, parameters))


def _of_arguments(node: ast.FunctionDef | ast.AsyncFunctionDef, docstring: str, names: TypeNames) -> Described:
    said = parameters(docstring)
    properties: dict[str, JSON] = {}
    required: list[str] = []
    makes: dict[str, JSON] = {}
    unclear: list[str] = []
    for argument, default in _parameters(node.args):
        if argument.annotation is None:
            unclear.append(f"`{argument.arg}` of `{node.name}` has no type hint")
            continue
        try:
            hint = names.hint(argument.annotation)
        except NotUnderstoodError as problem:
            unclear.append(f"the type hint of `{argument.arg}` of `{node.name}` is not understood: {problem}")
            continue
        properties[argument.arg] = with_words(hint.schema, said.get(argument.arg), default)
        if default is None:
            required.append(argument.arg)
        if hint.maker is not None:
            makes[argument.arg] = hint.maker
    schema = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    return Described(summary(docstring), None if unclear else schema, makes, tuple(unclear))


def _parameters(arguments: ast.arguments) -> Iterator[tuple[ast.arg, ast.expr | None]]:
    """The parameters that can be given by name, each with its default."""
    plain = [*arguments.posonlyargs, *arguments.args]
    defaults: list[ast.expr | None] = [None] * (len(plain) - len(arguments.defaults)) + list(arguments.defaults)
    yield from list(zip(plain, defaults, strict=True))[len(arguments.posonlyargs) :]
    yield from zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)


def _tree(text: str, file: str) -> ast.Module | None:
    try:
        return parsed(text, file) if len(text) <= LONGEST else None
    except FunctionError:
        return None


def _definition(tree: ast.Module, function: str) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    """The statement that a function's name stands for in the end; None where that is no `def`."""
    last: ast.stmt | None = None
    for statement in statements(tree.body):
        if function in bound_by(statement):
            last = statement
    return last if isinstance(last, ast.FunctionDef | ast.AsyncFunctionDef) else None
