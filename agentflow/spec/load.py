"""A workflow file becomes a `Source`: its shape checked, the files it names read, every problem found in one pass."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache, lru_cache
from itertools import islice
from typing import Any

from msgspec.structs import replace
from pydantic import BaseModel, ValidationError

from agentflow.source import yaml_reader
from agentflow.source.diagnostics import MOST_TOLD, Diagnostic, Place, cut_short, in_order
from agentflow.source.document import Document, Loc
from agentflow.spec.agents_from import AgentFiles, take_agents
from agentflow.spec.author_schemas import schema_findings
from agentflow.spec.files import Files
from agentflow.spec.findings import EMPTY_HINT, Finding, found, shown
from agentflow.spec.named_files import NamedFiles, Read, read_named
from agentflow.spec.parts import LIBRARY_KEYS, library_findings, with_parts
from agentflow.spec.positions import has, is_step, name_of, steps_of, value_at
from agentflow.spec.shape_errors import MOST_ERRORS, shape_findings, unusable_locs
from agentflow.spec.sources import Source
from agentflow.spec.step_kinds import kind_findings, tool_findings
from agentflow.spec.workflow import Library, Workflow

# Each round reads the whole file again, and a nest of blocks around one that is empty wants two a level.
_MOST_ROUNDS = 20
# Stand in for a root key that cannot be used, so that the rest of the file is still checked.
_STAND_INS = {"agentflow": 1, "name": "unnamed"}
_MAKES_A_BLOCK = frozenset({"for_each", "repeat", "choose"})


def load(
    source: bytes | str, path: str, read: Read, *, or_library: bool = False
) -> tuple[Source | None, list[Diagnostic]]:
    """Reads a workflow file.

    Args:
        source: the file's bytes or text.
        path: the file as the user named it.
        read: gives the text of a file by the path that the workflow writes, or says why it cannot.
        or_library: a file that has agents and tools alone is read as one that others import.

    Returns:
        What could be used of it, or None where that is nothing; and all problems of it and of the files it names,
        in the order of their places. There are problems wherever something could not be used.
    """
    files = Files(read)
    as_library = or_library and _is_library(source, path)
    found, problems = load_file(source, path, files, "", is_library=as_library)
    return (None if found is None else _with_others(found, files)), _in_order([*problems, *files.problems])


def _is_library(source: bytes | str, path: str) -> bool:
    """Whether a file has agents or tools, and nothing that only a workflow has."""
    document, _ = _document(source, path)
    data = document.data if document is not None else None
    return isinstance(data, dict) and bool(set(data) & set(LIBRARY_KEYS)) and not set(data) & _OF_WORKFLOWS


_OF_WORKFLOWS = {"name", "steps", "inputs", "outputs", "limits", "defaults", "imports", "sandbox", "env"}


def _with_others(source: Source, files: Files) -> Source:
    """Returns a file with every text that was read for it."""
    return replace(source, others={text.path: text.text for text in files.texts.values()})


def load_file(
    source: bytes | str, path: str, files: Files, folder: str, *, is_library: bool
) -> tuple[Source | None, list[Diagnostic]]:
    """Reads one of the files that a workflow is made of.

    Args:
        path: the file, as places name it.
        files: what was read for the workflow; gets the problems inside the files that this one imports and runs.
        folder: the file's, seen from the first file's.
        is_library: it is imported, and has agents and tools alone.

    Returns:
        What could be used of it, and its own problems.
    """
    document, problems = _document(source, path)
    if document is None:
        return None, list(problems)
    if not isinstance(document.data, dict):
        if not problems:
            message = f"a workflow must be a mapping, not {shown(document.data)}"
            return None, [Diagnostic("AF203", message, document.place(()), "begin with `agentflow: 1`")]
        return None, list(problems)
    found, diagnostics = _shaped(document, files, folder, is_library=is_library)
    if found is None or is_library:
        return found, _in_order([*problems, *diagnostics])
    found, more = with_parts(found, files, folder, load_file)
    return found, _in_order([*problems, *diagnostics, *more])


def _shaped(
    document: Document, files: Files, folder: str, *, is_library: bool
) -> tuple[Source | None, list[Diagnostic]]:
    """What can be used of a file, the texts and schemas that it names read; without the files it imports and runs."""
    model = Library if is_library else Workflow
    data = _copied(document.data)
    shape = _Shape(document, data, files, folder, model)
    try:
        removed = shape.check()
    except _TooManyError:
        told = _in_order([finding.diagnostic for finding in shape.findings][:MOST_TOLD])
        return None, [*told, cut_short(told[-1])]
    named, agent_files = shape.named, shape.agent_files
    usable, also_removed = _usable(data, model)
    removed |= also_removed
    diagnostics = [*(finding.diagnostic for finding in shape.findings), *named.problems, *agent_files.problems]
    if usable is None:
        return None, diagnostics
    diagnostics += islice(_nulls(document, usable), MOST_TOLD)
    workflow = usable if isinstance(usable, Workflow) else _as_workflow(usable)
    return (
        Source(
            document, workflow, named.texts, named.documents, frozenset(removed), agent_files, is_library=is_library
        ),
        diagnostics,
    )


class _TooManyError(Exception):
    """The file has more problems than are told; never leaves this module."""


def _unfit(document: Document, data: dict[str, Any]) -> list[Finding]:
    """Takes the keys out that an imported file may not have; that it is a workflow is told where it is imported."""
    findings = list(library_findings(document))
    for key in [key for key in data if key not in Library.model_fields]:
        del data[key]
    return [] if "steps" in document.data else findings


@lru_cache(maxsize=64)
def _document(source: bytes | str, path: str) -> tuple[Document | None, tuple[Diagnostic, ...]]:
    """A file's document: what many files import is parsed once."""
    document, problems = yaml_reader.read(source, path)
    return document, tuple(problems)


