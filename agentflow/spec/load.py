"""A workflow file becomes a `Source`: its shape checked, the files it names read, every problem found in one pass."""

import os.path
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, lru_cache
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace
from pydantic import BaseModel, ValidationError

from agentflow.source import yaml_reader
from agentflow.source.diagnostics import Diagnostic, Place
from agentflow.source.document import Document, Loc
from agentflow.source.project import Problem, SourceText
from agentflow.spec.agents_from import AgentFiles, take_agents
from agentflow.spec.author_schemas import schema_findings
from agentflow.spec.base import FileRef
from agentflow.spec.files import Files
from agentflow.spec.findings import EMPTY_HINT, Finding, found, shown
from agentflow.spec.named_files import Read, read_named
from agentflow.spec.parts import LIBRARY_KEYS, library_findings, with_parts
from agentflow.spec.positions import has, is_step, name_of, steps_of, value_at
from agentflow.spec.shape_errors import shape_findings, unusable_locs
from agentflow.spec.step_kinds import kind_findings
from agentflow.spec.workflow import Library, Workflow

# Stand in for a root key that cannot be used, so that the rest of the file is still checked.
_STAND_INS = {"agentflow": 1, "name": "unnamed"}
_MAKES_A_BLOCK = frozenset({"for_each", "repeat", "choose"})


class Source(Struct, frozen=True):
    """A workflow file that has been read, with the files it names.

    Attributes:
        document: the file itself; its `data` is as written, with what could not be used.
        workflow: what could be used of it, agents and tools of its imports among it.
        texts: what each `{file: path}` for a text stands for, by the loc of the mapping that holds `file`.
        documents: the same for those that stand for a mapping.
        broken: the locs in `document` that `workflow` lacks because of a problem there: a value of a key that may be
            absent, or a whole step, agent, tool or input. What refers to one of them is no further problem.
        agent_files: what agent files brought in.
        imports: the files that were imported, in their order.
        imported: of each agent and tool that an import brought in, the loc and the file.
        lacks_names: an import could not be read, so that nobody can tell which names there are.
        children: the workflow files that steps run, by the loc of `workflow`.
        is_library: it is a file that others import, and has no steps.
        height: how many files deep it is, itself counted.
        others: every text that was read for this file, by path; more than `sources` where there are problems.
    """

    document: Document
    workflow: Workflow
    texts: Mapping[Loc, SourceText]
    documents: Mapping[Loc, Document]
    broken: frozenset[Loc]
    agent_files: AgentFiles = field(default_factory=AgentFiles)
    imports: "tuple[Source, ...]" = ()
    imported: "Mapping[Loc, Source]" = field(default_factory=dict)
    lacks_names: bool = False
    children: "Mapping[Loc, Source]" = field(default_factory=dict)
    is_library: bool = False
    height: int = 1
    others: Mapping[str, str] = field(default_factory=dict)

    def place(self, loc: Loc, *, key: bool = False) -> Place:
        """Returns where something stands, as `Document.place` does, whichever file it came from."""
        owner = self.imported.get(loc[:2])
        if owner is not None:
            return owner.place(loc, key=key)
        for end in range(len(loc), 0, -1):
            if loc[:end] in self.agent_files.places:
                return self.agent_files.places[loc[:end]]
            if self.document.has(loc[:end]):
                break
        return self.document.place(loc, key=key)

    def has(self, loc: Loc) -> bool:
        """Returns whether there is a value at `loc`, whichever file it came from."""
        owner = self.imported.get(loc[:2])
        if owner is not None:
            return owner.has(loc)
        return loc in self.agent_files.places or self.document.has(loc)

    def is_broken(self, loc: Loc) -> bool:
        """Returns whether loading left out what would stand there."""
        return loc in self.broken or (self.lacks_names and len(loc) > 1 and loc[0] in _IMPORTED)

    def imported_paths(self) -> frozenset[str]:
        """Returns the paths of the files that were imported, with all that they name, and of agent files."""
        return frozenset(self.agent_files.texts).union(*(part.sources() for part in self.imports))

    def is_verbatim(self, loc: Loc) -> bool:
        """Returns whether the text at `loc` is no template."""
        return loc in self.imported.get(loc[:2], self).agent_files.verbatim

    def text(self, loc: Loc, value: str | FileRef) -> tuple[str, Callable[[int, int], Place]]:
        """Returns a text and where its characters stand.

        Args:
            loc: of `value` in the document.
            value: the text, or the file that holds it.

        Returns:
            The text, and a function from an offset and a width in characters to their place.
        """
        owner = self.imported.get(loc[:2], self)
        if isinstance(value, FileRef):
            return owner.texts[loc].text, owner.texts[loc].place_at
        return value, lambda offset, width: owner.document.place_in(loc, offset, width)

    def mapping(self, loc: Loc, value: dict[str, Any] | FileRef | None) -> Mapping[str, Any] | None:
        """Returns the mapping that `value` at `loc` is or names; None where there is none."""
        if isinstance(value, FileRef):
            content: Mapping[str, Any] = self.imported.get(loc[:2], self).documents[loc].data
            return content
        return value

    def sources(self) -> dict[str, str]:
        """Returns the text of every file by its path, seen from where the workflow file was; that one comes first."""
        texts: dict[str, str] = {}
        waiting = [self]
        while waiting:
            source = waiting.pop()
            if source.document.path in texts and source is not self:
                continue
            texts[source.document.path] = source.document.text
            texts.update((text.path, text.text) for text in source.texts.values())
            texts.update((content.path, content.text) for content in source.documents.values())
            texts.update(source.agent_files.texts)
            waiting += [*source.imports, *source.children.values()]
        return texts


