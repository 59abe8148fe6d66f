"""The schemas of a workflow file: those of its inputs, of its tools, and of what agents give."""

from collections.abc import Iterator, Mapping
from typing import Any

from agentflow.source.diagnostics import Diagnostic
from agentflow.source.document import Document, Loc
from agentflow.spec.contracts import Allowance, Contract, SchemaProblem, check_schema
from agentflow.spec.findings import Finding, found, shown
from agentflow.spec.named_files import slots
from agentflow.spec.positions import name_of
from agentflow.spec.schema_structure import bounds_problem

# What an input's mapping has beside its JSON Schema.
INPUT_KEYS = frozenset({"default", "untrusted"})
_MAX_DEFAULT = 5_000


def schema_findings(document: Document, data: Any, documents: Mapping[Loc, Document]) -> Iterator[Finding]:
    """Yields what is wrong with the schemas of a file.

    Args:
        document: the workflow file, for places.
        data: what of it is to be checked.
        documents: the schemas in files of their own, by the loc of the mapping that names each.
    """
    allowance = Allowance()
    for name, value in _mappings(data, "inputs"):
        yield from _input_findings(document, ("inputs", name), value, allowance)
    for name, tool in _mappings(data, "tools"):
        if isinstance(tool.get("input"), dict):
            yield from _tool_findings(document, ("tools", name, "input"), tool["input"], allowance)
    for loc, value, role in slots(data):
        if role == "schema" and loc in documents:
            yield from _findings_in_file(documents[loc], loc, allowance)
        elif role == "schema" and isinstance(value, dict) and "file" not in value:
            yield from _inline_findings(document, loc, value, allowance)


def _mappings(data: Any, key: str) -> Iterator[tuple[str, dict[str, Any]]]:
    holder = data.get(key)
    if isinstance(holder, dict):
        yield from ((name, value) for name, value in holder.items() if isinstance(value, dict))


def _inline_findings(document: Document, loc: Loc, schema: dict[str, Any], allowance: Allowance) -> Iterator[Finding]:
    for problem in check_schema(schema, allowance):
        place = document.place((*loc, *problem.path))
        yield Finding(_diagnostic(problem, name_of(loc), place), loc)


def _findings_in_file(content: Document, loc: Loc, allowance: Allowance) -> Iterator[Finding]:
    for problem in check_schema(content.data, allowance):
        yield Finding(_diagnostic(problem, "this", content.place(problem.path)), loc)


def _diagnostic(problem: SchemaProblem, name: str, place: Any) -> Diagnostic:
    return Diagnostic("AF206", f"{name} is not a valid schema: {problem.message}", place, problem.hint)


def _input_findings(document: Document, loc: Loc, value: dict[str, Any], allowance: Allowance) -> Iterator[Finding]:
    if "untrusted" in value and not isinstance(value["untrusted"], bool):
        message = f"`untrusted` must be true or false, not {shown(value['untrusted'])}"
        yield found(document, "AF203", message, (*loc, "untrusted"))
    schema = {key: item for key, item in value.items() if key not in INPUT_KEYS}
    problems = check_schema(schema, allowance)
    for problem in problems:
        if problem.path == ("required",) and isinstance(value.get("required"), bool):
            hint = "delete it: an input is required unless it has a `default`"
            problem = SchemaProblem(problem.path, problem.message, hint)
        place = document.place((*loc, *problem.path))
        yield Finding(_diagnostic(problem, name_of(loc), place), loc)
    if problems or "default" not in value:
        return
    if bounds_problem(value["default"], _MAX_DEFAULT) is not None:
        message = f"the default of {name_of(loc)} has more than {_MAX_DEFAULT:,} values"
        yield found(document, "AF104", message, (*loc, "default"), "let a step read long data from a file")
        return
    misses = Contract(schema).problems(value["default"])
    if misses:
        message = f"the default of {name_of(loc)} does not meet its schema: {misses[0].removeprefix('$ ')}"
        yield found(document, "AF208", message, (*loc, "default"))


def _tool_findings(document: Document, loc: Loc, schema: dict[str, Any], allowance: Allowance) -> Iterator[Finding]:
    problems = list(_inline_findings(document, loc, schema, allowance))
    yield from problems
    if not problems and schema.get("type") != "object":
        message = f"the input of {name_of(loc[:-1])} must be an object, since a model gives its arguments by name"
        where = (*loc, "type") if "type" in schema else loc
        yield Finding(found(document, "AF206", message, where, "write `type: object`").diagnostic, loc)
