"""Python functions as they are written: what a module has, and what a function takes, without importing anything."""

import ast
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

LONGEST = 60_000
"""Characters: parsing takes a microsecond for each, and memory a hundred times the text's."""
# What hands a function on with the parameters it is written with.
_TRANSPARENT = frozenset({"cache", "lru_cache", "override", "final", "deprecated"})


class Signature(Struct, frozen=True):
    """What a function takes.

    Attributes:
        by_name: the parameters that can be given by name, in order.
        required: of those, the ones without a default.
        positional: those that can be given by position only and have no default: nothing can call it.
        anything: it takes names beyond these.
    """

    by_name: tuple[str, ...]
    required: tuple[str, ...]
    positional: tuple[str, ...]
    anything: bool


class Module(Struct, frozen=True):
    """What a module has at its top level.

    Attributes:
        names: its functions, in order.
        bound: what each name stands for in the end: a function's signature, None where the text does not tell.
        classes: the names that stand for classes.
        open_ended: it may have names beyond these.
    """

    names: tuple[str, ...]
    bound: Mapping[str, Signature | None]
    classes: frozenset[str]
    open_ended: bool


class FunctionError(Exception):
    """A function cannot be called.

    Attributes:
        message: names it and what is wrong.
        known: names that may have been meant.
        hint: the next move, where no name is near.
    """

    def __init__(self, message: str, hint: str, known: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message, self.hint, self.known = message, hint, known


Known = dict[str, Module | FunctionError]
"""Modules that were looked at, by their files."""


def signature_of(text: str, module: str, function: str, file: str, known: Known | None = None) -> Signature | None:
    """What a function takes; None where its text does not tell: it is imported, made by a call, or decorated.

    Parameters:
        text: of the module; one of more than `LONGEST` characters tells nothing.
        file: its name, for messages.
        known: what came of modules so far; this one is added.

    Raises:
        FunctionError: the module is no Python, or has no such function.
    """
    outer = module.partition(".")[0]
    if outer in sys.stdlib_module_names or outer in sys.builtin_module_names:
        raise FunctionError(f"`{outer}` is the name of a module of Python's own", "rename the file or its folder")
    if len(text) > LONGEST:
        return None
    known = {} if known is None else known
    if file not in known:
        known[file] = _module(text, file)
    found = known[file]
    if isinstance(found, FunctionError):
        raise FunctionError(found.message, found.hint, found.known)
    if function in found.classes:
        raise FunctionError(f"`{function}` of `{file}` is a class", "name a function that makes and uses it")
    if function not in found.bound and not found.open_ended:
        public = [name for name in found.names if not name.startswith("_")]
        hint = "define it at the top level of the module"
        raise FunctionError(f"`{file}` has no function `{function}`", hint, public)
    return found.bound.get(function)


def _module(text: str, file: str) -> Module | FunctionError:
    try:
        tree = parsed(text, file)
    except FunctionError as error:
        return error
    names: dict[str, None] = {}
    last: dict[str, ast.stmt] = {}
    for statement in statements(tree.body):
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            names[statement.name] = None
        last |= dict.fromkeys(bound_by(statement), statement)
    return Module(
        names=tuple(names),
        bound={name: _signature_in(statement) for name, statement in last.items()},
        classes=frozenset(name for name, statement in last.items() if isinstance(statement, ast.ClassDef)),
        open_ended="*" in last or "__getattr__" in last,
    )


def _signature_in(statement: ast.stmt) -> Signature | None:
    if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
        return None
    return _signature(statement.args) if all(map(is_transparent, statement.decorator_list)) else None


def parsed(text: str, file: str) -> ast.Module:
    """The syntax tree of a module. Raises FunctionError where it is no Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an odd escape in a module is its author's business
            return ast.parse(text)
    except SyntaxError as error:
        reason = f"{error.msg} (line {error.lineno})" if error.lineno else error.msg
        raise FunctionError(f"`{file}` is not Python: {reason}", "correct it") from None
    except (ValueError, RecursionError, MemoryError):
        raise FunctionError(f"`{file}` is not Python that can be read", "simplify it") from None


def statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that a module runs in its own scope."""
    waiting = list(reversed(list(body)))
    while waiting:
        statement = waiting.pop()
        yield statement
        if isinstance(statement, ast.If | ast.Try | ast.TryStar | ast.With | ast.For | ast.While | ast.Match):
            inner = [node for node in ast.iter_child_nodes(statement) if isinstance(node, ast.stmt)]
            for holder in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
                inner += holder.body
            waiting += reversed(inner)


def bound_by(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement binds."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
    elif isinstance(statement, ast.Import | ast.ImportFrom):
        yield from ((alias.asname or alias.name).partition(".")[0] for alias in statement.names)
    elif isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        for target in targets:
            yield from (node.id for node in ast.walk(target) if isinstance(node, ast.Name))


def is_transparent(decorator: ast.expr) -> bool:
    """Whether a decorator leaves the parameters of a function as they are written."""
    inner = decorator.func if isinstance(decorator, ast.Call) else decorator
    name = inner.attr if isinstance(inner, ast.Attribute) else inner.id if isinstance(inner, ast.Name) else ""
    return name in _TRANSPARENT


def _signature(arguments: ast.arguments) -> Signature:
    plain = [*arguments.posonlyargs, *arguments.args]
    optional = (
        {argument.arg for argument in plain[len(plain) - len(arguments.defaults) :]} if arguments.defaults else set()
    )
    optional |= {
        argument.arg
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        if default is not None
    }
    by_name = [argument.arg for argument in (*arguments.args, *arguments.kwonlyargs)]
    return Signature(
        by_name=tuple(by_name),
        required=tuple(name for name in by_name if name not in optional),
        positional=tuple(argument.arg for argument in arguments.posonlyargs if argument.arg not in optional),
        anything=arguments.kwarg is not None,
    )