_IMPORTED = ("agents", "tools")


def stored(sources: Mapping[str, str], path: str) -> Read:
    """Returns a `read` for `load` that takes files from what `Source.sources` gave.

    Args:
        sources: texts by path.
        path: the workflow file's.
    """

    def read(name: str) -> SourceText | Problem:
        full = os.path.normpath(os.path.join(os.path.dirname(path), name))
        text = sources.get(full)
        return Problem(f"`{name}` is not among the stored files") if text is None else SourceText(full, text)

    return read


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
    unfit = _unfit(document, data) if is_library else []
    agent_files = take_agents(document, data, files, folder)
    findings = [*unfit, *agent_files.findings, *kind_findings(document, data)]
    removed = _remove(data, (finding.unusable for finding in findings))
    findings += _pydantic_findings(document, data, model)
    named = read_named(document, data, files.beside(folder))
    findings += named.findings
    findings += schema_findings(document, data, named.documents)
    removed |= _remove(data, (finding.unusable for finding in findings))
    removed |= _remove(data, [*named.unusable, *agent_files.unusable])
    usable, also_removed = _usable(data, model)
    removed |= also_removed
    diagnostics = [*(finding.diagnostic for finding in findings), *named.problems, *agent_files.problems]
    if usable is None:
        return None, diagnostics
    diagnostics += _nulls(document, usable)
    workflow = usable if isinstance(usable, Workflow) else _as_workflow(usable)
    return (
        Source(
            document, workflow, named.texts, named.documents, frozenset(removed), agent_files, is_library=is_library
        ),
        diagnostics,
    )


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


def _copied(value: Any) -> Any:
    """Returns a copy in which nothing is shared, as aliases are in a document."""
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value


def _pydantic_findings(document: Document, data: Any, model: type[Workflow | Library]) -> list[Finding]:
    try:
        model.model_validate(data)
    except ValidationError as error:
        return shape_findings(error, document, data)
    return []


def _usable(data: dict[str, Any], model: type[Workflow | Library]) -> tuple[Workflow | Library | None, set[Loc]]:
    """Removes from `data` what cannot be used until the rest can; what then lacks a key that it must have goes too."""
    removed: set[Loc] = set()
    while True:
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
            return None, removed
        removed |= gone


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
        for name, info in type(holder).model_fields.items():
            below = (*loc, info.alias or name)
            value = getattr(holder, name)
            if value is None and name in holder.model_fields_set and name != "if_skipped":
                yield found(document, "AF203", f"{name_of(below)} is empty", below, EMPTY_HINT).diagnostic
            waiting.append((below, value))


def _in_order(diagnostics: list[Diagnostic]) -> list[Diagnostic]:
    # Aliases share a place: the same problem, met again under another name.
    unique: dict[tuple[str, Place, str | None], Diagnostic] = {}
    for diagnostic in diagnostics:
        unique.setdefault((diagnostic.code, diagnostic.place, diagnostic.hint), diagnostic)
    return sorted(unique.values(), key=lambda diagnostic: (diagnostic.place, diagnostic.code, diagnostic.message))