def _as_workflow(library: Library) -> Workflow:
    return _no_steps().model_copy(update={"tools": library.tools, "agents": library.agents})


@cache
def _no_steps() -> Workflow:
    return Workflow.model_construct(agentflow=1, name="library", steps={})


@dataclass(slots=True)
class _Shape:
    """Checks the shape of a file's data, and of the files it names; `findings` are what it found so far."""

    document: Document
    data: dict[str, Any]
    files: Files
    folder: str
    model: type[Workflow | Library]
    findings: list[Finding] = field(default_factory=list)
    named: NamedFiles = field(default_factory=NamedFiles)
    agent_files: AgentFiles = field(default_factory=AgentFiles)

    def check(self) -> set[Loc]:
        """Returns what had to go from the data. Raises _TooManyError, so that thousands of problems cost no seconds."""
        self._note(_unfit(self.document, self.data) if self.model is Library else ())
        self.agent_files = take_agents(self.document, self.data, self.files, self.folder)
        self._note(self.agent_files.findings)
        self._note(kind_findings(self.document, self.data))
        self._note(tool_findings(self.document, self.data))
        removed = _remove(self.data, (finding.unusable for finding in self.findings))
        self._note(_pydantic_findings(self.document, self.data, self.model))
        self.named = read_named(self.document, self.data, self.files.beside(self.folder))
        self._note(self.named.findings)
        self._note(schema_findings(self.document, self.data, self.named.documents))
        removed |= _remove(self.data, (finding.unusable for finding in self.findings))
        return removed | _remove(self.data, [*self.named.unusable, *self.agent_files.unusable])

    def _note(self, found: Iterable[Finding]) -> None:
        for finding in found:
            self.findings.append(finding)
            if len(self.findings) > MOST_TOLD:
                raise _TooManyError


def _copied(value: Any) -> Any:
    """Returns a copy in which nothing is shared, as aliases are in a document."""
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value


def _pydantic_findings(document: Document, data: Any, model: type[Workflow | Library]) -> Iterator[Finding]:
    try:
        model.model_validate(data)
    except ValidationError as error:
        yield from shape_findings(error, document, data)
        if error.error_count() > MOST_ERRORS:
            raise _TooManyError from None


def _usable(data: dict[str, Any], model: type[Workflow | Library]) -> tuple[Workflow | Library | None, set[Loc]]:
    """Removes from `data` what cannot be used until the rest can; what then lacks a key that it must have goes too."""
    removed: set[Loc] = set()
    for _ in range(_MOST_ROUNDS):
        try:
            workflow = model.model_validate(data)
            unusable = [loc for loc, step in steps_of(data) if _lacks_body(step)]
            if not unusable:
                return workflow, removed
        except ValidationError as error:
            unusable = [
                loc[:-1] if is_missing and len(loc) > 1 else loc for loc, is_missing in unusable_locs(error, data)
            ]
        gone = _remove(data, unusable)
        if not gone:
            break
        removed |= gone
    return None, removed


def _lacks_body(step: dict[str, Any]) -> bool:
    return ("for_each" in step or "repeat" in step) and "steps" not in step and "step" not in step


def _remove(data: dict[str, Any], locs: Iterable[Loc | None]) -> set[Loc]:
    """Takes what stands at `locs` out of `data`. Returns what went."""
    removed: set[Loc] = set()
    for loc in map(_whole, locs):
        if not loc:
            continue
        if len(loc) == 1 and loc[0] in _STAND_INS and data.get(loc[0]) != _STAND_INS[loc[0]]:
            data[loc[0]] = _STAND_INS[loc[0]]
            removed.add(loc)
        elif has(data, loc):
            del value_at(data, loc[:-1])[loc[-1]]
            removed.add(loc)
    return removed


def _whole(loc: Loc | None) -> Loc | None:
    """Returns what must go so that `loc` does: of a list all, so that what stays keeps its loc; of what makes a step
    one of its kind the step, since without it the step would be one of another."""
    while loc and (isinstance(loc[-1], int) or (loc[-1] in _MAKES_A_BLOCK and is_step(loc[:-1]))):
        loc = loc[:-1]
    return loc


def _nulls(document: Document, workflow: Workflow | Library) -> Iterator[Diagnostic]:
    """Yields the keys that were written with nothing behind them: read as absent, they would drop what was meant."""
    waiting: list[tuple[Loc, Any]] = [((), workflow)]
    while waiting:
        loc, holder = waiting.pop()
        if isinstance(holder, dict):
            waiting += [((*loc, name), item) for name, item in holder.items() if isinstance(item, BaseModel)]
        if not isinstance(holder, BaseModel):
            continue
        for name, of_model in type(holder).model_fields.items():
            below = (*loc, of_model.alias or name)
            value = getattr(holder, name)
            if value is None and name in holder.model_fields_set and name != "if_skipped":
                yield found(document, "AF203", f"{name_of(below)} is empty", below, EMPTY_HINT).diagnostic
            waiting.append((below, value))


def _in_order(diagnostics: list[Diagnostic]) -> list[Diagnostic]:
    # Aliases share a place: the same problem, met again under another name.
    unique: dict[tuple[str, Place, str | None], Diagnostic] = {}
    for diagnostic in diagnostics:
        unique.setdefault((diagnostic.code, diagnostic.place, diagnostic.hint), diagnostic)
    return in_order(unique.values())
