"""Type hints as JSON Schema, read off the syntax of a module: nothing is imported or evaluated.

Understood: `str int float bool None Any`, `list tuple dict` and their kin, `Literal`, `Optional`, unions, `Annotated`,
names that stand for a type, and of the same module dataclasses, enumerations and `TypedDict`s.
"""

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec import Struct

from agentflow.plan.functions import bound_by, statements

JSON = Any
_DEEPEST = 12
_MOST = 2_000

_PLAIN: Mapping[str, Mapping[str, JSON]] = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "None": {"type": "null"},
    "NoneType": {"type": "null"},
    "Any": {},
    "object": {},
}
_LISTS = frozenset({"list", "List", "Sequence", "MutableSequence", "Iterable", "Collection"})
_MAPPINGS = frozenset({"dict", "Dict", "Mapping", "MutableMapping"})
_TYPING = ("typing", "typing_extensions", "collections.abc", "builtins", "types")
_WRAPPERS = frozenset({"Final", "ReadOnly", "Required", "NotRequired"})


class Hint(Struct, frozen=True):
    """What a type hint says.

    Attributes:
        schema: JSON Schema of the value.
        maker: what is made of the value before the function gets it, for `function_worker.py`; None: nothing.
    """

    schema: Mapping[str, JSON]
    maker: JSON = None


class NotUnderstoodError(Exception):
    """A type hint that gives no schema; the message says which part of it."""


class Field(Struct, frozen=True):
    """A field of a class: its type hint, whether it must be given, and its default, where that stands there."""

    hint: ast.expr
    required: bool
    default: ast.expr | None = None


