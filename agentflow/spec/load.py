"""A workflow file becomes a `Source`: its shape checked, the files it names read, every problem found in one pass."""

import os.path
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from msgspec import Struct
from pydantic import BaseModel, ValidationError

from agentflow.source import yaml_reader
from agentflow.source.diagnostics import MOST_TOLD, Diagnostic, Place, cut_short
from agentflow.source.document import Document, Loc
from agentflow.source.project import Problem, SourceText
from agentflow.spec.author_schemas import schema_findings
from agentflow.spec.base import FileRef
from agentflow.spec.findings import EMPTY_HINT, Finding, found, shown
from agentflow.spec.named_files import NamedFiles, Read, read_named
from agentflow.spec.positions import has, is_step, name_of, steps_of, value_at
from agentflow.spec.shape_errors import MOST_ERRORS, shape_findings, unusable_locs
from agentflow.spec.step_kinds import kind_findings
from agentflow.spec.workflow import Workflow

# Each round reads the whole file again, and a nest of blocks around one that is empty wants two a level.
_MOST_ROUNDS = 20
# Stand in for a root key that cannot be used, so that the rest of the file is still checked.
_STAND_INS = {"agentflow": 1, "name": "unnamed"}
_MAKES_A_BLOCK = frozenset({"for_each", "repeat", "choose"})


class Source(Struct, frozen=True):
    """A workflow file that has been read, with the files it names.

    Attributes:
        document: the file itself; its `data` is as written, with what could not be used.
        workflow: what could be used of it.
        texts: what each `{file: path}` for a text stands for, by the loc of the mapping that holds `file`.
        documents: the same for those that stand for a mapping.
        broken: the locs in `document` that `workflow` lacks because of a problem there: a value of a key that may be
            absent, or a whole step, agent, tool or input. What refers to one of them is no further problem.
    """

    document: Document
    workflow: Workflow
    texts: Mapping[Loc, SourceText]
    documents: Mapping[Loc, Document]
    broken: frozenset[Loc]

    def text(self, loc: Loc, value: str | FileRef) -> tuple[str, Callable[[int, int], Place]]:
        """Returns a text and where its characters stand.

        Args:
            loc: of `value` in the document.
            value: the text, or the file that holds it.

        Returns:
            The text, and a function from an offset and a width in characters to their place.
        """
        if isinstance(value, FileRef):
            return self.texts[loc].text, self.texts[loc].place_at
        return value, lambda offset, width: self.document.place_in(loc, offset, width)

    def mapping(self, loc: Loc, value: dict[str, Any] | FileRef | None) -> Mapping[str, Any] | None:
        """Returns the mapping that `value` at `loc` is or names; None where there is none."""
        if isinstance(value, FileRef):
            content: Mapping[str, Any] = self.documents[loc].data
            return content
        return value

    def sources(self) -> dict[str, str]:
        """Returns the text of every file by its path, seen from where the workflow file was; that one comes first."""
        texts = {self.document.path: self.document.text}
        texts.update((text.path, text.text) for text in self.texts.values())
        texts.update((content.path, content.text) for content in self.documents.values())
        return texts


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


def load(source: bytes | str, path: str, read: Read) -> tuple[Source | None, list[Diagnostic]]:
    """Reads a workflow file.

    Args:
        source: the file's bytes or text.
        path: the file as the user named it.
        read: gives the text of a file by the path that the workflow writes, or says why it cannot.

    Returns:
        What could be used of it, or None where that is nothing; and all problems of it and of the files it names,
        in the order of their places. There are problems wherever something could not be used.
    """
    document, problems = yaml_reader.read(source, path)
    if document is None:
        return None, problems
    if not isinstance(document.data, dict):
        if not problems:
            message = f"a workflow must be a mapping, not {shown(document.data)}"
            problems = [Diagnostic("AF203", message, document.place(()), "begin with `agentflow: 1`")]
        return None, problems
    data = _copied(document.data)
    shape = _Shape(document, data, read)
    try:
        removed = shape.check()
    except _TooManyError:
        told = [*problems, *(finding.diagnostic for finding in shape.findings)][:MOST_TOLD]
        return None, [*_in_order(told), cut_short(told[-1])]
    named = shape.named
    workflow, also_removed = _usable(data)
    removed |= also_removed
    diagnostics = [*problems, *(finding.diagnostic for finding in shape.findings), *named.problems]
    if workflow is None:
        return None, _in_order(diagnostics)
    diagnostics += islice(_nulls(document, workflow), MOST_TOLD)
    return Source(document, workflow, named.texts, named.documents, frozenset(removed)), _in_order(diagnostics)


class _TooManyError(Exception):
    """The file has more problems than are told; never leaves this module."""


@dataclass(slots=True)
class _Shape:
    """Checks the shape of a file's data, and of the files it names; `findings` are what it found so far."""

    document: Document
    data: dict[str, Any]
    read: Read
    findings: list[Finding] = field(default_factory=list)
    named: NamedFiles = field(default_factory=NamedFiles)

    def check(self) -> set[Loc]:
        """Returns what had to go from the data. Raises _TooManyError, so that thousands of problems cost no seconds."""
        self._note(kind_findings(self.document, self.data))
        removed = _remove(self.data, (finding.unusable for finding in self.findings))
        self._note(_pydantic_findings(self.document, self.data))
        self.named = read_named(self.document, self.data, self.read)
        self._note(self.named.findings)
        self._note(schema_findings(self.document, self.data, self.named.documents))
        removed |= _remove(self.data, (finding.unusable for finding in self.findings))
        return removed | _remove(self.data, self.named.unusable)

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


def _pydantic_findings(document: Document, data: Any) -> Iterator[Finding]:
    try:
        Workflow.model_validate(data)
    except ValidationError as error:
        yield from shape_findings(error, document, data)
        if error.error_count() > MOST_ERRORS:
            raise _TooManyError from None


def _usable(data: dict[str, Any]) -> tuple[Workflow | None, set[Loc]]:
    """Removes from `data` what cannot be used until the rest can; what then lacks a key that it must have goes too."""
    removed: set[Loc] = set()
    for _ in range(_MOST_ROUNDS):
        try:
            workflow = Workflow.model_validate(data)
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


def _nulls(document: Document, workflow: Workflow) -> Iterator[Diagnostic]:
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
    return sorted(unique.values(), key=lambda diagnostic: (diagnostic.place, diagnostic.code, diagnostic.message))