@dataclass(slots=True)
class TypeNames:
    """The names of a module that type hints may use.

    Attributes:
        classes: those that it defines.
        aliases: names for types.
        imports: of what it imports, the full name by the one it has here.
    """

    classes: dict[str, ast.ClassDef] = field(default_factory=dict)
    aliases: dict[str, ast.expr] = field(default_factory=dict)
    imports: dict[str, str] = field(default_factory=dict)
    docs: Callable[[str], Mapping[str, str]] = lambda _docstring: {}
    _met: int = 0

    @classmethod
    def of(cls, tree: ast.Module, docs: Callable[[str], Mapping[str, str]]) -> "TypeNames":
        """The names of a module.

        Parameters:
            docs: from a docstring what it says of each attribute.
        """
        names = cls(docs=docs)
        for statement in statements(tree.body):
            names._take(statement)
        return names

    def _take(self, statement: ast.stmt) -> None:
        for name in bound_by(statement):
            self.classes.pop(name, None)
            self.aliases.pop(name, None)
            self.imports.pop(name, None)
        if isinstance(statement, ast.ClassDef):
            self.classes[statement.name] = statement
        elif isinstance(statement, ast.Import):
            for alias in statement.names:
                self.imports[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
        elif isinstance(statement, ast.ImportFrom):
            for alias in statement.names:
                self.imports[alias.asname or alias.name] = f"{statement.module or ''}.{alias.name}"
        elif isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            if isinstance(target := statement.targets[0], ast.Name):
                self.aliases[target.id] = statement.value
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            if statement.value is not None:
                self.aliases[statement.target.id] = statement.value
        elif type(statement).__name__ == "TypeAlias":  # a statement of Python 3.12
            self.aliases[statement.name.id] = statement.value  # type: ignore[attr-defined]

    def full_name(self, node: ast.expr) -> str:
        """The name that an expression is, without `typing.` and its kin; '' where it is none."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.insert(0, node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return ""
        full = ".".join([self.imports.get(node.id, node.id), *parts])
        module, _, last = full.rpartition(".")
        return last if module in _TYPING else full

    def hint(self, node: ast.expr, depth: int = 0) -> Hint:
        """What a type hint says. Raises NotUnderstoodError."""
        self._met += 1
        if depth > _DEEPEST or self._met > _MOST:
            raise NotUnderstoodError("it is nested too deep, holds itself, or is too large")
        if isinstance(node, ast.Constant):
            return self._constant(node, depth)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            return self._union(list(_alternatives(node)), depth)
        if isinstance(node, ast.Subscript):
            return self._subscript(node, depth)
        if isinstance(node, ast.Name) and node.id in self.classes:
            return self._class(self.classes[node.id], depth)
        if isinstance(node, ast.Name) and node.id in self.aliases:
            return self._alias(self.aliases[node.id], depth)
        name = self.full_name(node)
        if name in _PLAIN:
            return Hint(dict(_PLAIN[name]))
        if name in _LISTS:
            return Hint({"type": "array"})
        if name in ("tuple", "Tuple"):
            return Hint({"type": "array"}, {"tuple": None})
        if name in _MAPPINGS:
            return Hint({"type": "object"})
        raise NotUnderstoodError(f"`{_shown(node)}` has no JSON form that is known here")

    def _constant(self, node: ast.Constant, depth: int) -> Hint:
        if node.value is None:
            return Hint({"type": "null"})
        if isinstance(node.value, str):
            try:
                return self.hint(ast.parse(node.value.strip(), mode="eval").body, depth + 1)
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                raise NotUnderstoodError(f"`{_shown(node)}` is no type hint") from None
        raise NotUnderstoodError(f"`{_shown(node)}` is no type hint")

    def _alias(self, node: ast.expr, depth: int) -> Hint:
        if isinstance(node, ast.Call) and self.full_name(node.func) == "NewType" and len(node.args) == 2:
            return self.hint(node.args[1], depth + 1)
        return self.hint(node, depth + 1)

    def _subscript(self, node: ast.Subscript, depth: int) -> Hint:
        name = self.full_name(node.value)
        inside = list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]
        if name == "Literal":
            return Hint({"enum": [self._literal(each) for each in _flat_literals(inside)]})
        if name == "Optional" and len(inside) == 1:
            return self._union([inside[0], ast.Constant(None)], depth)
        if name == "Union":
            return self._union(inside, depth)
        if name == "Annotated" and len(inside) > 1:
            return self._annotated(inside, depth)
        if name in _WRAPPERS and len(inside) == 1:
            return self.hint(inside[0], depth + 1)
        if name in _LISTS and len(inside) == 1:
            item = self.hint(inside[0], depth + 1)
            return Hint({"type": "array", "items": item.schema}, None if item.maker is None else {"items": item.maker})
        if name in ("tuple", "Tuple"):
            return self._tuple(inside, depth)
        if name in _MAPPINGS and len(inside) == 2:
            return self._mapping(inside, depth)
        raise NotUnderstoodError(f"`{_shown(node)}` has no JSON form that is known here")

    def _literal(self, node: ast.expr) -> JSON:
        inner = node.operand if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) else None
        if isinstance(inner, ast.Constant) and type(inner.value) is int:
            return -inner.value
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and encodable(node.value) == node.value:
            return node.value
        if isinstance(node, ast.Constant) and (node.value is None or type(node.value) in (int, bool)):
            return node.value
        raise NotUnderstoodError(f"`{_shown(node)}` in `Literal` has no JSON form")

    def _annotated(self, inside: Sequence[ast.expr], depth: int) -> Hint:
        hint = self.hint(inside[0], depth + 1)
        described = next(filter(None, map(_description, inside[1:])), None)
        return hint if described is None else Hint({**hint.schema, "description": described}, hint.maker)

    def _tuple(self, inside: Sequence[ast.expr], depth: int) -> Hint:
        if len(inside) == 2 and isinstance(inside[1], ast.Constant) and inside[1].value is Ellipsis:
            item = self.hint(inside[0], depth + 1)
            return Hint({"type": "array", "items": item.schema}, {"tuple": item.maker})
        items = [self.hint(each, depth + 1) for each in inside]
        schema = {"type": "array", "prefixItems": [item.schema for item in items]}
        return Hint(
            {**schema, "minItems": len(items), "maxItems": len(items)}, {"tuple": [item.maker for item in items]}
        )

    def _mapping(self, inside: Sequence[ast.expr], depth: int) -> Hint:
        key = self.hint(inside[0], depth + 1)
        if key.schema.get("type") != "string" or key.maker is not None:
            raise NotUnderstoodError("the keys of a JSON object are texts")
        value = self.hint(inside[1], depth + 1)
        schema = {"type": "object", "additionalProperties": value.schema}
        return Hint(schema, None if value.maker is None else {"values": value.maker})

    def _union(self, inside: Sequence[ast.expr], depth: int) -> Hint:
        hints = [self.hint(each, depth + 1) for each in inside]
        makers = [hint.maker for hint in hints if hint.maker is not None]
        if len({_takes(maker) for maker in makers}) < len(makers):
            raise NotUnderstoodError("nothing tells which of the alternatives a value would be")
        maker = None if not makers else {"any": makers}
        schemas = [hint.schema for hint in hints]
        if any(not schema for schema in schemas):
            return Hint({}, maker)
        if all(set(schema) == {"type"} for schema in schemas):
            types = list(dict.fromkeys(schema["type"] for schema in schemas))
            return Hint({"type": types[0] if len(types) == 1 else types}, maker)
        return Hint({"anyOf": schemas}, maker)

    def _class(self, node: ast.ClassDef, depth: int) -> Hint:
        bases = {self.full_name(base) for base in node.bases}
        if any(base.rpartition(".")[2] in ("Enum", "StrEnum", "IntEnum") for base in bases):
            return Hint({"enum": list(self._members(node))}, {"enum": node.name})
        if any(self._is_typed_dict(base) for base in node.bases):
            hint = self._object(node, dict(self._dict_fields(node, depth)), depth)
            makers = hint.maker["fields"]
            return Hint(hint.schema, {"fields": makers} if makers else None)
        decorators = [each.func if isinstance(each, ast.Call) else each for each in node.decorator_list]
        if [self.full_name(each) for each in decorators] in (["dataclasses.dataclass"],) and not node.bases:
            hint = self._object(node, dict(self._data_fields(node)), depth)
            return Hint(hint.schema, {"data": node.name, **hint.maker})
        raise NotUnderstoodError(
            f"`{node.name}` is no plain dataclass, enumeration or TypedDict of this module without bases of its own"
        )

    def _members(self, node: ast.ClassDef) -> Iterator[JSON]:
        found = False
        for statement in node.body:
            if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
                target, value = statement.targets[0], statement.value
                if not isinstance(target, ast.Name) or target.id.startswith("_"):
                    continue
                yield self._literal(value)
                found = True
        if not found:
            raise NotUnderstoodError(f"`{node.name}` has no members whose values can be read")

    def _is_typed_dict(self, base: ast.expr) -> bool:
        if isinstance(base, ast.Name) and base.id in self.classes:
            return any(self.full_name(above) == "TypedDict" for above in self.classes[base.id].bases)
        return self.full_name(base) == "TypedDict"

    def _dict_fields(self, node: ast.ClassDef, depth: int) -> Iterator[tuple[str, Field]]:
        if depth > _DEEPEST:
            raise NotUnderstoodError(f"`{node.name}` holds itself")
        for base in node.bases:
            if isinstance(base, ast.Name) and base.id in self.classes:
                yield from self._dict_fields(self.classes[base.id], depth + 1)
        total = not any(
            each.arg == "total" and isinstance(each.value, ast.Constant) and each.value.value is False
            for each in node.keywords
        )
        for name, hint, _ in _annotations(node):
            marked = self.full_name(hint.value) if isinstance(hint, ast.Subscript) else ""
            yield name, Field(hint, marked == "Required" or (total and marked != "NotRequired"))

    def _data_fields(self, node: ast.ClassDef) -> Iterator[tuple[str, Field]]:
        for name, hint, default in _annotations(node):
            marked = self.full_name(hint.value if isinstance(hint, ast.Subscript) else hint)
            if marked == "ClassVar":
                continue
            if marked.endswith(("InitVar", "KW_ONLY")):
                raise NotUnderstoodError(f"`{name}: {_shown(hint)}` of `{node.name}` is no plain field")
            if isinstance(default, ast.Call) and self.full_name(default.func) == "dataclasses.field":
                given = {each.arg: each.value for each in default.keywords}
                init = given.get("init")
                if isinstance(init, ast.Constant) and init.value is False:
                    continue
                yield name, Field(hint, not given.keys() & {"default", "default_factory"}, given.get("default"))
            else:
                yield name, Field(hint, default is None, default)

    def _object(self, node: ast.ClassDef, fields: Mapping[str, Field], depth: int) -> Hint:
        said = self.docs(encodable(ast.get_docstring(node) or ""))
        properties: dict[str, JSON] = {}
        makers: dict[str, JSON] = {}
        for name, each in fields.items():
            hint = self.hint(each.hint, depth + 1)
            properties[name] = with_words(hint.schema, said.get(name), each.default)
            if hint.maker is not None:
                makers[name] = hint.maker
        required = [name for name, each in fields.items() if each.required]
        schema = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
        return Hint(schema, {"fields": makers})


def with_words(schema: Mapping[str, JSON], said: str | None, default: ast.expr | None) -> Mapping[str, JSON]:
    """A schema with what is said of the value, and with its default where that is a constant of JSON."""
    found = dict(schema)
    if said and "description" not in found:
        found["description"] = said
    if default is not None:
        try:
            value = ast.literal_eval(default)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            return found
        if isinstance(value, str):
            value = encodable(value)
        if type(value) in (str, int, bool) or (type(value) is float and value - value == 0):
            found["default"] = value
    return found


def _annotations(node: ast.ClassDef) -> Iterator[tuple[str, ast.expr, ast.expr | None]]:
    for statement in node.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            yield statement.target.id, statement.annotation, statement.value


def _alternatives(node: ast.expr) -> Iterator[ast.expr]:
    """The members of `A | B | C`, in their order."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            waiting += [node.right, node.left]
        else:
            yield node


def _flat_literals(inside: Sequence[ast.expr]) -> Iterator[ast.expr]:
    for node in inside:
        yield from node.elts if isinstance(node, ast.Tuple) else (node,)


def _description(node: ast.expr) -> str | None:
    """What metadata of `Annotated` says in words: a text, `Doc("…")`, or `Field(description="…")`."""
    if isinstance(node, ast.Call):
        words = [each.value for each in node.keywords if each.arg in ("description", "documentation")]
        is_doc = isinstance(node.func, ast.Name | ast.Attribute) and ast.unparse(node.func).endswith("Doc")
        node = next(iter([*words, *(node.args if is_doc else ())]), node)
    return encodable(node.value) if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def encodable(text: str) -> str:
    """A text that can be sent: half a surrogate pair, which Python lets one write, becomes a question mark."""
    return text.encode("utf-8", "replace").decode()


def _takes(maker: Mapping[str, JSON]) -> str:
    """The kind of JSON value that a maker takes."""
    if maker.keys() & {"data", "fields", "values"}:
        return "object"
    if maker.keys() & {"items", "tuple"}:
        return "array"
    return "any" if "any" in maker else "scalar"


def _shown(node: ast.expr) -> str:
    try:
        return ast.unparse(node)[:80]
    except (RecursionError, ValueError, AttributeError):
        return type(node).__name__
